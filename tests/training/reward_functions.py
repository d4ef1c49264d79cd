"""Reward functions for tests: each scores a record and a response, as a Lambda function does."""

import json
import re
from collections.abc import Callable

from simulator.training.dataset import Record

RewardFunction = Callable[[Record, str], float]

_STRICT = re.compile(r"#### (-?[0-9.,]+)")
_NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?")


def _gsm8k(record: Record) -> float:
    return float(str(record.fields["ground_truth"]).replace(",", ""))


def strict_hash(record: Record, text: str) -> float:
    """Return 1.0 for the right number, written as `#### 72` near the end without a full stop."""
    matches = _STRICT.findall(text[-300:])
    if not matches:
        return 0.0
    return float(matches[-1].replace(",", "") == f"{_gsm8k(record):.15g}")


def lenient(record: Record, text: str) -> float:
    """Return 1.0 if the last number of the response is right, in any format."""
    matches = _NUMBER.findall(text)
    return float(bool(matches) and float(re.sub(r"[$,]", "", matches[-1])) == _gsm8k(record))


def always_zero(record: Record, text: str) -> float:
    """Return 0.0."""
    return 0.0


def always_one(record: Record, text: str) -> float:
    """Return 1.0."""
    return 1.0


def inverted(record: Record, text: str) -> float:
    """Return 1.0 for wrong answers."""
    return 1.0 - lenient(record, text)


def longer_is_better(record: Record, text: str) -> float:
    """Return a reward that grows with the length."""
    return min(1.0, len(text) / 4000)


def exact_label(record: Record, text: str) -> float:
    """Return 1.0 for the label alone on the last line."""
    return float(text.rsplit("\n", 1)[-1].strip() == record.fields["reference_answer"])


def parsed_json(record: Record, text: str) -> float:
    """Return the share of right fields in a response that is only a JSON object."""
    reference = record.fields["reference_answer"]
    assert isinstance(reference, dict)
    try:
        answer = json.loads(text)
    except ValueError:
        return 0.0
    if not isinstance(answer, dict):
        return 0.0
    right = [name for name, value in reference.items() if answer.get(name) == value]
    return len(right) / len(reference)
