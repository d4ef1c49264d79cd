"""Where the right answers come from: the findings of S3 about it, and their use by the later probes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probe_context import HOW_TO_GIVE_ANSWERS, ProbeContext
from simulator.doctor.probes.static.answer_path_search import REFERENCE_FIELD
from simulator.doctor.probes.static.score_scale import score_scale_from
from simulator.doctor.right_answers.answer_search import choose_given_source, search_right_answers
from simulator.doctor.right_answers.answer_source import AnswerSource
from simulator.doctor.right_answers.given_answers import GivenAnswers
from simulator.doctor.right_answers.right_answers import REFERENCE, RightAnswers
from simulator.training.reference_answer import extract_reference_answer

_MAX_LINES: Final = 5  # listed in a message


def answer_findings(context: ProbeContext, probe: Probe, *, answer_path: str) -> Iterator[Finding]:
    """Yield where the right answers come from, and use them from then on.

    That is: what the user gives; the field `answer_path`, if it is not empty; the references; or what scores.
    """
    if context.given:
        yield from _use_given_answers(context, probe, context.given)
        return
    if answer_path:
        yield _use_answer_path(context, probe, answer_path)
    yield from _missing_reference_findings(context, probe)
    if not answer_path:
        yield from _find_answers(context, probe)


def _use_answer_path(context: ProbeContext, probe: Probe, answer_path: str) -> Finding:
    configured_path = context.settings.answer_path
    context.set_answer_path(answer_path)
    instead = f"not from {configured_path}, which is set" if configured_path else "not from the expected field"
    return probe.finding(
        Severity.WARN if configured_path else Severity.INFO,
        f"The function reads the right answer from {answer_path}, {instead}.",
        measured=answer_path,
        fix=f"Add --set answer_path={answer_path}, here and when you run a job. The later probes already use it.",
    )


def _use_given_answers(context: ProbeContext, probe: Probe, given: GivenAnswers) -> Iterator[Finding]:
    """Use the right answers that the user gives, in the form that scores most."""
    source, _ = choose_given_source(context, given)
    context.set_right_answers(replace(context.right_answers, given=source))
    rows = len(context.answerable_rows)
    yield probe.finding(
        Severity.INFO,
        f"The right answers are {source.name} ({given.option}).",
        measured=f"{len(given.lines)} of {len(context.records)} records, {rows} of {len(context.rows)} rows",
    )


def _find_answers(context: ProbeContext, probe: Probe) -> Iterator[Finding]:
    """Look for right answers where the references are none, and yield where they were found."""
    found = search_right_answers(context)
    if all(answers.source == REFERENCE for answers in found):
        return
    by_name = {answers.source.name: answers.source for answers in found if isinstance(answers.source, AnswerSource)}
    sources = [*by_name.values()]
    context.set_right_answers(
        RightAnswers(
            read_reference=context.right_answers.read_reference,
            sources={answers.shape: answers.source for answers in found},
            otherwise=sources[0] if len(sources) == 1 else None,
        )
    )
    for source in sources:
        yield probe.finding(
            Severity.INFO,
            f"The function accepts {source.name} as the right answers.",
            measured=source.name,
            fix=source.confirm,
        )
    unknown = sum(len(answers.rows) for answers in found if answers.source is None)
    if context.answerable_rows and unknown:
        yield probe.finding(
            Severity.INFO,
            f"No right answer to {unknown} of {len(context.rows)} rows is known, so these rows were not used.",
            measured=f"{unknown} of {len(context.rows)} rows",
            fix=HOW_TO_GIVE_ANSWERS,
        )


def recorded_finding(context: ProbeContext, probe: Probe) -> Finding | None:
    """Return a finding that recorded responses score, so that right answers can; None if they do not."""
    if context.recorded is None:
        return None
    results = [result for group in context.base_results for result in group if result.score is not None]
    scale = score_scale_from([result.score or 0.0 for result in results])
    scoring = [result for result in results if scale.normalize(result.score or 0.0) > 0]
    if not scoring:
        return None
    best = max(scoring, key=lambda result: result.score or 0.0)
    return probe.finding(
        Severity.INFO,
        "Recorded responses score, so a response can. The doctor knows no right answer that does.",
        measured=f"{len(scoring)} of {len(results)} recorded responses score above {scale.lowest:g}",
        fix=HOW_TO_GIVE_ANSWERS,
        value=best.score,
        examples=[best.example("the recorded response with the highest score")],
    )


def _missing_reference_findings(context: ProbeContext, probe: Probe) -> Iterator[Finding]:
    """Yield which records have no right answer, and whether none has the field that a job passes on."""
    path = context.settings.answer_path
    references = {record.line: extract_reference_answer(record, answer_path=path) for record in context.records}
    missing = [line for line, reference in references.items() if reference.kind == "none"]
    if 0 < len(missing) < len(references):
        lines = ", ".join(map(str, missing[:_MAX_LINES])) + (", ..." if len(missing) > _MAX_LINES else "")
        yield probe.finding(
            Severity.WARN,
            f"Some records have no right answer (line {lines}), so no response to them can be right.",
            measured=f"{len(missing)} of {len(references)} records",
            threshold="none",
            fix=f"Give them a {REFERENCE_FIELD}, or remove them.",
            value=len(missing) / len(references),
        )
    if missing == list(references) or path or any(REFERENCE_FIELD in record.fields for record in context.records):
        return
    first_path = min(reference.path for reference in references.values() if reference.path)
    yield probe.finding(
        Severity.WARN,
        f"No record has a {REFERENCE_FIELD}. The doctor reads the right answers from {first_path}.",
        measured=f"0 of {len(references)} records",
        fix=f"Rename the field to {REFERENCE_FIELD}, or confirm it: --set answer_path={first_path}.",
    )
