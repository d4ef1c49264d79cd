"""The simulated policy: for each prompt a softmax per head, from fixed base logits and trained weights.

For prompt x and head h:    logits_h(x) = base_h(x) + scale_h * W_h features(x),    pi_h = softmax(logits_h / T)
Training changes only the weights W and the nuisance vector (see `Weights`). Prompts share features. So a change learned
on one prompt also applies to prompts of the same kind and requested format, and has little effect on other prompts.
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
from simulator.training.reference_answer import AnswerReader, ReferenceAnswer, answer_reader
from simulator.training.requested_format import RequestedFormat
from simulator.training.softmax import Distribution, softmax
from simulator.training.task import Task, build_task
from simulator.training.weights import ZERO_COLUMN, PromptGradient, Weights, nuisance_cost

# Item response: the difficulty of a prompt grows with its number of steps and has a random spread. It is 0 on average
# for a prompt with three steps.
_USUAL_STEPS = 3
_DEFAULT_STEPS = 2
_STEP_DIFFICULTY = 0.3
_DIFFICULTY_SPREAD = 1.3
_CORRECT_OFFSET = -1.0
_WRONG_LOGITS = {"near": 0.0, "intermediate": -0.5, "wrong": -0.3}
_NO_REFERENCE_LOGIT = -9.0

# If the prompt does not request `#### answer` and the answer is no number, most responses contain only the answer.
_NON_NUMBER_FORMAT_SHIFTS = {"bare": 3.0, "hash": -3.0}

_OFFSETS = (0, *accumulate(len(head.actions) for head in HEADS))
_SLICES = tuple(slice(start, end) for start, end in pairwise(_OFFSETS))
_VERBOSITY, _CONTENT = HEADS.index(VERBOSITY), HEADS.index(CONTENT)
_CORRECT = _SLICES[_CONTENT].start  # `correct` is the first action of its head
LOGIT_SCALES = tuple(head.logit_scale for head in HEADS for _ in head.actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPrompt:
    """The prompt of a record, with everything that training does not change.

    Attributes:
        base_logits: the logits of all actions, head after head, with the fixed noise of this prompt.
        features: the index and value of each feature that is not zero.
    """

    record: Record
    task: Task
    base_logits: tuple[float, ...]
    features: tuple[tuple[int, float], ...]

    def policy(self, weights: Weights, temperature: float) -> "HeadDistributions":
        """Return the distributions of the heads at this prompt."""
        return compute_distributions(self, weights, temperature)

    def gradient(self, logit_gradients: Sequence[float]) -> PromptGradient:
        """Return d loss / d weight for the columns of W, from d loss / d logit of each action."""
        scaled_gradients = [gradient * scale for gradient, scale in zip(logit_gradients, LOGIT_SCALES, strict=True)]
        return PromptGradient(
            columns=tuple(
                [(index, [value * gradient for gradient in scaled_gradients]) for index, value in self.features]
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadDistributions:
    """The five heads at one prompt; content has one distribution per verbosity."""

    response_type: Distribution
    verbosity: Distribution
    content: tuple[Distribution, ...]
    format: Distribution
    style: Distribution

    @property
    def heads(self) -> tuple[tuple[Distribution, ...], ...]:
        """The distributions of each head; those of content depend on the verbosity."""
        return (self.response_type,), (self.verbosity,), self.content, (self.format,), (self.style,)

    def distribution_index(self, head: int, actions: Actions) -> int:
        """Return which of a head's distributions these actions were sampled from."""
        return actions[_VERBOSITY] if head == _CONTENT else 0

    @property
    def entropy(self) -> float:
        """Expected sum of the entropies of the actions of one rollout, in nats."""
        content = sum(
            probability * distribution.entropy
            for probability, distribution in zip(self.verbosity.probabilities, self.content, strict=True)
        )
        attempt_entropy = self.verbosity.entropy + content + self.format.entropy + self.style.entropy
        return self.response_type.entropy + self.response_type.probabilities[0] * attempt_entropy


