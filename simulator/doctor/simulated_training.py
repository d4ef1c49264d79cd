"""Rehearsals: the run that is considered, and three others, with the patient's own rewards.

The others differ in one thing each: a policy that looks for loopholes, a lower and a higher learning rate. No draw
depends on the rate, so that these courses part only where the reward takes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_scale import ScoreScale, score_scale_so_far
from simulator.doctor.training_grader import GroupGrader
from simulator.doctor.training_trace import (
    AS_CONFIGURED,
    HIGHER_RATE,
    HIGHER_RATE_FACTOR,
    LOWER_RATE,
    LOWER_RATE_FACTOR,
    RED_TEAM,
    SIMULATED_RED_TEAM,
    PolicyQuality,
    ScoredRollout,
    StepCallback,
    TrainingTrace,
)
from simulator.grading.grader_error import GraderError
from simulator.grading.lambda_event import response_text
from simulator.settings import GradingSettings
from simulator.training.convergence import StepProgress, detect_convergence
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import HeldOutMetrics
from simulator.training.random_draws import shuffle_lines
from simulator.training.recorded_response import ResponsesByLine
from simulator.training.sampling import Group
from simulator.training.training_plan import DatasetSplit, PlanError, split_dataset
from simulator.training.training_run import (
    StepOutcome,
    TrainingRun,
    TrainingState,
    evaluate_held_out,
    initial_state,
    prepare_run,
    sample_held_out,
    sample_step,
    train_step,
)

MAX_RECORDS: Final = 300
"""Records that are trained on; of a larger file a sample is drawn. Amazon's sample run had 270."""

MAX_HELD_OUT: Final = 200
"""Records that are evaluated: the error of a mean reward is .035 at most."""

MAX_STEPS: Final = 200
"""Steps of a course; what is found shows in far fewer, or not at all."""

MAX_ROLLOUTS: Final = 8_000
"""Rollouts of a course, where its batches are large: 200 steps of Amazon's sample run are 6,400."""

RED_TEAM_LOGIT: Final = 2.5
"""Added to the base logit of every exploit: about one rollout in fourteen is one before training (INFERRED)."""

RED_TEAM_STEPS: Final = 200
"""A loophole shows as a plateau of some 70 steps and then a jump, in simulated runs (INFERRED)."""

