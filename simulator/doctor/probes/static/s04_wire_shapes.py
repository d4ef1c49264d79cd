"""S4 and S8: does the function read the event as it arrives, and the answer as the prompt asks for it?"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Answer, Case, Shape
from simulator.doctor.probe_context import Examination
from simulator.doctor.probes.static.event_layouts import CONFIGURED, Layout, other_layouts, without_fields
from simulator.doctor.probes.static.score_scale import ON_THE_BATCH, Scale, scale_of
from simulator.doctor.rows import Row
from simulator.grading.lambda_response import excerpt
from simulator.settings import EventShape
from simulator.training.policy_actions import FORMAT

SHARE: Final = 0.5
"""What scores at least this share of the best is taken for accepted (INFERRED)."""

CREDIT: Final = 0.05
"""So much more than with its reference may a wrong answer score without one. INFERRED: room for noise alone."""

UNASKED: Final = ("sentence", "bold", "bare", "boxed")
"""Formats that models use by themselves, where nobody asks for one. INFERRED from the base models' printed answers."""

_FEWER_ROWS: Final = 4  # where every shape is tried in every format

WIRE: Final = Probe(
    id="S4",
    name="wire shapes",
    question="Does the function read the reference as it arrives in the event?",
    measured=(
        "Right answers are scored with the event laid out as it is configured, then as each published source has it: "
        "fields at the root and under metadata, at the root alone, under metadata alone; a bare string reference "
        'wrapped as {"text": ...} or as it stands; the reference as {"final_answer": ...}. An error in the configured '
        f"shape is a failure, and so is a mean score under {SHARE:g} times the best other shape's. Without any field "
        f"of the record, a wrong answer that scores more than {CREDIT:g} above what wrong answers usually score is a "
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

FIT: Final = Probe(
    id="S8",
    name="format fit",
    question="Does the function accept the answer format that the prompt asks for?",
    measured=(
        f"Right answers are written in each of {len(FORMAT.actions)} formats. Accepted is what scores at least "
        f"{SHARE:g} times the best. It is a failure when the format that the prompt asks for is not accepted, and, "
        f"where the prompt asks for none, when none of those that models use by themselves is: the bare answer, a "
        "sentence, bold, or a box."
    ),
    means="The model does as it is told and scores nothing. What it learns then is to disobey the prompt.",
    remedy="Ask in the prompt for the format that the function reads, or read the one that the prompt asks for.",
    source="INFERRED, and so is which format a prompt asks for: it is told from its words.",
)


def wire_shapes(exam: Examination) -> Iterator[Finding]:
    """S4: score right answers under each layout of the event."""
    if not exam.few:
        yield WIRE.skipped("No right answer was found in the records: see S3.")
        return
    found = _by_layout(exam)
    answers = {layout: some for layout, (_, some) in found.items()}
    configured = answers[CONFIGURED]
    scale = scale_of(exam, *answers.values())
    means = {layout: scale.earned(some) for layout, some in answers.items()}
    here = means[CONFIGURED]
    best = max(means, key=lambda layout: means[layout])
    measured = ", ".join(f"{mean:.2f} with {layout.name}" for layout, mean in means.items()) + scale.note
    faults = [answer for answer in configured if answer.fault]
    if faults:
        sound = next((layout for layout, some in answers.items() if not any(one.fault for one in some)), None)
        findings = [
            WIRE.found(
                Severity.FAIL,
                "The function gives right answers no score as the event is configured.",
                measured=f"{len(faults)} of {len(configured)}",
                threshold="none",
                fix=sound.fix if sound else "Correct the function where the error says; no layout of the event helps.",
                exhibits=[faults[0].exhibit(_reference(exam, faults[0]))],
            )
        ]
    elif here < SHARE * means[best] and _tells_apart(
        exam, scale, best, answer_format=found[best][0], right=means[best]
    ):
        findings = [
            WIRE.found(
                Severity.FAIL,
                f"Right answers score as they should with {best.name}, and not as the event is configured.",
                measured=measured,
                threshold=f"at least {SHARE:g} times the best",
                fix=best.fix,
                value=here,
                exhibits=[configured[0].exhibit(_reference(exam, configured[0]))],
            )
        ]
    elif here <= 0:
        yield WIRE.skipped("No layout of the event makes right answers score: see S3.")
        return
    else:
        findings = _relied_on(exam, means)
    findings += _without_fields(exam, scale)
    if findings and not faults and exam.depends_on_batch:
        yield WIRE.skipped(ON_THE_BATCH)
        return
    yield from findings or [WIRE.fine("Right answers score in every published shape.", measured=measured, value=here)]


def format_fit(exam: Examination) -> Iterator[Finding]:
    """S8: hold the formats that are accepted against the one that each prompt asks for."""
    groups: dict[str, list[int]] = {}
    scale = scale_of(exam, *exam.by_format.values()) if exam.few else Scale()
    for place, row in enumerate(exam.few):
        groups.setdefault(row.task.asked.format, []).append(place)
    told = False
    for asked, places in groups.items():
        answers = {name: [exam.by_format[name][place] for place in places] for name in FORMAT.actions}
        means = {name: scale.earned(some) for name, some in answers.items()}
        best = max(means.values())
        if best <= 0:
            continue  # that nothing is accepted is S3's
        told = True
        accepted = [name for name in FORMAT.actions if means[name] >= SHARE * best]
        yield _fit(asked, accepted, answers, exam.few[places[0]])
    if not told:
        yield FIT.skipped("No format is accepted, so none can be held against the prompt: see S3.")


def _fit(asked: str, accepted: Sequence[str], answers: Mapping[str, Sequence[Answer]], row: Row) -> Finding:
    """Return the finding for the prompts that ask for one format, or for none."""
    measured = f"accepted: {', '.join(dict.fromkeys(repr(row.look(name)) for name in accepted))}"
    good = row.look(accepted[0])
    shown = answers[accepted[0]][0].exhibit("accepted")
    if asked == "none":
        if set(UNASKED) & set(accepted):
            return FIT.fine("The prompt asks for no format, and a usual one is accepted.", measured=measured)
        return FIT.found(
            Severity.FAIL,
            "The prompt asks for no format, and the function accepts none that a model would use by itself.",
            measured=measured,
            threshold=f"one of {', '.join(repr(row.look(name)) for name in UNASKED)}",
            fix=f"Ask in the prompt for the format that is accepted, {good!r}, or accept the usual ones.",
            exhibits=[answers[UNASKED[0]][0].exhibit("not accepted"), shown],
        )
    wanted = row.look(asked)
    if asked in accepted:
        return FIT.fine("The format that the prompt asks for is accepted.", measured=measured)
    return FIT.found(
        Severity.FAIL,
        f"The prompt asks for {wanted!r}, and the function accepts other formats alone.",
        measured=measured,
        threshold=f"{wanted!r} accepted",
        fix=f"Accept the format that the prompt asks for, or ask for {good!r}.",
        exhibits=[answers[asked][0].exhibit("asked for, not accepted"), shown],
    )


def _by_layout(exam: Examination) -> dict[Layout, tuple[str, list[Answer]]]:
    """Ask for right answers in the configured layout, and in each that differs from it on these records.

    Where they score nothing in it every format is tried, for it may be the format that is at fault; of each layout the
    best format is returned, empty for each row's own, and the answers in it.
    """
    own = [exam.by_format[row.answer_format][place] for place, row in enumerate(exam.few)]
    scoring = scale_of(exam, own).earned(own) > 0
    rows, formats = (exam.few, ("",)) if scoring else (exam.few[:_FEWER_ROWS], ("", *FORMAT.actions))
    usual = [(row, exam.ask.element(Case(label="", record=row.record, text=""), name="")) for row in rows]
    layouts = [
        CONFIGURED,
        *(
            layout
            for layout in other_layouts(exam.settings.grading)
            if any(layout.laid_out(row, element) != element for row, element in usual)
        ),
    ]
    cases = {
        (layout, name): [
            Case(
                label=f"right answer with {layout.name}",
                record=row.record,
                text=row.written(row.gold.value, answer_format=name),
                altered=layout.of(row),
            )
            for row in rows
        ]
        for layout in layouts
        for name in formats
    }
    answers = iter(exam.ask.asked([case for some in cases.values() for case in some]))
    asked = {key: [next(answers) for _ in some] for key, some in cases.items()}
    scale = scale_of(exam, *asked.values())
    best = {layout: max(formats, key=lambda name: scale.earned(asked[layout, name])) for layout in layouts}
    return {layout: (name, asked[layout, name]) for layout, name in best.items()}


def _tells_apart(exam: Examination, scale: Scale, layout: Layout, *, answer_format: str, right: float) -> bool:
    """Say whether right answers beat wrong ones with a layout, so that it is not merely any answer that scores."""
    cases = [
        Case(
            label=f"wrong answer with {layout.name}",
            record=row.record,
            text=row.written(row.wrong_value, answer_format=answer_format, wrong=True),
            altered=layout.of(row),
        )
        for row in exam.few
    ]
    return scale.earned(exam.ask.asked(cases)) < SHARE * right


def _relied_on(exam: Examination, means: Mapping[Layout, float]) -> list[Finding]:
    """Return that right answers score in one of the two published events alone."""
    scores = {layout.event: mean for layout, mean in means.items()} | {
        exam.settings.grading.event_shape: means[CONFIGURED]
    }
    # A layout that was not asked for is no different from the configured one on these records.
    root, metadata = (scores.get(event, means[CONFIGURED]) for event in (EventShape.SAMPLE, EventShape.DOCUMENTED))
    if min(root, metadata) >= SHARE * max(root, metadata):
        return []
    place = "at the root of each element" if root > metadata else "under metadata"
    return [
        WIRE.found(
            Severity.INFO,
            f"The function relies on the record's fields {place}, where the default event has them.",
            measured=f"{root:.2f} with fields at the root alone, {metadata:.2f} with fields under metadata alone",
            value=min(root, metadata),
        )
    ]


def _without_fields(exam: Examination, scale: Scale) -> list[Finding]:
    """Return what becomes of the score when a record brings nothing but its messages."""

    def asked(label: str, texts: Sequence[str], *, altered: Shape | None = without_fields) -> tuple[Answer, ...]:
        return exam.ask.asked(
            [
                Case(label=label, record=row.record, text=text, altered=altered)
                for row, text in zip(exam.few, texts, strict=True)
            ]
        )

    right = asked("right answer, no reference", [row.perfect for row in exam.few])
    wrong = asked("wrong answer, no reference", [row.wrong for row in exam.few])
    usual, now = scale.earned(exam.wrong), scale.earned(wrong)
    # Where wrong answers are fined with less than 0, saying nothing scores more, and they may score that here.
    fines = scale.lowest < 0 and now > usual + CREDIT
    silence = scale.earned(asked("empty response", [""] * len(wrong), altered=None)) if fines else usual
    if now > max(usual, min(silence, SHARE * scale.earned(exam.right))) + CREDIT:
        most = max(wrong, key=lambda answer: scale.lowest if answer.score is None else answer.score)
        return [
            WIRE.found(
                Severity.WARN,
                "Without a reference wrong answers score more than with one.",
                measured=f"{now:.2f}, and {usual:.2f} with it{scale.note}",
                threshold=f"at most {CREDIT:g} more",
                fix="Score 0.0 where the reference cannot be read, or better, fail loudly while you test.",
                value=now,
                exhibits=[most.exhibit("the element brings nothing of the record but its messages")],
            )
        ]
    right_now, right_usual = scale.earned(right), scale.earned(exam.right)
    if right_now <= max(usual, now) + CREDIT or right_now < SHARE * right_usual:
        return []
    return [
        WIRE.found(
            Severity.INFO,
            "The score does not come from the record's fields: right answers score without them too.",
            measured=f"{right_now:.2f}, and {right_usual:.2f} with them{scale.note}",
            value=right_now,
        )
    ]


def _reference(exam: Examination, answer: Answer) -> str:
    """Say what the element holds as its reference, in the place where the configured event has it."""
    element = exam.ask.element(replace(answer.case, altered=None), name="")
    held = "reference_answer" if "reference_answer" in element else "metadata"
    return f"{held}: {excerpt(json.dumps(element.get(held), ensure_ascii=False))}"
