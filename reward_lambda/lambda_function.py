"""Grades answers to word problems: is the number right, and does it stand after `####` as the prompt asked?

A rollout earns 1.0 when the last `####` is followed by the reference answer, and 0.0 otherwise. What training
teaches is mostly the format: base models are usually right and often forget the marker. `metrics_list` tells the two
apart: `correct` also counts a right answer that stands unmarked as the only number on the last line, `format` counts
any number after the marker.

Numbers are compared exactly, as fractions: `72`, `72.0`, `$72`, `**72**`, `72.`, `72 apples`, `144/2` and 72 in
full-width digits are one number, and `1,000` is `1000`. `####72`, and `####` with the number on the next line, both
count: they stand "after the marker". Only the last marker counts, a line with two numbers claims neither, and a
text that claims more than a handful of different numbers earns nothing, so listing candidates does not pay.

A rollout that cannot be read scores 0.0 and says so in `well_formed`; a reference that cannot be read matches
nothing and says so in `reference_readable`. One broken rollout never costs the others their score.

Run it by hand on a file of events:  python reward_lambda/lambda_function.py events.jsonl
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None

MARKER = "####"
MAX_DISTINCT_ANSWERS = 5  # Not 1: models correct themselves, and write headings such as `#### 2. Add the tips`.
MAX_NUMBER_LENGTH = 60  # Longer digit strings are no answer, and exact arithmetic on them costs time.

MAX_CELL_WIDTH = 48  # of the table that a run by hand prints

# Where an object holds its answer. Bedrock hands a bare string over as {"text": "<the string>"}.
REFERENCE_KEYS = ("answer", "final_answer", "value", "text")

# Full-width digits and signs, and the dashes that models write for a minus.
_PLAIN_CHARACTERS = str.maketrans(
    {chr(0xFF10 + digit): str(digit) for digit in range(10)}
    | dict(zip("\uff0c\uff0e\uff0d\uff0f\uff04", ",.-/$", strict=True))
    | dict.fromkeys("\u2212\u2013", "-")
)
# Greedy with nothing required after it, so the search never backtracks and stays linear on hostile text.
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_])(?:[0-9][0-9,]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2}(?![0-9]))?(?:/[0-9]+)?|\.[0-9]+)"
)
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])")
_BETWEEN_SIGN_AND_NUMBER = "\\$€£¥*_`"
# What may stand between the marker and the number: signs, currency, bold, a LaTeX box.
_LEADING_MARKS = re.compile(r"(?:\\boxed|[\W_])*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAnswer:
    """The number that a text offers as its answer.

    Attributes:
        number: its value, or None when the line is ambiguous.
        marked: whether it stands after `####`.
    """

    number: Fraction | None
    marked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What one rollout earned, and why.

    Attributes:
        id: the rollout's id as it came, a string from Bedrock; None when it had none.
        correct: whether the answer is the reference, marked or not.
        marked: whether an answer stands after the marker.
        well_formed: whether the rollout ends in an assistant message with text.
        answer: the number that the rollout claims; None when it claims none.
        reference: the right number; None when it could not be read.
        note: one line on what kept the rollout from scoring; empty when nothing did.
    """

    id: str | int | None
    correct: bool
    marked: bool
    well_formed: bool
    answer: Fraction | None
    reference: Fraction | None
    note: str

    @property
    def score(self) -> float:
        """The reward: 1.0 for the right number in the asked-for place, else 0.0."""
        return float(self.correct and self.marked)

    def as_result(self) -> dict[str, Json]:
        """Return the element that Bedrock expects back for this rollout, joined to it by `id`."""
        return {
            "id": self.id,
            "aggregate_reward_score": self.score,
            "metrics_list": [
                {"name": "correct", "value": float(self.correct), "type": "Reward"},
                {"name": "format", "value": float(self.marked), "type": "Reward"},
                {"name": "well_formed", "value": float(self.well_formed), "type": "Metric"},
                {"name": "reference_readable", "value": float(self.reference is not None), "type": "Metric"},
            ],
        }