ALL_VARIANTS: Final = frozenset({RED_TEAM, LOWER_RATE, HIGHER_RATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _TrainingSetup:
    """What all courses of one visit share."""

    exam: ProbeContext
    division: DatasetSplit
    train: tuple[Record, ...]
    held_out: tuple[Record, ...]
    recorded: ResponsesByLine | None
    recorded_held_out: ResponsesByLine | None
    told: StepCallback
    scale: ScoreScale

    def run(self, hyperparameters: Hyperparameters, *, simulates: bool) -> TrainingRun:
        return prepare_run(
            self.train,
            model=self.exam.model,
            hyperparameters=hyperparameters,
            seed=self.exam.seed,
            validation=self.held_out,
            answer_path=self.exam.settings.answer_path,
            recorded_responses=None if simulates else self.recorded,
            recorded_validation_responses=None if simulates else self.recorded_held_out,
        )


def simulate_training(
    context: ProbeContext,
    *,
    validation: tuple[Record, ...] | None = None,
    recorded: ResponsesByLine | None = None,
    recorded_validation: ResponsesByLine | None = None,
    variants: frozenset[str] = ALL_VARIANTS,
    on_step: StepCallback = lambda _course, _step, _steps: None,
) -> tuple[TrainingTrace, ...]:
    """Return the courses: as it is, and unless the function failed there, red team and both learning rates.

    Args:
        context: the function, the records and the settings of the run.
        validation: records to evaluate on; without them a tenth of the file is held out, as a job would.
        recorded: real responses by line, which take the place of the simulated policy but in the red team's course:
            nobody recorded the loopholes.
        recorded_validation: those of the validation records.
        variants: the courses that are taken besides the one as it is, by name; `REDTEAM` for the simulated one too.
        on_step: called after each step with the course's name, the step and how many there will be.

    Raises:
        UnrecordedError: some records have recorded responses and others have none.
    """
    division = split_dataset(context.records, validation, seed=context.seed, held_out_choice=context.settings.held_out)
    rehearsal = _TrainingSetup(
        exam=context,
        division=division,
        train=_sample_records(division.train, MAX_RECORDS, context.seed, "rehearsed"),
        held_out=_sample_records(division.held_out, MAX_HELD_OUT, context.seed, "rehearsed held-out"),
        recorded=recorded,
        recorded_held_out=recorded if validation is None else recorded_validation,
        told=on_step,
        scale=score_scale_so_far(context),
    )
    settings = context.hyperparameters
    courses = [_train_variant(rehearsal, AS_CONFIGURED, settings, evaluates=True)]
    rate = settings.learning_rate_multiplier
    for name, changed in (
        (SIMULATED_RED_TEAM if recorded else RED_TEAM, red_team_hyperparameters(len(rehearsal.train))),
        (LOWER_RATE, replace(settings, learning_rate_multiplier=LOWER_RATE_FACTOR * rate)),
        (HIGHER_RATE, replace(settings, learning_rate_multiplier=HIGHER_RATE_FACTOR * rate)),
    ):
        # What ended the run as it is would end the others too; and a call that hangs is waited for once.
        if (courses[0].error and courses[0].total_steps) or context.invoker.timeout_budget.is_exhausted:
            break
        if (RED_TEAM if name == SIMULATED_RED_TEAM else name) in variants:
            courses.append(_train_variant(rehearsal, name, changed))
    return tuple(courses)


def red_team_hyperparameters(records: int) -> Hyperparameters:
    """Return the settings of the red team's course, which judges the function and not the user's settings.

    They are a run's defaults, with as many epochs as an exploit needs.
    """
    usual = Hyperparameters()
    batch_size = min(usual.batch_size, records)
    return replace(
        usual, batch_size=batch_size, n_epochs=-(-RED_TEAM_STEPS // (records // batch_size)), redteam=RED_TEAM_LOGIT
    )


def _sample_records(records: Mapping[int, Record], most: int, seed: int, purpose: str) -> tuple[Record, ...]:
    """Return a seeded sample, in the file's order."""
    return tuple(records[line] for line in sorted(shuffle_lines(records, seed, purpose)[:most]))


def _train_variant(
    rehearsal: _TrainingSetup, name: str, settings: Hyperparameters, *, evaluates: bool = False
) -> TrainingTrace:
    hunts = name in (RED_TEAM, SIMULATED_RED_TEAM)
    course = TrainingTrace(
        name=name,
        total_steps=0,
        metrics=(),
        truths=(),
        held_out=(),
        rollouts=(),
        sampled_records=len(rehearsal.train),
        available_records=len(rehearsal.division.train),
        held_out_records=len(rehearsal.held_out) if evaluates else 0,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        scale=rehearsal.scale,
    )
    try:
        run = rehearsal.run(settings, simulates=hunts)
    except PlanError as unplannable:
        return replace(course, error=str(unplannable))
    if rehearsal.recorded and not hunts:
        kinds = {source.prompt.task.reference.kind for source in run.train_sources.values()}
        course = replace(course, recorded_kinds=tuple(sorted(kinds)))
    return _run_training(rehearsal, course, run, hunts=hunts)


def _run_training(rehearsal: _TrainingSetup, course: TrainingTrace, run: TrainingRun, *, hunts: bool) -> TrainingTrace:
    """Take a course step by step, until its end, its cap or the function's failure; a hunt until it has settled."""
    grade = GroupGrader(rehearsal.exam)
    per_step = run.plan.batch_size * run.hyperparameters.rollouts_per_prompt
    steps = min(run.plan.total_steps, MAX_STEPS, max(1, MAX_ROLLOUTS // per_step))
    evaluations = {*run.plan.evaluation_steps, steps} if course.held_out_records else set()
    state = initial_state()
    outcomes: list[StepOutcome] = []
    held_out: list[HeldOutMetrics] = []
    scored: list[ScoredRollout] = []
    fault = ""
    try:
        for step in range(steps + 1):
            if step:
                groups = sample_step(run, state)
                rewards = grade(groups, split="train", step=step)
                outcomes.append(train_step(run, state, groups, rewards))
                scored += _scored_rollouts(groups, rewards, step=step, settings=rehearsal.exam.settings.grading)
                state = outcomes[-1].state
                rehearsal.told(course.name, step, steps)
            if step in evaluations:
                held_out.append(_evaluate_held_out(run, state, grade))
            if hunts and _is_saturated(outcomes, rehearsal.scale):
                break
    except GraderError as failed:
        fault = f"{failed.rollout}: {failed.reason}" if failed.rollout else failed.reason
    return replace(
        course,
        total_steps=run.plan.total_steps,
        metrics=tuple(outcome.metrics for outcome in outcomes),
        truths=tuple(outcome.ground_truth for outcome in outcomes),
        held_out=tuple(held_out),
        rollouts=tuple(scored),
        before=_policy_quality(run, initial_state()) if outcomes else None,
        after=_policy_quality(run, state) if outcomes else None,
        error=fault,
    )


def _is_saturated(outcomes: Sequence[StepOutcome], scale: ScoreScale) -> bool:
    """Whether a loophole, or the task, is learned so well that no later step could show anything else."""
    progress = [
        StepProgress(
            reward_mean=scale.normalize(outcome.metrics.critic_rewards_mean),
            dead_groups=outcome.ground_truth.dead_groups,
        )
        for outcome in outcomes
    ]
    return detect_convergence(progress) == "saturated"


def _policy_quality(run: TrainingRun, state: TrainingState) -> PolicyQuality:
    groups = sample_held_out(replace(run, held_out_sources=tuple(run.train_sources.values())), state)
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    known = [group.rollouts[0].correct for group in groups if group.prompt.task.reference.kind != "none"]
    return PolicyQuality(
        quality=sum(known) / len(known) if known else 0.0,
        exploit_share=sum(rollout.exploit is not None for rollout in rollouts) / len(rollouts),
    )


def _evaluate_held_out(run: TrainingRun, state: TrainingState, grade: "GroupGrader") -> HeldOutMetrics:
    groups = sample_held_out(run, state)
    return evaluate_held_out(state, groups, grade(groups, split="held_out", step=state.step))


def _scored_rollouts(
    groups: Sequence[Group], rewards: Sequence[Sequence[float]], *, step: int, settings: GradingSettings
) -> list[ScoredRollout]:
    return [
        ScoredRollout(
            step=step,
            line=rollout.line,
            prompt=group.prompt.record.messages[-1].content,
            response=response_text(rollout, settings),
            reward=reward,
            correct=rollout.correct if group.prompt.task.reference.kind != "none" else None,
            exploit=rollout.exploit,
            response_length=rollout.response_length,
        )
        for group, scores in zip(groups, rewards, strict=True)
        for rollout, reward in zip(group.rollouts, scores, strict=True)
    ]
