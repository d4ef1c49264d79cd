"""Rollouts: decisions drawn from the policy by address, rendered to text, and cut where the token budget ends."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp
from typing import Protocol

from simulator.training.hyperparameters import Hyperparameters
from simulator.training.policy import Distribution, Distributions, Prompt, Weights, distributions
from simulator.training.policy_actions import ATTEMPT, EXPLOITS, Actions, conduct_of
from simulator.training.policy_heads import Deciding, Policy
from simulator.training.profiles import EFFORTS, VERBOSITY_TOKENS, Profile
from simulator.training.random_draws import uniforms
from simulator.training.response_text import reasoning, rendered

# Five decisions, one number for the words, three for the length of thinking.
_DRAWS = 9
_WORDS_DRAW = 5
_GREEDY = (0.5,) * _DRAWS

CHARACTERS_PER_TOKEN = 4

# Thinking is close to log-normal (sd of the log .35, as three summed uniforms give); it is longer where the answer
# is wrong and where the worked solution is longer, and shorter where nothing was attempted.
_LENGTH_SPREAD = 0.7
_WRONG_LENGTH = 1.2
_IDLE_LENGTH = 0.7
_BASE_LENGTH = 0.8
_STEP_LENGTH = 0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One sampled response.

    Attributes:
        line: the record's line in its file.
        index: its place in the group, from 0.
        text: the final answer, which is what the reward function is shown (INFERRED: without the thinking).
        reasoning: a short stand-in for the thinking.
        reasoning_length: tokens of thinking.
        response_length: tokens of thinking and answer together.
        truncated: whether the token budget cut it off.
        correct: hidden truth: the answer's value is right.
        exploit: hidden truth: which exploit this is, if any.
        actions: the decisions taken; for a recorded response, which one it is.
        entropy: sum of the entropies of the decisions taken, in nats.
    """

    line: int
    index: int
    text: str
    reasoning: str
    reasoning_length: int
    response_length: int
    truncated: bool
    correct: bool
    exploit: str | None
    actions: Actions
    entropy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The rollouts of one prompt in one step, and the policy that they were drawn from."""

    prompt: Deciding
    policy: Policy
    rollouts: tuple[Rollout, ...]


class Source(Protocol):
    """Where the rollouts of one prompt come from: a policy that writes them, or one that chooses among records."""

    @property
    def prompt(self) -> Deciding:
        """The prompt."""

    def sampled(self, weights: Weights, *, rollouts: int, address: tuple[int | str, ...]) -> Group:
        """Sample rollouts; each draw belongs to the address, the prompt's line and the rollout's index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A prompt that the simulated policy answers."""

    prompt: Prompt
    profile: Profile
    settings: Hyperparameters

    def sampled(self, weights: Weights, *, rollouts: int, address: tuple[int | str, ...]) -> Group:
        """Sample rollouts, as `sampled_group` does."""
        return sampled_group(
            self.prompt,
            weights=weights,
            profile=self.profile,
            temperature=self.settings.temperature,
            max_tokens=self.settings.max_tokens,
            effort=self.settings.reasoning_effort,
            rollouts=rollouts,
            address=address,
        )


def sampled_group(
    prompt: Prompt,
    *,
    weights: Weights,
    profile: Profile,
    temperature: float,
    max_tokens: int,
    effort: str,
    rollouts: int,
    address: tuple[int | str, ...],
    policy: Distributions | None = None,
) -> Group:
    """Sample a prompt's rollouts; each draw belongs to the address, the prompt's line and the rollout's index.

    At temperature zero nothing is drawn: every rollout is the same most probable one. `policy` is that of the weights
    at this prompt and temperature, for a caller who has it already.
    """
    policy = policy or distributions(prompt, weights, temperature)
    line = prompt.record.line
    thinking = profile.reasoning_tokens * EFFORTS[effort].tokens
    thinking *= _BASE_LENGTH + _STEP_LENGTH * len(prompt.task.gold.steps)
    return Group(
        prompt=prompt,
        policy=policy,
        rollouts=tuple(
            [
                _rollout(
                    prompt,
                    policy,
                    _GREEDY if temperature <= 0.0 else uniforms(*address, line, index, count=_DRAWS),
                    index=index,
                    thinking=thinking,
                    max_tokens=max_tokens,
                )
                for index in range(rollouts)
            ]
        ),
    )


def _rollout(
    prompt: Prompt,
    policy: Distributions,
    draws: Sequence[float],
    *,
    index: int,
    thinking: float,
    max_tokens: int,
) -> Rollout:
    actions, entropy = _decided(policy, draws)
    text, correct = rendered(prompt.task, actions, draws[_WORDS_DRAW])
    if actions[0] == ATTEMPT:
        thinking *= VERBOSITY_TOKENS[actions[1]] * (1.0 if correct else _WRONG_LENGTH)
    else:
        thinking *= _IDLE_LENGTH
    thinking *= exp(_LENGTH_SPREAD * (draws[6] + draws[7] + draws[8] - 1.5))
    thought = min(round(thinking), max_tokens)
    length = thought + max(1, -(-len(text) // CHARACTERS_PER_TOKEN))
    truncated = length > max_tokens
    if truncated:
        # The answer stands last, so a response that was cut off has none.
        text, length, correct = text[: (max_tokens - thought) * CHARACTERS_PER_TOKEN], max_tokens, False
    conduct = conduct_of(actions)
    return Rollout(
        line=prompt.record.line,
        index=index,
        text=text,
        reasoning=reasoning(actions, draws[_WORDS_DRAW])[: thought * CHARACTERS_PER_TOKEN],
        reasoning_length=thought,
        response_length=length,
        truncated=truncated,
        correct=correct,
        exploit=conduct if conduct in EXPLOITS else None,
        actions=actions,
        entropy=entropy,
    )


def _decided(policy: Distributions, draws: Sequence[float]) -> tuple[Actions, float]:
    conduct = drawn(policy.conduct, draws[0])
    if conduct != ATTEMPT:
        return (conduct,), policy.conduct.entropy
    verbosity = drawn(policy.verbosity, draws[1])
    content = policy.content[verbosity]
    entropy = (
        policy.conduct.entropy
        + policy.verbosity.entropy
        + content.entropy
        + policy.format.entropy
        + policy.style.entropy
    )
    return (
        conduct,
        verbosity,
        drawn(content, draws[2]),
        drawn(policy.format, draws[3]),
        drawn(policy.style, draws[4]),
    ), entropy


def drawn(distribution: Distribution, u: float) -> int:
    """Inverse of the cumulative distribution at `u`."""
    cumulative = list(accumulate(distribution.probabilities))
    return min(bisect_left(cumulative, u), len(cumulative) - 1)
