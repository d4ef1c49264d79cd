"""The strings of probe S9 put to the rows, and what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.asking import Answer, Case, Element, Shape
from simulator.doctor.examination import Examination
from simulator.doctor.rows import Row
from simulator.doctor.static.loopholes import is_an_answer, loopholes
from simulator.doctor.static.scale import Scale, spread
from simulator.training.gold import Kind, extract_gold

JUNK_ROWS: Final = 10
"""Each string is put to so many rows; one that names no label to all whose answer is one, for each label by itself."""

BARE_ROWS: Final = 3
"""Each string is put to so many rows without a reference."""

LABELLED: Final[frozenset[Kind]] = frozenset({"label", "boolean"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One string, put to the rows of one kind of task.

    Attributes:
        of: the label on whose rows alone it was looked at; empty for all rows.
        part: its mean score, on the scale from 0 to 1.
        answers: the highest first.
    """

    kind: Kind
    name: str
    of: str = ""
    part: float
    answers: tuple[Answer, ...]

    def shown(self) -> str:
        """Its name and score."""
        return f"{self.name} {self.part:.2f}{f' where {self.of} is right' if self.of else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One string with what came of it, row by row; `bare` rows have no reference."""

    kind: Kind
    name: str
    bare: bool
    answers: tuple[Answer, ...]


def tried_on(exam: Examination) -> list[Tried]:
    """Put the strings to the rows, and to rows without a reference."""
    asked: list[tuple[Kind, str, bool, tuple[Case, ...]]] = []
    for kind in sorted({row.gold.kind for row in exam.rows}):
        rows = [row for row in exam.rows if row.gold.kind == kind]
        put: set[tuple[int, str]] = set()
        for loophole in loopholes(kind, rows):
            texts = [(row, text) for row in rows if (text := loophole.write(row)) is not None]
            # Two loopholes may come to the same words; they are asked about once, under the first one's name.
            texts = [(row, text) for row, text in texts if (row.record.line, text) not in put]
            put |= {(row.record.line, text) for row, text in texts}
            every = kind in LABELLED and not any(is_an_answer(row, text) for row, text in texts)
            for count, is_bare in ((len(rows) if every else JUNK_ROWS, False), (BARE_ROWS, True)):
                cases = tuple(
                    Case(
                        label=f"exploit, {kind}: {loophole.name}" + (", no reference" if is_bare else ""),
                        record=row.record,
                        text=text,
                        altered=_without_reference(row) if is_bare else None,
                    )
                    for row, text in spread(texts, count)
                )
                asked.append((kind, loophole.name, is_bare, cases))
    answers = iter(exam.ask.asked([case for *_, cases in asked for case in cases]))
    return [
        Tried(kind=kind, name=name, bare=is_bare, answers=tuple(next(answers) for _ in cases))
        for kind, name, is_bare, cases in asked
    ]


def scored(tried: Sequence[Tried], scale: Scale, *, bare: bool) -> list[Attack]:
    """Return what those strings score that got a score, with a reference or without one."""
    return [
        attack_of(one, scored, scale)
        for one in tried
        if one.bare is bare and (scored := [answer for answer in one.answers if answer.score is not None])
    ]


def attack_of(tried: Tried, scored: Sequence[Answer], scale: Scale, *, of: str = "") -> Attack:
    """Return what one string scores by those of its answers that have a score, `of` one label's rows where it says."""
    return Attack(
        kind=tried.kind,
        name=tried.name,
        of=of,
        part=scale.earned(scored),
        answers=tuple(sorted(scored, key=lambda answer: -(answer.score or 0.0))),
    )


def _without_reference(row: Row) -> Shape:
    """Return what takes every field that holds the right answer out of an element: the reference and its siblings."""
    record, gone = row.record, {"reference_answer", row.gold.path.partition(".")[0]}
    while (gold := extract_gold(record)).kind != "none" and gold.path:
        gone.add(gold.path.partition(".")[0])
        record = replace(record, fields={name: value for name, value in record.fields.items() if name not in gone})

    def bare(element: Element) -> Element:
        kept = {name: value for name, value in element.items() if name not in gone}
        metadata = element.get("metadata")
        if isinstance(metadata, dict):
            kept["metadata"] = {name: value for name, value in metadata.items() if name not in gone}
        return kept

    return bare
