"""Weights as JSON: what a checkpoint and a fine-tuned model consist of, and a hash to know them by."""

import json
from hashlib import blake2b

from simulator.training.prompt_features import PROMPT_FEATURE_COUNT
from simulator.training.response_features import RESPONSE_FEATURE_NAMES
from simulator.training.weights import ACTION_COUNT, NUISANCE_SIZE, ZERO_COLUMN, Weights

# Two machines' `exp` may differ in the last bits; nine digits are the same on both, and plenty for a policy.
_DIGITS = 9
_VERSION = 1


class CheckpointError(Exception):
    """A text is not a checkpoint of this version; the message says what is wrong with it."""


def dump_weights(weights: Weights) -> str:
    """Return the weights as JSON, rounded to nine significant digits; only what was ever moved is listed."""
    columns = {
        str(index): [_rounded(value) for value in column] for index, column in enumerate(weights.columns) if any(column)
    }
    nuisance = [_rounded(value) for value in weights.nuisance]
    value: dict[str, object] = {"columns": columns, "nuisance": nuisance, "version": _VERSION}
    if any(weights.feature_weights):
        value["tilt"] = {
            name: _rounded(weight)
            for name, weight in zip(RESPONSE_FEATURE_NAMES, weights.feature_weights, strict=True)
            if weight
        }
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def load_weights(text: str) -> Weights:
    """Return the weights that `dumped` wrote.

    Raises:
        CheckpointError: when the text is anything else.
    """
    try:
        value = json.loads(text)
        version, columns, nuisance = value["version"], value["columns"], value["nuisance"]
        named = {int(index): tuple(map(float, column)) for index, column in columns.items()}
        tilt = {name: float(weight) for name, weight in value.get("tilt", {}).items()}
        weights = Weights(
            columns=tuple(named.get(index, ZERO_COLUMN) for index in range(PROMPT_FEATURE_COUNT)),
            nuisance=tuple(map(float, nuisance)),
            feature_weights=tuple(tilt.get(name, 0.0) for name in RESPONSE_FEATURE_NAMES),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise CheckpointError(f"not a checkpoint: {fault!r}; save it again with this version") from fault
    fits = len(weights.nuisance) == NUISANCE_SIZE and all(len(column) == ACTION_COUNT for column in weights.columns)
    if (
        version != _VERSION
        or not fits
        or not set(named) <= set(range(PROMPT_FEATURE_COUNT))
        or not set(tilt) <= set(RESPONSE_FEATURE_NAMES)
    ):
        raise CheckpointError(
            f"this checkpoint (version {version}) is of another policy; train the model again with this version"
        )
    return weights


def content_hash(weights: Weights) -> str:
    """Return 32 hex digits that name these weights, as rounded to nine digits."""
    return blake2b(dump_weights(weights).encode(), digest_size=16).hexdigest()


def _rounded(value: float) -> float:
    # Adding 0.0 turns -0.0 into 0.0, which would otherwise be another text for the same number.
    return float(f"{value:.{_DIGITS}g}") + 0.0
