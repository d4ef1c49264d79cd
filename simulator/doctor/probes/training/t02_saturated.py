"""T2: is there room for the reward to rise?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.s06_saturation import PAID_SHARE, pays_for_right_answers
from simulator.doctor.probes.static.s06_saturation import SATURATED_SCORE as SATURATED_REWARD
from simulator.doctor.probes.static.score_scale import SCALE_EXPLANATION
from simulator.doctor.probes.training.trace_windows import (
    comparable_trace,
    first_rollouts,
    highest_reward_example,
    reward_means,
    scaled_rewards,
)
from simulator.doctor.training_trace import TrainingTrace, TrainingTraces

SATURATED: Final = Probe(
    id="T2",
    name="saturated",
    question="Is there room for the reward to rise?",
    measured=(
        f"The mean reward of the first ten steps. Above {SATURATED_REWARD} is a warning. It is for information only "
        f"where really wrong rollouts get less than {PAID_SHARE} times what right ones get: then it is the simulated model "
        "that is good, and yours may not be. Where rollouts are recorded it stays a warning. "
        f"{SCALE_EXPLANATION}"
    ),
    means=(
        "A model that earns nearly everything before training has nothing to learn; AWS calls tuning unnecessary then."
    ),
    remedy="See that wrong answers score low. If they do: take harder prompts, or do not tune.",
    source='AWS, reward functions for Nova: baseline above 95 %: "RFT unnecessary".',
)


def check_saturated(traces: TrainingTraces) -> Iterator[Finding]:
    """T2: look at the reward before anything was learned."""
    course = comparable_trace(traces)
    if isinstance(course, str):
        yield SATURATED.not_measured(course)
        return
    first = reward_means(course).first
    if first <= SATURATED_REWARD:
        yield SATURATED.ok("There is room to learn.", measured=f"{first:.3f}{course.scale.note}", value=first)
        return
    deserved = _is_deserved(course)
    what = (
        "The untrained model earns nearly everything, right or wrong."
        if not deserved
        else "The untrained model earns nearly everything, and is nearly always right: sample the real one to be sure."
        if not course.recorded_kinds
        else "The untrained model earns nearly everything, and is nearly always right."
    )
    yield SATURATED.finding(
        Severity.INFO if deserved and not course.recorded_kinds else Severity.WARN,
        what,
        measured=f"{first:.3f}{course.scale.note}",
        threshold=f"at most {SATURATED_REWARD}",
        fix=SATURATED.remedy,
        value=first,
        examples=[] if deserved else highest_reward_example(first_rollouts(course), right=False),
    )


def _is_deserved(course: TrainingTrace) -> bool:
    """Whether wrong rollouts are paid clearly less than right ones at first; False where that is not known."""
    return pays_for_right_answers(
        scaled_rewards(course, first_rollouts(course), right=True),
        scaled_rewards(course, first_rollouts(course), right=False),
    )
