"""Rollouts: decisions drawn from the policy by address, rendered to text, and cut where the token budget ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Protocol

from simulator.training.hyperparameters import Hyperparameters
from simulator.training.policy import HeadDistributions, SimulatedPrompt, compute_distributions
from simulator.training.policy_actions import ATTEMPT, EXPLOITS, Actions, response_type_of
from simulator.training.policy_heads import PolicyHeads, TrainablePrompt
from simulator.training.profiles import EFFORT_SHIFTS, VERBOSITY_TOKEN_MULTIPLIERS, Profile
from simulator.training.random_draws import uniform_draws
from simulator.training.response_text import render_reasoning, render_response
from simulator.training.softmax import sample_index
from simulator.training.token_counts import CHARACTERS_PER_TOKEN
from simulator.training.weights import Weights

# Five decisions, one number for the words, three for the length of thinking.
_DRAWS = 9
_WORDS_DRAW = 5
_GREEDY = (0.5,) * _DRAWS


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

    prompt: TrainablePrompt
    policy: PolicyHeads
    rollouts: tuple[Rollout, ...]


class RolloutSource(Protocol):
    """Where the rollouts of one prompt come from: a policy that writes them, or one that chooses among records."""

    @property
    def prompt(self) -> TrainablePrompt:
        """The prompt."""

    def sample_group(self, weights: Weights, *, rollouts: int, random_key: tuple[int | str, ...]) -> Group:
        """Sample rollouts; each draw belongs to the address, the prompt's line and the rollout's index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSource:
    """A prompt that the simulated policy answers."""

    prompt: SimulatedPrompt
    profile: Profile
    settings: Hyperparameters

    def sample_group(self, weights: Weights, *, rollouts: int, random_key: tuple[int | str, ...]) -> Group:
        """Sample rollouts, as `sampled_group` does."""
        return sample_group(
            self.prompt,
            weights=weights,
            profile=self.profile,
            temperature=self.settings.temperature,
            max_tokens=self.settings.max_tokens,
            effort=self.settings.reasoning_effort,
            rollouts=rollouts,
            random_key=random_key,
        )


def sample_group(
    prompt: SimulatedPrompt,
    *,
    weights: Weights,
    profile: Profile,
    temperature: float,
    max_tokens: int,
    effort: str,
    rollouts: int,
    random_key: tuple[int | str, ...],
    policy: HeadDistributions | None = None,
) -> Group:
    """Sample a prompt's rollouts; each draw belongs to the address, the prompt's line and the rollout's index.

    At temperature zero nothing is drawn: every rollout is the same most probable one. `policy` is that of the weights
    at this prompt and temperature, for a caller who has it already.
    """
    policy = policy or compute_distributions(prompt, weights, temperature)
    line = prompt.record.line
    thinking = profile.reasoning_tokens * EFFORT_SHIFTS[effort].token_multiplier
    thinking *= _BASE_LENGTH + _STEP_LENGTH * len(prompt.task.reference.steps)
    return Group(
        prompt=prompt,
        policy=policy,
        rollouts=tuple(
            [
                _rollout(
                    prompt,
                    policy,
                    _GREEDY if temperature <= 0.0 else uniform_draws(*random_key, line, index, count=_DRAWS),
                    index=index,
                    thinking=thinking,
                    max_tokens=max_tokens,
                )
                for index in range(rollouts)
            ]
        ),
    )


def _rollout(
    prompt: SimulatedPrompt,
    policy: HeadDistributions,
    draws: Sequence[float],
    *,
    index: int,
    thinking: float,
    max_tokens: int,
) -> Rollout:
    actions, entropy = _sample_actions(policy, draws)
    text, correct = render_response(prompt.task, actions, draws[_WORDS_DRAW])
    if actions[0] == ATTEMPT:
        thinking *= VERBOSITY_TOKEN_MULTIPLIERS[actions[1]] * (1.0 if correct else _WRONG_LENGTH)
    else:
        thinking *= _IDLE_LENGTH
    thinking *= exp(_LENGTH_SPREAD * (draws[6] + draws[7] + draws[8] - 1.5))
    thought = min(round(thinking), max_tokens)
    length = thought + max(1, -(-len(text) // CHARACTERS_PER_TOKEN))
    truncated = length > max_tokens
    if truncated:
        # The answer stands last, so a response that was cut off has none.
        text, length, correct = text[: (max_tokens - thought) * CHARACTERS_PER_TOKEN], max_tokens, False
    conduct = response_type_of(actions)
    return Rollout(
        line=prompt.record.line,
        index=index,
        text=text,
        reasoning=render_reasoning(actions, draws[_WORDS_DRAW])[: thought * CHARACTERS_PER_TOKEN],
        reasoning_length=thought,
        response_length=length,
        truncated=truncated,
        correct=correct,
        exploit=conduct if conduct in EXPLOITS else None,
        actions=actions,
        entropy=entropy,
    )


def _sample_actions(policy: HeadDistributions, draws: Sequence[float]) -> tuple[Actions, float]:
    conduct = sample_index(policy.response_type, draws[0])
    if conduct != ATTEMPT:
        return (conduct,), policy.response_type.entropy
    verbosity = sample_index(policy.verbosity, draws[1])
    content = policy.content[verbosity]
    entropy = (
        policy.response_type.entropy
        + policy.verbosity.entropy
        + content.entropy
        + policy.format.entropy
        + policy.style.entropy
    )
    return (
        conduct,
        verbosity,
        sample_index(content, draws[2]),
        sample_index(policy.format, draws[3]),
        sample_index(policy.style, draws[4]),
    ), entropy
