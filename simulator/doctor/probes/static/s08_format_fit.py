"""S8: check that the function accepts the answer format that the prompt asks for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import CaseResult
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.s04_wire_shapes import ACCEPTED_SHARE
from simulator.doctor.probes.static.score_scale import ScoreScale, score_scale
from simulator.doctor.rows import Row
from simulator.training.policy_actions import FORMAT

COMMON_FORMATS: Final = ("sentence", "bold", "bare", "boxed")
"""Formats that models use by themselves, where nobody asks for one. INFERRED from the base models' printed answers."""


FORMAT_FIT: Final = Probe(
    id="S8",
    name="format fit",
    question="Does the function accept the answer format that the prompt asks for?",
    measured=(
        f"Right answers are written in each of {len(FORMAT.actions)} formats. Accepted is what scores at least "
        f"{ACCEPTED_SHARE:g} times the best. It is a failure when the format that the prompt asks for is not accepted, and, "
        f"where the prompt asks for none, when none of those that models use by themselves is: the bare answer, a "
        "sentence, bold, or a box."
    ),
    means="The model does as it is told and scores nothing. What it learns then is to disobey the prompt.",
    remedy="Ask in the prompt for the format that the function reads, or read the one that the prompt asks for.",
    source="INFERRED, and so is which format a prompt asks for: it is told from its words.",
)


def check_format_fit(context: ProbeContext) -> Iterator[Finding]:
    """S8: hold the formats that are accepted against the one that each prompt asks for."""
    groups: dict[str, list[int]] = {}
    scale = score_scale(context, *context.right_results_by_format.values()) if context.row_subset else ScoreScale()
    for place, row in enumerate(context.row_subset):
        groups.setdefault(row.task.requested_format.format, []).append(place)
    told = False
    for asked, places in groups.items():
        answers = {name: [context.right_results_by_format[name][place] for place in places] for name in FORMAT.actions}
        means = {name: scale.mean_of_all(some) for name, some in answers.items()}
        best = max(means.values())
        if best <= 0:
            continue  # that nothing is accepted is S3's
        told = True
        accepted = [name for name in FORMAT.actions if means[name] >= ACCEPTED_SHARE * best]
        yield _format_finding(asked, accepted, answers, context.row_subset[places[0]])
    if not told:
        yield FORMAT_FIT.not_measured("No format is accepted, so none can be held against the prompt: see S3.")


def _format_finding(
    requested_format: str, accepted: Sequence[str], results: Mapping[str, Sequence[CaseResult]], row: Row
) -> Finding:
    """Return the finding for the prompts that ask for one format, or for none."""
    measured = f"accepted: {', '.join(dict.fromkeys(repr(row.preview_answer(name)) for name in accepted))}"
    good = row.preview_answer(accepted[0])
    shown = results[accepted[0]][0].example("accepted")
    if requested_format == "none":
        if set(COMMON_FORMATS) & set(accepted):
            return FORMAT_FIT.ok("The prompt asks for no format, and a usual one is accepted.", measured=measured)
        return FORMAT_FIT.finding(
            Severity.FAIL,
            "The prompt asks for no format, and the function accepts none that a model would use by itself.",
            measured=measured,
            threshold=f"one of {', '.join(repr(row.preview_answer(name)) for name in COMMON_FORMATS)}",
            fix=f"Ask in the prompt for the format that is accepted, {good!r}, or accept the usual ones.",
            examples=[results[COMMON_FORMATS[0]][0].example("not accepted"), shown],
        )
    wanted = row.preview_answer(requested_format)
    if requested_format in accepted:
        return FORMAT_FIT.ok("The format that the prompt asks for is accepted.", measured=measured)
    return FORMAT_FIT.finding(
        Severity.FAIL,
        f"The prompt asks for {wanted!r}, and the function accepts other formats alone.",
        measured=measured,
        threshold=f"{wanted!r} accepted",
        fix=f"Accept the format that the prompt asks for, or ask for {good!r}.",
        examples=[results[requested_format][0].example("asked for, not accepted"), shown],
    )
