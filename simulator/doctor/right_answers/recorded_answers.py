"""The recorded responses of a real model that score most, as right answers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource, response_answer
from simulator.doctor.right_answers.worked_answers import marked_answer
from simulator.training.dataset import Record
from simulator.training.reference_answer import ReferenceAnswer

_PATH = "a recorded response"


def recorded_sources(best_responses: Mapping[int, str]) -> Iterator[AnswerSource]:
    """Yield sources of the best response of each line: the answer that it marks, and the whole response."""

    def read_marked(record: Record) -> ReferenceAnswer:
        return marked_answer(best_responses.get(record.line), _PATH)

    def read_response(record: Record) -> ReferenceAnswer:
        text = best_responses.get(record.line)
        return UNKNOWN if text is None else response_answer(text, _PATH)

    source = AnswerSource(name="the recorded responses that score most", read=read_marked, has_labels=False)
    yield source
    yield replace(source, read=read_response)
