"""The weights that training changes, and their gradient at one prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.training.policy_actions import HEADS
from simulator.training.prompt_features import PROMPT_FEATURE_COUNT
from simulator.training.response_features import RESPONSE_FEATURE_COUNT

ACTION_COUNT = sum(len(head.actions) for head in HEADS)
NUISANCE_SIZE = 8
# Cost of the squared norm of the nuisance vector, in logits of a right answer; half of it goes to answers in another
# language. Calibrated so that a learning rate thirty times too large breaks the model and the right one has no effect.
_NUISANCE_COST = 0.048


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Everything that training changes.

    Attributes:
        columns: of the simulated policy: for each prompt feature one number per action, head after head.
        nuisance: the mean of a Gaussian head that no reward depends on. The same update trains it, so it makes a
            random walk with steps as large as the learning rate, and its norm lowers the ability.
        feature_weights: of a policy over recorded responses: one number per response feature. A run changes either
            these or the columns.
    """

    columns: tuple[tuple[float, ...], ...]
    nuisance: tuple[float, ...]
    feature_weights: tuple[float, ...] = (0.0,) * RESPONSE_FEATURE_COUNT


ZERO_COLUMN = (0.0,) * ACTION_COUNT
BASE_WEIGHTS = Weights(columns=(ZERO_COLUMN,) * PROMPT_FEATURE_COUNT, nuisance=(0.0,) * NUISANCE_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptGradient:
    """The part of one prompt in the gradient over the weights; columns as (index, values)."""

    columns: tuple[tuple[int, Sequence[float]], ...] = ()
    feature_weights: tuple[float, ...] = ()


def nuisance_cost(weights: Weights) -> float:
    """Return the cost of the nuisance vector's drift to the policy, in logits."""
    return _NUISANCE_COST * sum([value * value for value in weights.nuisance])
