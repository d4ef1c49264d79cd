"""The simulated policy: for each prompt a softmax over strategies, from frozen habits plus trained, shared weights.

For prompt x and head h:    logits_h(x) = habits_h(x) + plasticity_h * W_h features(x),    pi_h = softmax(logits_h / T)
The weights W are all that training moves, besides the nuisance vector. Because prompts share features, what is
learned on one carries over to another of the same kind and asked format, and hardly to an unrelated one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import mul

from simulator.training.dataset import Record, prompt_text
from simulator.training.policy_actions import (
    CONTENT,
    EXPLOITS,
    FORMAT,
    HEADS,
    OFF_LANGUAGE,
    RESPONSE_TYPE,
    VERBOSITY,
    Actions,
    PolicyHead,
)
from simulator.training.profiles import EFFORT_SHIFTS, VERBOSITY_LOGIT_SHIFTS, Profile
from simulator.training.prompt_features import compute_prompt_features
from simulator.training.random_draws import normal_draws, stable_hash
from simulator.training.reference_answer import ReferenceAnswer, extract_reference_answer
from simulator.training.requested_format import RequestedFormat, find_requested_format
from simulator.training.softmax import Distribution, softmax
from simulator.training.task import Task
from simulator.training.weights import ZERO_COLUMN, PromptGradient, Weights, nuisance_cost

# Item response: a prompt's difficulty grows with its steps around three, and varies by this much besides.
_USUAL_STEPS = 3
_UNWORKED_STEPS = 2
_STEP_DIFFICULTY = 0.3
_DIFFICULTY_SPREAD = 1.3
_RIGHT_OFFSET = -1.0
_WRONG_LOGITS = {"near": 0.0, "intermediate": -0.5, "wrong": -0.3}
_HOPELESS = -9.0

# Only a number tempts a model to maths habits when no format is asked for; anything else is answered as it is.
_BARE_HABIT = {"bare": 3.0, "hash": -3.0}

_OFFSETS = (0, *accumulate(len(head.actions) for head in HEADS))
_SLICES = tuple(slice(start, end) for start, end in pairwise(_OFFSETS))
_VERBOSITY, _CONTENT = HEADS.index(VERBOSITY), HEADS.index(CONTENT)
_RIGHT = _SLICES[_CONTENT].start  # `correct` stands first in its head
LOGIT_SCALES = tuple(head.logit_scale for head in HEADS for _ in head.actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPrompt:
    """A record made ready: all that training does not change.

    Attributes:
        base_logits: base logits of every action of every head, one after another, with this prompt's frozen noise.
        features: (index, value) of the features that are not zero.
    """

    record: Record
    task: Task
    base_logits: tuple[float, ...]
    features: tuple[tuple[int, float], ...]

    def policy(self, weights: Weights, temperature: float) -> "HeadDistributions":
        """Return `distributions` at this prompt."""
        return compute_distributions(self, weights, temperature)

    def gradient(self, logit_gradients: Sequence[float]) -> PromptGradient:
        """Return the gradient over the columns, from d loss / d logit of each action."""
        by_weight = [slope * stiff for slope, stiff in zip(logit_gradients, LOGIT_SCALES, strict=True)]
        return PromptGradient(
            columns=tuple([(index, [value * slope for slope in by_weight]) for index, value in self.features])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadDistributions:
    """The five heads for one prompt; content has one distribution per verbosity."""

    response_type: Distribution
    verbosity: Distribution
    content: tuple[Distribution, ...]
    format: Distribution
    style: Distribution

    @property
    def heads(self) -> tuple[tuple[Distribution, ...], ...]:
        """For each decision in turn its distributions: those of content depend on the verbosity."""
        return (self.response_type,), (self.verbosity,), self.content, (self.format,), (self.style,)

    def distribution_index(self, head: int, actions: Actions) -> int:
        """Return which of a head's distributions these decisions were drawn from."""
        return actions[_VERBOSITY] if head == _CONTENT else 0

    @property
    def entropy(self) -> float:
        """Expected sum of the entropies of the decisions that one rollout takes, in nats."""
        content = sum(
            probability * given.entropy
            for probability, given in zip(self.verbosity.probabilities, self.content, strict=True)
        )
        attempt = self.verbosity.entropy + content + self.format.entropy + self.style.entropy
        return self.response_type.entropy + self.response_type.probabilities[0] * attempt


