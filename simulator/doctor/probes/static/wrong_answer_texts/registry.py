"""Every kind of wrong answer, by the kind of task."""

from collections.abc import Mapping
from typing import Final

from simulator.doctor.probes.static.wrong_answer_texts.labels import WRONG_LABELS
from simulator.doctor.probes.static.wrong_answer_texts.numbers import WRONG_NUMBERS
from simulator.doctor.probes.static.wrong_answer_texts.objects import WRONG_OBJECTS
from simulator.doctor.probes.static.wrong_answer_texts.programs import WRONG_PROGRAMS
from simulator.doctor.probes.static.wrong_answer_texts.wrong_answer import (
    WrongAnswer,
    answer_of_another_row,
    evasive_answer,
)
from simulator.training.reference_answer import AnswerKind

WRONG_ANSWERS: Final[Mapping[AnswerKind, tuple[WrongAnswer, ...]]] = {
    "number": WRONG_NUMBERS,
    "label": WRONG_LABELS,
    "boolean": WRONG_LABELS,
    "json": WRONG_OBJECTS,
    "code": WRONG_PROGRAMS,
    "text": (
        WrongAnswer(name="evasive", write=evasive_answer),
        WrongAnswer(name="another row's", write=answer_of_another_row),
    ),
    "none": (),
}
"""Wrong answers by the kind of task. Every kind also has an almost right answer, `Row.wrong_response`."""
