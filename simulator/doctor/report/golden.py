"""A golden file holds every score of a doctor run. Stored beside the reward function, it makes score changes a diff.

Its head lists the inputs of the doctor run. Below `scores:` there is one line per label, in alphabetical order, with
the scores in the order of the rows. `1 x31, 0` is 31 times 1 and then 0, and `-` is no score. Scores have nine
significant digits. The file contains no times.

Below `cases:` there is a key for each score, which is made from the line of the record and the response. With it, runs
with different plans or numbers of rows are compared where both have a score. Files of older releases have no keys, and
the labels that only one of the two releases has are not compared.
"""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, zip_longest
from typing import Final

from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.invocation import CaseResult
from simulator.doctor.plan import FULL
from simulator.doctor.report.excerpts import one_line, shorten
from simulator.http.sanitize import sanitize

_TITLE: Final = "# The scores of a reward function, written by `rft-sim doctor --golden`; --update writes them anew."
_SCORES: Final = "scores:"
_CASES: Final = "cases:"
_KEY_BYTES: Final = 3  # enough for the cases of one label
_SIZE_INPUTS: Final = frozenset({"plan", "rows"})  # inputs that say how much is measured, and change no score
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
    """The contents of a golden file.

    Attributes:
        inputs: the inputs of the doctor run.
        scores: the scores as texts, by label.
        cases: the keys of the cases that have these scores, by label. Empty in files of older releases.
    """

    inputs: Mapping[str, str]
    scores: Mapping[str, tuple[str, ...]]
    cases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def golden_from_report(report: DoctorReport) -> GoldenFile:
    """Return the golden file of a doctor run."""
    results_by_name: dict[str, list[CaseResult]] = {}
    for label, results in report.results_by_label.items():
        results_by_name.setdefault(one_line(label), []).extend(results)
    return GoldenFile(
        inputs=report.inputs,
        scores={
            name: tuple(_format_score(result.score) for result in results) for name, results in results_by_name.items()
        },
        cases={name: tuple(_case_keys(results)) for name, results in results_by_name.items()},
    )


def render_golden(golden: GoldenFile) -> str:
    """Return the text of the file."""
    head = [f"{name}: {one_line(value)}" for name, value in sorted(golden.inputs.items())]
    body = [f"  {label}: {_encode_runs(scores)}" for label, scores in sorted(golden.scores.items())]
    cases = [f"  {label}: {' '.join(keys)}" for label, keys in sorted(golden.cases.items())]
    return "\n".join([_TITLE, *head, _SCORES, *body, *([_CASES, *cases] if cases else []), ""])


def parse_golden(text: str) -> GoldenFile:
    """Parse the text of a golden file.

    Raises:
        GoldenFileError: a line is invalid. The message names the first one.
    """
    inputs: dict[str, str] = {}
    scores: dict[str, tuple[str, ...]] = {}
    cases: dict[str, tuple[str, ...]] = {}
    lines = text.splitlines()
    if not lines or lines[0] != _TITLE:
        raise GoldenFileError("line 1: this is not a file that --golden wrote")
    sections = iter((_SCORES, _CASES))
    section, next_section = "", next(sections)
    for number, line in enumerate(lines[1:], start=2):
        if line == next_section:
            section, next_section = next_section, next(sections, "")
        elif section == _SCORES:
            label, runs = _parse_label(line, number)
            scores[label] = tuple(_decode_runs(runs, number))
        elif section == _CASES:
            label, keys = _parse_label(line, number)
            cases[label] = tuple(keys.split())
            if len(cases[label]) != len(scores.get(label, ())):
                raise GoldenFileError(f"line {number}: as many keys as scores are needed for {label!r}")
        else:
            name, colon, value = line.partition(": ")
            if not colon:
                raise GoldenFileError(f"line {number}: expected `name: value`, found {shorten(line, _MAX_EXCERPT)!r}")
            inputs[name] = value
    if not section:
        raise GoldenFileError(f"the line `{_SCORES}` is missing")
    return GoldenFile(inputs=inputs, scores=scores, cases=cases)


