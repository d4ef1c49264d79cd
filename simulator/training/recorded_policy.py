"""A policy over recorded responses: real model outputs, sampled once, are chosen among with trained preferences.

For prompt x with recorded responses o:    pi_w(o|x) proportional to pi_0(o|x) * exp(w . psi(o) / T)
pi_0 is how often the model gave the response; psi are its `surface` features; w is the tilt, shared by all prompts.
GRPO sees a softmax with one action for each response, so the update, its clipping and its metrics are the simulated
policy's. What it can learn is what the model already did sometimes: to prefer a format, a length, a manner. It cannot
learn to be right more often than such signs tell.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum, log
from operator import mul
from typing import Final

from simulator.training.answer_check import is_correct
from simulator.training.dataset import Record, prompt_text
from simulator.training.policy_actions import Actions
from simulator.training.random_draws import normal_draws, stable_hash, uniform_draws
from simulator.training.recorded_response import RecordedResponse
from simulator.training.reference_answer import extract_reference_answer
from simulator.training.requested_format import find_requested_format
from simulator.training.response_features import extract_response_features
from simulator.training.sampling import Group, Rollout
from simulator.training.softmax import Distribution, sample_index, softmax
from simulator.training.task import Task
from simulator.training.weights import PromptGradient, Weights, nuisance_cost

_LOGIT_SCALE: Final = 0.4
"""How far one unit of tilt moves a logit, as that of the simulated heads; calibrated so that one learning rate does.

Measured on GSM8K with a strict reward, 16 responses for each prompt and 67 steps: untrained .43, best of each 16 .91,
and in the last ten steps, mean of five seeds, x.1 .62, x.3 .77, x1 .84, x3 .79, x10 .69, x30 .74 with no entropy left.
"""
_NOISE_SCALE: Final = 3.0
"""How far wear moves a logit by chance: not felt at the right learning rate; at thirty times it spoils the choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDistribution:
    """The policy at one prompt: which of its recorded responses is given. Entropy is that of the texts, in nats."""

    distribution: Distribution
    entropy: float

    @property
    def heads(self) -> tuple[tuple[Distribution, ...], ...]:
        """The one decision."""
        return ((self.distribution,),)

    def distribution_index(self, head: int, actions: Actions) -> int:  # noqa: ARG002  nothing comes before the one decision
        """Return 0: there is one distribution."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPrompt:
    """A record with its recorded responses, made ready.

    Attributes:
        rollouts: the responses in their order, each with its hidden truth, as it would be sampled.
        features: the features of each.
        noise: for each a frozen number from the standard normal distribution; a worn policy goes by these.
        duplicate_counts: how many of the responses have the same text.
    """

    record: Record
    task: Task
    rollouts: tuple[Rollout, ...]
    features: tuple[tuple[float, ...], ...]
    noise: tuple[float, ...]
    duplicate_counts: tuple[int, ...]

    def policy(self, weights: Weights, temperature: float) -> ResponseDistribution:
        """Return the policy at this prompt. The responses stand for the base policy at the run's temperature."""
        distribution = softmax(self._logits(weights), temperature)
        entropy = -fsum(
            [
                p * log(p * copies)
                for p, copies in zip(distribution.probabilities, self.duplicate_counts, strict=True)
                if p > 0.0
            ]
        )
        return ResponseDistribution(distribution=distribution, entropy=max(0.0, entropy))

    def chat_distribution(self, weights: Weights, temperature: float) -> Distribution:
        """Return how likely each response is in a chat; at temperature 0 the first of the likeliest is certain.

        A text that the model gave several times is so much the likelier, and a temperature sharpens or flattens that
        too. At temperature 1 this is the distribution that training draws from.
        """
        # Of n copies, n exp(z) all together: z' = (z + log n) / T, of which each copy has an n-th part.
        return softmax(
            [
                logit + (1.0 - temperature) * log(copies)
                for logit, copies in zip(self._logits(weights), self.duplicate_counts, strict=True)
            ],
            temperature,
        )

    def _logits(self, weights: Weights) -> list[float]:
        worn = _NOISE_SCALE * nuisance_cost(weights)
        return [
            _LOGIT_SCALE * sum(map(mul, weights.feature_weights, features)) + worn * whim
            for features, whim in zip(self.features, self.noise, strict=True)
        ]

    def gradient(self, logit_gradients: Sequence[float]) -> PromptGradient:
        """Return the gradient over the tilt, from d loss / d logit of each response."""
        return PromptGradient(
            feature_weights=tuple(
                [_LOGIT_SCALE * sum(map(mul, logit_gradients, column)) for column in zip(*self.features, strict=True)]
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSource:
    """A prompt whose rollouts are drawn, with replacement, from its recorded responses."""

    prompt: RecordedPrompt
    temperature: float

    def sample_group(self, weights: Weights, *, rollouts: int, random_key: tuple[int | str, ...]) -> Group:
        """Sample rollouts; each draw belongs to the address, the prompt's line and the rollout's index."""
        prompt = self.prompt
        policy = prompt.policy(weights, self.temperature)
        chosen = [
            sample_index(policy.distribution, uniform_draws(*random_key, prompt.record.line, index, count=1)[0])
            for index in range(rollouts)
        ]
        return Group(
            prompt=prompt,
            policy=policy,
            rollouts=tuple(
                [
                    replace(prompt.rollouts[action], index=index, entropy=policy.entropy)
                    for index, action in enumerate(chosen)
                ]
            ),
        )


def prepare_recorded_prompt(
    record: Record,
    responses: Sequence[RecordedResponse],
    *,
    labels: tuple[str, ...] = (),
    answer_path: str | None = None,
) -> RecordedPrompt:
    """Make a record and what a model answered to it ready. `labels` are all those of the file.

    Whether a response is right is our own reading of its text (`reading.read_right`).
    """
    text = prompt_text(record.messages)
    task = Task(
        reference=extract_reference_answer(record, answer_path=answer_path),
        requested_format=find_requested_format(text),
        labels=labels,
    )
    identity = stable_hash("recorded", text)
    copies = Counter(response.text for response in responses)
    count = len(responses)
    entropy = fsum([log(count / copies[response.text]) for response in responses]) / count
    return RecordedPrompt(
        record=record,
        task=task,
        rollouts=tuple(
            [_rollout(record, task, response, place, entropy=entropy) for place, response in enumerate(responses)]
        ),
        features=tuple(
            [
                extract_response_features(
                    response.text,
                    requested_format=task.requested_format,
                    truncated=response.finish_reason == "length",
                )
                for response in responses
            ]
        ),
        noise=tuple([normal_draws(identity, response.text, count=1)[0] for response in responses]),
        duplicate_counts=tuple([copies[response.text] for response in responses]),
    )


def _rollout(record: Record, task: Task, response: RecordedResponse, place: int, *, entropy: float) -> Rollout:
    cut = response.finish_reason == "length"
    return Rollout(
        line=record.line,
        index=place,
        text=response.text,
        reasoning=response.reasoning,
        reasoning_length=response.reasoning_tokens,
        response_length=max(1, response.tokens),  # a token mean must have something to divide by
        truncated=cut,
        # The answer stands last, so a response that was cut off has none.
        correct=not cut and is_correct(response.text, task.reference, labels=task.labels),
        exploit=None,  # nobody can tell by the words alone
        actions=(place,),
        entropy=entropy,
    )
