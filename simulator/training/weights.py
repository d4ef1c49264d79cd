"""The weights that training changes, and their gradient at one prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.training.policy_actions import HEADS
from simulator.training.prompt_features import PROMPT_FEATURE_COUNT
from simulator.training.response_features import RESPONSE_FEATURE_COUNT

ACTION_COUNT = sum(len(head.actions) for head in HEADS)
NUISANCE_SIZE = 8
# Cost of a squared nuisance norm to being right; half of it turns into words in another language. Calibrated so
# that a learning rate thirty times too large breaks the model, and the right one is not felt.
_NUISANCE_COST = 0.048


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Everything that training moves: one column of `ACTIONS` numbers per feature, the nuisance vector, and the tilt.

    The columns are the simulated policy's; the tilt, one number for each of the `surface` features, is that of a
    policy over recorded responses (`recorded`). A run moves one or the other. The nuisance vector stands for the
    directions that no reward cares about. It is the mean of a Gaussian head trained by the same update: it walks at
    random with steps as large as the learning rate, and costs skill.
    """

    columns: tuple[tuple[float, ...], ...]
    nuisance: tuple[float, ...]
    feature_weights: tuple[float, ...] = (0.0,) * RESPONSE_FEATURE_COUNT


ZERO_COLUMN = (0.0,) * ACTION_COUNT
BASE_WEIGHTS = Weights(columns=(ZERO_COLUMN,) * PROMPT_FEATURE_COUNT, nuisance=(0.0,) * NUISANCE_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptGradient:
    """What one prompt adds to a gradient over the weights: (index, values) of columns, and the tilt."""

    columns: tuple[tuple[int, Sequence[float]], ...] = ()
    feature_weights: tuple[float, ...] = ()


def nuisance_cost(weights: Weights) -> float:
    """Return what being pushed about where no reward looks has cost a policy so far, in logits."""
    return _NUISANCE_COST * sum([value * value for value in weights.nuisance])
