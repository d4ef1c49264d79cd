"""S3: can a right answer score at all, and in which place of the record and in which format is it taken for right?"""

from collections.abc import Iterator, Sequence
from typing import Final

from simulator.doctor.finding import Example, Finding, Probe, Severity
from simulator.doctor.invocation import CaseResult
from simulator.doctor.probe_context import SUBSET_ROWS, ProbeContext
from simulator.doctor.probes.static.answer_path_search import (
    FULL_SCORE,
    MAX_ANSWER_PATHS,
    MIN_IMPROVEMENT,
    MIN_SCORE,
    MIN_SEPARATION,
    REFERENCE_FIELD,
    best_format,
    find_answer_path,
    scale_so_far,
)
from simulator.doctor.probes.static.score_scale import (
    BATCH_DEPENDENT,
    SCALE_EXPLANATION,
    score_scale,
)
from simulator.doctor.rows import Row
from simulator.training.policy_actions import FORMAT
from simulator.training.reference_answer import extract_reference_answer

_MAX_LINES: Final = 5  # that a message names

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
        f"so is a file in which none has a {REFERENCE_FIELD}. {SCALE_EXPLANATION}"
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
    moved = find_answer_path(context)
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
    name, best = best_format(context, scale)
    shown = context.right_results_in_own_format
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
    if without == list(golds) or path or any(REFERENCE_FIELD in record.fields for record in context.records):
        return
    places = sorted({gold.path for gold in golds.values() if gold.path})
    yield REACHABILITY.finding(
        Severity.WARN,
        f"No record has a {REFERENCE_FIELD}; this visit takes the right answers from {places[0]}.",
        measured=f"0 of {len(golds)} records",
        fix=f"Name the field {REFERENCE_FIELD}, or say that it is meant so: --set answer_path={places[0]}.",
    )


def _examples(results: Sequence[CaseResult], rows: Sequence[Row]) -> list[Example]:
    """Show the right answer that scores least, with where it was read."""
    least = min(zip(results, rows, strict=True), key=lambda pair: pair[0].score or 0.0)
    answer, row = least
    return [answer.example(f"the right answer at {row.reference.path}: {row.reference.text}")]


def _select_format(context: ProbeContext) -> None:
    """Where prompts ask for no format and the plainest scores less than another, write answers in that other."""
    free = [place for place, row in enumerate(context.row_subset) if row.task.requested_format.format == "none"]
    if not free:
        return
    scale = scale_so_far(context)
    means = {
        name: scale.mean_of_all([context.right_results_by_format[name][place] for place in free])
        for name in FORMAT.actions
    }
    plainest = context.row_subset[free[0]].answer_format
    best = max(FORMAT.actions, key=lambda name: means[name])
    if means[best] > means[plainest] + MIN_IMPROVEMENT:
        context.set_answer_format(best)


def _unscored(context: ProbeContext) -> str:
    answers = [answer for some in context.right_results_by_format.values() for answer in some]
    missing = sum(answer.score is None for answer in answers)
    return f"; {missing} of {len(answers)} without a score" if missing else ""
