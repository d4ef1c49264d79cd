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

from simulator.doctor.doctor_report import Visit, counted
from simulator.doctor.invocation import Answer
from simulator.doctor.report.excerpts import clipped, one_line
from simulator.http.sanitize import visible

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
class Golden:
    """What a golden file holds: what the questions depended on, and scores as texts by what was asked."""

    questions: Mapping[str, str]
    scores: Mapping[str, tuple[str, ...]]


def golden_of(visit: Visit) -> Golden:
    """Return what of a visit is kept."""
    scores: dict[str, tuple[str, ...]] = {}
    for label, answers in visit.answered.items():
        name = one_line(label)
        scores[name] = (*scores.get(name, ()), *(_text(answer.score) for answer in answers))
    return Golden(questions=visit.questions, scores=scores)


def written(golden: Golden) -> str:
    """Return the file's text."""
    head = [f"{name}: {one_line(value)}" for name, value in sorted(golden.questions.items())]
    body = [f"  {label}: {_runs(scores)}" for label, scores in sorted(golden.scores.items())]
    return "\n".join([_TITLE, *head, _SCORES, *body, ""])


def read(text: str) -> Golden:
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
                raise GoldenFileError(f"line {number}: expected `name: value`, found {clipped(line, _RESPONSE)!r}")
            questions[name] = value
        else:
            label, colon, runs = line.strip().rpartition(": ")
            if not colon:
                raise GoldenFileError(f"line {number}: expected `question: scores`, found {clipped(line, _RESPONSE)!r}")
            scores[label] = tuple(_unrolled(runs, number))
    if not begun:
        raise GoldenFileError(f"the line `{_SCORES}` is missing")
    return Golden(questions=questions, scores=scores)


def differences(kept: Golden, visit: Visit) -> tuple[str, ...]:
    """Return how a visit differs from what was kept, a line each; none when it does not.

    Where other questions were asked the scores cannot be held against each other: what they depend on is told instead.
    """
    now = golden_of(visit)
    # Read back from its own text, so that both sides have been through the same form.
    now = read(written(now))
    if kept.questions != now.questions:
        return tuple(_other_questions(kept.questions, now.questions))
    return tuple(
        line
        for label in sorted(kept.scores.keys() | now.scores.keys())
        for line in _changed(label, kept.scores.get(label), now.scores.get(label), _asked(visit, label))
    )


def _other_questions(kept: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    yield "The questions were others, so that scores cannot be compared:"
    for name in sorted(kept.keys() | now.keys()):
        if kept.get(name) != now.get(name):
            yield f"  {name}: {kept.get(name, 'not named')} -> {now.get(name, 'not named')}"


def _changed(
    label: str, kept: Sequence[str] | None, now: Sequence[str] | None, answers: Sequence[Answer]
) -> Iterator[str]:
    if kept is None or now is None:
        said = "no longer asked" if now is None else "not asked before"
        yield f"{label}: {said} ({counted(len(kept or now or ()), 'score')})"
        return
    pairs = list(zip_longest(kept, now, fillvalue="not asked"))
    changes = [(place, old, new) for place, (old, new) in enumerate(pairs) if old != new]
    if not changes:
        return
    yield f"{label}: {len(changes)} of {counted(len(pairs), 'score')} changed"
    for place, old, new in changes[:_MOST_SHOWN]:
        yield f"  {_where(place, answers)}: {old} -> {new}"
    if len(changes) > _MOST_SHOWN:
        yield f"  and {len(changes) - _MOST_SHOWN} more"


def _where(place: int, answers: Sequence[Answer]) -> str:
    if place >= len(answers):
        return f"score {place + 1}"
    case = answers[place].case
    return f"score {place + 1}, line {case.record.line}, “{clipped(visible(case.text), _RESPONSE)}”"


def _asked(visit: Visit, label: str) -> list[Answer]:
    return [answer for name, answers in visit.answered.items() if one_line(name) == label for answer in answers]


def _runs(scores: Sequence[str]) -> str:
    runs = ((score, len(list(same))) for score, same in groupby(scores))
    return ", ".join(score if times == 1 else f"{score} x{times}" for score, times in runs)


def _unrolled(runs: str, number: int) -> Iterator[str]:
    for run in runs.split(", "):
        found = _RUN.fullmatch(run)
        if found is None:
            raise GoldenFileError(f"line {number}: {clipped(run, _RESPONSE)!r} is no score")
        yield from [found["score"]] * int(found["times"] or 1)


def _text(score: float | None) -> str:
    # A whole number is one however the function wrote it; 0.0 + x: there is one zero.
    return _NONE if score is None else f"{0.0 + score:.{_DIGITS}g}"
