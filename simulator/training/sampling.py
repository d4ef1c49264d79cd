"""Rollouts: actions sampled from the policy, rendered to text and cut at the token budget."""

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
from simulator.training.token_counts import CHARACTERS_PER_TOKEN, count_tokens
from simulator.training.weights import Weights

# Five actions, one draw for the text, three for the length of the reasoning.
_DRAWS = 9
_TEXT_DRAW = 5
_GREEDY = (0.5,) * _DRAWS


# The length of the reasoning is close to log-normal: the standard deviation of its log is .35, from three summed
# uniforms. Wrong answers and long solutions have more of it, and non-attempts less.
_LENGTH_SPREAD = 0.7
_WRONG_LENGTH = 1.2
_NON_ATTEMPT_LENGTH = 0.7
_BASE_LENGTH = 0.8
_STEP_LENGTH = 0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One sampled response.

    Attributes:
        line: the line of the record in its file.
        index: its position in the group, from 0.
        text: the final answer, which the reward function gets (INFERRED: without the reasoning).
        reasoning: a short text in place of the reasoning.
        reasoning_length: reasoning tokens.
        response_length: tokens of reasoning and answer together.
        truncated: whether the token budget cut it off.
        correct: ground truth: whether the value of the answer is right.
        exploit: ground truth: the exploit that it is, if any.
        actions: the sampled actions; for a recorded response, its position among the responses.
        entropy: sum of the entropies of the sampled heads, in nats.
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
    """The rollouts of one prompt in one step, and the policy that they were sampled from."""

    prompt: TrainablePrompt
    policy: PolicyHeads
    rollouts: tuple[Rollout, ...]


class RolloutSource(Protocol):
    """Samples the rollouts of one prompt: from the simulated policy or from recorded responses."""

    @property
    def prompt(self) -> TrainablePrompt:
        """The prompt."""

    def sample_group(self, weights: Weights, *, rollouts: int, random_key: tuple[int | str, ...]) -> Group:
        """Sample rollouts. The key of a draw is `random_key`, the line of the record and the index of the rollout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSource:
    """A prompt that the simulated policy answers."""

    prompt: SimulatedPrompt
    profile: Profile
    settings: Hyperparameters

    def sample_group(self, weights: Weights, *, rollouts: int, random_key: tuple[int | str, ...]) -> Group:
        """Sample rollouts, as the function `sample_group` does."""
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
    """Sample the rollouts of a prompt; the key of a draw is `random_key`, the record's line and the rollout's index.

    At temperature 0 nothing is drawn: every rollout is the most probable one. `policy` is the policy for these weights
    at this prompt and temperature, if the caller already has it.
    """
    policy = policy or compute_distributions(prompt, weights, temperature)
    line = prompt.record.line
    reasoning_tokens = profile.reasoning_tokens * EFFORT_SHIFTS[effort].token_multiplier
    reasoning_tokens *= _BASE_LENGTH + _STEP_LENGTH * len(prompt.task.reference.steps)
    return Group(
        prompt=prompt,
        policy=policy,
        rollouts=tuple(
            [
                _sample_rollout(
                    prompt,
                    policy,
                    _GREEDY if temperature <= 0.0 else uniform_draws(*random_key, line, index, count=_DRAWS),
                    index=index,
                    reasoning_tokens=reasoning_tokens,
                    max_tokens=max_tokens,
                )
                for index in range(rollouts)
            ]
        ),
    )


def _sample_rollout(
    prompt: SimulatedPrompt,
    policy: HeadDistributions,
    draws: Sequence[float],
    *,
    index: int,
    reasoning_tokens: float,
    max_tokens: int,
) -> Rollout:
    actions, entropy = _sample_actions(policy, draws)
    text, correct = render_response(prompt.task, actions, draws[_TEXT_DRAW])
    if actions[0] == ATTEMPT:
        reasoning_tokens *= VERBOSITY_TOKEN_MULTIPLIERS[actions[1]] * (1.0 if correct else _WRONG_LENGTH)
    else:
        reasoning_tokens *= _NON_ATTEMPT_LENGTH
    reasoning_tokens *= exp(_LENGTH_SPREAD * (draws[6] + draws[7] + draws[8] - 1.5))
    reasoning_length = min(round(reasoning_tokens), max_tokens)
    length = reasoning_length + count_tokens(text)
    truncated = length > max_tokens
    if truncated:
        # The answer comes last, so a truncated response has none.
        text, length, correct = text[: (max_tokens - reasoning_length) * CHARACTERS_PER_TOKEN], max_tokens, False
    response_type = response_type_of(actions)
    return Rollout(
        line=prompt.record.line,
        index=index,
        text=text,
        reasoning=render_reasoning(actions, draws[_TEXT_DRAW])[: reasoning_length * CHARACTERS_PER_TOKEN],
        reasoning_length=reasoning_length,
        response_length=length,
        truncated=truncated,
        correct=correct,
        exploit=response_type if response_type in EXPLOITS else None,
        actions=actions,
        entropy=entropy,
    )


def _sample_actions(policy: HeadDistributions, draws: Sequence[float]) -> tuple[Actions, float]:
    response_type = sample_index(policy.response_type, draws[0])
    if response_type != ATTEMPT:
        return (response_type,), policy.response_type.entropy
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
        response_type,
        verbosity,
        sample_index(content, draws[2]),
        sample_index(policy.format, draws[3]),
        sample_index(policy.style, draws[4]),
    ), entropy
