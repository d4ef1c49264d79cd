"""S8: check that the function accepts the answer format that the prompt asks for."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_scale import ScoreScale, score_scale
from simulator.doctor.rows import Row
from simulator.training.policy_actions import FORMAT

ACCEPTED_SHARE: Final = 0.5
"""A format is accepted when it scores at least this share of the best format's score (INFERRED)."""

MIN_LINE_BREAK_LOSS: Final = 0.1
"""The loss by the line breaks of the prompt's own template that is a failure. INFERRED: a length penalty takes less."""

COMMON_FORMATS: Final = ("sentence", "bold", "bare", "boxed")
"""Formats that models use when the prompt asks for none. INFERRED from the base models' printed answers."""

FORMAT_FIT: Final = Probe(
    id="S8",
    name="format fit",
    question="Does the function accept the answer format that the prompt asks for?",
    measured=(
        f"Right answers are written in each of {len(FORMAT.actions)} formats. A format is accepted when its mean score "
        f"is at least {ACCEPTED_SHARE:g} times the best. It is a failure when the function does not accept the format "
        "that the prompt asks for. If the prompt asks for no format, it is a failure when the function rejects every "
        "format that models use by default: the bare answer, a sentence, bold text, or LaTeX \\boxed. If the prompt "
        "shows a template with line breaks, it is a failure when a right answer in it scores at least "
        f"{MIN_LINE_BREAK_LOSS:g} less than on fewer lines."
    ),
    means="A model that follows the prompt scores nothing. Training then teaches it to ignore the prompt.",
    remedy="Ask in the prompt for the format that the function reads, or read the format that the prompt asks for.",
    source="INFERRED. Which format a prompt asks for is inferred from its words.",
)


def check_format_fit(context: ProbeContext) -> Iterator[Finding]:
    """S8: compare the accepted formats with the one that each prompt asks for."""
    rows_by_format: dict[str, list[int]] = {}
    scale = score_scale(context, *context.right_results_by_format.values()) if context.row_subset else ScoreScale()
    for index, row in enumerate(context.row_subset):
        rows_by_format.setdefault(row.task.requested_format.format, []).append(index)
    is_measured = False
    for requested_format, indexes in rows_by_format.items():
        results = {name: [context.right_results_by_format[name][index] for index in indexes] for name in FORMAT.actions}
        means = {name: scale.mean_of_all(format_results) for name, format_results in results.items()}
        best = max(means.values())
        if best <= 0:
            continue  # S3 reports it
        is_measured = True
        accepted_formats = [name for name in FORMAT.actions if means[name] >= ACCEPTED_SHARE * best]
        yield _format_finding(requested_format, accepted_formats, results, context.row_subset[indexes[0]])
    yield from _line_break_findings(context, scale)
    if not is_measured:
        yield FORMAT_FIT.not_measured("The function accepts no format: see S3.")


def _line_break_findings(context: ProbeContext, scale: ScoreScale) -> Iterator[Finding]:
    """Yield whether right answers score more without the line breaks of the prompt's template or of the work."""
    shown_results = {result.case.record.line: result for result in context.right_results_in_own_format}
    cases = [
        (index, Case(label="on fewer lines", record=row.record, text=text))
        for row in context.row_subset
        for index, text in enumerate(row.right_responses_on_fewer_lines)
    ]
    pairs_by_way: dict[int, list[tuple[CaseResult, CaseResult]]] = {}
    for (index, _), result in zip(cases, context.invoker.score([case for _, case in cases]), strict=True):
        shown = shown_results[result.case.record.line]
        if result.score is not None and shown.score is not None:
            pairs_by_way.setdefault(index, []).append((result, shown))
    gain, pairs = max(
        ((fmean(_gain(pair, scale) for pair in pairs), pairs) for pairs in pairs_by_way.values()),
        key=lambda gain_and_pairs: gain_and_pairs[0],
        default=(0.0, []),
    )
    if gain < MIN_LINE_BREAK_LOSS:
        return
    fewer, shown = max(pairs, key=lambda pair: _gain(pair, scale))
    yield FORMAT_FIT.finding(
        Severity.FAIL,
        "A right answer scores less with the line breaks that the prompt shows than on fewer lines.",
        measured=f"{gain:.2f} less{scale.note}",
        threshold=f"less than {MIN_LINE_BREAK_LOSS:g}",
        fix="Let the patterns match line breaks: in Python, '.' does so with re.DOTALL alone.",
        value=gain,
        examples=[shown.example("as the prompt shows it"), fewer.example("on fewer lines")],
    )


def _gain(pair: tuple[CaseResult, CaseResult], scale: ScoreScale) -> float:
    return scale.normalize_difference((pair[0].score or 0.0) - (pair[1].score or 0.0))


def _format_finding(
    requested_format: str, accepted_formats: Sequence[str], results: Mapping[str, Sequence[CaseResult]], row: Row
) -> Finding:
    """Return the finding for the prompts that ask for one format, or for none."""
    measured = f"accepted: {', '.join(dict.fromkeys(repr(row.preview_answer(name)) for name in accepted_formats))}"
    accepted_preview = row.preview_answer(accepted_formats[0])
    accepted_example = results[accepted_formats[0]][0].example("accepted")
    if requested_format == "none":
        if set(COMMON_FORMATS) & set(accepted_formats):
            return FORMAT_FIT.ok("The prompt asks for no format, and a common one is accepted.", measured=measured)
        return FORMAT_FIT.finding(
            Severity.FAIL,
            "The prompt asks for no format, and the function accepts none that models use by default.",
            measured=measured,
            threshold=f"one of {', '.join(repr(row.preview_answer(name)) for name in COMMON_FORMATS)}",
            fix=f"Ask in the prompt for the accepted format, {accepted_preview!r}, or accept the common ones.",
            examples=[results[COMMON_FORMATS[0]][0].example("not accepted"), accepted_example],
        )
    requested_preview = row.preview_answer(requested_format)
    if requested_format in accepted_formats:
        return FORMAT_FIT.ok("The format that the prompt asks for is accepted.", measured=measured)
    return FORMAT_FIT.finding(
        Severity.FAIL,
        f"The prompt asks for {requested_preview!r}, but the function accepts only other formats.",
        measured=measured,
        threshold=f"{requested_preview!r} accepted",
        fix=f"Accept the format that the prompt asks for, or ask for {accepted_preview!r}.",
        examples=[results[requested_format][0].example("requested, not accepted"), accepted_example],
    )
