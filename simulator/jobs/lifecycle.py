"""A job's lifecycle from its creation to its end, as a generator that the caller drives.

The generator yields effects. An effect is a domain event, which the engine appends to the log, or one of three requests
to the outside: `AcquireSlot`, `CheckGrader` and `Grade`. Everything else is computed here, so the same spec, files and
rewards give the same events. A test drives the generator without a mock.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from simulator.grading.grader import GradingResult, Sample
from simulator.grading.grader_error import GraderError
from simulator.jobs.failed_calls import FailedCalls
from simulator.jobs.job import (
    CheckpointSaved,
    ConvergenceDetected,
    Event,
    Failure,
    FilesValidated,
    HeldOutEvaluated,
    Job,
    JobFailed,
    JobSucceeded,
    ModelCreated,
    RolloutsGraded,
    ServiceCallsFailed,
    StepCompleted,
    TrainingStarted,
    ValidationStarted,
    WarningIssued,
)
from simulator.jobs.run_preparation import InvalidFileError, OpenFile, prepare_training_run
from simulator.settings import DurationSettings, Settings, restore_job_settings
from simulator.training.arithmetic import ARITHMETIC
from simulator.training.checkpoint import dump_weights
from simulator.training.convergence import StepProgress, detect_convergence
from simulator.training.sampling import Group
from simulator.training.training_run import (
    TrainingRun,
    TrainingState,
    evaluate_held_out,
    initial_state,
    sample_held_out,
    sample_step,
    train_step,
)
from simulator.upstream.response_folder import ResponseFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquireSlot:
    """Request a training slot. The result is the simulated time at which the slot became free."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckGrader:
    """Ask whether the grader may be invoked. The result is the reason why not, or a tuple of warnings."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """Request the rewards of samples. The result is a `GradingResult` in the order of the samples.

    The caller throws a GraderError into the generator if there are no rewards. `at` is the simulated time at which the
    rewards are available if no call is retried.
    """

    at: int
    split: str
    step: int
    samples: tuple[Sample, ...]


LifecycleEffect: TypeAlias = Event | AcquireSlot | CheckGrader | Grade
EffectResult: TypeAlias = GradingResult | tuple[str, ...] | str | int | None
Lifecycle: TypeAlias = Generator[LifecycleEffect, EffectResult, None]

GRADER_PARAM = "method.reinforcement.grader.lambda.function"
TRAIN, HELD_OUT = "train", "held_out"


def job_lifecycle(
    job: Job,
    *,
    open_file: OpenFile,
    model: str,
    settings: Settings,
    recorded_responses: ResponseFolder | None = None,
) -> Lifecycle:
    """Yield the effects of a job after its creation.

    A job keeps the settings that it was created with, also after a restart with other settings.

    Args:
        job: the job as it was created.
        open_file: opens an upload by its SHA-256.
        model: the name of the tuned model.
        settings: the settings of the simulator.
        recorded_responses: the responses to train on instead of the simulated policy's. They are read once.

    Raises:
        InvalidSettingError: this version does not have one of the job's settings.
    """
    spec = job.spec
    settings = settings if spec.settings is None else restore_job_settings(settings, spec.settings)
    durations = settings.durations
    at = job.created_at
    yield ValidationStarted(at=at, training_file=spec.training_file)
    at += durations.validation
    try:
        run = prepare_training_run(spec, open_file=open_file, settings=settings, recorded_responses=recorded_responses)
    except InvalidFileError as error:
        yield JobFailed(at=at, failure=error.failure)
        return
    yield FilesValidated(at=at, training_records=len(run.plan.train), held_out_records=len(run.plan.held_out))
    free_at = yield AcquireSlot(at=at)
    assert isinstance(free_at, int)  # noqa: S101  the result of AcquireSlot
    at = max(at + durations.queue, free_at)
    check = yield CheckGrader(at=at)
    if isinstance(check, str):
        yield JobFailed(at=at, failure=Failure(code="grader_error", message=check, param=GRADER_PARAM))
        return
    for message in check if isinstance(check, tuple) else ():
        yield WarningIssued(at=at, message=message)
    yield TrainingStarted(at=at, total_steps=run.plan.total_steps, arithmetic=ARITHMETIC)
    try:
        yield from _train(run, at=at, model=model, settings=settings)
    except _GradingFailedError as error:
        failure = Failure(code="grader_error", message=str(error.cause), param=GRADER_PARAM)
        yield JobFailed(at=error.at, failure=failure)


def _train(run: TrainingRun, *, at: int, model: str, settings: Settings) -> Lifecycle:
    state, history = initial_state(), list[StepProgress]()
    weights, failed_calls = dump_weights(state.weights), FailedCalls()
    _, at = yield from _evaluate(run, state, failed_calls, at=at)
    while state.step < run.plan.total_steps:
        groups = sample_step(run, state)
        tokens = sum(rollout.response_length for group in groups for rollout in group.rollouts)
        at += _step_duration(tokens, settings.durations)
        rewards, at = yield from _grade(groups, failed_calls, split=TRAIN, step=state.step + 1, at=at)
        outcome = train_step(run, state, groups, rewards)
        state = outcome.state
        yield StepCompleted(
            at=at,
            step=state.step,
            tokens=tokens,
            metrics=outcome.metrics.as_data(),
            truth=outcome.ground_truth.as_data(),
        )
        history.append(
            StepProgress(reward_mean=outcome.metrics.critic_rewards_mean, dead_groups=outcome.ground_truth.dead_groups)
        )
        reason = detect_convergence(history) if settings.detect_convergence else None
        if reason or state.step in run.plan.checkpoint_steps:
            weights = dump_weights(state.weights)
            metrics, at = yield from _evaluate(run, state, failed_calls, at=at)
            yield CheckpointSaved(
                at=at, step=state.step, model=f"{model}:ckpt-step-{state.step}", metrics=metrics, weights=weights
            )
        if reason and state.step < run.plan.total_steps:
            yield ConvergenceDetected(at=at, step=state.step, reason=reason)
            break
    for service_calls in failed_calls.take_changed():
        yield ServiceCallsFailed(at=at, step=state.step, service_calls=service_calls)
    yield ModelCreated(at=at, model=model)
    yield JobSucceeded(at=at, weights=weights)


def _evaluate(
    run: TrainingRun, state: TrainingState, failed_calls: FailedCalls, *, at: int
) -> Generator[LifecycleEffect, EffectResult, tuple[dict[str, int | float], int]]:
    """Grade one rollout per held-out record.

    Return the metrics of the checkpoint (INFERRED: their names), and the time at which the last call succeeded.
    """
    if not run.plan.held_out:
        return {"step": state.step}, at
    groups = sample_held_out(run, state)
    rewards, at = yield from _grade(groups, failed_calls, split=HELD_OUT, step=state.step, at=at)
    result = evaluate_held_out(state, groups, rewards)
    metrics = {
        "step": state.step,
        "validation_response_length_mean": result.response_length_mean,
        "validation_reward_mean": result.reward_mean,
    }
    yield HeldOutEvaluated(at=at, step=state.step, metrics=metrics, truth={"quality_mean": result.quality_mean})
    return metrics, at


def _grade(
    groups: Sequence[Group], failed_calls: FailedCalls, *, split: str, step: int, at: int
) -> Generator[LifecycleEffect, EffectResult, tuple[tuple[tuple[float, ...], ...], int]]:
    """Grade the rollouts; return their rewards and the time at which the last call succeeded."""
    samples = tuple(
        Sample(record=group.prompt.record, rollout=rollout) for group in groups for rollout in group.rollouts
    )
    try:
        result = yield Grade(at=at, split=split, step=step, samples=samples)
    except GraderError as error:
        raise _GradingFailedError(error, at=at + error.retry_seconds) from error
    assert isinstance(result, GradingResult)  # noqa: S101  the result of Grade
    flat_rewards = iter(result.rewards)
    rewards = tuple(tuple(next(flat_rewards) for _ in group.rollouts) for group in groups)
    yield RolloutsGraded(
        at=at,
        split=split,
        step=step,
        rewards=rewards,
        invocations=result.invocations,
        warnings=result.warnings,
        retry_seconds=result.retry_seconds,
        service_calls=failed_calls.add(result.service_calls),
    )
    at += result.retry_seconds
    for service_calls in failed_calls.take_new():
        yield ServiceCallsFailed(at=at, step=step, service_calls=service_calls)
    return rewards, at


def _step_duration(tokens: int, durations: DurationSettings) -> int:
    return round(durations.per_step + tokens / durations.tokens_per_second)


class _GradingFailedError(Exception):
    def __init__(self, cause: GraderError, *, at: int) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.at = at
