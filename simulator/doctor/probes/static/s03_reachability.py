"""S3: can a right answer score at all, and in which place of the record and in which format is it taken for right?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from simulator.doctor.finding import Example, Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult, scores_of
from simulator.doctor.probe_context import SUBSET_ROWS, ProbeContext
from simulator.doctor.probes.static.score_scale import (
    BATCH_DEPENDENT,
    SCALE_EXPLANATION,
    ScoreScale,
    score_scale,
    score_scale_from,
)
from simulator.doctor.rows import Row, with_answer_path
from simulator.training.dataset import Json
from simulator.training.policy_actions import FORMAT
from simulator.training.reference_answer import extract_reference_answer

MIN_SCORE: Final = 0.5
"""A mean under this says that most right answers do not score, or that none scores in full (INFERRED)."""

FULL_SCORE: Final = 0.9
"""From here on no other place of the record is tried: another one could hardly be better. INFERRED."""

MIN_IMPROVEMENT: Final = 0.25
"""So much better must another place or format be. INFERRED."""

MIN_SEPARATION: Final = 0.4
"""So much better than another row's must a row's own value be, over all rows. INFERRED: for 32 coins it is 3 sigma."""

MAX_ANSWER_PATHS: Final = 12
MAX_DEPTH: Final = 5
"""So many places of a record are tried, down to this depth (INFERRED)."""

_SEARCHED_ROWS: Final = 4  # where every place is tried in every format
_MAX_LINES: Final = 5  # that a message names
_REFERENCE_FIELD = "reference_answer"  # tried before the record's other fields

REACHABILITY: Final = Probe(
    id="S3",
    name="reachability",
    question="Can a right answer score at all?",
    measured=(
        f"The right answers to {SUBSET_ROWS} rows are written in each of {len(FORMAT.actions)} answer formats; the best "
        f"mean score counts. Under {FULL_SCORE:g}, what stands at up to {MAX_ANSWER_PATHS} other places of the record is tried "
        f"too. A best mean of 0 is a failure, one under {MIN_SCORE:g} a warning. Another place is believed when it scores "
        f"at least {MIN_SCORE:g}, is better by {MIN_IMPROVEMENT:g}, and a row's own value scores {MIN_SEPARATION:g} more than another row's; "
        "the rest of the visit then reads the right answers there. Records without a right answer are a warning, and "
        f"so is a file in which none has a {_REFERENCE_FIELD}. {SCALE_EXPLANATION}"
    ),
    means=(
        "Where no right answer scores, nothing can be learned, however long the run. The usual reasons: the reference "
        "is read from the wrong place, or in another shape than it arrives in (see S4), or a format is wanted that no "
        "prompt asks for (see S8)."
    ),
    remedy=(
        "Score the response that is shown, by hand, and follow where the function reads the reference and the answer."
    ),
    source="INFERRED. Amazon's own two GSM8K samples look for the reference at different places of a record.",
)


def check_reachability(context: ProbeContext) -> Iterator[Finding]:
    """S3: look for the place and the format in which right answers score, and have the rest of the visit use them."""
    looked_at = context.settings.answer_path
    moved = _find_answer_path(context)
    if moved and context.depends_on_batch:
        yield REACHABILITY.not_measured(BATCH_DEPENDENT)
        return
    if moved:
        context.set_answer_path(moved)
        yield REACHABILITY.finding(
            Severity.WARN if looked_at else Severity.INFO,
            f"The function takes what stands at {moved} for the right answer"
            + (
                f", not what stands at {looked_at}, which is set." if looked_at else ", which was looked for elsewhere."
            ),
            measured=moved,
            fix=f"Add --set answer_path={moved}, here and when a job is run. The rest of this visit reads it there.",
        )
    yield from _missing_reference_findings(context)
    if not context.row_subset:
        yield REACHABILITY.not_measured(
            "No right answer was found in the records. If there is one, say where: --set answer_path=NAME.NAME"
        )
        return
    _select_format(context)
    scale = score_scale(context, *context.right_results_by_format.values())
    name, best = _best_format(context, scale)
    shown = _results_in_own_format(context)
    written = (
        f"{best:.2f}, written as in {context.row_subset[0].preview_answer(name)!r}"
        if best > 0
        else f"{best:.2f} in every format"
    )
    measured = f"{written}{scale.note}{_unscored(context)}"
    if best >= MIN_SCORE:
        yield REACHABILITY.ok(
            "Right answers score.", measured=measured, threshold=f"at least {MIN_SCORE:g}", value=best
        )
        return
    if context.depends_on_batch:
        yield REACHABILITY.not_measured(BATCH_DEPENDENT)
        return
    if best > 0:
        severity, what = Severity.WARN, "Most right answers do not score, or none in full."
    elif scale.mean_of_all(context.wrong_results) > MIN_IMPROVEMENT:
        severity, what = Severity.FAIL, "No correct answer can score, and wrong ones do: see S5."
    else:
        severity, what = Severity.FAIL, "No correct answer can score."
    yield REACHABILITY.finding(
        severity,
        what,
        measured=measured,
        threshold=f"at least {MIN_SCORE:g}" if best > 0 else "above 0",
        fix=REACHABILITY.remedy,
        value=best,
        examples=_examples(shown, context.row_subset),
    )


def _missing_reference_findings(context: ProbeContext) -> Iterator[Finding]:
    """Say which records have no right answer, and where it is read when none has the field that a job hands over."""
    path = context.settings.answer_path
    golds = {record.line: extract_reference_answer(record, answer_path=path) for record in context.records}
    without = [line for line, gold in golds.items() if gold.kind == "none"]
    if 0 < len(without) < len(golds):
        lines = ", ".join(map(str, without[:_MAX_LINES])) + (", ..." if len(without) > _MAX_LINES else "")
        yield REACHABILITY.finding(
            Severity.WARN,
            f"Some records have no right answer that could be found (line {lines}): no response to them can be right.",
            measured=f"{len(without)} of {len(golds)} records",
            threshold="none",
            fix="Give them a reference_answer, or leave them out.",
            value=len(without) / len(golds),
        )
    if without == list(golds) or path or any(_REFERENCE_FIELD in record.fields for record in context.records):
        return
    places = sorted({gold.path for gold in golds.values() if gold.path})
    yield REACHABILITY.finding(
        Severity.WARN,
        f"No record has a {_REFERENCE_FIELD}; this visit takes the right answers from {places[0]}.",
        measured=f"0 of {len(golds)} records",
        fix=f"Name the field {_REFERENCE_FIELD}, or say that it is meant so: --set answer_path={places[0]}.",
    )


def _examples(results: Sequence[CaseResult], rows: Sequence[Row]) -> list[Example]:
    """Show the right answer that scores least, with where it was read."""
    least = min(zip(results, rows, strict=True), key=lambda pair: pair[0].score or 0.0)
    answer, row = least
    return [answer.example(f"the right answer at {row.reference.path}: {row.reference.text}")]


def _results_in_own_format(context: ProbeContext) -> list[CaseResult]:
    """Return what right answers score in each row's own format."""
    return [context.right_results_by_format[row.answer_format][place] for place, row in enumerate(context.row_subset)]


