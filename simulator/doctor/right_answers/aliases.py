"""Lists of which every element is a right answer, such as the names of a thing."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource
from simulator.doctor.right_answers.record_fields import fields_of, name_of
from simulator.training.dataset import Json, Record
from simulator.training.reference_answer import ReferenceAnswer, classify_answer, find_value

ALIAS_NAMES: Final = (
    *("aliases", "answers", "acceptable", "acceptable_answers", "accepted", "accepted_answers", "correct_answers"),
    *("targets", "valid_answers", "possible_answers", "answer_list", "golden_answers", "gold_answers", "references"),
    *("ground_truths", "names", "labels", "normalized_aliases", "variants", "alternatives", "synonyms"),
)
"""Names of such lists. A list with another name is tried after these."""

_MAX_LISTS: Final = 4
_POSITIONS: Final = ("first", "last")  # lists of a few words often have the plainest at one of their ends


def alias_sources(records: Sequence[Record]) -> Iterator[AnswerSource]:
    """Yield sources for the elements of each list of short answers, the likeliest list first."""
    paths: dict[str, None] = {}
    for record in records:
        paths |= dict.fromkeys(path for path, value in fields_of(record) if _is_answer_list(value))
    ranked = sorted(paths, key=lambda path: name_of(path) not in ALIAS_NAMES)
    for path in ranked[:_MAX_LISTS]:
        for position in _POSITIONS:
            yield AnswerSource(
                name=f"the {position} elements of {path}",
                read=partial(_read_alias, path=path, is_last=position == "last"),
                confirm=f"Confirm it: --solution {path}." if position == "first" else "",
            )


def _is_answer_list(value: Json) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in value)
    )


def _read_alias(record: Record, *, path: str, is_last: bool) -> ReferenceAnswer:
    """Return one element as the answer. The others are right too."""
    values = find_value(record.fields, path)
    if not isinstance(values, list) or not _is_answer_list(values):
        return UNKNOWN
    index = len(values) - 1 if is_last else 0
    answer = classify_answer(values[index], f"{path}.{index}")
    if answer.kind != "label":
        return answer
    return replace(answer, others=tuple(item for item in values if isinstance(item, str) and item != answer.text))
