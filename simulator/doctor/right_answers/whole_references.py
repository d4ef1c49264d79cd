"""References that are criteria, and that score all the same when a response repeats them."""

from collections.abc import Iterator

from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource, text_answer
from simulator.doctor.right_answers.record_fields import REFERENCE_FIELD
from simulator.training.dataset import Record
from simulator.training.reference_answer import ReferenceAnswer


def reference_sources() -> Iterator[AnswerSource]:
    """Yield a source of the reference as a text.

    A part of it may be enough, and other responses may be right too. So it has the kind `text`, whatever it holds.
    """
    yield AnswerSource(name="the references themselves", read=_read_reference, has_labels=False)


def _read_reference(record: Record) -> ReferenceAnswer:
    value = record.fields.get(REFERENCE_FIELD)
    if value in (None, "", [], {}):
        return UNKNOWN
    return text_answer(value, REFERENCE_FIELD)