def _best_format(context: ProbeContext, scale: ScoreScale) -> tuple[str, float]:
    """Return the format in which right answers score most, and their mean; the rows' own comes first."""
    own = context.row_subset[0].answer_format
    means = {own: scale.mean_of_all(_results_in_own_format(context))}
    for name in FORMAT.actions:
        means[name] = max(scale.mean_of_all(context.right_results_by_format[name]), means.get(name, 0.0))
    return max(means.items(), key=lambda pair: pair[1])


def _select_format(context: ProbeContext) -> None:
    """Where prompts ask for no format and the plainest scores less than another, write answers in that other."""
    free = [place for place, row in enumerate(context.row_subset) if row.task.requested_format.format == "none"]
    if not free:
        return
    scale = _scale_so_far(context)
    means = {
        name: scale.mean_of_all([context.right_results_by_format[name][place] for place in free])
        for name in FORMAT.actions
    }
    plainest = context.row_subset[free[0]].answer_format
    best = max(FORMAT.actions, key=lambda name: means[name])
    if means[best] > means[plainest] + MIN_IMPROVEMENT:
        context.set_answer_format(best)


def _scale_so_far(context: ProbeContext, *others: Sequence[CaseResult]) -> ScoreScale:
    """Return the scale of what was asked before it is settled where right answers stand and how they are written."""
    return score_scale_from(
        [score for answers in (*context.right_results_by_format.values(), *others) for score in scores_of(answers)]
    )