def prepare_prompt(
    record: Record,
    *,
    profile: Profile,
    labels: tuple[str, ...] = (),
    effort: str = "medium",
    redteam: float = 0.0,
    answer_path: str | None = None,
    read_answer: AnswerReader | None = None,
) -> SimulatedPrompt:
    """Return a prompt with its reference answer, requested format, features and base logits.

    Equal prompts get equal noise. `read_answer` reads the right answer in place of `answer_path`.
    """
    text = prompt_text(record.messages)
    task = build_task(record, (read_answer or answer_reader(answer_path))(record), labels=labels)
    reference, requested_format = task.reference, task.requested_format
    identity = stable_hash("prompt", profile.model, text)
    (difficulty_noise,) = normal_draws(identity, "difficulty", count=1)
    correctness = _compute_correctness_logit(reference, profile, effort=effort, noise=difficulty_noise)
    base_logits: list[float] = []
    for head in HEADS:
        if head is CONTENT:
            base_logits += [_WRONG_LOGITS.get(action, correctness) for action in head.actions]
        else:
            noise = normal_draws(identity, head.name, count=len(head.actions))
            base = _compute_base_logits(head, profile, reference, requested_format, redteam=redteam)
            base_logits += [logit + head.noise_std * draw for logit, draw in zip(base, noise, strict=True)]
    return SimulatedPrompt(
        record=record,
        task=task,
        base_logits=tuple(base_logits),
        features=tuple(compute_prompt_features(text, reference, requested_format)),
    )


def compute_distributions(prompt: SimulatedPrompt, weights: Weights, temperature: float) -> HeadDistributions:
    """Return the policy at one prompt. At a temperature of 0 or less it always takes the most probable action."""
    logits = _compute_logits(prompt, weights)
    response_type, verbosity, content, answer_format, style = (logits[part] for part in _SLICES)
    return HeadDistributions(
        response_type=softmax(response_type, temperature),
        verbosity=softmax(verbosity, temperature),
        content=tuple(softmax([content[0] + gain, *content[1:]], temperature) for gain in VERBOSITY_LOGIT_SHIFTS),
        format=softmax(answer_format, temperature),
        style=softmax(style, temperature),
    )


def _compute_logits(prompt: SimulatedPrompt, weights: Weights) -> list[float]:
    logits = list(prompt.base_logits)
    trained_columns = [(weights.columns[index], value) for index, value in prompt.features]
    trained_columns = [(column, value) for column, value in trained_columns if column is not ZERO_COLUMN]
    if trained_columns:
        columns, values = zip(*trained_columns, strict=True)
        logits = [
            logit + scale * sum(map(mul, values, row))
            for logit, scale, row in zip(logits, LOGIT_SCALES, zip(*columns, strict=True), strict=True)
        ]
    cost = nuisance_cost(weights)
    logits[_CORRECT] -= cost
    logits[OFF_LANGUAGE] += 0.5 * cost
    return logits


def _compute_correctness_logit(reference: ReferenceAnswer, profile: Profile, *, effort: str, noise: float) -> float:
    """Return the logit of a right answer by the two-parameter item response model."""
    if reference.kind == "none":
        return _NO_REFERENCE_LOGIT
    steps = len(reference.steps) or _DEFAULT_STEPS
    difficulty = _STEP_DIFFICULTY * (steps - _USUAL_STEPS) + _DIFFICULTY_SPREAD * noise
    ability = profile.ability + EFFORT_SHIFTS[effort].ability_shift
    return profile.discrimination * (ability - difficulty) + _CORRECT_OFFSET


def _compute_base_logits(
    head: PolicyHead, profile: Profile, reference: ReferenceAnswer, requested_format: RequestedFormat, *, redteam: float
) -> list[float]:
    logits = {action: profile.logits[head.name].get(action, 0.0) for action in head.actions}
    if head is RESPONSE_TYPE:
        logits |= {name: logits[name] + redteam for name in EXPLOITS}
    if head is FORMAT:
        if reference.kind != "number" and requested_format.format != "hash":
            logits |= {name: logits[name] + shift for name, shift in _NON_NUMBER_FORMAT_SHIFTS.items()}
        if requested_format.format in logits:
            logits[requested_format.format] = max(profile.requested_format_logit, logits[requested_format.format])
    return list(logits.values())
