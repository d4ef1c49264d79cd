"""Renders the sampled actions of a rollout to text: a pure function of the task, the actions and one number."""

from collections.abc import Sequence

from simulator.training.answer_formats import format_answer
from simulator.training.answer_styles import style_answer
from simulator.training.dataset import Json
from simulator.training.non_attempts import render_non_attempt
from simulator.training.policy_actions import CONTENT, FORMAT, RESPONSE_TYPE, STYLE, VERBOSITY, Actions
from simulator.training.reference_answer import ReferenceAnswer
from simulator.training.task import Task
from simulator.training.wrong_answers import make_wrong_answer

_FILLER = (
    "I start by writing down what is known.",
    "Each part can be worked out on its own.",
    "I check that this fits the question.",
    "Next, the parts are put together.",
    "Nothing else in the text changes this.",
    "Going through it once more gives the same.",
)
_MAX_STEPS = 8
_FILLERS_PER_STEP = {"long": 3, "very_long": 12}
_GUESS_RANGE = 97


def render_response(task: Task, actions: Actions, u: float) -> tuple[str, bool]:
    """Return (text of the answer, whether the answer is right).

    The second is the ground truth. It depends on the value alone and not on the format, and reward functions do not get
    it. `u` in (0, 1) chooses among filler sentences and wrong answers.
    """
    response_type = RESPONSE_TYPE.actions[actions[0]]
    if response_type != "attempt":
        return render_non_attempt(response_type, task.requested_format), False
    value, correct = choose_answer(task, CONTENT.actions[actions[2]], u)
    text = render_attempt(
        task,
        value,
        verbosity=VERBOSITY.actions[actions[1]],
        answer_format=FORMAT.actions[actions[3]],
        style=STYLE.actions[actions[4]],
        wrong=not correct,
        u=u,
    )
    return text, correct


def render_attempt(
    task: Task,
    value: Json,
    *,
    verbosity: str = "normal",
    answer_format: str,
    style: str = "plain",
    wrong: bool = False,
    u: float = 0.5,
) -> str:
    """Return an attempt whose answer is `value`: the work, then the answer in a format and a style, given by name.

    In the format that the prompt asks for, the work stands where the prompt's template has its place.
    If it is `wrong`, the last step of the work has that value too. `u` in (0, 1) chooses among filler sentences.
    """
    if answer_format == task.requested_format.format in ("bare", "json") and verbosity in ("brief", "normal"):
        verbosity = "terse"  # a prompt that asks for the answer alone gets no work, unless the model is long-winded
    lines = _render_work(task.reference, verbosity, value if wrong else None, u)
    answer = render_final_answer(task, value, answer_format=answer_format, style=style)
    template = task.requested_format.template
    if template is None or task.requested_format.format not in (answer_format, "none"):
        return "\n".join([*lines, answer])
    if template.has_work_slot:
        return template.write_work(_fill_work(lines, verbosity)) + answer
    return "\n".join([*lines, answer]) if template.allows_work else answer


def _fill_work(lines: Sequence[str], verbosity: str) -> Sequence[str]:
    """Return the work for a place that must not be empty: at least a line, and usually two, as work has several."""
    if len(lines) > 1 or verbosity in ("terse", "brief"):
        return lines or _FILLER[:1]
    return (*(lines or _FILLER[:1]), _FILLER[1])


def render_final_answer(task: Task, value: Json, *, answer_format: str, style: str = "plain") -> str:
    """Return the answer without the work, in a format and a style, given by name."""
    return format_answer(task, style_answer(task.reference, value, style), answer_format)


def render_reasoning(actions: Actions, u: float) -> str:
    """Return a short text in place of the reasoning. The rollout has more reasoning tokens than this text."""
    sentence = _FILLER[int(u * len(_FILLER)) % len(_FILLER)]
    if len(actions) == 1:
        return sentence
    return f"{sentence} I will give a {VERBOSITY.actions[actions[1]].replace('_', ' ')} answer."


def choose_answer(task: Task, content: str, u: float) -> tuple[Json, bool]:
    """Return (value of the answer, whether it is right) for an action of the content head."""
    if task.reference.kind == "none":
        return int(u * _GUESS_RANGE), False
    if content == "correct":
        return task.reference.value, True
    return make_wrong_answer(task.reference, content, labels=task.labels, u=u), False


def _render_work(reference: ReferenceAnswer, verbosity: str, wrong: Json, u: float) -> list[str]:
    if verbosity == "terse" or (reference.kind in ("json", "code") and verbosity in ("brief", "normal")):
        return []
    steps = list(reference.steps[:_MAX_STEPS])
    if wrong is not None and steps:
        steps = [*steps[:-1], f"So this comes to {wrong}."]
    if verbosity == "brief":
        return steps[-2:]
    if verbosity == "normal":
        return [_FILLER[0], *steps]
    first = int(u * len(_FILLER))
    lines: list[str] = []
    for index, step in enumerate(steps or [_FILLER[1]]):
        filler = _FILLER[(index + 2) % len(_FILLER)]
        lines += [_FILLER[(first + index) % len(_FILLER)], step, *[filler] * _FILLERS_PER_STEP[verbosity]]
    return lines