def lambda_handler(event: Json, context: object) -> list[dict[str, Json]]:  # noqa: ARG001 - Lambda passes it.
    """Grade a batch of rollouts.

    Args:
        event: a JSON array of rollouts, or an object that holds one under `trajectories`. Each rollout has an
            `id`, `messages` that end in the assistant's answer, and a reference (see `read_reference`).
        context: Lambda's context; not used.

    Returns:
        One result per rollout, in the event's order. Never raises on a malformed rollout.
    """
    grades = [grade(rollout) for rollout in extract_rollouts(event)]
    # One line a batch. Printing the event would fill CloudWatch Logs with some 30 kB a step.
    print(render_summary(grades))
    return [one.as_result() for one in grades]


def extract_rollouts(event: Json) -> Sequence[Json]:
    """Return the rollouts of an event; an object without `trajectories` is taken for a single rollout."""
    if isinstance(event, Mapping):
        trajectories = event.get("trajectories")
        return trajectories if isinstance(trajectories, list) else [event]
    return event if isinstance(event, list) else []


def grade(rollout: Json) -> Grade:
    """Grade one rollout, whatever JSON value it is."""
    if not isinstance(rollout, Mapping):
        return _malformed(id=None, reference=None, note="the rollout is not a JSON object")
    given_id, reference = rollout.get("id"), parse_reference(rollout)
    rollout_id = given_id if isinstance(given_id, str | int) else None
    text = extract_answer_text(rollout)
    if text is None:
        return _malformed(id=rollout_id, reference=reference, note="no assistant text at the end of messages")
    claim = parse_answer(text)
    correct = claim is not None and claim.number is not None and claim.number == reference
    marked = claim is not None and claim.marked
    if reference is None:
        note = "no reference answer could be read as one number"
    elif claim is None:
        note = "no answer found"
    elif claim.number is None:
        note = "the answer is ambiguous: give one number"
    elif not correct:
        note = "wrong number"
    else:
        note = "" if marked else f"right, but not after {MARKER}"
    return Grade(
        id=rollout_id,
        correct=correct,
        marked=marked,
        well_formed=True,
        answer=claim.number if claim else None,
        reference=reference,
        note=note,
    )


def _malformed(*, id: str | int | None, reference: Fraction | None, note: str) -> Grade:  # noqa: A002 - the event's word.
    return Grade(id=id, correct=False, marked=False, well_formed=False, answer=None, reference=reference, note=note)


def extract_answer_text(rollout: Mapping[str, Json]) -> str | None:
    """Return the text of the assistant's last turn, or None when the rollout does not end in one.

    Content is a string in every published event; a list of text parts, which a training record may hold, is
    read as well.
    """
    messages = rollout.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    # Nova's events say `nova_assistant` (SageMaker guide, "Implementing reward functions").
    if not isinstance(last, Mapping) or last.get("role") not in ("assistant", "nova_assistant"):
        return None
    content = last.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    strings = [text for text in texts if isinstance(text, str)]
    return "".join(strings) if strings else None


def parse_reference(rollout: Mapping[str, Json]) -> Fraction | None:
    """Return the right answer from wherever the event carries it, or None when no place holds one number.

    Bedrock's guide nests the record's fields under `metadata`, its working sample reads them at the root, and a
    bare string arrives wrapped as `{"text": ...}`. All are read, the root first; `ground_truth` stands in last.
    """
    metadata = rollout.get("metadata")
    for field in ("reference_answer", "ground_truth"):
        for place in (rollout, metadata):
            value = place.get(field) if isinstance(place, Mapping) else None
            inner = [value.get(key) for key in REFERENCE_KEYS] if isinstance(value, Mapping) else [value]
            for candidate in inner:
                number = _parse_reference_number(candidate)
                if number is not None:
                    return number
    return None


