"""S3: check that a right answer can score, and find the field and the format that the function accepts."""

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
from simulator.doctor.probes.static.right_answer_findings import answer_findings, recorded_finding
from simulator.doctor.probes.static.score_scale import BATCH_DEPENDENT, SCALE_EXPLANATION, score_scale
from simulator.doctor.right_answers.right_answers import without_answers
from simulator.doctor.rows import Row
from simulator.training.policy_actions import FORMAT

REACHABILITY: Final = Probe(
    id="S3",
    name="reachability",
    question="Can a right answer get a score above 0?",
    measured=(
        f"The right answers to {SUBSET_ROWS} rows are written in each of {len(FORMAT.actions)} answer formats. The "
        f"best mean score counts. When it is under {FULL_SCORE:g}, the values of up to {MAX_ANSWER_PATHS} other fields "
        f"of the record are tried as the right answer. A best mean of 0 is a failure. A best mean under {MIN_SCORE:g} "
        "is a warning. Another field is accepted on three conditions. Its values get a score of at least "
        f"{MIN_SCORE:g}. This score is at least {MIN_IMPROVEMENT:g} higher than the score of the original field's "
        f"values. The row's own value gets {MIN_SEPARATION:g} more than the value of another row. The doctor then "
        "reads the right answers from that field. A reference is no answer when it is an object or a list that the "
        "prompt does not ask for, or when it may be a rubric or tests. Where references are no answers or score "
        "nothing, right answers are looked for by what scores, on the same conditions: fields with a worked answer, "
        "code or SQL; each name of a list of names; the right choice; an equation of the given numbers; a program "
        "that returns what the tests expect; a query that returns the expected rows; the recorded responses that "
        "score most. When nothing is found and the reference is no answer, this is not measured. Recorded responses "
        "that score above 0 are never a failure here. It is a warning when records have no right answer, or when no "
        f"record has a {REFERENCE_FIELD}. {SCALE_EXPLANATION}"
    ),
    means=(
        "When no right answer gets a score above 0, training cannot learn anything, even in a long run. The usual "
        "reasons: the function reads the reference from the wrong field or in the wrong shape (see S4), or it accepts "
        "only a format that no prompt asks for (see S8)."
    ),
    remedy=(
        "Call the function with the response in the example, and check from where it reads the reference and the "
        "answer."
    ),
    source="INFERRED. Amazon's own two GSM8K samples read the reference from different fields of a record.",
)


def check_reachability(context: ProbeContext) -> Iterator[Finding]:
    """S3: find the field and the format in which right answers score. Later probes use them."""
    answer_path = "" if context.given else find_answer_path(context)
    if answer_path and context.depends_on_batch:
        yield REACHABILITY.not_measured(BATCH_DEPENDENT)
        return
    yield from answer_findings(context, REACHABILITY, answer_path=answer_path)
    if not context.row_subset:
        yield recorded_finding(context, REACHABILITY) or REACHABILITY.not_measured(context.unknown_answers_reason)
        return
    _select_format(context)
    scale = score_scale(context, *context.right_results_by_format.values())
    format_name, best = best_format(context, scale)
    preview = context.row_subset[0].preview_answer(format_name)
    where = f", written as in {preview!r}" if best > 0 else " in every format"
    measured = f"{best:.2f}{where}{scale.note}{_unscored_note(context)}"
    if best >= MIN_SCORE:
        yield REACHABILITY.ok(
            "Right answers score.", measured=measured, threshold=f"at least {MIN_SCORE:g}", value=best
        )
        return
    if context.depends_on_batch:
        yield REACHABILITY.not_measured(BATCH_DEPENDENT)
        return
    if best <= 0 and (finding := recorded_finding(context, REACHABILITY)):
        # Recorded responses score, so the doubt is about the way in which the doctor writes its answers.
        context.set_right_answers(without_answers(context.right_answers, context.rows))
        yield finding
        return
    if best > 0:
        severity, message = Severity.WARN, "Most right answers do not score, or none gets the full score."
    elif scale.mean_of_all(context.wrong_results) > MIN_IMPROVEMENT:
        severity, message = Severity.FAIL, "No right answer can score, but wrong ones do: see S5."
    else:
        severity, message = Severity.FAIL, "No right answer can score."
    yield REACHABILITY.finding(
        severity,
        message,
        measured=measured,
        threshold=f"at least {MIN_SCORE:g}" if best > 0 else "above 0",
        fix=REACHABILITY.remedy,
        value=best,
        examples=[_lowest_example(context.right_results_in_own_format, context.row_subset)],
    )


def _lowest_example(results: Sequence[CaseResult], rows: Sequence[Row]) -> Example:
    """Return the right answer with the lowest score, and the field that it was read from."""
    result, row = min(zip(results, rows, strict=True), key=lambda pair: pair[0].score or 0.0)
    return result.example(f"the right answer from {row.reference.path}: {row.reference.text}")


def _select_format(context: ProbeContext) -> None:
    """Use another answer format where prompts request none and the plainest scores less."""
    free_rows = [index for index, row in enumerate(context.row_subset) if row.task.requested_format.format == "none"]
    if not free_rows:
        return
    scale = scale_so_far(context)
    means = {
        name: scale.mean_of_all([context.right_results_by_format[name][index] for index in free_rows])
        for name in FORMAT.actions
    }
    plainest = context.row_subset[free_rows[0]].answer_format
    best = max(FORMAT.actions, key=lambda name: means[name])
    if means[best] > means[plainest] + MIN_IMPROVEMENT:
        context.set_answer_format(best)


def _unscored_note(context: ProbeContext) -> str:
    results = [result for results in context.right_results_by_format.values() for result in results]
    unscored_count = sum(result.score is None for result in results)
    return f"; {unscored_count} of {len(results)} without a score" if unscored_count else ""
