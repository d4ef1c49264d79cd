"""Stored rollouts, read from JSON lines or from a simulator."""

import json
from typing import Any

import pytest

from simulator.doctor.regrade.stored_rollouts import StoredRolloutsError, parse_rollouts
from tests.doctor.regrade.stored_samples import StepSamples


def test_the_lines_of_the_control_route_can_be_read(steps: list[StepSamples], lines: str) -> None:
    """Record, texts, reward and hidden truth, in the job's order."""
    assert [
        (one.split, one.step, one.record, one.index, one.response, one.reasoning, one.correct, one.exploit, one.reward)
        for one in parse_rollouts(lines, source="a file")
    ] == [
        (
            *(split, step, sample.record, sample.rollout.index, sample.rollout.text, sample.rollout.reasoning),
            *(sample.rollout.correct, sample.rollout.exploit, 0.5),
        )
        for split, step, samples in steps
        for sample in samples
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward": "high"}, "line 2: reward: input should be a valid number"),
        ({"record": {}}, 'line 2: record: missing required field "messages"'),
        ({"step": None}, "line 2: step: input should be a valid integer"),
    ],
)
def test_an_invalid_line_is_refused_with_its_number_and_field(lines: str, change: dict[str, Any], message: str) -> None:
    """The first one."""
    first, second, *_ = lines.splitlines()
    with pytest.raises(StoredRolloutsError) as error:
        parse_rollouts("\n".join([first, json.dumps(json.loads(second) | change)]), source="kept.jsonl")
    assert str(error.value).startswith(f"kept.jsonl, {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "kept.jsonl contains no rollout: no rollout is graded yet."),
        ("{", "kept.jsonl, line 1: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "kept.jsonl, line 1: the value: input should be a dictionary"),
    ],
)
def test_a_file_without_rollouts_is_refused(text: str, message: str) -> None:
    """Empty, not JSON, or another value."""
    with pytest.raises(StoredRolloutsError) as error:
        parse_rollouts(text, source="kept.jsonl")
    assert str(error.value).startswith(message)


def test_the_rollouts_of_two_jobs_are_refused(lines: str) -> None:
    """Their ids are equal, and scores are joined by id."""
    with pytest.raises(StoredRolloutsError, match=r"twice\. Pass the rollouts of one job only"):
        parse_rollouts(lines + lines, source="kept.jsonl")
