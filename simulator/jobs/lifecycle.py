"""One job's story, from its creation to its end: a generator driven from outside, so that its test needs no mock.

It yields domain events, which the engine appends, and three requests to the world: a place among the jobs that train,
may the grader be invoked, and what are these rollouts worth. Everything else it computes, so the same order, files and
rewards tell the same story.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeAlias

from simulator.grading.grader import GradingResult, Sample
from simulator.grading.lambda_response import GraderError
from simulator.jobs.job import (
    CheckpointSaved,
    ConvergenceDetected,
    Event,
    Failure,
    FilesValidated,
    HeldOutEvaluated,
    Job,
    JobFailed,
    JobSpec,
    JobSucceeded,
    ModelCreated,
    RolloutsGraded,
    StepCompleted,
    TrainingStarted,
    ValidationStarted,
)
from simulator.settings import DurationSettings, Settings, restore_job_settings
from simulator.training.checkpoint import dump_weights
from simulator.training.convergence import StepProgress, detect_convergence
from simulator.training.dataset import DatasetError, DatasetLimits, Record, read_records
from simulator.training.hyperparameters import Hyperparameters, ReasoningEffort
from simulator.training.recorded_response import ResponsesByLine
from simulator.training.sampling import Group
from simulator.training.token_counts import count_message_tokens
from simulator.training.training_plan import PlanError
from simulator.training.training_run import (
    TrainingRun,
    TrainingState,
    evaluate_held_out,
    initial_state,
    prepare_run,
    sample_held_out,
    sample_step,
    train_step,
)
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_folder import ResponseFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquireSlot:
    """A request: one of the places for jobs that train. Answered, once there is one, by when it became free."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckGrader:
    """A request: why may the grader not be invoked? Answered by a reason, or None."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A request: the rewards of these samples, in their order. Answered by `Graded`, or a GraderError thrown in.

    `at` is the simulated time at which the rewards are there.
    """

    at: int
    split: str
    step: int
    samples: tuple[Sample, ...]


LifecycleEffect: TypeAlias = Event | AcquireSlot | CheckGrader | Grade
EffectResult: TypeAlias = GradingResult | str | int | None
Lifecycle: TypeAlias = Generator[LifecycleEffect, EffectResult, None]
OpenFile: TypeAlias = Callable[[str], AbstractContextManager[BinaryIO]]

_EFFORTS: Final[Mapping[str, ReasoningEffort]] = {"low": "low", "medium": "medium", "high": "high"}
GRADER_PARAM = "method.reinforcement.grader.lambda.function"
TRAIN, HELD_OUT = "train", "held_out"


def job_lifecycle(
    job: Job, *, open_file: OpenFile, model: str, settings: Settings, replay: ResponseFolder | None = None
) -> Lifecycle:
    """Tell a job's life after its creation.

    `open_file` opens an upload by its SHA-256; `model` is the name of what will be made; `replay` has the responses to
    train on in place of the simulated policy, and is asked for them once. A job goes by the settings that it began
    with, also where it goes on under others.

    Raises:
        UnknownSettingError: this version does not have those.
    """
    order = job.spec
    settings = settings if order.settings is None else restore_job_settings(settings, order.settings)
    durations = settings.durations
    at = job.created_at
    yield ValidationStarted(at=at, training_file=order.training_file)
    at += durations.validation
    try:
        run = _prepare_run(order, open_file=open_file, settings=settings, replay=replay)
    except _InvalidFileError as fault:
        yield JobFailed(at=at, failure=fault.failure)
        return
    yield FilesValidated(at=at, training_records=len(run.plan.train), held_out_records=len(run.plan.held_out))
    free_at = yield AcquireSlot(at=at)
    assert isinstance(free_at, int)  # noqa: S101  what the engine answers a TakePlace with
    at = max(at + durations.queue, free_at)
    refusal = yield CheckGrader(at=at)
    if isinstance(refusal, str):
        yield JobFailed(at=at, failure=Failure(code="grader_error", message=refusal, param=GRADER_PARAM))
        return
    yield TrainingStarted(at=at, total_steps=run.plan.total_steps)
    try:
        yield from _train(run, at=at, model=model, settings=settings)
    except _GradingFailedError as failed:
        failure = Failure(code="grader_error", message=str(failed.cause), param=GRADER_PARAM)
        yield JobFailed(at=failed.at, failure=failure)


def _train(run: TrainingRun, *, at: int, model: str, settings: Settings) -> Lifecycle:
    state, history = initial_state(), list[StepProgress]()
    weights = dump_weights(state.weights)
    yield from _evaluate(run, state, at=at)
    while state.step < run.plan.total_steps:
        groups = sample_step(run, state)
        tokens = sum(rollout.response_length for group in groups for rollout in group.rollouts)
        at += _step_duration(tokens, settings.durations)
        rewards = yield from _grade(groups, split=TRAIN, step=state.step + 1, at=at)
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
            metrics = yield from _evaluate(run, state, at=at)
            yield CheckpointSaved(
                at=at, step=state.step, model=f"{model}:ckpt-step-{state.step}", metrics=metrics, weights=weights
            )
        if reason and state.step < run.plan.total_steps:
            yield ConvergenceDetected(at=at, step=state.step, reason=reason)
            break
    yield ModelCreated(at=at, model=model)
    yield JobSucceeded(at=at, weights=weights)


