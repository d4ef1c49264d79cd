"""S4 and S8: does the function read the event as it arrives, and the answer as the prompt asks for it?"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult, ElementTransform
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.event_layouts import CONFIGURED_LAYOUT, EventLayout, other_layouts, without_fields
from simulator.doctor.probes.static.score_scale import BATCH_DEPENDENT, ScoreScale, score_scale
from simulator.grading.grader_error import excerpt
from simulator.settings import EventShape
from simulator.training.policy_actions import FORMAT

ACCEPTED_SHARE: Final = 0.5
"""What scores at least this share of the best is taken for accepted (INFERRED)."""

MAX_GAIN: Final = 0.05
"""So much more than with its reference may a wrong answer score without one. INFERRED: room for noise alone."""


_FEWER_ROWS: Final = 4  # where every shape is tried in every format

WIRE_SHAPES: Final = Probe(
    id="S4",
    name="wire shapes",
    question="Does the function read the reference as it arrives in the event?",
    measured=(
        "Right answers are scored with the event laid out as it is configured, then as each published source has it: "
        "fields at the root and under metadata, at the root alone, under metadata alone; a bare string reference "
        'wrapped as {"text": ...} or as it stands; the reference as {"final_answer": ...}. An error in the configured '
        f"shape is a failure, and so is a mean score under {ACCEPTED_SHARE:g} times the best other shape's. Without any field "
        f"of the record, a wrong answer that scores more than {MAX_GAIN:g} above what wrong answers usually score is a "
        "warning. That it works in one published shape alone is told, and no more: the default event serves both."
    ),
    means=(
        "A reference that is looked for in the wrong place reads as nothing, and then no right answer scores. The "
        "published handlers disagree about the place, and Bedrock says nothing when it goes wrong: rewards stay at 0."
    ),
    remedy=(
        'Read event[i]["reference_answer"], else event[i]["metadata"]["reference_answer"], and of an object with '
        '"text" that text.'
    ),
    source=(
        "DOCUMENTED: fields under metadata. SAMPLE: Amazon's handler reads the root, and of a string reference its "
        '"text". The comparison by share, in place of exactly 0, is ours: it also finds functions that give part of '
        "the score for the format."
    ),
)


def check_wire_shapes(context: ProbeContext) -> Iterator[Finding]:
    """S4: score right answers under each layout of the event."""
    if not context.row_subset:
        yield WIRE_SHAPES.not_measured("No right answer was found in the records: see S3.")
        return
    found = _results_by_layout(context)
    answers = {layout: some for layout, (_, some) in found.items()}
    configured = answers[CONFIGURED_LAYOUT]
    scale = score_scale(context, *answers.values())
    means = {layout: scale.mean_of_all(some) for layout, some in answers.items()}
    here = means[CONFIGURED_LAYOUT]
    best = max(means, key=lambda layout: means[layout])
    measured = ", ".join(f"{mean:.2f} with {layout.name}" for layout, mean in means.items()) + scale.note
    faults = [answer for answer in configured if answer.error]
    if faults:
        sound = next((layout for layout, some in answers.items() if not any(one.error for one in some)), None)
        findings = [
            WIRE_SHAPES.finding(
                Severity.FAIL,
                "The function gives right answers no score as the event is configured.",
                measured=f"{len(faults)} of {len(configured)}",
                threshold="none",
                fix=sound.fix if sound else "Correct the function where the error says; no layout of the event helps.",
                examples=[faults[0].example(_describe_reference(context, faults[0]))],
            )
        ]
    elif here < ACCEPTED_SHARE * means[best] and _separates_right_from_wrong(
        context, scale, best, answer_format=found[best][0], right=means[best]
    ):
        findings = [
            WIRE_SHAPES.finding(
                Severity.FAIL,
                f"Right answers score as they should with {best.name}, and not as the event is configured.",
                measured=measured,
                threshold=f"at least {ACCEPTED_SHARE:g} times the best",
                fix=best.fix,
                value=here,
                examples=[configured[0].example(_describe_reference(context, configured[0]))],
            )
        ]
    elif here <= 0:
        yield WIRE_SHAPES.not_measured("No layout of the event makes right answers score: see S3.")
        return
    else:
        findings = _single_layout_findings(context, means)
    findings += _without_fields_findings(context, scale)
    if findings and not faults and context.depends_on_batch:
        yield WIRE_SHAPES.not_measured(BATCH_DEPENDENT)
        return
    yield from findings or [
        WIRE_SHAPES.ok("Right answers score in every published shape.", measured=measured, value=here)
    ]


def _results_by_layout(context: ProbeContext) -> dict[EventLayout, tuple[str, list[CaseResult]]]:
    """Ask for right answers in the configured layout, and in each that differs from it on these records.

    Where they score nothing in it every format is tried, for it may be the format that is at fault; of each layout the
    best format is returned, empty for each row's own, and the answers in it.
    """
    own = context.right_results_in_own_format
    scoring = score_scale(context, own).mean_of_all(own) > 0
    rows, formats = (
        (context.row_subset, ("",)) if scoring else (context.row_subset[:_FEWER_ROWS], ("", *FORMAT.actions))
    )
    usual = [
        (row, context.invoker.build_element(Case(label="", record=row.record, text=""), rollout_id="")) for row in rows
    ]
    layouts = [
        CONFIGURED_LAYOUT,
        *(
            layout
            for layout in other_layouts(context.settings.grading)
            if any(layout.transform(row, element) != element for row, element in usual)
        ),
    ]
    cases = {
        (layout, name): [
            Case(
                label=f"right answer with {layout.name}",
                record=row.record,
                text=row.write_response(row.reference.value, answer_format=name),
                transform=layout.transform_for(row),
            )
            for row in rows
        ]
        for layout in layouts
        for name in formats
    }
    answers = iter(context.invoker.score([case for some in cases.values() for case in some]))
    asked = {key: [next(answers) for _ in some] for key, some in cases.items()}
    scale = score_scale(context, *asked.values())
    best = {layout: max(formats, key=lambda name: scale.mean_of_all(asked[layout, name])) for layout in layouts}
    return {layout: (name, asked[layout, name]) for layout, name in best.items()}


def _separates_right_from_wrong(
    context: ProbeContext, scale: ScoreScale, layout: EventLayout, *, answer_format: str, right: float
) -> bool:
    """Say whether right answers beat wrong ones with a layout, so that it is not merely any answer that scores."""
    cases = [
        Case(
            label=f"wrong answer with {layout.name}",
            record=row.record,
            text=row.write_response(row.wrong_value, answer_format=answer_format, wrong=True),
            transform=layout.transform_for(row),
        )
        for row in context.row_subset
    ]
    return scale.mean_of_all(context.invoker.score(cases)) < ACCEPTED_SHARE * right


def _single_layout_findings(context: ProbeContext, means: Mapping[EventLayout, float]) -> list[Finding]:
    """Return that right answers score in one of the two published events alone."""
    scores = {layout.event_shape: mean for layout, mean in means.items()} | {
        context.settings.grading.event_shape: means[CONFIGURED_LAYOUT]
    }
    # A layout that was not asked for is no different from the configured one on these records.
    root, metadata = (
        scores.get(event, means[CONFIGURED_LAYOUT]) for event in (EventShape.SAMPLE, EventShape.DOCUMENTED)
    )
    if min(root, metadata) >= ACCEPTED_SHARE * max(root, metadata):
        return []
    place = "at the root of each element" if root > metadata else "under metadata"
    return [
        WIRE_SHAPES.finding(
            Severity.INFO,
            f"The function relies on the record's fields {place}, where the default event has them.",
            measured=f"{root:.2f} with fields at the root alone, {metadata:.2f} with fields under metadata alone",
            value=min(root, metadata),
        )
    ]


def _without_fields_findings(context: ProbeContext, scale: ScoreScale) -> list[Finding]:
    """Return what becomes of the score when a record brings nothing but its messages."""

    def asked(
        label: str, texts: Sequence[str], *, altered: ElementTransform | None = without_fields
    ) -> tuple[CaseResult, ...]:
        return context.invoker.score(
            [
                Case(label=label, record=row.record, text=text, transform=altered)
                for row, text in zip(context.row_subset, texts, strict=True)
            ]
        )

    right = asked("right answer, no reference", [row.right_response for row in context.row_subset])
    wrong = asked("wrong answer, no reference", [row.wrong_response for row in context.row_subset])
    usual, now = scale.mean_of_all(context.wrong_results), scale.mean_of_all(wrong)
    # Where wrong answers are fined with less than 0, saying nothing scores more, and they may score that here.
    fines = scale.lowest < 0 and now > usual + MAX_GAIN
    silence = scale.mean_of_all(asked("empty response", [""] * len(wrong), altered=None)) if fines else usual
    if now > max(usual, min(silence, ACCEPTED_SHARE * scale.mean_of_all(context.right_results))) + MAX_GAIN:
        most = max(wrong, key=lambda answer: scale.lowest if answer.score is None else answer.score)
        return [
            WIRE_SHAPES.finding(
                Severity.WARN,
                "Without a reference wrong answers score more than with one.",
                measured=f"{now:.2f}, and {usual:.2f} with it{scale.note}",
                threshold=f"at most {MAX_GAIN:g} more",
                fix="Score 0.0 where the reference cannot be read, or better, fail loudly while you test.",
                value=now,
                examples=[most.example("the element brings nothing of the record but its messages")],
            )
        ]
    right_now, right_usual = scale.mean_of_all(right), scale.mean_of_all(context.right_results)
    if right_now <= max(usual, now) + MAX_GAIN or right_now < ACCEPTED_SHARE * right_usual:
        return []
    return [
        WIRE_SHAPES.finding(
            Severity.INFO,
            "The score does not come from the record's fields: right answers score without them too.",
            measured=f"{right_now:.2f}, and {right_usual:.2f} with them{scale.note}",
            value=right_now,
        )
    ]


def _describe_reference(context: ProbeContext, result: CaseResult) -> str:
    """Say what the element holds as its reference, in the place where the configured event has it."""
    element = context.invoker.build_element(replace(result.case, transform=None), rollout_id="")
    held = "reference_answer" if "reference_answer" in element else "metadata"
    return f"{held}: {excerpt(json.dumps(element.get(held), ensure_ascii=False))}"
