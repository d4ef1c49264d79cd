"""Our own reading of a response that somebody else wrote: is its answer right? The hidden truth of recorded responses.

It is lenient about everything but the value: any of the usual ways to mark an answer, any spelling of the same number,
label or JSON. Amazon's and other strict graders fail right answers for their form; a truth that did so too would agree
with them and show nothing. Where the kind of answer allows no sure reading (a program, free text) it compares the
words, and right answers in other words are read as wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from simulator.training.json_check import is_json_correct
from simulator.training.label_check import is_boolean_correct, is_label_correct
from simulator.training.number_check import is_number_correct
from simulator.training.reference_answer import AnswerKind, ReferenceAnswer
from simulator.training.text_check import is_code_correct, is_text_correct
from simulator.training.unicode_normalization import normalize_unicode

# A response may be as long as its server let it become, and made of anything: the answer stands at its end, and the
# patterns below bound each run of white space, so that none takes more than a moment.
_MAX_CHARACTERS: Final = 20_000


def is_correct(text: str, reference: ReferenceAnswer, *, labels: Sequence[str] = ()) -> bool:
    """Return whether a response gives the right answer, in whatever form.

    Args:
        text: the response, without the thinking.
        reference: the right answer; of the kind `none`, nothing is right.
        labels: every label of the file: a response that names several has not chosen.
    """
    looked_at = normalize_unicode(text[-_MAX_CHARACTERS:]).strip()
    if not looked_at:
        return False
    return _CHECKS[reference.kind](looked_at, reference, labels)


def _is_never_correct(_text: str, _gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
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