def _parse_reference_number(value: Json) -> Fraction | None:
    """Read a JSON number, a string such as "72" or "$1,250", or a worked solution that ends in `#### 72`."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, float):
        # Through its shortest decimal, so that 0.1 is one tenth; nan and inf have no digits and are not read.
        return _parse_single_number(repr(value))
    if not isinstance(value, str):
        return None
    if MARKER in value:
        claim = parse_answer(value)
        return claim.number if claim is not None and claim.marked else None
    return _parse_single_number(value)


def parse_answer(text: str) -> ParsedAnswer | None:
    """Return the answer that a text claims: after its last `####`, or else alone on its last line."""
    marked = list(_marked_answers(text))
    if marked:
        number = marked[-1] if len(set(marked)) <= MAX_DISTINCT_ANSWERS else None
        return ParsedAnswer(number=number, marked=True)
    last_line = text.rstrip().rpartition("\n")[2]
    number = _parse_single_number(last_line)
    return None if number is None else ParsedAnswer(number=number, marked=False)


def _marked_answers(text: str) -> Iterator[Fraction | None]:
    """Yield what each `####` claims, None for an ambiguous line; one that no number follows claims nothing."""
    for segment in text.split(MARKER)[1:]:
        line = segment.lstrip().partition("\n")[0].translate(_PLAIN_CHARACTERS)
        marks = _LEADING_MARKS.match(line)
        rest = line[marks.end() :] if marks else line
        if rest[:1].isascii() and rest[:1].isdigit():
            yield _parse_single_number(line)


def _parse_single_number(text: str) -> Fraction | None:
    """Return the number that a text holds; None when it holds none, several or a malformed one."""
    text = text.translate(_PLAIN_CHARACTERS)
    found = _NUMBER.finditer(text)
    first = next(found, None)
    if first is None or next(found, None) is not None:
        return None
    digits = first.group().rstrip(",")
    if len(digits) > MAX_NUMBER_LENGTH or ("," in digits and not _GROUPED.match(digits)):
        return None
    try:
        number = _parse_fraction(digits.replace(",", ""))
    except ZeroDivisionError:
        return None
    before = text[: first.start()].rstrip(_BETWEEN_SIGN_AND_NUMBER)
    # A minus counts only when it touches the number: `10-5` and `Total - 72` have none.
    negative = before.endswith("-") and not before[-2:-1].isalnum()
    return -number if negative else number


def _parse_fraction(digits: str) -> Fraction:
    numerator, slash, denominator = digits.partition("/")
    return Fraction(numerator) / Fraction(denominator) if slash else Fraction(numerator)


def render_summary(grades: Sequence[Grade]) -> str:
    """Return one line for the log: count, mean reward, and the first rollout that could not be graded."""
    if not grades:
        return "graded 0 rollouts: the event holds no array of them"
    mean = sum(one.score for one in grades) / len(grades)
    broken = [one for one in grades if not one.well_formed or one.reference is None]
    line = f"graded {len(grades)} rollouts: mean reward {mean:.4f}, {len(broken)} could not be graded"
    # ascii() keeps a hostile id from breaking the log's encoding.
    return f"{line}; first {ascii(broken[0].id)[:80]}: {broken[0].note}" if broken else line


def parse_events(text: str) -> list[Json]:
    """Return the rollouts of a file: one JSON value for all of it, or one rollout or event per line.

    Raises:
        ValueError: when the text is neither, naming the line, or holds no rollouts.
    """
    rollouts: list[Json] = []
    try:
        rollouts.extend(extract_rollouts(json.loads(text)))
    except (ValueError, RecursionError):
        rollouts.extend(_read_lines(text))
    if not rollouts:
        raise ValueError("it holds no rollouts")
    return rollouts


def _read_lines(text: str) -> Iterator[Json]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as fault:
            raise ValueError(f"line {number} is not JSON: {fault}") from fault
        yield from extract_rollouts(value) if isinstance(value, list | dict) else [value]


def render_table(grades: Sequence[Grade]) -> str:
    """Return the grades as a table for reading, with the summary below it."""
    rows = [("id", "score", "answer", "marked", "reference", "note")]
    rows.extend(
        (
            ascii(one.id)[:MAX_CELL_WIDTH],
            f"{one.score:.1f}",
            "-" if one.answer is None else str(one.answer),
            "yes" if one.marked else "no",
            "-" if one.reference is None else str(one.reference)[:MAX_CELL_WIDTH],
            one.note,
        )
        for one in grades
    )
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", render_summary(grades)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade a file of events by hand; exits with 2 when it cannot be read."""
    parser = argparse.ArgumentParser(
        description="Grade a file of rollouts as the Lambda would, and print a table.",
        epilog="A rollout is an object with id, messages (the assistant's answer last) and reference_answer.",
    )
    parser.add_argument("events", help="a JSON array, an event, or JSON lines; - reads standard input")
    path = parser.parse_args(arguments).events
    try:
        text = (sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()).decode("utf-8-sig")
        rollouts = parse_events(text)
    except (OSError, ValueError) as fault:
        parser.error(f"cannot read {path}: {fault}")
    print(render_table([grade(rollout) for rollout in rollouts]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