def _evaluate(
    run: TrainingRun, state: TrainingState, *, at: int
) -> Generator[LifecycleEffect, EffectResult, dict[str, int | float]]:
    """Grade one rollout for each held-out record; return what the checkpoint shows of it (INFERRED: names)."""
    if not run.plan.held_out:
        return {"step": state.step}
    groups = sample_held_out(run, state)
    rewards = yield from _grade(groups, split=HELD_OUT, step=state.step, at=at)
    result = evaluate_held_out(state, groups, rewards)
    metrics = {
        "step": state.step,
        "validation_response_length_mean": result.response_length_mean,
        "validation_reward_mean": result.reward_mean,
    }
    yield HeldOutEvaluated(at=at, step=state.step, metrics=metrics, truth={"quality_mean": result.quality_mean})
    return metrics


def _grade(
    groups: Sequence[Group], *, split: str, step: int, at: int
) -> Generator[LifecycleEffect, EffectResult, tuple[tuple[float, ...], ...]]:
    samples = tuple(
        Sample(record=group.prompt.record, rollout=rollout) for group in groups for rollout in group.rollouts
    )
    try:
        graded = yield Grade(at=at, split=split, step=step, samples=samples)
    except GraderError as error:
        raise _GradingFailedError(error, at=at) from error
    assert isinstance(graded, GradingResult)  # noqa: S101  what the engine answers a Grade with
    flat = iter(graded.rewards)
    rewards = tuple(tuple(next(flat) for _ in group.rollouts) for group in groups)
    yield RolloutsGraded(
        at=at, split=split, step=step, rewards=rewards, invocations=graded.invocations, warnings=graded.warnings
    )
    return rewards


def _prepare_run(
    order: JobSpec, *, open_file: OpenFile, settings: Settings, replay: ResponseFolder | None
) -> TrainingRun:
    training = _load_records(order.training_sha256, "training_file", open_file=open_file, limits=settings.dataset)
    validation = None
    if order.validation_sha256:
        validation = _load_records(
            order.validation_sha256, "validation_file", open_file=open_file, limits=settings.validation_dataset
        )
    try:
        return prepare_run(
            training,
            validation=validation,
            held_out_choice=settings.held_out,
            model=order.model,
            hyperparameters=_hyperparameters_from(order, redteam=settings.redteam),
            seed=order.seed,
            answer_path=settings.answer_path,
            recorded_responses=_load_recordings(training, "training_file", model=order.model, replay=replay),
            recorded_validation_responses=_load_recordings(
                validation, "validation_file", model=order.model, replay=replay
            ),
        )
    except PlanError as error:
        raise _InvalidFileError("training_file", str(error)) from error


def _load_recordings(
    records: Sequence[Record] | None, param: str, *, model: str, replay: ResponseFolder | None
) -> ResponsesByLine | None:
    if replay is None or records is None:
        return None
    try:
        return replay.responses_by_line(records, model=model)
    except (DatasetError, UpstreamError) as error:
        raise _InvalidFileError(param, str(error)) from error


def _load_records(sha256: str, param: str, *, open_file: OpenFile, limits: DatasetLimits) -> tuple[Record, ...]:
    try:
        with open_file(sha256) as stream:
            records = read_records(stream, limits)
        _check_lengths(records, limits.max_prompt_tokens)
    except DatasetError as error:
        raise _InvalidFileError(param, str(error)) from error
    return records


def _check_lengths(records: Sequence[Record], most: int | None) -> None:
    if most is None:
        return
    for record in records:
        length = count_message_tokens(record.messages)
        if length > most:
            raise DatasetError(
                record.line, f"the prompt is about {length} tokens; at most {most} are allowed: shorten it"
            )


def _hyperparameters_from(order: JobSpec, *, redteam: float) -> Hyperparameters:
    asked = order.hyperparameters
    return Hyperparameters(
        n_epochs=int(asked["n_epochs"]),
        batch_size=int(asked["batch_size"]),
        learning_rate_multiplier=float(asked["learning_rate_multiplier"]),
        redteam=redteam,
        reasoning_effort=_EFFORTS.get(str(asked.get("reasoning_effort")), "medium"),
    )


def _step_duration(tokens: int, durations: DurationSettings) -> int:
    return round(durations.per_step + tokens / durations.tokens_per_second)


class _InvalidFileError(Exception):
    def __init__(self, param: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = Failure(
            code=f"invalid_{param}", message=f"The {param.replace('_', ' ')} is invalid: {reason}", param=param
        )


class _GradingFailedError(Exception):
    def __init__(self, cause: GraderError, *, at: int) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.at = at
