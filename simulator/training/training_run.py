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
from simulator.training.grpo import Experience, advantages, updated
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import (
    LARGEST_FLOAT32,
    HeldOut,
    StepMetrics,
    StepTruth,
    held_out_metrics,
    step_metrics,
    step_truth,
)
from simulator.training.optimizer import FRESH, Moments
from simulator.training.policy import BASE, NUISANCES, Weights, labels_of, prepare
from simulator.training.profiles import Profile, profile_for
from simulator.training.random_draws import normals
from simulator.training.recorded_policy import Recorded, Recordings, UnrecordedError, recorded_prompt
from simulator.training.sampling import Group, Simulated, Source
from simulator.training.training_plan import Plan, divided, planned

# The base model's mean entropy is taken over this many prompts at most: it is the unit of a metric, not a result.
_ENTROPY_SAMPLE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything about a run that no step changes.

    Attributes:
        train: sources of the prompts to train on, by line of the training file.
        held_out: those of the prompts to evaluate on.
        entropy_scale: from nats of decisions to the base model's reported entropy per token.
    """

    profile: Profile
    hyperparameters: Hyperparameters
    seed: int
    plan: Plan
    train: Mapping[int, Source]
    held_out: tuple[Source, ...]
    entropy_scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The policy after some steps, with the optimizer's memory. `step` counts those done, from 0."""

    step: int
    weights: Weights
    moments: Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """What learning from a step's rewards gave."""

    state: State
    metrics: StepMetrics
    truth: StepTruth


def prepared(
    records: tuple[Record, ...],
    *,
    model: str,
    hyperparameters: Hyperparameters,
    seed: int,
    validation: tuple[Record, ...] | None = None,
    held_out_choice: HeldOutChoice = "tail",
    answer_path: str | None = None,
    recorded: Recordings | None = None,
    recorded_validation: Recordings | None = None,
) -> Run:
    """Make a run ready. Without validation records a tenth of the training records is held out.

    With `recorded`, responses by line of the training file, what is trained is a policy over these responses in the
    place of the simulated one, and nothing else differs (`redteam`, `max_tokens` and `reasoning_effort` mean nothing
    then). `recorded_validation` has those of the validation file, if there is one.

    Raises:
        PlanError: when the records do not fill one batch.
        UnrecordedError: when some records have recorded responses and others have none.
    """
    division = divided(records, validation, seed=seed, held_out_choice=held_out_choice)
    plan = planned(division, batch_size=hyperparameters.batch_size, n_epochs=hyperparameters.n_epochs, seed=seed)
    profile = profile_for(model)
    labels = labels_of([*division.train.values(), *division.held_out.values()], answer_path=answer_path)

    def simulated(record: Record) -> Source:
        prompt = prepare(
            record,
            profile=profile,
            labels=labels,
            effort=hyperparameters.reasoning_effort,
            redteam=hyperparameters.redteam,
            answer_path=answer_path,
        )
        return Simulated(prompt=prompt, profile=profile, settings=hyperparameters)

    def sources(records: Mapping[int, Record], recordings: Recordings | None) -> dict[int, Source]:
        if recordings is None:
            return {line: simulated(record) for line, record in records.items()}
        if missing := [line for line in records if not recordings.get(line)]:
            raise UnrecordedError(missing)
        return {
            line: Recorded(
                prompt=recorded_prompt(record, recordings[line], labels=labels, answer_path=answer_path),
                temperature=hyperparameters.temperature,
            )
            for line, record in records.items()
        }

    train = sources(division.train, recorded)
    held_out = sources(division.held_out, recorded if validation is None else recorded_validation)
    some = [source.prompt.policy(BASE, 1.0).entropy for source in islice(train.values(), _ENTROPY_SAMPLE)]
    return Run(
        profile=profile,
        hyperparameters=hyperparameters,
        seed=seed,
        plan=plan,
        train=train,
        held_out=tuple(held_out.values()),
        # Of responses that are all alike nothing is left to decide.
        entropy_scale=profile.entropy / (sum(some) / len(some)) if any(some) else 0.0,
    )


def initial_state() -> State:
    """Return the state before any step; what differs between base models is in the prompts' habits, not here."""
    return State(step=0, weights=BASE, moments=FRESH)


def sampled(run: Run, state: State) -> tuple[Group, ...]:
    """Sample the rollouts of the step that comes next."""
    step = state.step + 1
    rollouts, address = run.hyperparameters.rollouts_per_prompt, (run.seed, "rollout", step)
    return tuple(
        [run.train[line].sampled(state.weights, rollouts=rollouts, address=address) for line in run.plan.batch(step)]
    )


def sampled_held_out(run: Run, state: State) -> tuple[Group, ...]:
    """Sample one rollout per held-out record, always with the same draws: two evaluations differ by policy alone."""
    address = (run.seed, "held-out", 0)
    return tuple([source.sampled(state.weights, rollouts=1, address=address) for source in run.held_out])


def learned(run: Run, state: State, groups: Sequence[Group], rewards: Sequence[Sequence[float]]) -> StepOutcome:
    """Learn from the rewards of a step, in the order of its groups and rollouts.

    Raises:
        ValueError: when the rewards do not fit the rollouts, or one is no single-precision number.
    """
    _check(groups, rewards)
    step = state.step + 1
    settings = run.hyperparameters
    by_group = [advantages(group, normalize_by_std=settings.normalize_by_std) for group in rewards]
    batch = [
        Experience(group=group, advantages=gains, nuisances=_nuisances(run, step, group, gains))
        for group, gains in zip(groups, by_group, strict=True)
    ]
    update = updated(state.weights, state.moments, batch, settings)
    return StepOutcome(
        state=State(step=step, weights=update.weights, moments=update.moments),
        metrics=step_metrics(
            groups,
            rewards,
            by_group,
            step=step,
            total_steps=run.plan.total_steps,
            grad_norm=update.grad_norm,
            entropy_scale=run.entropy_scale,
            settings=settings,
        ),
        truth=step_truth(groups, rewards, update),
    )


def evaluated(state: State, groups: Sequence[Group], rewards: Sequence[Sequence[float]]) -> HeldOut:
    """Average the rewards of `sampled_held_out`.

    Raises:
        ValueError: as `learned` does.
    """
    _check(groups, rewards)
    return held_out_metrics(groups, rewards, step=state.step)


def _nuisances(run: Run, step: int, group: Group, gains: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    # A rollout without an advantage pulls nowhere, so its draw is never looked at.
    return tuple(
        [
            normals(run.seed, "nuisance", step, rollout.line, rollout.index, count=NUISANCES) if gain else ()
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
