"""Checks whether a response of a real model is right: the ground truth of recorded responses.

The check is lenient about everything but the value: it accepts the usual ways to mark an answer and any spelling of the
same number, label or JSON. Strict reward functions, such as Amazon's, fail right answers for their form, and the ground
truth must detect that. For programs and free text the check compares the words, so right answers in other words are
wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from simulator.training.json_check import is_json_correct
from simulator.training.label_check import is_boolean_correct, is_label_correct
from simulator.training.number_check import is_number_correct
from simulator.training.reference_answer import AnswerKind, ReferenceAnswer
from simulator.training.requested_format import RequestedFormat
from simulator.training.response_template import ResponseTemplate
from simulator.training.text_check import is_code_correct, is_text_correct
from simulator.training.unicode_normalization import normalize_unicode

# Responses can be very long, and the answer is at the end. The patterns of the checks bound each run of white space, so
# that none of them takes long.
_MAX_CHARACTERS: Final = 20_000
# INFERRED: a response may correct itself, but more answers than this are guesses.
_MAX_ANSWERS: Final = 3


def is_correct(
    text: str,
    reference: ReferenceAnswer,
    *,
    labels: Sequence[str] = (),
    requested_format: RequestedFormat | None = None,
) -> bool:
    """Return whether a response gives the right answer, in any form.

    Args:
        text: the response, without the reasoning.
        reference: the right answer; for the kind `none`, no response is right.
        labels: all labels of the file: a response that names several of them is wrong.
        requested_format: what the prompt asks for. Where a response has the places of its template, only what is in the
            place of the answer counts.
    """
    ending = normalize_unicode(text[-_MAX_CHARACTERS:]).strip()
    template = requested_format.template if requested_format is not None else None
    if template is not None:
        in_place = _find_answer_in_place(ending, template, is_list=isinstance(reference.value, list))
        if in_place is not None:
            ending = in_place
    if not ending:
        return False
    check = _CHECKS[reference.kind]
    others = (replace(reference, value=other, text=other) for other in reference.others)
    return any(check(ending, right, labels) for right in (reference, *others))


def _find_answer_in_place(text: str, template: ResponseTemplate, *, is_list: bool) -> str | None:
    """Return what stands in the answer's place, or the text after the work; None for a response without the places.

    Several tool calls are joined to a list if the reference is one.
    """
    work_end = template.after_work.strip()
    after_work = text.rpartition(work_end)[2].strip() if work_end and work_end in text else ""
    answers = template.find_answers(after_work or text)
    if not answers:
        return after_work or None
    if template.is_repeated and is_list:
        return f"[{', '.join(answers)}]"
    return answers[-1] if len(set(answers)) <= _MAX_ANSWERS else ""  # a list of guesses


def _is_never_correct(_text: str, _reference: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    return False


_CHECKS: Final[Mapping[AnswerKind, Callable[[str, ReferenceAnswer, Sequence[str]], bool]]] = {
    "number": is_number_correct,
    "boolean": is_boolean_correct,
    "label": is_label_correct,
    "json": is_json_correct,
    "code": is_code_correct,
    "text": is_text_correct,
    "none": _is_never_correct,
}
