"""Draws, profiles, and what prompts share."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.training.dataset import Message, Record
from simulator.training.policy import compute_distributions, prepare_prompt
from simulator.training.profiles import GPT_OSS_20B, QWEN3_32B, profile_for
from simulator.training.prompt_features import PROMPT_FEATURE_COUNT
from simulator.training.random_draws import normal_draws, shuffle_lines, uniform_draws
from simulator.training.sampling import sample_group
from simulator.training.weights import BASE_WEIGHTS

ADDRESSES = st.lists(st.integers() | st.text(), max_size=4)


@given(ADDRESSES, st.integers(min_value=1, max_value=20))
def test_a_draw_belongs_to_its_address_and_lies_inside_the_unit_interval(address: list[int | str], count: int) -> None:
    """A longer draw starts with the shorter one, and neither end of the interval is ever reached."""
    drawn = uniform_draws(*address, count=count)
    assert drawn == uniform_draws(*address, count=20)[:count]
    assert all(0.0 < value < 1.0 for value in drawn)


def test_normal_draws_are_standard() -> None:
    """Mean zero and deviation one, over ten thousand."""
    drawn = [value for step in range(1250) for value in normal_draws("check", step, count=8)]
    assert abs(fmean(drawn)) < 0.03
    assert abs(stdev(drawn) - 1.0) < 0.03


@given(st.permutations(range(12)))
def test_shuffling_does_not_depend_on_the_order_given(lines: list[int]) -> None:
    """The order belongs to the address alone."""
    assert shuffle_lines(lines, 7, "epoch", 1) == shuffle_lines(range(12), 7, "epoch", 1)


def test_known_models_have_their_calibrated_profile_under_every_spelling() -> None:
    """The version suffixes are those of bedrock-runtime and of Amazon's Qwen sample."""
    assert profile_for("openai.gpt-oss-20b-1:0") is GPT_OSS_20B
    assert profile_for("qwen.qwen3-32b-v1:0") is QWEN3_32B


def test_an_unknown_model_is_its_nearest_relative_slightly_moved() -> None:
    """Stable, not identical, and the attempt still dominates."""
    profile = profile_for("qwen.qwen9-1b")
    assert profile == profile_for("qwen.qwen9-1b")
    assert profile != QWEN3_32B
    assert abs(profile.logits["conduct"]["attempt"] - QWEN3_32B.logits["conduct"]["attempt"]) < 1.0


def test_features_sum_to_one_and_prompts_of_a_kind_share_most_of_them(sums: tuple[Record, ...]) -> None:
    """So that one step moves a logit by the learning rate, and what is learned carries over."""
    first, second = (prepare_prompt(record, profile=GPT_OSS_20B) for record in sums[:2])
    assert sum(abs(value) for _, value in first.features) == pytest.approx(1.0)
    shared = dict(second.features)
    assert sum(min(abs(value), abs(shared.get(index, 0.0))) for index, value in first.features) > 0.9
    poem = Record(line=9, messages=(Message(role="user", content="Write a poem."),), fields={})
    elsewhere = dict(prepare_prompt(poem, profile=GPT_OSS_20B).features)
    assert sum(min(abs(v), abs(elsewhere.get(i, 0.0))) for i, v in first.features) < 0.16


def test_a_prompt_keeps_its_habits_in_any_file_and_changes_them_with_the_model(sums: tuple[Record, ...]) -> None:
    """Frozen noise is addressed by model and words, not by line or seed."""
    record = sums[0]
    moved = replace(record, line=999)
    assert (
        prepare_prompt(record, profile=GPT_OSS_20B).base_logits
        == prepare_prompt(moved, profile=GPT_OSS_20B).base_logits
    )
    assert (
        prepare_prompt(record, profile=GPT_OSS_20B).base_logits != prepare_prompt(record, profile=QWEN3_32B).base_logits
    )


def test_weights_move_only_what_they_touch(sums: tuple[Record, ...]) -> None:
    """A weight on the bias feature for `#### v` makes that likelier, and leaves the other heads alone."""
    prompt = prepare_prompt(sums[0], profile=GPT_OSS_20B)
    column = [0.0] * len(BASE_WEIGHTS.columns[0])
    column[10 + 5 + 4] = 20.0
    tuned = replace(BASE_WEIGHTS, columns=(tuple(column), *BASE_WEIGHTS.columns[1:]))
    before, after = compute_distributions(prompt, BASE_WEIGHTS, 1.0), compute_distributions(prompt, tuned, 1.0)
    assert after.format.probabilities[0] > before.format.probabilities[0]
    assert (after.response_type, after.verbosity, after.content, after.style) == (
        before.response_type, before.verbosity, before.content, before.style,
    )  # fmt: skip
    assert len(tuned.columns) == PROMPT_FEATURE_COUNT


def test_a_worn_policy_is_less_often_right(sums: tuple[Record, ...]) -> None:
    """The nuisance norm costs ability, and ends in another language."""
    prompt = prepare_prompt(sums[0], profile=GPT_OSS_20B)
    worn = compute_distributions(prompt, replace(BASE_WEIGHTS, nuisance=(8.0,) * 8), 1.0)
    fresh = compute_distributions(prompt, BASE_WEIGHTS, 1.0)
    assert worn.content[2].probabilities[0] < 0.1 < fresh.content[2].probabilities[0]
    assert worn.response_type.probabilities[3] > 0.9


def test_at_temperature_zero_every_rollout_is_the_same(sums: tuple[Record, ...]) -> None:
    """No draw is looked at, so the address does not matter either."""
    prompt = prepare_prompt(sums[0], profile=GPT_OSS_20B)
    seen = {
        rollout.text
        for address in ("a", "b")
        for rollout in sample_group(
            prompt, weights=BASE_WEIGHTS, profile=GPT_OSS_20B, temperature=0.0, max_tokens=2048, effort="medium",
            rollouts=4, random_key=(address,),
        ).rollouts
    }  # fmt: skip
    assert len(seen) == 1


def test_a_budget_spent_thinking_leaves_an_empty_answer(sums: tuple[Record, ...]) -> None:
    """And an answer that was cut off is not right."""
    prompt = prepare_prompt(sums[0], profile=GPT_OSS_20B)
    group = sample_group(
        prompt, weights=BASE_WEIGHTS, profile=GPT_OSS_20B, temperature=1.0, max_tokens=20, effort="high", rollouts=8,
        random_key=("cut",),
    )  # fmt: skip
    assert {(r.text, r.response_length, r.truncated, r.correct) for r in group.rollouts} == {("", 20, True, False)}


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
