"""What GRPO has to know of a policy at one prompt, whatever it decides: softmax heads, linear in what is trained."""

from collections.abc import Sequence
from typing import Protocol

from simulator.training.dataset import Record
from simulator.training.policy_actions import Actions
from simulator.training.softmax import Distribution
from simulator.training.task import Task
from simulator.training.weights import PromptGradient, Weights


class PolicyHeads(Protocol):
    """A policy at one prompt, with some weights and at some temperature."""

    @property
    def heads(self) -> tuple[tuple[Distribution, ...], ...]:
        """For each decision in turn its distribution, or several: one for each earlier outcome that it depends on."""

    def distribution_index(self, head: int, actions: Actions) -> int:
        """Return which of a head's distributions these decisions were drawn from."""

    @property
    def entropy(self) -> float:
        """Expected entropy of a rollout's decisions, in nats."""


class TrainablePrompt(Protocol):
    """A prompt that a policy answers. Its logits are base + J weights; J depends on nothing but the prompt."""

    @property
    def record(self) -> Record:
        """The record that it was made of."""

    @property
    def task(self) -> Task:
        """Its right answer, the asked format and the labels of the file."""

    def policy(self, weights: Weights, temperature: float) -> PolicyHeads:
        """Return the policy at this prompt."""

    def gradient(self, logit_gradients: Sequence[float]) -> PromptGradient:
        """Return J' slopes, from d loss / d logit of each action of each head, one head after another."""
