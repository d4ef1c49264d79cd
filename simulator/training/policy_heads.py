"""The protocols that GRPO trains: at one prompt, a policy of softmax heads whose logits are linear in the weights."""

from collections.abc import Sequence
from typing import Protocol

from simulator.training.dataset import Record
from simulator.training.policy_actions import Actions
from simulator.training.softmax import Distribution
from simulator.training.task import Task
from simulator.training.weights import PromptGradient, Weights


class PolicyHeads(Protocol):
    """A policy at one prompt, for given weights and a temperature."""

    @property
    def heads(self) -> tuple[tuple[Distribution, ...], ...]:
        """The distributions of each head: one, or one for each action of the earlier head that it depends on."""

    def distribution_index(self, head: int, actions: Actions) -> int:
        """Return which of a head's distributions these actions were sampled from."""

    @property
    def entropy(self) -> float:
        """Expected entropy of the actions of a rollout, in nats."""


class TrainablePrompt(Protocol):
    """A prompt that a policy answers. Its logits are base + J weights; J depends on the prompt only."""

    @property
    def record(self) -> Record:
        """The record of the prompt."""

    @property
    def task(self) -> Task:
        """The reference answer, the requested format and the labels of the file."""

    def policy(self, weights: Weights, temperature: float) -> PolicyHeads:
        """Return the policy at this prompt."""

    def gradient(self, logit_gradients: Sequence[float]) -> PromptGradient:
        """Return the transpose of J times `logit_gradients`: d loss / d logit of each action, head after head."""
