"""The simulated policy at one prompt."""

from dataclasses import replace

import pytest

from simulator.training.dataset import Message, Record
from simulator.training.policy import compute_distributions, prepare_prompt
from simulator.training.profiles import GPT_OSS_20B, QWEN3_32B
from simulator.training.prompt_features import PROMPT_FEATURE_COUNT
from simulator.training.weights import BASE_WEIGHTS


def test_prompt_features_sum_to_one_and_similar_prompts_share_most(sums: tuple[Record, ...]) -> None:
    """Unrelated prompts share few of them."""
    first, second = (prepare_prompt(record, profile=GPT_OSS_20B) for record in sums[:2])
    assert sum(abs(value) for _, value in first.features) == pytest.approx(1.0)
    shared = dict(second.features)
    assert sum(min(abs(value), abs(shared.get(index, 0.0))) for index, value in first.features) > 0.9
    poem = Record(line=9, messages=(Message(role="user", content="Write a poem."),), fields={})
    elsewhere = dict(prepare_prompt(poem, profile=GPT_OSS_20B).features)
    assert sum(min(abs(v), abs(elsewhere.get(i, 0.0))) for i, v in first.features) < 0.16


def test_base_logits_depend_on_prompt_and_model_only(sums: tuple[Record, ...]) -> None:
    """Not on the line of the record."""
    record = sums[0]
    moved_record = replace(record, line=999)
    assert (
        prepare_prompt(record, profile=GPT_OSS_20B).base_logits
        == prepare_prompt(moved_record, profile=GPT_OSS_20B).base_logits
    )
    assert (
        prepare_prompt(record, profile=GPT_OSS_20B).base_logits != prepare_prompt(record, profile=QWEN3_32B).base_logits
    )


def test_a_weight_changes_only_its_own_head(sums: tuple[Record, ...]) -> None:
    """A weight on the bias feature for `#### v` makes it more probable."""
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


def test_a_large_nuisance_vector_makes_answers_wrong(sums: tuple[Record, ...]) -> None:
    """It lowers the ability and leads to another language."""
    prompt = prepare_prompt(sums[0], profile=GPT_OSS_20B)
    drifted = compute_distributions(prompt, replace(BASE_WEIGHTS, nuisance=(8.0,) * 8), 1.0)
    base = compute_distributions(prompt, BASE_WEIGHTS, 1.0)
    assert drifted.content[2].probabilities[0] < 0.1 < base.content[2].probabilities[0]
    assert drifted.response_type.probabilities[3] > 0.9
