"""T2: is the reward low enough at the start that it can still rise?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.s06_saturation import SATURATED_SCORE as SATURATED_REWARD
from simulator.doctor.probes.static.s06_saturation import WRONG_SHARE, rewards_right_answers
from simulator.doctor.probes.static.score_scale import SCALE_EXPLANATION
from simulator.doctor.probes.training.trace_windows import (
    comparable_trace,
    first_rollouts,
    has_known_truth,
    highest_reward_example,
    reward_means,
    scaled_rewards,
)
from simulator.doctor.training_trace import TrainingTrace, TrainingTraces

SATURATED: Final = Probe(
    id="T2",
    name="saturated",
    question="Is the reward low enough at the start that it can still rise?",
    measured=(
        f"The mean reward of the first ten steps. Above {SATURATED_REWARD} is a warning. It is only information when "
        f"wrong rollouts get less than {WRONG_SHARE} times the reward of right ones: then the simulated model is good "
        "at these prompts, but the real model may not be. With recorded rollouts it is always a warning. "
        f"{SCALE_EXPLANATION}"
    ),
    means=(
        "A model that earns nearly the full reward before training has nothing to learn. AWS calls fine-tuning "
        "unnecessary in this case."
    ),
    remedy="Make sure that wrong answers score low. If they do, use harder prompts, or do not fine-tune.",
    source='AWS, reward functions for Nova: baseline above 95 %: "RFT unnecessary".',
)


def check_saturated(traces: TrainingTraces) -> Iterator[Finding]:
    """Read the reward before the model has learned anything."""
    trace = comparable_trace(traces)
    if isinstance(trace, str):
        yield SATURATED.not_measured(trace)
        return
    first_reward = reward_means(trace).first
    if first_reward <= SATURATED_REWARD:
        yield SATURATED.ok(
            "The reward has room to rise.", measured=f"{first_reward:.3f}{trace.scale.note}", value=first_reward
        )
        return
    is_earned = _rewards_right_answers(trace)
    message = (
        "The untrained model earns nearly the full reward."
        if not has_known_truth(trace)
        else "The untrained model earns nearly the full reward, for right and wrong answers."
        if not is_earned
        else "The untrained model earns nearly the full reward and is nearly always right. Sample the real model."
        if not trace.recorded_kinds
        else "The untrained model earns nearly the full reward and is nearly always right."
    )
    yield SATURATED.finding(
        Severity.INFO if is_earned and not trace.recorded_kinds else Severity.WARN,
        message,
        measured=f"{first_reward:.3f}{trace.scale.note}",
        threshold=f"at most {SATURATED_REWARD}",
        fix=SATURATED.remedy,
        value=first_reward,
        examples=[] if is_earned else highest_reward_example(trace, first_rollouts(trace), right=False),
    )


def _rewards_right_answers(trace: TrainingTrace) -> bool:
    """Whether wrong rollouts of the first window get clearly less than right ones. False if that is not known."""
    return rewards_right_answers(
        scaled_rewards(trace, first_rollouts(trace), right=True),
        scaled_rewards(trace, first_rollouts(trace), right=False),
    )
