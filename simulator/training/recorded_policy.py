"""A policy over recorded responses: it chooses among outputs of a real model that were sampled once.

For prompt x with recorded responses o:    pi_w(o|x) proportional to pi_0(o|x) * exp(w . psi(o) / T)
pi_0 is the frequency of the response among the recorded ones, psi its features (`response_features`), w the feature
weights, which all prompts share. For GRPO this is a softmax with one action per response, so the update, the clipping
and the metrics are those of the simulated policy. The policy can learn what the model already does sometimes: to prefer
a format, a length or a style. It becomes right more often only if these features correlate with right answers.
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
from simulator.training.reference_answer import AnswerReader, answer_reader
from simulator.training.response_features import extract_response_features
from simulator.training.sampling import Group, Rollout
from simulator.training.softmax import Distribution, sample_index, softmax
from simulator.training.task import Task, build_task
from simulator.training.weights import PromptGradient, Weights, nuisance_cost

_LOGIT_SCALE: Final = 0.4
"""How far one unit of weight moves a logit; calibrated for the same learning rate as the simulated policy.

Measured on GSM8K with a strict reward, 16 responses per prompt and 67 steps: untrained .43, best of each 16 .91. Mean
of the last ten steps over five seeds: x.1 .62, x.3 .77, x1 .84, x3 .79, x10 .69, x30 .74 without entropy.
"""
_NOISE_SCALE: Final = 3.0
"""How far the nuisance cost moves a logit at random.

It has no effect at the right learning rate. At thirty times that rate the policy chooses bad responses.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDistribution:
    """The policy at one prompt: a distribution over its recorded responses. The entropy of the texts is in nats."""

    distribution: Distribution
    entropy: float

    @property
    def heads(self) -> tuple[tuple[Distribution, ...], ...]:
        """One head with one distribution."""
        return ((self.distribution,),)

    def distribution_index(self, head: int, actions: Actions) -> int:  # noqa: ARG002  there is only one head
        """Return 0: the head has one distribution."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPrompt:
    """The prompt of a record, with its recorded responses.

    Attributes:
        rollouts: the responses in their order, each as a rollout with its ground truth.
        features: the features of each response.
        noise: for each response a fixed standard normal draw; the nuisance cost scales it.
        duplicate_counts: for each response the number of responses with the same text.
    """

    record: Record
    task: Task
    rollouts: tuple[Rollout, ...]
    features: tuple[tuple[float, ...], ...]
    noise: tuple[float, ...]
    duplicate_counts: tuple[int, ...]

    def policy(self, weights: Weights, temperature: float) -> ResponseDistribution:
        """Return the policy at this prompt. The responses are samples of the base policy at this temperature."""
        distribution = softmax(self._logits(weights), temperature)
        entropy = -fsum(
            [
                p * log(p * count)
                for p, count in zip(distribution.probabilities, self.duplicate_counts, strict=True)
                if p > 0.0
            ]
        )
        return ResponseDistribution(distribution=distribution, entropy=max(0.0, entropy))

    def chat_distribution(self, weights: Weights, temperature: float) -> Distribution:
        """Return the probability of each response in a chat; at temperature 0 the first of the most probable has 1.

        The temperature applies to the distribution over texts: a text with n copies has n times the probability. At
        temperature 1 this is the distribution that training samples from.
        """
        # n copies have n exp(z) together, so their logit is z + log n. Each copy gets an n-th part of exp of that / T.
        return softmax(
            [
                logit + (1.0 - temperature) * log(count)
                for logit, count in zip(self._logits(weights), self.duplicate_counts, strict=True)
            ],
            temperature,
        )

    def _logits(self, weights: Weights) -> list[float]:
        cost = _NOISE_SCALE * nuisance_cost(weights)
        return [
            _LOGIT_SCALE * sum(map(mul, weights.feature_weights, features)) + cost * draw
            for features, draw in zip(self.features, self.noise, strict=True)
        ]

    def gradient(self, logit_gradients: Sequence[float]) -> PromptGradient:
        """Return the gradient over the feature weights, from d loss / d logit of each response."""
        return PromptGradient(
            feature_weights=tuple(
                [_LOGIT_SCALE * sum(map(mul, logit_gradients, column)) for column in zip(*self.features, strict=True)]
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSource:
    """A prompt whose rollouts are sampled from its recorded responses, with replacement."""

    prompt: RecordedPrompt
    temperature: float

    def sample_group(self, weights: Weights, *, rollouts: int, random_key: tuple[int | str, ...]) -> Group:
        """Sample rollouts. The key of a draw is `random_key`, the line of the record and the index of the rollout."""
        prompt = self.prompt
        policy = prompt.policy(weights, self.temperature)
        actions = [
            sample_index(policy.distribution, uniform_draws(*random_key, prompt.record.line, index, count=1)[0])
            for index in range(rollouts)
        ]
        return Group(
            prompt=prompt,
            policy=policy,
            rollouts=tuple(
                [
                    replace(prompt.rollouts[action], index=index, entropy=policy.entropy)
                    for index, action in enumerate(actions)
                ]
            ),
        )


def prepare_recorded_prompt(
    record: Record,
    responses: Sequence[RecordedResponse],
    *,
    labels: tuple[str, ...] = (),
    answer_path: str | None = None,
    read_answer: AnswerReader | None = None,
) -> RecordedPrompt:
    """Return the prompt of a record with its recorded responses. `labels` are all labels of the file.

    `read_answer` reads the right answer in place of `answer_path`. `answer_check.is_correct` decides which responses
    are right.
    """
    text = prompt_text(record.messages)
    task = build_task(record, (read_answer or answer_reader(answer_path))(record), labels=labels)
    identity = stable_hash("recorded", text)
    text_counts = Counter(response.text for response in responses)
    count = len(responses)
    entropy = fsum([log(count / text_counts[response.text]) for response in responses]) / count
    return RecordedPrompt(
        record=record,
        task=task,
        rollouts=tuple(
            [_make_rollout(record, task, response, index, entropy=entropy) for index, response in enumerate(responses)]
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
        duplicate_counts=tuple([text_counts[response.text] for response in responses]),
    )


def _make_rollout(record: Record, task: Task, response: RecordedResponse, index: int, *, entropy: float) -> Rollout:
    truncated = response.finish_reason == "length"
    return Rollout(
        line=record.line,
        index=index,
        text=response.text,
        reasoning=response.reasoning,
        reasoning_length=response.reasoning_tokens,
        response_length=max(1, response.tokens),  # token means divide by it
        truncated=truncated,
        # The answer comes last, so a truncated response has none.
        correct=not truncated
        and is_correct(response.text, task.reference, labels=task.labels, requested_format=task.requested_format),
        exploit=None,  # the text alone does not show it
        actions=(index,),
        entropy=entropy,
    )
