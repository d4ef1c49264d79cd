"""A training run: the caller samples a step, scores the rollouts and trains on the rewards.

    run = prepare_run(records, model=..., hyperparameters=..., seed=...)
    state = initial_state()
    while state.step < run.plan.total_steps:
        groups = sample_step(run, state)
        outcome = train_step(run, state, groups, rewards)      # rewards[i][j] belongs to groups[i].rollouts[j]
        state = outcome.state

These are pure functions: the same rewards give the same states, bit for bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from simulator.training.dataset import HeldOutChoice, Record
from simulator.training.float32 import LARGEST_FLOAT32
from simulator.training.grpo import Experience, compute_advantages, update_policy
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import (
    GroundTruthMetrics,
    HeldOutMetrics,
    StepMetrics,
    compute_ground_truth_metrics,
    compute_held_out_metrics,
    compute_step_metrics,
)
from simulator.training.optimizer import INITIAL_MOMENTS, Moments
from simulator.training.policy import prepare_prompt
from simulator.training.profiles import Profile, profile_for
from simulator.training.random_draws import normal_draws
from simulator.training.recorded_policy import RecordedSource, prepare_recorded_prompt
from simulator.training.recorded_response import MissingResponsesError, ResponsesByLine
from simulator.training.reference_answer import AnswerReader, answer_reader, collect_labels
from simulator.training.sampling import Group, RolloutSource, SimulatedSource
from simulator.training.training_plan import TrainingPlan, build_plan, split_dataset
from simulator.training.weights import BASE_WEIGHTS, NUISANCE_SIZE, Weights

# `entropy_scale` needs the mean entropy of the base model. A sample of the prompts is enough to estimate it.
_ENTROPY_SAMPLE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """The parts of a run that stay the same in all steps.

    Attributes:
        train_sources: the prompts to train on, by line of the training file.
        held_out_sources: the prompts to evaluate on.
        entropy_scale: the base model's reported entropy per token, divided by the entropy of its actions in nats.
    """

    profile: Profile
    hyperparameters: Hyperparameters
    seed: int
    plan: TrainingPlan
    train_sources: Mapping[int, RolloutSource]
    held_out_sources: tuple[RolloutSource, ...]
    entropy_scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """The policy and the optimizer after `step` steps. `step` is 0 before training."""

    step: int
    weights: Weights
    moments: Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """The result of training on the rewards of one step."""

    state: TrainingState
    metrics: StepMetrics
    ground_truth: GroundTruthMetrics


def prepare_run(
    records: tuple[Record, ...],
    *,
    model: str,
    hyperparameters: Hyperparameters,
    seed: int,
    validation: tuple[Record, ...] | None = None,
    held_out_choice: HeldOutChoice = "tail",
    answer_path: str | None = None,
    read_answer: AnswerReader | None = None,
    recorded_responses: ResponsesByLine | None = None,
    recorded_validation_responses: ResponsesByLine | None = None,
) -> TrainingRun:
    """Prepare a run. Without validation records a tenth of the training records is held out.

    `read_answer` reads the right answers in place of `answer_path`.

    With `recorded_responses`, by line of the training file, the run trains a policy over these responses instead of the
    simulated policy. `redteam`, `max_tokens` and `reasoning_effort` then have no effect.
    `recorded_validation_responses` are the responses by line of the validation file, if there is one.

    Raises:
        PlanError: the records do not fill one batch.
        MissingResponsesError: some records have no recorded responses.
    """
    dataset_split = split_dataset(records, validation, seed=seed, held_out_choice=held_out_choice)
    plan = build_plan(
        dataset_split, batch_size=hyperparameters.batch_size, n_epochs=hyperparameters.n_epochs, seed=seed
    )
    profile = profile_for(model)
    read_answer = read_answer or answer_reader(answer_path)
    labels = collect_labels([*dataset_split.train.values(), *dataset_split.held_out.values()], read_answer=read_answer)

    def make_simulated_source(record: Record) -> RolloutSource:
        prompt = prepare_prompt(
            record,
            profile=profile,
            labels=labels,
            effort=hyperparameters.reasoning_effort,
            redteam=hyperparameters.redteam,
            read_answer=read_answer,
        )
        return SimulatedSource(prompt=prompt, profile=profile, settings=hyperparameters)

    def make_sources(
        records: Mapping[int, Record], responses_by_line: ResponsesByLine | None
    ) -> dict[int, RolloutSource]:
        if responses_by_line is None:
            return {line: make_simulated_source(record) for line, record in records.items()}
        if lines_without_responses := [line for line in records if not responses_by_line.get(line)]:
            raise MissingResponsesError(lines_without_responses)
        return {
            line: RecordedSource(
                prompt=prepare_recorded_prompt(record, responses_by_line[line], labels=labels, read_answer=read_answer),
                temperature=hyperparameters.temperature,
            )
            for line, record in records.items()
        }

    train = make_sources(dataset_split.train, recorded_responses)
    held_out = make_sources(
        dataset_split.held_out, recorded_responses if validation is None else recorded_validation_responses
    )
    entropies = [source.prompt.policy(BASE_WEIGHTS, 1.0).entropy for source in islice(train.values(), _ENTROPY_SAMPLE)]
    return TrainingRun(
        profile=profile,
        hyperparameters=hyperparameters,
        seed=seed,
        plan=plan,
        train_sources=train,
        held_out_sources=tuple(held_out.values()),
        # Responses that are all equal have no entropy.
        entropy_scale=profile.entropy / (sum(entropies) / len(entropies)) if any(entropies) else 0.0,
    )


def initial_state() -> TrainingState:
    """Return the state before the first step. It is the same for all base models: they differ in their base logits."""
    return TrainingState(step=0, weights=BASE_WEIGHTS, moments=INITIAL_MOMENTS)


def sample_step(run: TrainingRun, state: TrainingState) -> tuple[Group, ...]:
    """Sample the rollouts of the next step."""
    step = state.step + 1
    rollouts, random_key = run.hyperparameters.rollouts_per_prompt, (run.seed, "rollout", step)
    return tuple(
        [
            run.train_sources[line].sample_group(state.weights, rollouts=rollouts, random_key=random_key)
            for line in run.plan.batch(step)
        ]
    )


def sample_held_out(run: TrainingRun, state: TrainingState) -> tuple[Group, ...]:
    """Sample one rollout per held-out record. All evaluations have the same draws and differ only in the policy."""
    random_key = (run.seed, "held-out", 0)
    return tuple(
        [source.sample_group(state.weights, rollouts=1, random_key=random_key) for source in run.held_out_sources]
    )


def train_step(
    run: TrainingRun, state: TrainingState, groups: Sequence[Group], rewards: Sequence[Sequence[float]]
) -> StepOutcome:
    """Train on the rewards of a step, which are in the order of its groups and rollouts.

    Raises:
        ValueError: the rewards do not match the rollouts, or a reward is not a single-precision number.
    """
    _check_rewards(groups, rewards)
    step = state.step + 1
    settings = run.hyperparameters
    advantages_by_group = [compute_advantages(group, normalize_by_std=settings.normalize_by_std) for group in rewards]
    batch = [
        Experience(group=group, advantages=advantages, nuisance_draws=_sample_nuisances(run, step, group, advantages))
        for group, advantages in zip(groups, advantages_by_group, strict=True)
    ]
    update = update_policy(state.weights, state.moments, batch, settings)
    return StepOutcome(
        state=TrainingState(step=step, weights=update.weights, moments=update.moments),
        metrics=compute_step_metrics(
            groups,
            rewards,
            advantages_by_group,
            step=step,
            total_steps=run.plan.total_steps,
            grad_norm=update.grad_norm,
            entropy_scale=run.entropy_scale,
            settings=settings,
        ),
        ground_truth=compute_ground_truth_metrics(groups, rewards, update),
    )


def evaluate_held_out(
    state: TrainingState, groups: Sequence[Group], rewards: Sequence[Sequence[float]]
) -> HeldOutMetrics:
    """Return the mean reward, quality and length of the rollouts of `sample_held_out`.

    Raises:
        ValueError: as for `train_step`.
    """
    _check_rewards(groups, rewards)
    return compute_held_out_metrics(groups, rewards, step=state.step)


def _sample_nuisances(
    run: TrainingRun, step: int, group: Group, advantages: Sequence[float]
) -> tuple[tuple[float, ...], ...]:
    # A rollout without an advantage has no gradient, so its draw is never used.
    return tuple(
        [
            normal_draws(run.seed, "nuisance", step, rollout.line, rollout.index, count=NUISANCE_SIZE)
            if advantage
            else ()
            for rollout, advantage in zip(group.rollouts, advantages, strict=True)
        ]
    )


def _check_rewards(groups: Sequence[Group], rewards: Sequence[Sequence[float]]) -> None:
    expected, actual = [len(group.rollouts) for group in groups], [len(group) for group in rewards]
    if expected != actual:
        raise ValueError(f"rewards per group must be {expected}, one for each rollout, not {actual}")
    for group, scores in zip(groups, rewards, strict=True):
        for rollout, score in zip(group.rollouts, scores, strict=True):
            if not abs(score) <= LARGEST_FLOAT32:
                raise ValueError(
                    f"line {rollout.line}, rollout {rollout.index}: the reward {score} is not a number that "
                    "single precision can represent"
                )
