"""Our own reading of a response that somebody else wrote: is its answer right? The hidden truth of recorded responses.

It is lenient about everything but the value: any of the usual ways to mark an answer, any spelling of the same number,
label or JSON. Amazon's and other strict graders fail right answers for their form; a truth that did so too would agree
with them and show nothing. Where the kind of answer allows no sure reading (a program, free text) it compares the
words, and right answers in other words are read as wrong.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from simulator.training.dataset import Json
from simulator.training.program_comparison import extract_python, is_same_program
from simulator.training.reference_answer import AnswerKind, ReferenceAnswer
from simulator.training.unicode_normalization import normalize_unicode

# A response may be as long as its server let it become, and made of anything: the answer stands at its end, and the
# patterns below bound each run of white space, so that none takes more than a moment.
_MAX_CHARACTERS: Final = 20_000
# INFERRED: one may correct oneself, but whoever gives more answers than this hopes that one will do.
_MOST_ANSWERS: Final = 3
# INFERRED: how much of the words must agree, by F1, for free text to say the same.
_SAME_WORDS: Final = 0.7
_MOST_DIGITS: Final = 40

_ANSWER_KEYS: Final = ("final_answer", "answer", "label", "category", "class", "result", "value", "output")
_FENCE: Final = re.compile(r"```[\w+-]*\n(.*?)```", re.DOTALL)
_BOXED: Final = re.compile(r"\\boxed ?\{((?:[^{}]|\{[^{}]*\})*)\}")
_MARKERS: Final = (
    re.compile(r"####[ \t]{0,9}(?:\n[ \t]{0,9})?([^\n#]*[^\s#])"),
    _BOXED,
    re.compile(r"<answer>(.{0,2000}?)</answer>", re.DOTALL | re.IGNORECASE),
    re.compile(
        r"(?im)\b(?:final |correct )?answer(?:\*\*)?\s{0,2}(?::|=|\bis\b:?)(?:\*\*)?"
        r"[ \t]{0,9}(?:\n[ \t]{0,9})?(\S[^\n]*)"
    ),
)
_BOLD: Final = re.compile(r"\*\*([^*\n]+)\*\*")
# LaTeX's digit grouping, and a space or an underscore where others put a comma.
_GROUPING: Final = re.compile(r"(?<=\d)(?:\{,\}|\\,|,|[ _](?=\d{3}(?:\D|$)))(?=\d)")
_FRACTION: Final = re.compile(r"\\[dt]?frac\s*\{([^{}]+)\}\s*\{([^{}]+)\}")
_NUMBER: Final = re.compile(
    r"(?<![\w.])(?P<sign>[-+\u2212]?)(?:\\?[$€£¥₹]\s?)?(?P<minus>[-\u2212]?)"
    r"(?P<digits>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3})?)(?:\s?/\s?(?P<under>\d+(?:\.\d+)?)(?![\d/]))?"
)
_TRAILING_COMMA: Final = re.compile(r",(?=\s*[}\]])")
_OPENING: Final = re.compile(r"[{\[]")
_DECODER: Final = json.JSONDecoder()
_MOST_BRACKETS: Final = 200  # a text of nothing but brackets is looked into so far
_WORD: Final = re.compile(r"\w+")
_TRUE, _FALSE = frozenset({"yes", "true"}), frozenset({"no", "false"})
_BOOLEAN: Final = re.compile(r"\b(?:yes|no|true|false)\b")


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


def find_marked_answers(text: str) -> list[str]:
    """Return what a response itself marks as its answer: by the surest sort of mark that it uses, in its order."""
    held = _json_answer(text)
    if held is not None:
        return [held]
    for pattern in _MARKERS:
        if found := pattern.findall(text):
            return [answer.strip() for answer in found]
    last = _last_line(text)
    return [answer.strip() for answer in _BOLD.findall(last)]


def _json_answer(text: str) -> str | None:
    """Return the answer that a JSON object holds, if the response is one."""
    for candidate in (*reversed(_FENCE.findall(text)), text, _last_line(text)):
        if candidate.lstrip()[:1] != "{":
            continue
        value = next(_values(candidate), None)
        if isinstance(value, dict) and value:
            named = [value[name] for name in _ANSWER_KEYS if name in value]
            answer = named[0] if named else next(reversed(value.values())) if len(value) == 1 else None
            if answer is not None and not isinstance(answer, dict | list):
                return answer if isinstance(answer, str) else json.dumps(answer)
    return None


def _last_line(text: str) -> str:
    return text.rsplit("\n", 1)[-1].strip()


# --- numbers


def _is_number_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    wanted = _decimal(_plain(gold.text)) if gold.text else None
    marked = [numbers[0] for answer in find_marked_answers(text) if (numbers := _numbers(answer))]
    if len(set(marked)) > _MOST_ANSWERS:
        return False
    given = marked or _numbers(_last_line(text)) or _numbers(text)
    return wanted is not None and bool(given) and _same_number(given[-1], wanted)


def _numbers(text: str) -> list[Decimal]:
    plain = _plain(text)
    # "12 * 3 = 36" comes to 36.
    side = plain.rpartition("=")[2]
    found = [number for match in _NUMBER.finditer(side) if (number := _value(match)) is not None]
    return found or [number for match in _NUMBER.finditer(plain) if (number := _value(match)) is not None]


def _plain(text: str) -> str:
    return _GROUPING.sub("", _FRACTION.sub(r"\1/\2", text).replace("\\$", "$").replace("**", ""))


def _decimal(text: str) -> Decimal | None:
    match = _NUMBER.search(text)
    return _value(match) if match else None


def _value(match: re.Match[str]) -> Decimal | None:
    if len(match["digits"]) > _MOST_DIGITS:
        return None
    try:
        value = Decimal(match["digits"])
        if match["under"]:
            value /= Decimal(match["under"])
    except (InvalidOperation, ZeroDivisionError):
        return None
    negative = any(match[name] not in ("", "+") for name in ("sign", "minus"))
    return -value if negative else value


def _same_number(given: Decimal, wanted: Decimal) -> bool:
    """Compare; of a reference with decimals, more of them than it has may follow where it was rounded."""
    if given == wanted:
        return True
    places = wanted.as_tuple().exponent
    return isinstance(places, int) and places < 0 and abs(given - wanted) * 2 <= Decimal(1).scaleb(places)


# --- labels and booleans


def _is_label_correct(text: str, gold: ReferenceAnswer, labels: Sequence[str]) -> bool:
    wanted = _words(gold.text)
    others = [words for label in labels if (words := _words(label)) != wanted]
    for segment in _segments(text):
        given = _words(segment)
        # A label that holds another one ("not urgent", "urgent") is looked for first, and taken out.
        named = set()
        for words in sorted([wanted, *others], key=len, reverse=True):
            if f" {words} " in f" {given} ":
                named.add(words)
                given = f" {given} ".replace(f" {words} ", " | ").strip()
        if named:
            return named == {wanted} and f" not {wanted} " not in f" {_words(segment)} "
    return False


def _is_boolean_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    wanted = gold.text.casefold() in _TRUE
    for segment in _segments(text):
        found = _BOOLEAN.findall(segment.casefold())
        if found:
            # "Yes, there is no doubt" begins with the answer; "there is no doubt that it is true" ends with it.
            begins = _words(segment).partition(" ")[0]
            answer = begins if begins in _TRUE | _FALSE else found[-1]
            return (answer in _TRUE) == wanted
    return False


def _segments(text: str) -> Iterator[str]:
    """Yield where a short answer may stand, the surest place first."""
    yield from reversed(find_marked_answers(text)[-1:])
    yield _last_line(text)
    yield text.split("\n", 1)[0]


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold().replace("_", " ")))


# --- JSON


def _is_json_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    values = list(_values(_TRAILING_COMMA.sub("", text)))
    if not values and '"' not in text:
        values = list(_values(text.replace("'", '"')))
    alike = [value for value in values if type(value) is type(gold.value)]
    if not alike:
        return False
    if _json_matches(alike[-1], gold.value):
        return True
    # The one field of an object may hold the whole answer.
    return isinstance(alike[-1], dict) and [_json_matches(inner, gold.value) for inner in alike[-1].values()] == [True]


def _values(text: str) -> Iterator[Json]:
    """Yield the objects and lists that a response holds, in prose, fences or anything else, but not those within."""
    position = 0
    for _ in range(_MOST_BRACKETS):
        opening = _OPENING.search(text, position)
        if opening is None:
            return
        try:
            value, position = _DECODER.raw_decode(text, opening.start())
            yield value
        except (ValueError, RecursionError):
            position = opening.end()


def _json_matches(given: Json, wanted: Json) -> bool:
    """Compare values; what the reference does not ask for may be there too."""
    if isinstance(wanted, dict):
        return isinstance(given, dict) and all(
            name in given and _json_matches(given[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(given, list)
            and len(given) == len(wanted)
            and all(_json_matches(one, other) for one, other in zip(given, wanted, strict=True))
        )
    if isinstance(wanted, bool) or isinstance(given, bool):
        return _normalized_text(given) == _normalized_text(wanted)
    if isinstance(wanted, int | float) or isinstance(given, int | float):
        one, other = (_NUMBER.fullmatch(_plain(_normalized_text(value)).strip("%$ ")) for value in (given, wanted))
        return one is not None and other is not None and _value(one) == _value(other)
    return _normalized_text(given) == _normalized_text(wanted)


def _normalized_text(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return " ".join(normalize_unicode(text).casefold().split())


# --- programs and prose


def _is_code_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    return any(is_same_program(block, gold.text) for block in (*_FENCE.findall(text), extract_python(text)))


def _is_text_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    wanted, said = _words(gold.text), _words(text)
    if f" {wanted} " in f" {said} ":
        return True
    return any(
        _overlap(_words(answer).split(), wanted.split()) >= _SAME_WORDS
        for answer in (*find_marked_answers(text)[-1:], text)
    )


def _overlap(given: Sequence[str], wanted: Sequence[str]) -> float:
    """Return the F1 of two bags of words."""
    shared = (Counter(given) & Counter(wanted)).total()
    return 2 * shared / (len(given) + len(wanted)) if shared else 0.0


def _is_never_correct(_text: str, _gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    return False


_CHECKS: Final[Mapping[AnswerKind, Callable[[str, ReferenceAnswer, Sequence[str]], bool]]] = {
    "number": _is_number_correct,
    "boolean": _is_boolean_correct,
    "label": _is_label_correct,
    "json": _is_json_correct,
    "code": _is_code_correct,
    "text": _is_text_correct,
    "none": _is_never_correct,
}
