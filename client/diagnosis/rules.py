"""All diagnosis rules, with their ids, thresholds and metrics.

Means over ten steps are compared, the first ten with the last. The ids are those of the doctor's training probes. A
job's events do not show single groups or reference answers, so T1, T5, T9 and T11 to T14 have no rule here.
"""

from __future__ import annotations

from collections.abc import Callable

from client.diagnosis.policy_rules import (
    DEAD_STEP_MIN_STEPS,
    MAX_DEAD_STEP_SHARE,
    MAX_ENTROPY_RATIO,
    MAX_GRADIENT_RATIO,
    MAX_LENGTH_RATIO,
    MIN_ENTROPY_RATIO,
    MIN_LENGTH_RATIO,
    check_dead_gradient,
    check_gradient_spike,
    check_length_drift,
    check_mode_collapse,
    measure_length_advantage,
)
from client.diagnosis.reward_rules import (
    GAP_WARN,
    MAX_REWARD_FALL,
    MIN_REWARD_GAIN,
    PLATEAU_REWARD,
    SATURATED_REWARD,
    SPARSE_REWARD,
    check_learning,
    check_memorisation,
    check_plateau,
    check_reward_collapse,
    check_saturation,
    check_sparse_reward,
)
from client.diagnosis.rule import MIN_STEPS_FOR_TREND, Rule, RuleInput, RuleResult
from client.diagnosis.time_series import ADVANTAGE, ENTROPY, GRADIENT, LENGTH, REWARD, WINDOW, TimeSeries


def _rule(
    rule_id: str,
    name: str,
    threshold: str,
    metric: str,
    min_values: int,
    evaluate: Callable[[RuleInput, TimeSeries], RuleResult],
) -> Rule:
    return Rule(id=rule_id, name=name, threshold=threshold, metric=metric, min_values=min_values, evaluate=evaluate)


DEAD_GRADIENT = "dead gradient"

_TREND = MIN_STEPS_FOR_TREND
_ENTROPY_LIMITS = f"outside {MIN_ENTROPY_RATIO} to {MAX_ENTROPY_RATIO}"
_LENGTH_LIMITS = f"outside {MIN_LENGTH_RATIO} to {MAX_LENGTH_RATIO}"

# Findings of the same severity keep this order: causes before their effects.
RULES = (
    _rule(
        "T10",
        DEAD_GRADIENT,
        f"in over {MAX_DEAD_STEP_SHARE:.0%} of the steps",
        GRADIENT,
        DEAD_STEP_MIN_STEPS,
        check_dead_gradient,
    ),
    _rule("T3", "sparse", f"below {SPARSE_REWARD}", REWARD, WINDOW, check_sparse_reward),
    _rule("T2", "saturated", f"above {SATURATED_REWARD}", REWARD, WINDOW, check_saturation),
    _rule("T4", "no learning", f"rise below {MIN_REWARD_GAIN}", REWARD, _TREND, check_learning),
    _rule("T3", "plateau", f"below {PLATEAU_REWARD}", REWARD, _TREND, check_plateau),
    _rule("T4", "reward collapse", f"fall above {MAX_REWARD_FALL}", REWARD, _TREND, check_reward_collapse),
    _rule("T7", "mode collapse", _ENTROPY_LIMITS, ENTROPY, _TREND, check_mode_collapse),
    _rule("T8", "memorised", f"gap above {GAP_WARN}", REWARD, WINDOW, check_memorisation),
    _rule("T6", "length drift", _LENGTH_LIMITS, LENGTH, _TREND, check_length_drift),
    _rule("T10", "gradient spike", f"above x{MAX_GRADIENT_RATIO:.0f}", GRADIENT, WINDOW, check_gradient_spike),
    _rule("T6", "length pays", "none", ADVANTAGE, WINDOW, measure_length_advantage),
)
