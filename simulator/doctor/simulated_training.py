"""Simulates training on the function's own rewards: the planned run and three variants.

The variants are a policy that searches for exploits (the red team), a lower learning rate and a higher one. The random
draws do not depend on the learning rate, so these runs differ only through the rewards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.plan_limits import TrainingCutOffError
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_scale import ScoreScale, score_scale_so_far
from simulator.doctor.run_budget import BudgetUsedUpError
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
"""The most training records. A larger file is sampled. Amazon's sample run had 270."""

MAX_HELD_OUT: Final = 200
"""The most held-out records: the standard error of a mean reward is at most .035."""

MAX_STEPS: Final = 200
"""The most steps of a run. Findings appear in far fewer steps, or not at all."""

MAX_ROLLOUTS: Final = 8_000
"""The most rollouts of a run with large batches. 200 steps of Amazon's sample run have 6,400."""

RED_TEAM_LOGIT: Final = 2.5
"""Added to the base logit of every exploit: before training about one rollout in 14 is an exploit (INFERRED)."""

RED_TEAM_STEPS: Final = 200
"""In simulated runs an exploit appears as a jump of the reward after about 70 steps (INFERRED)."""

ALL_VARIANTS: Final = frozenset({RED_TEAM, LOWER_RATE, HIGHER_RATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _TrainingSetup:
    """What all runs of one doctor run share."""

    context: ProbeContext
    split: DatasetSplit
    train: tuple[Record, ...]
    held_out: tuple[Record, ...]
    recorded: ResponsesByLine | None
    recorded_held_out: ResponsesByLine | None
    on_step: StepCallback
    scale: ScoreScale
    max_steps: int
    grade: GroupGrader

    def prepare(self, hyperparameters: Hyperparameters, *, is_red_team: bool) -> TrainingRun:
        return prepare_run(
            self.train,
            model=self.context.model,
            hyperparameters=hyperparameters,
            seed=self.context.seed,
            validation=self.held_out,
            read_answer=self.context.right_answers.read
            if is_red_team or not self.recorded
            else self.context.right_answers.read_recorded,
            recorded_responses=None if is_red_team else self.recorded,
            recorded_validation_responses=None if is_red_team else self.recorded_held_out,
        )


def simulate_training(
    context: ProbeContext,
    *,
    validation: tuple[Record, ...] | None = None,
    recorded: ResponsesByLine | None = None,
    recorded_validation: ResponsesByLine | None = None,
    variants: frozenset[str] = ALL_VARIANTS,
    max_steps: int = MAX_STEPS,
    on_step: StepCallback = lambda _name, _step, _steps: None,
) -> tuple[TrainingTrace, ...]:
    """Return the run as configured and, unless the function failed in it, its variants.

    Args:
        context: the function, the records and the settings of the run.
        validation: records to evaluate on. Without them a tenth of the file is held out, as in a job.
        recorded: real responses by line, which replace the simulated policy, but not in the red team's run, because
            they contain no exploits.
        recorded_validation: those of the validation records.
        variants: the names of the variants to run. `RED_TEAM` also selects the simulated red team.
        max_steps: the most steps of each run.
        on_step: called after each step with the run's name, the step and the number of steps.

    Raises:
        TrainingCutOffError: the time of the doctor run is over. It holds the runs that are complete.
        UnrecordedError: some records have recorded responses and others have none.
    """
    split = split_dataset(context.records, validation, seed=context.seed, held_out_choice=context.settings.held_out)
    train = _sample_records(split.train, MAX_RECORDS, context.seed, "rehearsed")
    setup = _TrainingSetup(
        context=context,
        split=split,
        train=_usable_records(context, train, recorded) or train,
        held_out=_usable_records(
            context, _sample_records(split.held_out, MAX_HELD_OUT, context.seed, "rehearsed held-out"), recorded
        ),
        recorded=recorded,
        recorded_held_out=recorded if validation is None else recorded_validation,
        on_step=on_step,
        scale=score_scale_so_far(context),
        max_steps=min(MAX_STEPS, max_steps),
        grade=GroupGrader(context),
    )
    traces: list[TrainingTrace] = []
    try:
        _train_variants(setup, traces, variants)
    except BudgetUsedUpError as error:
        raise TrainingCutOffError(str(error), traces=tuple(traces)) from None
    return tuple(traces)


def _train_variants(setup: _TrainingSetup, traces: list[TrainingTrace], variants: frozenset[str]) -> None:
    """Add the run as configured and the variants to the traces, each when it is complete."""
    configured = setup.context.hyperparameters
    traces.append(_train_variant(setup, AS_CONFIGURED, configured, evaluates=True))
    rate = configured.learning_rate_multiplier
    can_answer = bool(setup.context.answerable_rows) or setup.recorded is not None
    for name, hyperparameters in (
        (SIMULATED_RED_TEAM if setup.recorded else RED_TEAM, red_team_hyperparameters(len(setup.train))),
        (LOWER_RATE, replace(configured, learning_rate_multiplier=LOWER_RATE_FACTOR * rate)),
        (HIGHER_RATE, replace(configured, learning_rate_multiplier=HIGHER_RATE_FACTOR * rate)),
    ):
        # An error of the function would end the other runs too, and a call that hangs is not repeated.
        if (traces[0].error and traces[0].total_steps) or setup.context.invoker.timeout_budget.is_exhausted:
            break
        # Without right answers a run only shows whether every rollout gets a score: one run is enough.
        if can_answer and (RED_TEAM if name == SIMULATED_RED_TEAM else name) in variants:
            traces.append(_train_variant(setup, name, hyperparameters))


def red_team_hyperparameters(records: int) -> Hyperparameters:
    """Return the hyperparameters of the red team's run: the defaults, with enough epochs to learn an exploit.

    They do not depend on the user's, because this run tests the function.
    """
    defaults = Hyperparameters()
    batch_size = min(defaults.batch_size, records)
    return replace(
        defaults, batch_size=batch_size, n_epochs=-(-RED_TEAM_STEPS // (records // batch_size)), redteam=RED_TEAM_LOGIT
    )


def _sample_records(records: Mapping[int, Record], max_records: int, seed: int, purpose: str) -> tuple[Record, ...]:
    """Return a seeded sample, in the file's order. The purpose is part of the seed, so it must not change."""
    return tuple(records[line] for line in sorted(shuffle_lines(records, seed, purpose)[:max_records]))


def _usable_records(
    context: ProbeContext, records: tuple[Record, ...], recorded: ResponsesByLine | None
) -> tuple[Record, ...]:
    """Return the records that a policy can answer. A simulated policy cannot, if the right answer is not known."""
    if recorded is not None or not context.answerable_rows:
        return records
    return tuple(record for record in records if context.right_answers.read(record).kind != "none")


def _train_variant(
    setup: _TrainingSetup, name: str, hyperparameters: Hyperparameters, *, evaluates: bool = False
) -> TrainingTrace:
    is_red_team = name in (RED_TEAM, SIMULATED_RED_TEAM)
    trace = TrainingTrace(
        name=name,
        total_steps=0,
        metrics=(),
        truths=(),
        held_out=(),
        rollouts=(),
        sampled_records=len(setup.train),
        available_records=len(setup.split.train),
        held_out_records=len(setup.held_out) if evaluates else 0,
        batch_size=hyperparameters.batch_size,
        n_epochs=hyperparameters.n_epochs,
        scale=setup.scale,
    )
    try:
        run = setup.prepare(hyperparameters, is_red_team=is_red_team)
    except PlanError as error:
        return replace(trace, error=str(error))
    if setup.recorded and not is_red_team:
        kinds = {source.prompt.task.reference.kind for source in run.train_sources.values()}
        trace = replace(trace, recorded_kinds=tuple(sorted(kinds)))
    return _run_training(setup, trace, run, is_red_team=is_red_team)


def _run_training(setup: _TrainingSetup, trace: TrainingTrace, run: TrainingRun, *, is_red_team: bool) -> TrainingTrace:
    """Simulate a run until its end, its step limit or an error of the function. A red team stops once saturated."""
    grade = setup.grade
    per_step = run.plan.batch_size * run.hyperparameters.rollouts_per_prompt
    steps = min(run.plan.total_steps, setup.max_steps, max(1, MAX_ROLLOUTS // per_step))
    evaluations = {*run.plan.evaluation_steps, steps} if trace.held_out_records else set()
    state = initial_state()
    outcomes: list[StepOutcome] = []
    held_out: list[HeldOutMetrics] = []
    scored: list[ScoredRollout] = []
    error = ""
    try:
        for step in range(steps + 1):
            if step:
                groups = sample_step(run, state)
                rewards = grade(groups, split="train", step=step)
                outcomes.append(train_step(run, state, groups, rewards))
                scored += _scored_rollouts(groups, rewards, step=step, settings=setup.context.settings.grading)
                state = outcomes[-1].state
                setup.on_step(trace.name, step, steps)
            if step in evaluations:
                held_out.append(_evaluate_held_out(run, state, grade))
            if is_red_team and _is_saturated(outcomes, setup.scale):
                break
    except GraderError as raised:
        error = f"{raised.rollout}: {raised.reason}" if raised.rollout else raised.reason
    return replace(
        trace,
        total_steps=run.plan.total_steps,
        metrics=tuple(outcome.metrics for outcome in outcomes),
        truths=tuple(outcome.ground_truth for outcome in outcomes),
        held_out=tuple(held_out),
        rollouts=tuple(scored),
        before=_policy_quality(run, initial_state()) if outcomes else None,
        after=_policy_quality(run, state) if outcomes else None,
        error=error,
    )


def _is_saturated(outcomes: Sequence[StepOutcome], scale: ScoreScale) -> bool:
    """Whether an exploit or the task is learned so well that later steps show nothing new."""
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
    correct = [group.rollouts[0].correct for group in groups if group.prompt.task.reference.kind != "none"]
    return PolicyQuality(
        quality=sum(correct) / len(correct) if correct else 0.0,
        exploit_share=sum(rollout.exploit is not None for rollout in rollouts) / len(rollouts),
    )


def _evaluate_held_out(run: TrainingRun, state: TrainingState, grade: GroupGrader) -> HeldOutMetrics:
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
