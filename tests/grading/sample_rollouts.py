"""Rollouts to grade in tests."""

from typing import Any

from simulator.grading.grader import Sample
from simulator.training.dataset import Message, Record
from simulator.training.sampling import Rollout

FUNCTION = "arn:aws:lambda:us-west-2:123456789012:function:reward"


def rollout(*, line: int = 1, index: int = 0, text: str = "#### 7", reasoning: str = "Adding.") -> Rollout:
    """Return a rollout. A grader does not use its ground truth."""
    return Rollout(
        line=line,
        index=index,
        text=text,
        reasoning=reasoning,
        reasoning_length=2,
        response_length=5,
        truncated=False,
        correct=True,
        exploit=None,
        actions=(0, 0, 0, 0, 0),
        entropy=0.0,
    )


def record(*, line: int = 1, **fields: Any) -> Record:
    """Return a record with one question."""
    return Record(line=line, messages=(Message(role="user", content="3 + 4?"),), fields=fields)


def samples(count: int, *, text: str = "#### 7") -> tuple[Sample, ...]:
    """Return `count` rollouts of one record, each with its own index."""
    line_record = record(reference_answer={"answer": "7"})
    return tuple(Sample(record=line_record, rollout=rollout(index=index, text=text)) for index in range(count))