def _unscored(context: ProbeContext) -> str:
    answers = [answer for some in context.right_results_by_format.values() for answer in some]
    missing = sum(answer.score is None for answer in answers)
    return f"; {missing} of {len(answers)} without a score" if missing else ""


def _find_answer_path(context: ProbeContext) -> str:
    """Return another place of the records that holds what the function takes for right; empty when there is none."""
    here = _best_format(context, _scale_so_far(context))[1] if context.row_subset else 0.0
    if here >= FULL_SCORE:
        return ""
    rows = (context.row_subset or context.rows)[:_SEARCHED_ROWS]
    found: dict[tuple[str, str], list[Case]] = {}
    for path in _answer_paths(rows):
        others = with_answer_path(rows, path)
        if len(others) == len(rows) and not _have_same_answers(rows, others):
            for name in FORMAT.actions:
                found[path, name] = [
                    Case(
                        label=f"{path} as {name}",
                        record=row.record,
                        text=row.write_response(row.reference.value, answer_format=name),
                    )
                    for row in others
                ]
    if not found:
        return ""
    answers = iter(context.invoker.score([case for cases in found.values() for case in cases]))
    asked = {key: [next(answers) for _ in cases] for key, cases in found.items()}
    scale = _scale_so_far(context, *asked.values())
    here = _best_format(context, scale)[1] if context.row_subset else 0.0
    means = {key: scale.mean_of_all(some) for key, some in asked.items()}
    path, name = max(means, key=lambda key: means[key])
    best = means[path, name]
    return path if best >= max(MIN_SCORE, here + MIN_IMPROVEMENT) and _holds_answer(context, scale, path, name) else ""


def _holds_answer(context: ProbeContext, scale: ScoreScale, path: str, name: str) -> bool:
    """Say whether a place's own value scores where another row's does not, which tells answers from length and luck."""
    rows = with_answer_path(context.rows, path)
    own, others = [], []
    for row in rows:
        other = next((one for one in rows if one.reference.value != row.reference.value), None)
        if other is not None:
            texts = (row.write_response(one.reference.value, answer_format=name) for one in (row, other))
            right, wrong = (Case(label=f"value of {path}", record=row.record, text=text) for text in texts)
            own.append(right)
            others.append(wrong)
    return (
        bool(own)
        and scale.mean_of_all(context.invoker.score(own))
        >= scale.mean_of_all(context.invoker.score(others)) + MIN_SEPARATION
    )


def _have_same_answers(rows: Sequence[Row], others: Sequence[Row]) -> bool:
    """Say whether another place holds the same answers, so that asking again would tell nothing."""
    return all(row.reference.value == other.reference.value for row, other in zip(rows, others, strict=True))


def _answer_paths(rows: Sequence[Row]) -> list[str]:
    """Return the places of these records that may hold an answer, the reference's first."""
    places: dict[str, None] = {}
    for row in rows:
        fields = row.record.fields
        first = {name: fields[name] for name in sorted(fields, key=lambda name: name != _REFERENCE_FIELD)}
        places |= dict.fromkeys(_paths_below(first, "", depth=1))
    return list(places)[:MAX_ANSWER_PATHS]


def _paths_below(fields: Mapping[str, Json], path: str, *, depth: int) -> Iterator[str]:
    """Yield every place under a path, objects too: one may be the answer as a whole."""
    for name, held in fields.items():
        if "." in name:
            continue  # no path can name it: a dot goes one level down
        yield f"{path}{name}"
        if isinstance(held, Mapping) and depth < MAX_DEPTH:
            yield from _paths_below(held, f"{path}{name}.", depth=depth + 1)