def _parse_label(line: str, number: int) -> tuple[str, str]:
    label, colon, rest = line.strip().rpartition(": ")
    if not colon:
        raise GoldenFileError(f"line {number}: expected `label: scores`, found {shorten(line, _MAX_EXCERPT)!r}")
    return label, rest


def compare_with_golden(golden: GoldenFile, report: DoctorReport) -> tuple[str, ...]:
    """Return the differences between a doctor run and a golden file, one per line. Empty if there are none.

    If the inputs differ, the scores cannot be compared, and only the inputs are listed. If only the plan or the number
    of rows differs, or the budget ended the run, the scores of the cases that both have are compared.
    """
    # Through the file format, so that both sides have the same form.
    now = parse_golden(render_golden(golden_from_report(report)))
    # Files of older releases name no plan, and there was no other.
    before, after = ({"plan": FULL.name, **file.inputs} for file in (golden, now))
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if (differing or report.is_cut_off) and differing <= _SIZE_INPUTS and golden.cases:
        golden, now, report = _shared_cases(golden, now, report)
    elif differing:
        return tuple(_changed_inputs(before, after))
    elif not golden.cases:
        golden, now = _shared_labels(golden, now), _shared_labels(now, golden)
    return tuple(
        line
        for label in sorted(golden.scores.keys() | now.scores.keys())
        for line in _changed_scores(label, golden.scores.get(label), now.scores.get(label), _results_for(report, label))
    )


def count_shared_scores(golden: GoldenFile, report: DoctorReport) -> int:
    """Return the number of scores that a comparison of a doctor run with a golden file compares."""
    now = golden_from_report(report)
    shared = _shared_cases(golden, now, report)[0] if golden.cases else _shared_labels(golden, now)
    return sum(map(len, shared.scores.values()))


def has_other_labels(golden: GoldenFile, report: DoctorReport) -> bool:
    """Whether an older release wrote the file, and had other cases than this one."""
    return not golden.cases and golden.scores.keys() != golden_from_report(report).scores.keys()


def _shared_labels(file: GoldenFile, other: GoldenFile) -> GoldenFile:
    """Return a file with those labels only that another file has too."""
    return replace(file, scores={label: scores for label, scores in file.scores.items() if label in other.scores})


def _shared_cases(
    before: GoldenFile, now: GoldenFile, report: DoctorReport
) -> tuple[GoldenFile, GoldenFile, DoctorReport]:
    """Return both files and the report with the cases only that both files have."""
    scores_before: dict[str, tuple[str, ...]] = {}
    scores_now: dict[str, tuple[str, ...]] = {}
    results: dict[str, list[CaseResult]] = {}
    for label in now.cases.keys() & before.cases.keys():
        by_key = dict(zip(before.cases[label], before.scores[label], strict=True))
        shared = [
            (by_key[key], score, result)
            for key, score, result in zip(now.cases[label], now.scores[label], _results_for(report, label), strict=True)
            if key in by_key
        ]
        if shared:
            scores_before[label] = tuple(score for score, _, _ in shared)
            scores_now[label] = tuple(score for _, score, _ in shared)
            results[label] = [result for _, _, result in shared]
    return (
        replace(before, scores=scores_before),
        replace(now, scores=scores_now),
        replace(report, results_by_label=results),
    )


def _case_keys(results: Sequence[CaseResult]) -> Iterator[str]:
    """Yield a key for each case, made from its line, its response, and how many equal cases came before."""
    counts: Counter[str] = Counter()
    for result in results:
        case = f"{result.case.record.line} {result.case.text}"
        digest = hashlib.sha256(f"{counts[case]} {case}".encode("utf-8", "surrogatepass")).digest()
        counts[case] += 1
        yield base64.urlsafe_b64encode(digest[:_KEY_BYTES]).decode("ascii")


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
