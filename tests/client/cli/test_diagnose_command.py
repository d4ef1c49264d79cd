"""`rft diagnose`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from client.__main__ import main
from tests.client.diagnosis.job_logs import BROKEN, Curve, constant_curve
from tests.client.mantle_stub import Json, MantleStub, message_event, metrics_event


@dataclass
class DiagnosisStub(MantleStub):
    """A stub with one job, whose metrics follow these curves."""

    curves: dict[str, Curve] = field(default_factory=dict)
    logged_steps: int = 67

    def log(self) -> list[Json]:
        """Return the events, oldest first."""
        events = [metrics_event(step, self.steps) for step in range(1, self.logged_steps + 1)]
        for event in events:
            event["data"] |= {name: curve(event["data"]["step"]) for name, curve in self.curves.items()}
        return [message_event(1, "Fine-tuning job created", at=0), *events]

    def add_job(self, status: str, **fields: Any) -> None:
        """Add the job."""
        self.jobs["ftjob-1"] = {"id": "ftjob-1", "model": "m", "status": status, "error": None} | fields


@pytest.fixture
def stub() -> DiagnosisStub:
    """A stub with a succeeded job."""
    diagnosis_stub = DiagnosisStub(reads=1000)
    diagnosis_stub.add_job("succeeded")
    return diagnosis_stub


def run_rft(*arguments: str) -> int:
    """Run `rft` and return its exit code."""
    with pytest.raises(SystemExit) as exc_info:
        main(arguments)
    return int(exc_info.value.code or 0)


def test_a_sound_run_exits_with_0(
    stub_workspace: Path, stub: DiagnosisStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also with --strict."""
    code = run_rft("diagnose", "ftjob-1", "--strict")
    out, err = capsys.readouterr()
    assert (code, err, out.splitlines()[-1]) == (
        0,
        "",
        "✓ sound       no failure or warning in 67 steps  1 of 11 rules could not be measured",
    )


@pytest.mark.parametrize(
    ("curves", "options", "code"),
    [
        (BROKEN, (), 1),
        (BROKEN, ("--json",), 1),
        ({"response_length_mean": lambda step: 300.0 + 10 * step}, (), 0),
        ({"response_length_mean": lambda step: 300.0 + 10 * step}, ("--strict",), 1),
        ({"response_length_mean": constant_curve(None)}, ("--strict",), 0),
    ],
)
def test_failures_and_strict_warnings_exit_with_1(
    stub_workspace: Path, stub: DiagnosisStub, curves: dict[str, Curve], options: tuple[str, ...], code: int
) -> None:
    """A rule that could not measure is neither a failure nor a warning."""
    stub.curves = curves
    assert run_rft("diagnose", "ftjob-1", *options) == code


def test_the_error_of_a_failed_job_comes_first(
    stub_workspace: Path, stub: DiagnosisStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then the findings; the exit code is 1 whatever they are."""
    stub.add_job("failed", error={"code": "grader_error", "message": "the function timed out", "param": None})
    stub.logged_steps = 25
    code = run_rft("diagnose", "ftjob-1")
    lines = capsys.readouterr().out.splitlines()
    assert (code, lines[:4]) == (
        1,
        [
            "✗ The job ftjob-1 failed: grader_error: the function timed out",
            "→ The job's log: rft events ftjob-1",
            "ftjob-1  m, failed, 25 steps read",
            "! The job is failed; this is based on its first 25 of 67 steps.",
        ],
    )


def test_the_rows_of_the_validation_file_are_counted(
    stub_workspace: Path, stub: DiagnosisStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service does not send their number."""
    stub.add_job("succeeded", validation_file="file-2")
    stub.checkpoint_metrics = {"validation_reward_mean": 0.9}
    run_rft("diagnose", "ftjob-1", "--validation", "validation.jsonl", "--json")
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [item["meaning"] for item in findings if item["id"] == "T8"] == [
        "About 30 rows were held out; fewer than 100 are mostly chance."
    ]


def test_null_values_are_noted_without_a_traceback(
    stub_workspace: Path, stub: DiagnosisStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as a step number of null."""
    stub.curves = {"step": lambda step: None if step == 5 else step, "actor_entropy": constant_curve(None)}
    code = run_rft("diagnose", "ftjob-1")
    assert (code, capsys.readouterr().out.splitlines()[1:4]) == (
        0,
        [
            "! 1 metrics event without a step number left out.",
            "! 1 step before step 67 not in the log.",
            "! actor_entropy is missing or not a number in 66 of 66 steps.",
        ],
    )