def prepare_prompt(
    record: Record,
    *,
    profile: Profile,
    labels: tuple[str, ...] = (),
    effort: str = "medium",
    redteam: float = 0.0,
    answer_path: str | None = None,
) -> SimulatedPrompt:
    """Work out a prompt's reference answer, asked format, features and habits. The same prompt gets the same noise."""
    text = prompt_text(record.messages)
    gold, asked = extract_reference_answer(record, answer_path=answer_path), find_requested_format(text)
    identity = stable_hash("prompt", profile.model, text)
    skill = _correctness_logit(gold, profile, effort=effort, noise=normal_draws(identity, "difficulty", count=1)[0])
    habits: list[float] = []
    for head in HEADS:
        if head is CONTENT:
            habits += [_WRONG_LOGITS.get(action, skill) for action in head.actions]
        else:
            noise = normal_draws(identity, head.name, count=len(head.actions))
            base = _base_logits(head, profile, gold, asked, redteam=redteam)
            habits += [logit + head.noise_std * draw for logit, draw in zip(base, noise, strict=True)]
    return SimulatedPrompt(
        record=record,
        task=Task(reference=gold, requested_format=asked, labels=labels),
        base_logits=tuple(habits),
        features=tuple(compute_prompt_features(text, gold, asked)),
    )


def compute_distributions(prompt: SimulatedPrompt, weights: Weights, temperature: float) -> HeadDistributions:
    """Return the policy at one prompt. A temperature of zero or less means the most probable action, always."""
    logits = _logits(prompt, weights)
    conduct, verbosity, content, answer_format, style = (logits[part] for part in _SLICES)
    return HeadDistributions(
        response_type=softmax(conduct, temperature),
        verbosity=softmax(verbosity, temperature),
        content=tuple(softmax([content[0] + gain, *content[1:]], temperature) for gain in VERBOSITY_LOGIT_SHIFTS),
        format=softmax(answer_format, temperature),
        style=softmax(style, temperature),
    )


def _logits(prompt: SimulatedPrompt, weights: Weights) -> list[float]:
    logits = list(prompt.base_logits)
    moved = [(weights.columns[index], value) for index, value in prompt.features]
    moved = [(column, value) for column, value in moved if column is not ZERO_COLUMN]
    if moved:
        columns, values = zip(*moved, strict=True)
        logits = [
            logit + plasticity * sum(map(mul, values, row))
            for logit, plasticity, row in zip(logits, LOGIT_SCALES, zip(*columns, strict=True), strict=True)
        ]
    worn = nuisance_cost(weights)
    logits[_RIGHT] -= worn
    logits[OFF_LANGUAGE] += 0.5 * worn
    return logits


def _correctness_logit(gold: ReferenceAnswer, profile: Profile, *, effort: str, noise: float) -> float:
    """Logit of a right answer by the two-parameter item response model."""
    if gold.kind == "none":
        return _HOPELESS
    steps = len(gold.steps) or _UNWORKED_STEPS
    difficulty = _STEP_DIFFICULTY * (steps - _USUAL_STEPS) + _DIFFICULTY_SPREAD * noise
    ability = profile.ability + EFFORT_SHIFTS[effort].ability_shift
    return profile.discrimination * (ability - difficulty) + _RIGHT_OFFSET


def _base_logits(
    head: PolicyHead, profile: Profile, gold: ReferenceAnswer, asked: RequestedFormat, *, redteam: float
) -> list[float]:
    logits = {action: profile.logits[head.name].get(action, 0.0) for action in head.actions}
    if head is RESPONSE_TYPE:
        logits |= {name: logits[name] + redteam for name in EXPLOITS}
    if head is FORMAT:
        if gold.kind != "number" and asked.format != "hash":
            logits |= {name: logits[name] + shift for name, shift in _BARE_HABIT.items()}
        if asked.format in logits:
            logits[asked.format] = max(profile.requested_format_logit, logits[asked.format])
    return list(logits.values())
