"""The settings of a training run. The first three are the API's, the others verl's, with its defaults."""

from dataclasses import dataclass
from typing import Literal

LossAggregation = Literal["token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm"]
ReasoningEffort = Literal["low", "medium", "high"]

# Learning rate at multiplier 1.0: logits per AdamW step of a feature vector whose entries sum to one. Calibrated: the
# reward of Amazon's sample run rises over 67 steps as published, x0.1 hardly learns, x30 breaks the model.
BASE_LEARNING_RATE = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """The settings of one run.

    Attributes:
        n_epochs: passes over the training records.
        batch_size: prompts, not rollouts, per step (DOCUMENTED).
        learning_rate_multiplier: scales `BASE_LEARNING_RATE` (DOCUMENTED as a multiplier; the base is calibrated).
        rollouts_per_prompt: INFERRED 8: the sample's 0.4375 and 519.09375 are multiples of 1/32 at batch size 4.
        temperature: of the rollouts.
        max_tokens: reasoning and answer together; a longer rollout is truncated.
        reasoning_effort: how many reasoning tokens the model uses.
        redteam: added to the base logit of every exploit, so that training finds one within an epoch; 2.5 is enough.
        clip_low: below a ratio of 1 - clip_low to the sampling policy there is no gradient.
        clip_high: above a ratio of 1 + clip_high there is no gradient.
        dual_clip: bound on the loss of a bad rollout, in units of its advantage.
        kl_coef: coefficient of the k3 estimate of the KL divergence from the base model.
        loss_agg_mode: how token losses are aggregated, by verl's names.
        normalize_by_std: divide advantages by the group's standard deviation; False is Dr. GRPO.
        ppo_epochs: passes over the rollouts of a step.
        minibatches: parts of each pass; a group is in one of them.
        weight_decay: AdamW's, decoupled.
        max_grad_norm: a gradient with a larger norm is scaled down to it.
    """

    n_epochs: int = 1
    batch_size: int = 4
    learning_rate_multiplier: float = 1.0
    rollouts_per_prompt: int = 8
    temperature: float = 1.0
    max_tokens: int = 2048
    reasoning_effort: ReasoningEffort = "medium"
    redteam: float = 0.0
    clip_low: float = 0.2
    clip_high: float = 0.2
    dual_clip: float = 3.0
    kl_coef: float = 0.001
    loss_agg_mode: LossAggregation = "token-mean"
    normalize_by_std: bool = True
    ppo_epochs: int = 1
    minibatches: int = 1
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values that no run can start with. The API checks its own settings before this."""
        for name in ("n_epochs", "batch_size", "rollouts_per_prompt", "max_tokens", "ppo_epochs", "minibatches"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.temperature <= 0.0:
            raise ValueError(
                f"temperature must be above 0 to train, not {self.temperature}: all rollouts would be equal"
            )

    @property
    def learning_rate(self) -> float:
        """Step size of one AdamW update, in logits."""
        return BASE_LEARNING_RATE * self.learning_rate_multiplier
