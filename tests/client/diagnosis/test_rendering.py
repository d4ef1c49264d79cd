"""The table, the lines for a pipe, the conclusion and the JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import pytest
from rich.console import Console

from client.diagnosis.rendering import print_diagnosis, render_diagnosis_json
from client.diagnosis.report import Diagnosis, diagnose_job
from client.mantle_types import Event
from tests.client.diagnosis.job_logs import BROKEN, make_job, make_log, step_curve


def render(diagnosis: Diagnosis, *, width: int | None) -> str:
    """Return the output at a terminal of this width, or to a pipe for None."""
    is_terminal = width is not None
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None, soft_wrap=True)
    print_diagnosis(diagnosis, console=console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


LENGTH_MEANING = "The answers grew: longer ones may score better without being better."


LENGTH_FIX = "Read the long ones; reward the result, not the length or single words."


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_table_fits_the_terminal_worst_finding_first(width: int) -> None:
    """No text is cut off."""
    diagnosis = diagnose_job(make_job(), make_log(**BROKEN), ())
    lines = render(diagnosis, width=width).splitlines()
    severities = [line.split()[0] for line in lines[2:-1] if line[:4].strip()]
    assert max(len(line) for line in lines) <= width
    assert severities == ["fail"] * 4 + ["info"] * 3 + ["ok"] * 4
    assert " ".join("".join(lines).split()).count("…") == 0


def test_a_pipe_gets_one_line_per_finding() -> None:
    """With tabs between the fields, after the heading and before the conclusion."""
    lines = render(
        diagnose_job(make_job(), make_log(response_length_mean=step_curve(300.0, 430.0)), ()), width=None
    ).splitlines()
    assert (lines[0], lines[1].split("\t"), lines[-1]) == (
        "ftjob-1  m, succeeded, 60 steps read",
        [
            "warn",
            "T6",
            "length drift",
            "x1.43 (300 → 430)",
            "outside 0.6 to 1.4",
            f"{LENGTH_MEANING} → {LENGTH_FIX}",
        ],
        "! 1 warning in 60 steps",
    )
    assert [line.count("\t") for line in lines[1:-1]] == [5] * 11


@pytest.mark.parametrize(
    ("events", "last"),
    [
        (make_log(), "✓ sound       no failure or warning in 60 steps  1 of 11 rules could not be measured"),
        (make_log(12), "! no failure or warning in 12 steps, but 6 of 11 rules could not be measured"),
        (make_log(**BROKEN), "✗ 4 failures, 0 warnings in 60 steps"),
        ([], "! There is no training step yet."),
    ],
)
def test_the_last_line_is_the_conclusion(events: Sequence[Event], last: str) -> None:
    """A run with few measured rules is not called sound."""
    assert render(diagnose_job(make_job(), events, ()), width=None).splitlines()[-1] == last


def test_the_json_holds_every_finding() -> None:
    """With the measured number and its text."""
    diagnosis = diagnose_job(make_job(), make_log(response_length_mean=step_curve(300.0, 450.0)), ())
    report = json.loads(render_diagnosis_json(diagnosis))
    findings = report.pop("findings")
    assert report == {
        "error": None,
        "failures": 0,
        "job": "ftjob-1",
        "model": "m",
        "notes": [],
        "status": "succeeded",
        "steps": 60,
        "total_steps": 60,
        "unread": 1,
        "warnings": 1,
    }
    assert findings[0] == {
        "fix": LENGTH_FIX,
        "id": "T6",
        "meaning": LENGTH_MEANING,
        "measured": "x1.50 (300 → 450)",
        "name": "length drift",
        "severity": "warn",
        "threshold": "outside 0.6 to 1.4",
        "value": 1.5,
    }
