"""A golden file holds every score of a doctor run. Stored beside the reward function, it makes score changes a diff.

Its head lists the inputs of the doctor run. Below `scores:` there is one line per label, in alphabetical order, with
the scores in the order of the rows. `1 x31, 0` is 31 times 1 and then 0, and `-` is no score. Scores have nine
significant digits. The file contains no times.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Final

from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.invocation import CaseResult
from simulator.doctor.plan import FULL
from simulator.doctor.report.excerpts import one_line, shorten
from simulator.http.sanitize import sanitize

_TITLE: Final = "# The scores of a reward function, written by `rft-sim doctor --golden`; --update writes them anew."
_SCORES: Final = "scores:"
_NONE: Final = "-"
_DIGITS: Final = 9
_RUN: Final = re.compile(r"(?P<score>[^ ,]+)(?: x(?P<times>[1-9][0-9]*))?")

_MAX_CHANGES: Final = 8
"""The most changed scores of one label that a comparison lists."""

_MAX_EXCERPT: Final = 60  # characters


class GoldenFileError(Exception):
    """The file is not a golden file. The message names the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenFile:
    """The contents of a golden file: the inputs of the doctor run, and the scores as texts by label."""

    inputs: Mapping[str, str]
    scores: Mapping[str, tuple[str, ...]]


def golden_from_report(report: DoctorReport) -> GoldenFile:
    """Return the golden file of a doctor run."""
    scores: dict[str, tuple[str, ...]] = {}
    for label, results in report.results_by_label.items():
        name = one_line(label)
        scores[name] = (*scores.get(name, ()), *(_format_score(result.score) for result in results))
    return GoldenFile(inputs=report.inputs, scores=scores)


def render_golden(golden: GoldenFile) -> str:
    """Return the text of the file."""
    head = [f"{name}: {one_line(value)}" for name, value in sorted(golden.inputs.items())]
    body = [f"  {label}: {_encode_runs(scores)}" for label, scores in sorted(golden.scores.items())]
    return "\n".join([_TITLE, *head, _SCORES, *body, ""])


def parse_golden(text: str) -> GoldenFile:
    """Parse the text of a golden file.

    Raises:
        GoldenFileError: a line is invalid. The message names the first one.
    """
    inputs: dict[str, str] = {}
    scores: dict[str, tuple[str, ...]] = {}
    in_scores = False
    lines = text.splitlines()
    if not lines or lines[0] != _TITLE:
        raise GoldenFileError("line 1: this is not a file that --golden wrote")
    for number, line in enumerate(lines[1:], start=2):
        if line == _SCORES and not in_scores:
            in_scores = True
        elif not in_scores:
            name, colon, value = line.partition(": ")
            if not colon:
                raise GoldenFileError(f"line {number}: expected `name: value`, found {shorten(line, _MAX_EXCERPT)!r}")
            inputs[name] = value
        else:
            label, colon, runs = line.strip().rpartition(": ")
            if not colon:
                raise GoldenFileError(f"line {number}: expected `label: scores`, found {shorten(line, _MAX_EXCERPT)!r}")
            scores[label] = tuple(_decode_runs(runs, number))
    if not in_scores:
        raise GoldenFileError(f"the line `{_SCORES}` is missing")
    return GoldenFile(inputs=inputs, scores=scores)


def compare_with_golden(golden: GoldenFile, report: DoctorReport) -> tuple[str, ...]:
    """Return the differences between a doctor run and a golden file, one per line. Empty if there are none.

    If the inputs differ, the scores cannot be compared, and only the inputs are listed.
    """
    # Through the file format, so that both sides have the same form.
    now = parse_golden(render_golden(golden_from_report(report)))
    # Files of older releases name no plan, and there was no other.
    before, after = ({"plan": FULL.name, **file.inputs} for file in (golden, now))
    if before != after:
        return tuple(_changed_inputs(before, after))
    return tuple(
        line
        for label in sorted(golden.scores.keys() | now.scores.keys())
        for line in _changed_scores(label, golden.scores.get(label), now.scores.get(label), _results_for(report, label))
    )


def _changed_inputs(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    yield "The inputs differ, so the scores cannot be compared:"
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield f"  {name}: {before.get(name, 'none')} -> {now.get(name, 'none')}"


def _changed_scores(
    label: str, before: Sequence[str] | None, now: Sequence[str] | None, results: Sequence[CaseResult]
) -> Iterator[str]:
    if before is None or now is None:
        change = "removed" if now is None else "added"
        yield f"{label}: {change} ({format_count(len(before or now or ()), 'score')})"
        return
    pairs = list(zip_longest(before, now, fillvalue="missing"))
    changes = [(index, old, new) for index, (old, new) in enumerate(pairs) if old != new]
    if not changes:
        return
    yield f"{label}: {len(changes)} of {format_count(len(pairs), 'score')} changed"
    for index, old, new in changes[:_MAX_CHANGES]:
        yield f"  {_describe_position(index, results)}: {old} -> {new}"
    if len(changes) > _MAX_CHANGES:
        yield f"  and {len(changes) - _MAX_CHANGES} more"


def _describe_position(index: int, results: Sequence[CaseResult]) -> str:
    if index >= len(results):
        return f"score {index + 1}"
    case = results[index].case
    return f"score {index + 1}, line {case.record.line}, “{shorten(sanitize(case.text), _MAX_EXCERPT)}”"


def _results_for(report: DoctorReport, label: str) -> list[CaseResult]:
    return [
        result for name, results in report.results_by_label.items() if one_line(name) == label for result in results
    ]


def _encode_runs(scores: Sequence[str]) -> str:
    runs = ((score, len(list(run))) for score, run in groupby(scores))
    return ", ".join(score if times == 1 else f"{score} x{times}" for score, times in runs)


def _decode_runs(runs: str, number: int) -> Iterator[str]:
    for run in runs.split(", "):
        match = _RUN.fullmatch(run)
        if match is None:
            raise GoldenFileError(f"line {number}: {shorten(run, _MAX_EXCERPT)!r} is not a score")
        yield from [match["score"]] * int(match["times"] or 1)


def _format_score(score: float | None) -> str:
    # The same text for 1 and 1.0. Adding 0.0 makes -0.0 equal to 0.
    return _NONE if score is None else f"{0.0 + score:.{_DIGITS}g}"
