"""Reproductions: a script for each failure and warning that needs the reward function alone.

The script is `repro_script.py` with the finding, its example and the event in it. It checks what the finding is about:
the score of the example; how the function responds (S1, S2); whether the score changes when it is repeated (S10) or in
another company (S11); or whether a call takes too long (S15).
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import PROBLEM_SEVERITIES, Example, ExampleCall, Finding
from simulator.grading.lambda_event import event_element, rollout_id
from simulator.settings import GradingSettings
from simulator.training.dataset import Record

MARKER: Final = "# Written by `rft-sim doctor --repro`, which overwrites this file."
"""The first line of each script. A file without it belongs to someone else."""

FILE_NAME: Final = re.compile(r"[st]\d+(_[a-z0-9]+)+\.py")
"""The names of scripts."""

TIME_LIMIT_SECONDS: Final = 10.0
"""A call that reached the function's time-out must take longer (INFERRED: others take milliseconds)."""

_SLOW_SHARE: Final = 0.5  # of the time that a call took, which another machine may need less of

_PLACEHOLDER: Final = "FINDING: dict[str, Any] = {}  # the doctor replaces this line"
_RESPONSE_PROBES: Final = frozenset({"S1", "S2"})
_REPEAT_PROBE, _BATCH_PROBE, _TIME_PROBE = "S10", "S11", "S15"
_WHOLE_CALL_PROBES: Final = frozenset({"S1", "S2", "S11", "S14"})
_NOT_REPRODUCED: Final = frozenset({"S16", "S17"})  # about the log and the environment, which a script has not


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproTarget:
    """What the scripts run.

    Attributes:
        reward: the file, folder or zip.
        handler: `MODULE.FUNCTION`.
        variables: the names of the environment variables that the function was given. Their values may be secrets.
        data_name: the data file's name.
    """

    reward: Path
    handler: str
    variables: Sequence[str]
    data_name: str


def build_scripts(
    report: DoctorReport,
    *,
    target: ReproTarget,
    folder: Path,
    records: Sequence[Record],
    settings: GradingSettings,
) -> dict[Finding, tuple[str, str]]:
    """Return the name and the text of a script for each failure and warning that has an example to reproduce.

    Args:
        report: the findings.
        target: what the scripts run.
        folder: where the scripts will be. The path of the reward function is relative to it.
        records: the records of the data file.
        settings: how rollouts reach the function.
    """
    by_line = {record.line: record for record in records}
    # A score that depends on its company is the same only in the same call.
    needs_whole_calls = any(finding.probe == _BATCH_PROBE for finding in report.problems)
    template = resources.files(__package__).joinpath("repro_script.py").read_text(encoding="utf-8")
    scripts: dict[Finding, tuple[str, str]] = {}
    names: set[str] = set()
    for finding in report.problems:
        example = _example_to_reproduce(finding)
        if finding in scripts or example is None:
            continue
        call = example.call or _build_call(example, by_line, settings)
        if call is None:
            continue
        if not needs_whole_calls and finding.probe not in _WHOLE_CALL_PROBES:
            call = _alone(call)
        name = _unused_name(finding, names)
        names.add(name)
        values = _values(finding, example, call) | {
            "reward": Path(os.path.relpath(target.reward.expanduser().resolve(), folder.resolve())).as_posix(),
            "handler": target.handler,
            "variables": list(target.variables),
            "data": target.data_name,
        }
        scripts[finding] = name, _render(template, values)
    return scripts


def without_script(report: DoctorReport, scripts: Mapping[Finding, Any]) -> tuple[str, ...]:
    """Return the ids of the probes with a failure or a warning that has no script."""
    return tuple(
        dict.fromkeys(
            finding.probe
            for finding in report.findings
            if finding.severity in PROBLEM_SEVERITIES and finding not in scripts
        )
    )


def _example_to_reproduce(finding: Finding) -> Example | None:
    """Return the first example. None if the finding is not about a score, or about how time grows."""
    if not finding.examples or finding.probe in _NOT_REPRODUCED:
        return None
    example = finding.examples[0]
    return None if finding.probe == _TIME_PROBE and example.call is None else example


def _build_call(example: Example, by_line: Mapping[int, Record], settings: GradingSettings) -> ExampleCall | None:
    """Return a call with the example's response. None if its record is not known."""
    record = None if example.line is None else by_line.get(example.line)
    if record is None:
        return None
    id_ = rollout_id(split="train", step=1, line=record.line, index=0)
    element = event_element(rollout_id=id_, record=record, text=example.response, settings=settings)
    return ExampleCall(elements=(element,), rollout_id=id_)


def _alone(call: ExampleCall) -> ExampleCall:
    elements = [element for element in call.elements if element.get("id") == call.rollout_id]
    return replace(call, elements=elements) if elements else call


def _values(finding: Finding, example: Example, call: ExampleCall) -> dict[str, Any]:
    values: dict[str, Any] = {
        "probe": finding.probe,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "line": example.line,
        "prompt": example.prompt,
        "response": example.response,
        "score": example.score,
        "note": example.note,
        "check": "score",
        "id": call.rollout_id,
        "event": list(call.elements),
    }
    if finding.probe in _RESPONSE_PROBES and (result := _parse(call.payload)) is not None:
        values |= {"check": "response", "result": result}
    elif finding.probe == _REPEAT_PROBE:
        values["check"] = "repeats"
    elif finding.probe == _BATCH_PROBE:
        values["check"] = "batch"
    elif finding.probe == _TIME_PROBE:
        limit = TIME_LIMIT_SECONDS if call.seconds is None else call.seconds * _SLOW_SHARE
        values |= {"check": "time", "seconds": limit}
    return values


def _parse(payload: bytes | None) -> Any:
    """Return a response as a value. None if there is none, or if it is no JSON."""
    try:
        return None if payload is None else json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _unused_name(finding: Finding, names: set[str]) -> str:
    words = re.findall(r"[a-z0-9]+", finding.name.lower()) or ["finding"]
    stem = f"{finding.probe.lower()}_{'_'.join(words)}"
    number = 1
    while (name := f"{stem}{f'_{number}' if number > 1 else ''}.py") in names:
        number += 1
    return name


def _render(template: str, values: Mapping[str, Any]) -> str:
    # Three quotes in a row cannot occur in JSON, and in a raw text its backslashes stay as they are.
    data = json.dumps(values, indent=1)
    assignment = f'FINDING: dict[str, Any] = json.loads(r"""\n{data}\n""")'
    if template.count(_PLACEHOLDER) != 1:
        raise RuntimeError("repro_script.py lacks the line that is replaced")
    return f"{MARKER}\n{template.replace(_PLACEHOLDER, assignment)}"
