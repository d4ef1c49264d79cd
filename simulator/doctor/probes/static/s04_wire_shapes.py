"""S4: check that the function reads the reference as it arrives in the event."""

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
"""A layout is accepted when it scores at least this share of the best layout's score (INFERRED)."""

MAX_GAIN: Final = 0.05
"""A wrong answer may score this much more without a reference than with one. INFERRED: it covers noise only."""

_FEWER_ROWS: Final = 4  # where every layout is tried in every format

WIRE_SHAPES: Final = Probe(
    id="S4",
    name="wire shapes",
    question="Does the function read the reference from the place and in the shape that the event has?",
    measured=(
        "Right answers are scored in the configured layout of the event, then in the layout of each published source. "
        "The record's fields are at the root, under metadata, or in both places. A string reference is a plain string, "
        '{"text": ...} or {"final_answer": ...}. An error in the configured layout is a failure. A mean score under '
        f"{ACCEPTED_SHARE:g} times the highest mean score of the other layouts is also a failure. Wrong answers are "
        "also sent in an element without the record's fields. It is a warning when this raises their score by more "
        f"than {MAX_GAIN:g}. If the function works in only one published layout, the severity is info, because the "
        "default event contains both layouts."
    ),
    means=(
        "A function that reads the reference from the wrong field gets no reference, and then every right answer "
        "scores 0. The published handlers disagree about the field, and Bedrock reports no error: rewards stay at 0."
    ),
    remedy=(
        'Read event[i]["reference_answer"], else event[i]["metadata"]["reference_answer"]. If that is an object with '
        '"text", use the text.'
    ),
    source=(
        'DOCUMENTED: fields under metadata. SAMPLE: Amazon\'s handler reads the root, and the "text" of a string '
        "reference. INFERRED: the failure threshold is a share and not exactly 0. It therefore also finds functions "
        "that give part of the score for the format."
    ),
)


def check_wire_shapes(context: ProbeContext) -> Iterator[Finding]:
    """S4: score right answers in each layout of the event."""
    if not context.row_subset:
        yield WIRE_SHAPES.not_measured("No right answer was found in the records: see S3.")
        return
    best_results = _results_by_layout(context)
    results = {layout: layout_results for layout, (_, layout_results) in best_results.items()}
    configured_results = results[CONFIGURED_LAYOUT]
    scale = score_scale(context, *results.values())
    means = {layout: scale.mean_of_all(layout_results) for layout, layout_results in results.items()}
    configured_mean = means[CONFIGURED_LAYOUT]
    best_layout = max(means, key=lambda layout: means[layout])
    measured = ", ".join(f"{mean:.2f} with {layout.name}" for layout, mean in means.items()) + scale.note
    errors = [result for result in configured_results if result.error]
    if errors:
        ok_layout = next(
            (
                layout
                for layout, layout_results in results.items()
                if not any(result.error for result in layout_results)
            ),
            None,
        )
        findings = [
            WIRE_SHAPES.finding(
                Severity.FAIL,
                "The function gives right answers no score in the configured event.",
                measured=f"{len(errors)} of {len(configured_results)}",
                threshold="none",
                fix=ok_layout.fix
                if ok_layout
                else "Correct the function in the line of the error. It fails in every layout of the event.",
                examples=[errors[0].example(_describe_reference(context, errors[0]))],
            )
        ]
    elif configured_mean < ACCEPTED_SHARE * means[best_layout] and _separates_right_from_wrong(
        context, scale, best_layout, answer_format=best_results[best_layout][0], right_mean=means[best_layout]
    ):
        findings = [
            WIRE_SHAPES.finding(
                Severity.FAIL,
                f"Right answers score with {best_layout.name}, but not in the configured event.",
                measured=measured,
                threshold=f"at least {ACCEPTED_SHARE:g} times the best",
                fix=best_layout.fix,
                value=configured_mean,
                examples=[configured_results[0].example(_describe_reference(context, configured_results[0]))],
            )
        ]
    elif configured_mean <= 0:
        yield WIRE_SHAPES.not_measured("Right answers score in no layout of the event: see S3.")
        return
    else:
        findings = _single_layout_findings(context, means)
    findings += _without_fields_findings(context, scale)
    if findings and not errors and context.depends_on_batch:
        yield WIRE_SHAPES.not_measured(BATCH_DEPENDENT)
        return
    yield from findings or [
        WIRE_SHAPES.ok("Right answers score in every published layout.", measured=measured, value=configured_mean)
    ]


