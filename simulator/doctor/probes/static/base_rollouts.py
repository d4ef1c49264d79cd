"""The base model's rollouts, each beside its score and what it was an attempt at.

A simulated rollout's decisions say that; of a real model's response it is read from the words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.doctor.invocation import CaseResult
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.rows import Row
from simulator.training.policy_actions import ATTEMPT, FORMAT, STYLE
from simulator.training.sampling import Rollout

_PLAIN = "plain"
_OTHER = "other"
_ANSWER_PLACEHOLDER = "\x7f"  # stands where the answer would, in no prompt and no response; JSON leaves it as it is
_ANSWER = r"([^\n]{1,200}?)"
_TAIL_CHARACTERS = 1_000  # characters in which an answer stands
_MAJORITY = 0.5  # a format counts as accepted when most of its right rollouts score


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRollout:
    """A rollout of the base model that ran to its end and gave an answer, right or wrong.

    Attributes:
        format: the answer's format, by its name in the policy.
        style: how the answer is written, likewise; `other` where a real model wrote it in a way of its own.
    """

    row: Row
    rollout: Rollout
    result: CaseResult
    format: str
    style: str

    @property
    def is_correct(self) -> bool:
        """Hidden truth: its value is right, however it is written."""
        return self.rollout.correct

    @property
    def is_plain(self) -> bool:
        """Whether the answer is written without any marks of its own."""
        return self.style == _PLAIN

    @property
    def is_answer_only(self) -> bool:
        """Whether nothing stands around the answer."""
        if self.style == _OTHER:
            return False
        return self.result.case.text == self.row.write_answer(self.row.reference.value, style=self.style)


def base_rollouts(context: ProbeContext) -> Iterator[BaseRollout]:
    """Yield what the base model's rollouts attempted; refusals, exploits and what was cut off are none."""
    for row, group, answers in zip(context.rows, context.base_groups, context.base_results, strict=True):
        for rollout, answer in zip(group.rollouts, answers, strict=True):
            form = (
                None
                if rollout.truncated
                else _form_from_actions(rollout)
                if context.recorded is None
                else _form_from_text(row, rollout)
            )
            if form:
                yield BaseRollout(row=row, rollout=rollout, result=answer, format=form[0], style=form[1])


def _form_from_actions(rollout: Rollout) -> tuple[str, str] | None:
    if rollout.actions[0] != ATTEMPT:
        return None
    return FORMAT.actions[rollout.actions[3]], STYLE.actions[rollout.actions[4]]


def _form_from_text(row: Row, rollout: Rollout) -> tuple[str, str] | None:
    """Return the format and style that a response ends in; None of one that ends in no answer of these formats."""
    if row.is_answer_only and rollout.correct:
        return row.answer_format, _style_of(row, rollout.text.strip())
    # `bare` fits every ending, so it is what is left.
    for name in sorted(FORMAT.actions, key=lambda name: name == "bare"):
        pattern = re.escape(row.write_answer(_ANSWER_PLACEHOLDER, answer_format=name))
        # Within JSON a number may stand without quotes.
        pattern = pattern.replace(f'"{_ANSWER_PLACEHOLDER}"', f'"?{_ANSWER_PLACEHOLDER}"?').replace(
            _ANSWER_PLACEHOLDER, _ANSWER
        )
        found = re.search(rf"(?:^|\n|\s){pattern}\s*$", rollout.text[-_TAIL_CHARACTERS:])
        if found and (name != "bare" or row.is_answer_only):
            return name, _style_of(row, found.group(1))
    return None


def _style_of(row: Row, answer_text: str) -> str:
    styles = (
        name
        for name in STYLE.actions
        if row.write_answer(row.reference.value, answer_format="bare", style=name) == answer_text
    )
    return next(styles, _OTHER)


def base_rollouts_in_requested_format(context: ProbeContext) -> tuple[BaseRollout, ...]:
    """Return the attempts in the format that their prompt asks for, or, where it asks for none, in an accepted one.

    An answer that is the whole response has to be that: "one word" is not one word after a sentence.
    """
    usual = {answer.case.record.line: answer.score or 0.0 for answer in context.right_results}
    every = [attempt for attempt in base_rollouts(context) if attempt.row.record.line in usual]
    scores: dict[str, list[bool]] = {}
    for attempt in every:
        if attempt.is_correct and attempt.is_plain and attempt.result.score is not None:
            enough = attempt.result.score >= usual[attempt.row.record.line] / 2
            scores.setdefault(attempt.format, []).append(enough)
    accepted = {name for name, enough in scores.items() if sum(enough) >= _MAJORITY * len(enough)}
    return tuple(attempt for attempt in every if _is_in_requested_format(attempt, accepted))


def _is_in_requested_format(attempt: BaseRollout, accepted: set[str]) -> bool:
    if attempt.row.is_answer_only:
        return attempt.is_answer_only if attempt.is_correct else attempt.format == attempt.row.answer_format
    if attempt.row.task.requested_format.format == "none":
        return attempt.format in accepted
    return attempt.format == attempt.row.answer_format
