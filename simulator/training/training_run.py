"""A training run, driven from outside: sample a step, score it elsewhere, learn from the rewards, and so on.

    run = prepared(records, model=..., hyperparameters=..., seed=...)
    state = initial_state()
    while state.step < run.plan.total_steps:
        groups = sampled(run, state)
        outcome = learned(run, state, groups, rewards)      # rewards[i][j] is that of groups[i].rollouts[j]
        state = outcome.state

Nothing here waits, writes or draws from a shared source: the same rewards give the same states, to the last bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from simulator.training.dataset import HeldOutChoice, Record
from simulator.training.grpo import Experience, compute_advantages, update_policy
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import (
    LARGEST_FLOAT32,
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
from simulator.training.reference_answer import collect_labels
from simulator.training.sampling import Group, RolloutSource, SimulatedSource
from simulator.training.training_plan import TrainingPlan, build_plan, split_dataset
from simulator.training.weights import BASE_WEIGHTS, NUISANCE_SIZE, Weights

# The base model's mean entropy is taken over this many prompts at most: it is the unit of a metric, not a result.
_ENTROPY_SAMPLE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """Everything about a run that no step changes.

    Attributes:
        train_sources: sources of the prompts to train on, by line of the training file.
        held_out_sources: those of the prompts to evaluate on.
        entropy_scale: from nats of decisions to the base model's reported entropy per token.
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
    """The policy after some steps, with the optimizer's memory. `step` counts those done, from 0."""

    step: int
    weights: Weights
    moments: Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """What learning from a step's rewards gave."""

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
    recorded_responses: ResponsesByLine | None = None,
    recorded_validation_responses: ResponsesByLine | None = None,
) -> TrainingRun:
    """Make a run ready. Without validation records a tenth of the training records is held out.

    With `recorded_responses`, responses by line of the training file, what is trained is a policy over these responses in the
    place of the simulated one, and nothing else differs (`redteam`, `max_tokens` and `reasoning_effort` mean nothing
    then). `recorded_validation_responses` has those of the validation file, if there is one.

    Raises:
        PlanError: when the records do not fill one batch.
        UnrecordedError: when some records have recorded responses and others have none.
    """
    division = split_dataset(records, validation, seed=seed, held_out_choice=held_out_choice)
    plan = build_plan(division, batch_size=hyperparameters.batch_size, n_epochs=hyperparameters.n_epochs, seed=seed)
    profile = profile_for(model)
    labels = collect_labels([*division.train.values(), *division.held_out.values()], answer_path=answer_path)

    def simulated(record: Record) -> RolloutSource:
        prompt = prepare_prompt(
            record,
            profile=profile,
            labels=labels,
            effort=hyperparameters.reasoning_effort,
            redteam=hyperparameters.redteam,
            answer_path=answer_path,
        )
        return SimulatedSource(prompt=prompt, profile=profile, settings=hyperparameters)

    def sources(records: Mapping[int, Record], recordings: ResponsesByLine | None) -> dict[int, RolloutSource]:
        if recordings is None:
            return {line: simulated(record) for line, record in records.items()}
        if missing := [line for line in records if not recordings.get(line)]:
            raise MissingResponsesError(missing)
        return {
            line: RecordedSource(
                prompt=prepare_recorded_prompt(record, recordings[line], labels=labels, answer_path=answer_path),
                temperature=hyperparameters.temperature,
            )
            for line, record in records.items()
        }

    train = sources(division.train, recorded_responses)
    held_out = sources(division.held_out, recorded_responses if validation is None else recorded_validation_responses)
    some = [source.prompt.policy(BASE_WEIGHTS, 1.0).entropy for source in islice(train.values(), _ENTROPY_SAMPLE)]
    return TrainingRun(
        profile=profile,
        hyperparameters=hyperparameters,
        seed=seed,
        plan=plan,
        train_sources=train,
        held_out_sources=tuple(held_out.values()),
        # Of responses that are all alike nothing is left to decide.
        entropy_scale=profile.entropy / (sum(some) / len(some)) if any(some) else 0.0,
    )


def initial_state() -> TrainingState:
    """Return the state before any step; what differs between base models is in the prompts' habits, not here."""
    return TrainingState(step=0, weights=BASE_WEIGHTS, moments=INITIAL_MOMENTS)


def sample_step(run: TrainingRun, state: TrainingState) -> tuple[Group, ...]:
    """Sample the rollouts of the step that comes next."""
    step = state.step + 1
    rollouts, address = run.hyperparameters.rollouts_per_prompt, (run.seed, "rollout", step)
    return tuple(
        [
            run.train_sources[line].sample_group(state.weights, rollouts=rollouts, random_key=address)
            for line in run.plan.batch(step)
        ]
    )


def sample_held_out(run: TrainingRun, state: TrainingState) -> tuple[Group, ...]:
    """Sample one rollout per held-out record, always with the same draws: two evaluations differ by policy alone."""
    address = (run.seed, "held-out", 0)
    return tuple(
        [source.sample_group(state.weights, rollouts=1, random_key=address) for source in run.held_out_sources]
    )


def train_step(
    run: TrainingRun, state: TrainingState, groups: Sequence[Group], rewards: Sequence[Sequence[float]]
) -> StepOutcome:
    """Learn from the rewards of a step, in the order of its groups and rollouts.

    Raises:
        ValueError: when the rewards do not fit the rollouts, or one is no single-precision number.
    """
    _check(groups, rewards)
    step = state.step + 1
    settings = run.hyperparameters
    by_group = [compute_advantages(group, normalize_by_std=settings.normalize_by_std) for group in rewards]
    batch = [
        Experience(group=group, advantages=gains, nuisance_draws=_nuisance_draws(run, step, group, gains))
        for group, gains in zip(groups, by_group, strict=True)
    ]
    update = update_policy(state.weights, state.moments, batch, settings)
    return StepOutcome(
        state=TrainingState(step=step, weights=update.weights, moments=update.moments),
        metrics=compute_step_metrics(
            groups,
            rewards,
            by_group,
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
    """Average the rewards of `sampled_held_out`.

    Raises:
        ValueError: as `learned` does.
    """
    _check(groups, rewards)
    return compute_held_out_metrics(groups, rewards, step=state.step)


def _nuisance_draws(run: TrainingRun, step: int, group: Group, gains: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    # A rollout without an advantage pulls nowhere, so its draw is never looked at.
    return tuple(
        [
            normal_draws(run.seed, "nuisance", step, rollout.line, rollout.index, count=NUISANCE_SIZE) if gain else ()
            for rollout, gain in zip(group.rollouts, gains, strict=True)
        ]
    )


def _check(groups: Sequence[Group], rewards: Sequence[Sequence[float]]) -> None:
    expected, given = [len(group.rollouts) for group in groups], [len(group) for group in rewards]
    if expected != given:
        raise ValueError(f"rewards per group must be {expected}, one for each rollout, not {given}")
    for group, scores in zip(groups, rewards, strict=True):
        for rollout, score in zip(group.rollouts, scores, strict=True):
            if not abs(score) <= LARGEST_FLOAT32:
                raise ValueError(
                    f"line {rollout.line}, rollout {rollout.index}: the reward {score} is not a number that "
                    "single precision can hold"
                )
