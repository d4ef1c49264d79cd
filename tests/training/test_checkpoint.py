"""Checkpoints: weights as JSON, and back."""

import json
from dataclasses import replace

import pytest

from simulator.training.checkpoint import CheckpointError, content_hash, dump_weights, load_weights
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import prepare_run
from simulator.training.weights import BASE_WEIGHTS, Weights
from tests.training.recorded_responses import record_responses, run_to_end
from tests.training.reward_functions import strict_hash
from tests.training.training_runs import GPT, train


@pytest.fixture(scope="module")
def tuned(sums: tuple[Record, ...]) -> Weights:
    """Weights of the simulated policy after some steps."""
    return train(sums[:60], strict_hash, steps=5).state.weights


@pytest.fixture(scope="module")
def preferences(sums: tuple[Record, ...]) -> Weights:
    """Weights of a policy over recorded responses."""
    recorded = record_responses(sums[:16], count=4)
    run = prepare_run(sums[:16], model=GPT, hyperparameters=Hyperparameters(), seed=1, recorded_responses=recorded)
    return run_to_end(run, strict_hash).state.weights


def test_a_checkpoint_is_restored_to_nine_digits(tuned: Weights) -> None:
    """Dumping it restored gives the same text and the same hash."""
    text = dump_weights(tuned)
    assert dump_weights(load_weights(text)) == text
    assert content_hash(load_weights(text)) == content_hash(tuned)
    assert load_weights(text).nuisance == pytest.approx(tuned.nuisance, rel=1e-8)
    assert load_weights(dump_weights(BASE_WEIGHTS)) == BASE_WEIGHTS


def test_the_last_bits_do_not_change_the_hash(tuned: Weights) -> None:
    """`exp` can differ in these between machines."""
    shifted = replace(tuned, nuisance=tuple(value * (1 + 1e-15) for value in tuned.nuisance))
    assert shifted != tuned
    assert content_hash(shifted) == content_hash(tuned)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", '{"columns": {"99": []}, "nuisance": [], "version": 1}',
        json.dumps({"columns": {}, "nuisance": [0.0] * 8, "version": 2}),
        json.dumps({"columns": {"0": [1.0]}, "nuisance": [0.0] * 8, "version": 1}),
    ],
)  # fmt: skip
def test_a_text_that_is_not_a_checkpoint_is_refused(text: str) -> None:
    """Also a checkpoint of a policy with other heads."""
    with pytest.raises(CheckpointError):
        load_weights(text)


def test_a_checkpoint_has_the_feature_weights_by_name(preferences: Weights) -> None:
    """Rounded to nine digits. Checkpoints of the simulated policy do not have the key."""
    restored = load_weights(dump_weights(preferences))
    assert restored.feature_weights == pytest.approx(preferences.feature_weights, rel=1e-8)
    assert any(restored.feature_weights)
    assert "tilt" not in dump_weights(BASE_WEIGHTS)


def test_a_checkpoint_with_an_unknown_feature_is_refused(preferences: Weights) -> None:
    """It belongs to a policy of another version."""
    with pytest.raises(CheckpointError, match="belongs to another policy"):
        load_weights(dump_weights(preferences).replace('"hash"', '"hashes"'))
