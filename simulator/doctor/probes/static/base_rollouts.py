"""The base model's rollouts that give an answer, with their scores, formats and styles.

A simulated rollout has its format and style as attributes. Those of a real model's response are parsed from its text.
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
_ANSWER_PLACEHOLDER = "\x7f"  # occurs in no prompt and no response, and JSON does not escape it
_ANSWER = r"([^\n]{1,200}?)"
_TAIL_CHARACTERS = 1_000  # an answer is searched for in this many last characters
_MAJORITY = 0.5  # a format is accepted when at least this share of its right rollouts score


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRollout:
    """A finished rollout of the base model with an answer, right or wrong.

    Attributes:
        format: the policy's name for the answer's format.
        style: the policy's name for how the answer is written; `other` for a style that the policy does not have.
    """

    row: Row
    rollout: Rollout
    result: CaseResult
    format: str
    style: str

    @property
    def is_correct(self) -> bool:
        """Hidden truth: whether its value is right, in any format and style."""
        return self.rollout.correct

    @property
    def is_plain(self) -> bool:
        """Whether the answer is written without extra marks."""
        return self.style == _PLAIN

    @property
    def is_answer_only(self) -> bool:
        """Whether the answer is the whole response."""
        if self.style == _OTHER:
            return False
        return self.result.case.text == self.row.write_answer(self.row.reference.value, style=self.style)


def base_rollouts(context: ProbeContext) -> Iterator[BaseRollout]:
    """Yield the base model's rollouts that give an answer.

    Refusals, exploits and truncated rollouts are left out, and so are rows whose right answer is not known.
    """
    for row, group, results in zip(context.rows, context.base_groups, context.base_results, strict=True):
        if group.prompt.task.reference.kind == "none":
            continue
        for rollout, result in zip(group.rollouts, results, strict=True):
            format_and_style = (
                None
                if rollout.truncated
                else _from_actions(rollout)
                if context.recorded is None
                else _from_text(row, rollout)
            )
            if format_and_style:
                name, style = format_and_style
                yield BaseRollout(row=row, rollout=rollout, result=result, format=name, style=style)


def _from_actions(rollout: Rollout) -> tuple[str, str] | None:
    if rollout.actions[0] != ATTEMPT:
        return None
    return FORMAT.actions[rollout.actions[3]], STYLE.actions[rollout.actions[4]]


def _from_text(row: Row, rollout: Rollout) -> tuple[str, str] | None:
    """Return the format and style of the answer at the end of a response; None when there is none."""
    if row.is_answer_only and rollout.correct:
        return row.answer_format, _style_of(row, rollout.text.strip())
    # `bare` matches every ending, so it is tried last.
    for name in sorted(FORMAT.actions, key=lambda name: name == "bare"):
        pattern = re.escape(row.write_answer(_ANSWER_PLACEHOLDER, answer_format=name))
        # In JSON a number may have no quotes.
        pattern = pattern.replace(f'"{_ANSWER_PLACEHOLDER}"', f'"?{_ANSWER_PLACEHOLDER}"?').replace(
            _ANSWER_PLACEHOLDER, _ANSWER
        )
        match = re.search(rf"(?:^|\n|\s){pattern}\s*$", rollout.text[-_TAIL_CHARACTERS:])
        if match and (name != "bare" or row.is_answer_only):
            return name, _style_of(row, match.group(1))
    return None


def _style_of(row: Row, answer_text: str) -> str:
    styles = (
        name
        for name in STYLE.actions
        if row.write_answer(row.reference.value, answer_format="bare", style=name) == answer_text
    )
    return next(styles, _OTHER)


def base_rollouts_in_requested_format(context: ProbeContext) -> tuple[BaseRollout, ...]:
    """Return the rollouts in the requested format. If the prompt requests none, any accepted format will do.

    If a prompt asks for the answer alone, a rollout with a sentence before its answer is left out.
    """
    right_scores = {result.case.record.line: result.score or 0.0 for result in context.right_results}
    rollouts = [rollout for rollout in base_rollouts(context) if rollout.row.record.line in right_scores]
    scores_enough: dict[str, list[bool]] = {}
    for rollout in rollouts:
        if rollout.is_correct and rollout.is_plain and rollout.result.score is not None:
            is_enough = rollout.result.score >= right_scores[rollout.row.record.line] / 2
            scores_enough.setdefault(rollout.format, []).append(is_enough)
    accepted_formats = {name for name, enough in scores_enough.items() if sum(enough) >= _MAJORITY * len(enough)}
    return tuple(rollout for rollout in rollouts if _is_in_requested_format(rollout, accepted_formats))


def _is_in_requested_format(rollout: BaseRollout, accepted_formats: set[str]) -> bool:
    row = rollout.row
    if row.is_answer_only:
        return rollout.is_answer_only if rollout.is_correct else rollout.format == row.answer_format
    if row.task.requested_format.format == "none":
        return rollout.format in accepted_formats
    return rollout.format == row.answer_format
