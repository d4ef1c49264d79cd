"""Weights as JSON, the content of a checkpoint and of a fine-tuned model, and a hash that identifies them."""

import json
from hashlib import blake2b

from simulator.training.prompt_features import PROMPT_FEATURE_COUNT
from simulator.training.response_features import RESPONSE_FEATURE_NAMES
from simulator.training.weights import ACTION_COUNT, NUISANCE_SIZE, ZERO_COLUMN, Weights

# `exp` may differ in the last bits between machines; nine digits are the same on all.
_DIGITS = 9
_VERSION = 1


class CheckpointError(Exception):
    """A text is not a checkpoint of this version; the message gives the reason."""


def dump_weights(weights: Weights) -> str:
    """Return the weights as JSON, rounded to nine significant digits and without columns of zeros."""
    columns = {
        str(index): [_round_weight(value) for value in column]
        for index, column in enumerate(weights.columns)
        if any(column)
    }
    nuisance = [_round_weight(value) for value in weights.nuisance]
    value: dict[str, object] = {"columns": columns, "nuisance": nuisance, "version": _VERSION}
    if any(weights.feature_weights):
        value["tilt"] = {
            name: _round_weight(weight)
            for name, weight in zip(RESPONSE_FEATURE_NAMES, weights.feature_weights, strict=True)
            if weight
        }
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def load_weights(text: str) -> Weights:
    """Return the weights that `dump_weights` wrote.

    Raises:
        CheckpointError: the text is anything else.
    """
    try:
        value = json.loads(text)
        version, columns, nuisance = value["version"], value["columns"], value["nuisance"]
        columns_by_index = {int(index): tuple(map(float, column)) for index, column in columns.items()}
        feature_weights = {name: float(weight) for name, weight in value.get("tilt", {}).items()}
        weights = Weights(
            columns=tuple(columns_by_index.get(index, ZERO_COLUMN) for index in range(PROMPT_FEATURE_COUNT)),
            nuisance=tuple(map(float, nuisance)),
            feature_weights=tuple(feature_weights.get(name, 0.0) for name in RESPONSE_FEATURE_NAMES),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"not a checkpoint: {error!r}; save it again with this version") from error
    fits = len(weights.nuisance) == NUISANCE_SIZE and all(len(column) == ACTION_COUNT for column in weights.columns)
    if (
        version != _VERSION
        or not fits
        or not set(columns_by_index) <= set(range(PROMPT_FEATURE_COUNT))
        or not set(feature_weights) <= set(RESPONSE_FEATURE_NAMES)
    ):
        raise CheckpointError(
            f"this checkpoint (version {version}) belongs to another policy; train the model again with this version"
        )
    return weights


def content_hash(weights: Weights) -> str:
    """Return 32 hex digits that identify these weights, rounded to nine digits."""
    return blake2b(dump_weights(weights).encode(), digest_size=16).hexdigest()


def _round_weight(value: float) -> float:
    # Adding 0.0 turns -0.0 into 0.0, so that equal numbers have equal texts.
    return float(f"{value:.{_DIGITS}g}") + 0.0
