"""A golden file: every score of a visit, kept beside the reward function, so that an edit of it is a diff to review.

Its head names what the questions depend on; below `scores:` stands a line for each kind of question, in alphabetical
order, with the scores in the order of the rows. `1 x31, 0` is thirty-one times 1 and then 0; `-` is no score. Scores
have nine significant digits. Nothing that is measured by a clock is in it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Final

from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.invocation import CaseResult
from simulator.doctor.report.excerpts import one_line, shorten
from simulator.http.sanitize import sanitize

_TITLE: Final = "# The scores of a reward function, written by `rft-sim doctor --golden`; --update writes them anew."
_SCORES: Final = "scores:"
_NONE: Final = "-"
_DIGITS: Final = 9
_RUN: Final = re.compile(r"(?P<score>[^ ,]+)(?: x(?P<times>[1-9][0-9]*))?")

_MOST_SHOWN: Final = 8
"""Changed scores of one kind of question that a diff spells out."""

_RESPONSE: Final = 60  # characters


class GoldenFileError(Exception):
    """The file is no golden file; the message names the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenFile:
    """What a golden file holds: what the questions depended on, and scores as texts by what was asked."""

    inputs: Mapping[str, str]
    scores: Mapping[str, tuple[str, ...]]


def golden_from_report(report: DoctorReport) -> GoldenFile:
    """Return what of a visit is kept."""
    scores: dict[str, tuple[str, ...]] = {}
    for label, answers in report.results_by_label.items():
        name = one_line(label)
        scores[name] = (*scores.get(name, ()), *(_format_score(answer.score) for answer in answers))
    return GoldenFile(inputs=report.inputs, scores=scores)


def render_golden(golden: GoldenFile) -> str:
    """Return the file's text."""
    head = [f"{name}: {one_line(value)}" for name, value in sorted(golden.inputs.items())]
    body = [f"  {label}: {_encode_runs(scores)}" for label, scores in sorted(golden.scores.items())]
    return "\n".join([_TITLE, *head, _SCORES, *body, ""])


def parse_golden(text: str) -> GoldenFile:
    """Read a golden file's text.

    Raises:
        GoldenFileError: for the first line that does not belong in one.
    """
    questions: dict[str, str] = {}
    scores: dict[str, tuple[str, ...]] = {}
    begun = False
    lines = text.splitlines()
    if not lines or lines[0] != _TITLE:
        raise GoldenFileError("line 1: this is no file that --golden has written")
    for number, line in enumerate(lines[1:], start=2):
        if line == _SCORES and not begun:
            begun = True
        elif not begun:
            name, colon, value = line.partition(": ")
            if not colon:
                raise GoldenFileError(f"line {number}: expected `name: value`, found {shorten(line, _RESPONSE)!r}")
            questions[name] = value
        else:
            label, colon, runs = line.strip().rpartition(": ")
            if not colon:
                raise GoldenFileError(f"line {number}: expected `question: scores`, found {shorten(line, _RESPONSE)!r}")
            scores[label] = tuple(_decode_runs(runs, number))
    if not begun:
        raise GoldenFileError(f"the line `{_SCORES}` is missing")
    return GoldenFile(inputs=questions, scores=scores)


def compare_with_golden(golden: GoldenFile, report: DoctorReport) -> tuple[str, ...]:
    """Return how a visit differs from what was kept, a line each; none when it does not.

    Where other questions were asked the scores cannot be held against each other: what they depend on is told instead.
    """
    now = golden_from_report(report)
    # Read back from its own text, so that both sides have been through the same form.
    now = parse_golden(render_golden(now))
    if golden.inputs != now.inputs:
        return tuple(_changed_inputs(golden.inputs, now.inputs))
    return tuple(
        line
        for label in sorted(golden.scores.keys() | now.scores.keys())
        for line in _changed_scores(label, golden.scores.get(label), now.scores.get(label), _answers_for(report, label))
    )


def _changed_inputs(kept: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    yield "The questions were others, so that scores cannot be compared:"
    for name in sorted(kept.keys() | now.keys()):
        if kept.get(name) != now.get(name):
            yield f"  {name}: {kept.get(name, 'not named')} -> {now.get(name, 'not named')}"


def _changed_scores(
    label: str, kept: Sequence[str] | None, now: Sequence[str] | None, answers: Sequence[CaseResult]
) -> Iterator[str]:
    if kept is None or now is None:
        said = "no longer asked" if now is None else "not asked before"
        yield f"{label}: {said} ({format_count(len(kept or now or ()), 'score')})"
        return
    pairs = list(zip_longest(kept, now, fillvalue="not asked"))
    changes = [(place, old, new) for place, (old, new) in enumerate(pairs) if old != new]
    if not changes:
        return
    yield f"{label}: {len(changes)} of {format_count(len(pairs), 'score')} changed"
    for place, old, new in changes[:_MOST_SHOWN]:
        yield f"  {_describe_position(place, answers)}: {old} -> {new}"
    if len(changes) > _MOST_SHOWN:
        yield f"  and {len(changes) - _MOST_SHOWN} more"


def _describe_position(place: int, answers: Sequence[CaseResult]) -> str:
    if place >= len(answers):
        return f"score {place + 1}"
    case = answers[place].case
    return f"score {place + 1}, line {case.record.line}, “{shorten(sanitize(case.text), _RESPONSE)}”"


def _answers_for(visit: DoctorReport, label: str) -> list[CaseResult]:
    return [answer for name, answers in visit.results_by_label.items() if one_line(name) == label for answer in answers]


def _encode_runs(scores: Sequence[str]) -> str:
    runs = ((score, len(list(same))) for score, same in groupby(scores))
    return ", ".join(score if times == 1 else f"{score} x{times}" for score, times in runs)


def _decode_runs(runs: str, number: int) -> Iterator[str]:
    for run in runs.split(", "):
        found = _RUN.fullmatch(run)
        if found is None:
            raise GoldenFileError(f"line {number}: {shorten(run, _RESPONSE)!r} is no score")
        yield from [found["score"]] * int(found["times"] or 1)


def _format_score(score: float | None) -> str:
    # A whole number is one however the function wrote it; 0.0 + x: there is one zero.
    return _NONE if score is None else f"{0.0 + score:.{_DIGITS}g}"