def _results_by_layout(context: ProbeContext) -> dict[EventLayout, tuple[str, list[CaseResult]]]:
    """Score right answers in the configured layout, and in each that differs from it on these records.

    When they score nothing in the configured layout, every format is tried, because the format may be the reason.

    Returns:
        for each layout its best format, empty for each row's own, and the results in that format.
    """
    own_results = context.right_results_in_own_format
    scores_in_own_format = score_scale(context, own_results).mean_of_all(own_results) > 0
    rows, formats = (
        (context.row_subset, ("",))
        if scores_in_own_format
        else (context.row_subset[:_FEWER_ROWS], ("", *FORMAT.actions))
    )
    elements = [
        (row, context.invoker.build_element(Case(label="", record=row.record, text=""), rollout_id="")) for row in rows
    ]
    layouts = [
        CONFIGURED_LAYOUT,
        *(
            layout
            for layout in other_layouts(context.settings.grading)
            if any(layout.transform(row, element) != element for row, element in elements)
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
    all_results = iter(context.invoker.score([case for group in cases.values() for case in group]))
    results = {key: [next(all_results) for _ in group] for key, group in cases.items()}
    scale = score_scale(context, *results.values())
    best_formats = {
        layout: max(formats, key=lambda name: scale.mean_of_all(results[layout, name])) for layout in layouts
    }
    return {layout: (name, results[layout, name]) for layout, name in best_formats.items()}


def _separates_right_from_wrong(
    context: ProbeContext, scale: ScoreScale, layout: EventLayout, *, answer_format: str, right_mean: float
) -> bool:
    """Return whether right answers beat wrong ones in a layout. Otherwise any answer may score there."""
    cases = [
        Case(
            label=f"wrong answer with {layout.name}",
            record=row.record,
            text=row.write_response(row.wrong_value, answer_format=answer_format, wrong=True),
            transform=layout.transform_for(row),
        )
        for row in context.row_subset
    ]
    return scale.mean_of_all(context.invoker.score(cases)) < ACCEPTED_SHARE * right_mean


def _single_layout_findings(context: ProbeContext, means: Mapping[EventLayout, float]) -> list[Finding]:
    """Return a finding when right answers score in only one of the two published events."""
    configured_mean = means[CONFIGURED_LAYOUT]
    by_shape = {layout.event_shape: mean for layout, mean in means.items()} | {
        context.settings.grading.event_shape: configured_mean
    }
    # A layout without a mean equals the configured one on these records.
    root, metadata = (by_shape.get(shape, configured_mean) for shape in (EventShape.SAMPLE, EventShape.DOCUMENTED))
    if min(root, metadata) >= ACCEPTED_SHARE * max(root, metadata):
        return []
    where = "at the root of each element" if root > metadata else "under metadata"
    return [
        WIRE_SHAPES.finding(
            Severity.INFO,
            f"The function needs the record's fields {where}, where the default event has them.",
            measured=f"{root:.2f} with fields at the root alone, {metadata:.2f} with fields under metadata alone",
            value=min(root, metadata),
        )
    ]


def _without_fields_findings(context: ProbeContext, scale: ScoreScale) -> list[Finding]:
    """Return how the scores change when an element has no field of the record but its messages."""

    def score(
        label: str, texts: Sequence[str], *, transform: ElementTransform | None = without_fields
    ) -> tuple[CaseResult, ...]:
        return context.invoker.score(
            [
                Case(label=label, record=row.record, text=text, transform=transform)
                for row, text in zip(context.row_subset, texts, strict=True)
            ]
        )

    right = score("right answer, no reference", [row.right_response for row in context.row_subset])
    wrong = score("wrong answer, no reference", [row.wrong_response for row in context.row_subset])
    usual_wrong_mean, wrong_mean = scale.mean_of_all(context.wrong_results), scale.mean_of_all(wrong)
    usual_right_mean, right_mean = scale.mean_of_all(context.right_results), scale.mean_of_all(right)
    # Where wrong answers are penalized below 0, an empty response scores more, and they may score as much here.
    is_penalized = scale.lowest < 0 and wrong_mean > usual_wrong_mean + MAX_GAIN
    empty_mean = (
        scale.mean_of_all(score("empty response", [""] * len(wrong), transform=None))
        if is_penalized
        else usual_wrong_mean
    )
    if wrong_mean > max(usual_wrong_mean, min(empty_mean, ACCEPTED_SHARE * usual_right_mean)) + MAX_GAIN:
        highest = max(wrong, key=lambda result: scale.lowest if result.score is None else result.score)
        return [
            WIRE_SHAPES.finding(
                Severity.WARN,
                "Wrong answers score more without a reference than with one.",
                measured=f"{wrong_mean:.2f}, and {usual_wrong_mean:.2f} with it{scale.note}",
                threshold=f"at most {MAX_GAIN:g} more",
                fix="Score 0.0 where the reference cannot be read, or better, raise an error while you test.",
                value=wrong_mean,
                examples=[highest.example("the element has no other field of the record than its messages")],
            )
        ]
    if right_mean <= max(usual_wrong_mean, wrong_mean) + MAX_GAIN or right_mean < ACCEPTED_SHARE * usual_right_mean:
        return []
    return [
        WIRE_SHAPES.finding(
            Severity.INFO,
            "The score does not depend on the record's fields: right answers score without them too.",
            measured=f"{right_mean:.2f}, and {usual_right_mean:.2f} with them{scale.note}",
            value=right_mean,
        )
    ]


def _describe_reference(context: ProbeContext, result: CaseResult) -> str:
    """Return the reference of the configured element, as JSON, with its field."""
    element = context.invoker.build_element(replace(result.case, transform=None), rollout_id="")
    field = "reference_answer" if "reference_answer" in element else "metadata"
    return f"{field}: {excerpt(json.dumps(element.get(field), ensure_ascii=False))}"
