"""The base model's rollouts, each beside its score and what it was an attempt at.

A simulated rollout's decisions say that; of a real model's response it is read from the words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.doctor.invocation import Answer
from simulator.doctor.probe_context import Examination
from simulator.doctor.rows import Row
from simulator.training.policy_actions import ATTEMPT, FORMAT, STYLE
from simulator.training.sampling import Rollout

_PLAIN = "plain"
_OTHER = "other"
_HERE = "\x7f"  # stands where the answer would, in no prompt and no response; JSON leaves it as it is
_ANSWER = r"([^\n]{1,200}?)"
_TAIL = 1_000  # characters in which an answer stands
_MOSTLY = 0.5  # a format counts as accepted when most of its right rollouts score


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A rollout of the base model that ran to its end and gave an answer, right or wrong.

    Attributes:
        format: the answer's format, by its name in the policy.
        style: how the answer is written, likewise; `other` where a real model wrote it in a way of its own.
    """

    row: Row
    rollout: Rollout
    answer: Answer
    format: str
    style: str

    @property
    def correct(self) -> bool:
        """Hidden truth: its value is right, however it is written."""
        return self.rollout.correct

    @property
    def is_plain(self) -> bool:
        """Whether the answer is written without any marks of its own."""
        return self.style == _PLAIN

    @property
    def is_alone(self) -> bool:
        """Whether nothing stands around the answer."""
        if self.style == _OTHER:
            return False
        return self.answer.case.text == self.row.bare(self.row.gold.value, style=self.style)


def attempts(exam: Examination) -> Iterator[Attempt]:
    """Yield what the base model's rollouts attempted; refusals, exploits and what was cut off are none."""
    for row, group, answers in zip(exam.rows, exam.base_groups, exam.base, strict=True):
        for rollout, answer in zip(group.rollouts, answers, strict=True):
            form = None if rollout.truncated else _decided(rollout) if exam.recorded is None else _read(row, rollout)
            if form:
                yield Attempt(row=row, rollout=rollout, answer=answer, format=form[0], style=form[1])


def _decided(rollout: Rollout) -> tuple[str, str] | None:
    if rollout.actions[0] != ATTEMPT:
        return None
    return FORMAT.actions[rollout.actions[3]], STYLE.actions[rollout.actions[4]]


def _read(row: Row, rollout: Rollout) -> tuple[str, str] | None:
    """Return the format and style that a response ends in; None of one that ends in no answer of these formats."""
    if row.stands_alone and rollout.correct:
        return row.answer_format, _style_of(row, rollout.text.strip())
    # `bare` fits every ending, so it is what is left.
    for name in sorted(FORMAT.actions, key=lambda name: name == "bare"):
        pattern = re.escape(row.bare(_HERE, answer_format=name))
        # Within JSON a number may stand without quotes.
        pattern = pattern.replace(f'"{_HERE}"', f'"?{_HERE}"?').replace(_HERE, _ANSWER)
        found = re.search(rf"(?:^|\n|\s){pattern}\s*$", rollout.text[-_TAIL:])
        if found and (name != "bare" or row.stands_alone):
            return name, _style_of(row, found.group(1))
    return None


def _style_of(row: Row, written: str) -> str:
    styles = (name for name in STYLE.actions if row.bare(row.gold.value, answer_format="bare", style=name) == written)
    return next(styles, _OTHER)


def in_asked_format(exam: Examination) -> tuple[Attempt, ...]:
    """Return the attempts in the format that their prompt asks for, or, where it asks for none, in an accepted one.

    An answer that is the whole response has to be that: "one word" is not one word after a sentence.
    """
    usual = {answer.case.record.line: answer.score or 0.0 for answer in exam.right}
    every = [attempt for attempt in attempts(exam) if attempt.row.record.line in usual]
    scores: dict[str, list[bool]] = {}
    for attempt in every:
        if attempt.correct and attempt.is_plain and attempt.answer.score is not None:
            enough = attempt.answer.score >= usual[attempt.row.record.line] / 2
            scores.setdefault(attempt.format, []).append(enough)
    accepted = {name for name, enough in scores.items() if sum(enough) >= _MOSTLY * len(enough)}
    return tuple(attempt for attempt in every if _fits(attempt, accepted))


def _fits(attempt: Attempt, accepted: set[str]) -> bool:
    if attempt.row.stands_alone:
        return attempt.is_alone if attempt.correct else attempt.format == attempt.row.answer_format
    if attempt.row.task.asked.format == "none":
        return attempt.format in accepted
    return attempt.format == attempt.row.answer_format
