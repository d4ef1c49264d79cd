"""Random draws addressed by a key."""

import subprocess
import sys
from pathlib import Path
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.training.random_draws import normal_draws, shuffle_lines, uniform_draws

KEYS = st.lists(st.integers() | st.text(), max_size=4)


@settings(max_examples=40)
@given(KEYS, st.integers(min_value=1, max_value=20))
def test_draws_depend_on_the_key_and_are_between_0_and_1(random_key: list[int | str], count: int) -> None:
    """More draws of the same key start with the same numbers; 0 and 1 never occur."""
    draws = uniform_draws(*random_key, count=count)
    assert draws == uniform_draws(*random_key, count=20)[:count]
    assert all(0.0 < value < 1.0 for value in draws)


def test_normal_draws_have_mean_0_and_deviation_1() -> None:
    """Over ten thousand draws."""
    draws = [value for step in range(1250) for value in normal_draws("check", step, count=8)]
    assert abs(fmean(draws)) < 0.03
    assert abs(stdev(draws) - 1.0) < 0.03


@settings(max_examples=20)
@given(st.permutations(range(12)))
def test_shuffled_lines_depend_on_the_key_only(lines: list[int]) -> None:
    """Not on the order of the lines."""
    assert shuffle_lines(lines, 7, "epoch", 1) == shuffle_lines(range(12), 7, "epoch", 1)


ROOT = Path(__file__).parents[2]
PROGRAM = """
from simulator.training.dataset import Message, Record
from simulator.training.policy import prepare_prompt
from simulator.training.profiles import profile_for
from simulator.training.reference_answer import collect_labels
from simulator.training.sampling import sample_group
from simulator.training.weights import BASE_WEIGHTS
record = Record(line=1, messages=(Message(role="user", content="red, green or blue? only the label"),),
                fields={"reference_answer": "red"})
profile = profile_for("some.model")
prompt = prepare_prompt(record, profile=profile, labels=collect_labels([record]))
print(sample_group(prompt, weights=BASE_WEIGHTS, profile=profile, temperature=1.0, max_tokens=2048, effort="medium",
                   rollouts=8, random_key=(1, "rollout", 1)))
"""


@pytest.mark.slow
def test_nothing_depends_on_pythons_hash_seed() -> None:
    """Two processes with different string hashes sample the same rollouts."""
    printed = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(printed) == 1
