"""Rehearsals: the run that is considered, and three others, with the patient's own rewards.

The others differ in one thing each: a policy that looks for loopholes, a lower and a higher learning rate. No draw
depends on the rate, so that these courses part only where the reward takes them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from simulator.doctor.probe_context import Examination
from simulator.doctor.probes.static.score_scale import Scale, scale_so_far
from simulator.doctor.timeout_budget import HungError
from simulator.doctor.training_trace import (
    FASTER,
    REDTEAM,
    SIMULATED_REDTEAM,
    SLOWER,
    USUAL,
    Course,
    Scored,
    Standing,
)
from simulator.grading.grader import Grader, Sample, ThrottledError
from simulator.grading.lambda_event import shown
from simulator.grading.lambda_response import GraderError
from simulator.lambdas.errors import InvocationRejected, Throttled
from simulator.lambdas.function import Invocation
from simulator.settings import GradingSettings
from simulator.training.convergence import Progress, convergence
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import HeldOut
from simulator.training.random_draws import shuffled
from simulator.training.recorded_policy import Recordings
from simulator.training.sampling import Group
from simulator.training.training_plan import Division, PlanError, divided
from simulator.training.training_run import (
    Run,
    State,
    StepOutcome,
    evaluated,
    initial_state,
    learned,
    prepared,
    sampled,
    sampled_held_out,
)

MOST_RECORDS: Final = 300
"""Records that are trained on; of a larger file a sample is drawn. Amazon's sample run had 270."""

MOST_HELD_OUT: Final = 200
"""Records that are evaluated: the error of a mean reward is .035 at most."""

MOST_STEPS: Final = 200
"""Steps of a course; what is found shows in far fewer, or not at all."""

MOST_ROLLOUTS: Final = 8_000
"""Rollouts of a course, where its batches are large: 200 steps of Amazon's sample run are 6,400."""

REDTEAM_LOGIT: Final = 2.5
"""Added to the base logit of every exploit: about one rollout in fourteen is one before training (INFERRED)."""

REDTEAM_STEPS: Final = 200
"""A loophole shows as a plateau of some 70 steps and then a jump, in simulated runs (INFERRED)."""

SLOWER_RATE: Final = 0.3
FASTER_RATE: Final = 3.0

ALL: Final = frozenset({REDTEAM, SLOWER, FASTER})

Told: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rehearsal:
    """What all courses of one visit share."""

    exam: Examination
    division: Division
    train: tuple[Record, ...]
    held_out: tuple[Record, ...]
    recorded: Recordings | None
    recorded_held_out: Recordings | None
    told: Told
    scale: Scale

    def run(self, hyperparameters: Hyperparameters, *, simulates: bool) -> Run:
        return prepared(
            self.train,
            model=self.exam.model,
            hyperparameters=hyperparameters,
            seed=self.exam.seed,
            validation=self.held_out,
            answer_path=self.exam.settings.answer_path,
            recorded=None if simulates else self.recorded,
            recorded_validation=None if simulates else self.recorded_held_out,
        )


def rehearsed(
    exam: Examination,
    *,
    validation: tuple[Record, ...] | None = None,
    recorded: Recordings | None = None,
    recorded_validation: Recordings | None = None,
    others: frozenset[str] = ALL,
    told: Told = lambda _course, _step, _steps: None,
) -> tuple[Course, ...]:
    """Return the courses: as it is, and unless the function failed there, red team and both learning rates.

    Args:
        exam: the function, the records and the settings of the run.
        validation: records to evaluate on; without them a tenth of the file is held out, as a job would.
        recorded: real responses by line, which take the place of the simulated policy but in the red team's course:
            nobody recorded the loopholes.
        recorded_validation: those of the validation records.
        others: the courses that are taken besides the one as it is, by name; `REDTEAM` for the simulated one too.
        told: called after each step with the course's name, the step and how many there will be.

    Raises:
        UnrecordedError: some records have recorded responses and others have none.
    """
    division = divided(exam.records, validation, seed=exam.seed, held_out_choice=exam.settings.held_out)
    rehearsal = _Rehearsal(
        exam=exam,
        division=division,
        train=_drawn(division.train, MOST_RECORDS, exam.seed, "rehearsed"),
        held_out=_drawn(division.held_out, MOST_HELD_OUT, exam.seed, "rehearsed held-out"),
        recorded=recorded,
        recorded_held_out=recorded if validation is None else recorded_validation,
        told=told,
        scale=scale_so_far(exam),
    )
    settings = exam.hyperparameters
    courses = [_course(rehearsal, USUAL, settings, evaluates=True)]
    rate = settings.learning_rate_multiplier
    for name, changed in (
        (SIMULATED_REDTEAM if recorded else REDTEAM, redteam(len(rehearsal.train))),
        (SLOWER, replace(settings, learning_rate_multiplier=SLOWER_RATE * rate)),
        (FASTER, replace(settings, learning_rate_multiplier=FASTER_RATE * rate)),
    ):
        # What ended the run as it is would end the others too; and a call that hangs is waited for once.
        if (courses[0].fault and courses[0].total_steps) or exam.ask.patience.is_over:
            break
        if (REDTEAM if name == SIMULATED_REDTEAM else name) in others:
            courses.append(_course(rehearsal, name, changed))
    return tuple(courses)


def redteam(records: int) -> Hyperparameters:
    """Return the settings of the red team's course, which judges the function and not the user's settings.

    They are a run's defaults, with as many epochs as an exploit needs.
    """
    usual = Hyperparameters()
    batch_size = min(usual.batch_size, records)
    return replace(
        usual, batch_size=batch_size, n_epochs=-(-REDTEAM_STEPS // (records // batch_size)), redteam=REDTEAM_LOGIT
    )


def _drawn(records: Mapping[int, Record], most: int, seed: int, purpose: str) -> tuple[Record, ...]:
    """Return a seeded sample, in the file's order."""
    return tuple(records[line] for line in sorted(shuffled(records, seed, purpose)[:most]))


def _course(rehearsal: _Rehearsal, name: str, settings: Hyperparameters, *, evaluates: bool = False) -> Course:
    hunts = name in (REDTEAM, SIMULATED_REDTEAM)
    course = Course(
        name=name,
        total_steps=0,
        metrics=(),
        truths=(),
        held_out=(),
        scored=(),
        trained_on=len(rehearsal.train),
        trainable=len(rehearsal.division.train),
        held_out_records=len(rehearsal.held_out) if evaluates else 0,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        scale=rehearsal.scale,
    )
    try:
        run = rehearsal.run(settings, simulates=hunts)
    except PlanError as unplannable:
        return replace(course, fault=str(unplannable))
    if rehearsal.recorded and not hunts:
        kinds = {source.prompt.task.gold.kind for source in run.train.values()}
        course = replace(course, recorded=tuple(sorted(kinds)))
    return _taken(rehearsal, course, run, hunts=hunts)


def _taken(rehearsal: _Rehearsal, course: Course, run: Run, *, hunts: bool) -> Course:
    """Take a course step by step, until its end, its cap or the function's failure; a hunt until it has settled."""
    grade = _Scores(rehearsal)
    per_step = run.plan.batch_size * run.hyperparameters.rollouts_per_prompt
    steps = min(run.plan.total_steps, MOST_STEPS, max(1, MOST_ROLLOUTS // per_step))
    evaluations = {*run.plan.evaluation_steps, steps} if course.held_out_records else set()
    state = initial_state()
    outcomes: list[StepOutcome] = []
    held_out: list[HeldOut] = []
    scored: list[Scored] = []
    fault = ""
    try:
        for step in range(steps + 1):
            if step:
                groups = sampled(run, state)
                rewards = grade(groups, split="train", step=step)
                outcomes.append(learned(run, state, groups, rewards))
                scored += _scored(groups, rewards, step=step, settings=rehearsal.exam.settings.grading)
                state = outcomes[-1].state
                rehearsal.told(course.name, step, steps)
            if step in evaluations:
                held_out.append(_evaluation(run, state, grade))
            if hunts and _settled(outcomes, rehearsal.scale):
                break
    except GraderError as failed:
        fault = f"{failed.rollout}: {failed.reason}" if failed.rollout else failed.reason
    return replace(
        course,
        total_steps=run.plan.total_steps,
        metrics=tuple(outcome.metrics for outcome in outcomes),
        truths=tuple(outcome.truth for outcome in outcomes),
        held_out=tuple(held_out),
        scored=tuple(scored),
        before=_standing(run, initial_state()) if outcomes else None,
        after=_standing(run, state) if outcomes else None,
        fault=fault,
    )


def _settled(outcomes: Sequence[StepOutcome], scale: Scale) -> bool:
    """Whether a loophole, or the task, is learned so well that no later step could show anything else."""
    progress = [
        Progress(reward_mean=scale.part(outcome.metrics.critic_rewards_mean), dead_groups=outcome.truth.dead_groups)
        for outcome in outcomes
    ]
    return convergence(progress) == "saturated"


def _standing(run: Run, state: State) -> Standing:
    groups = sampled_held_out(replace(run, held_out=tuple(run.train.values())), state)
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    known = [group.rollouts[0].correct for group in groups if group.prompt.task.gold.kind != "none"]
    return Standing(
        quality=sum(known) / len(known) if known else 0.0,
        exploits=sum(rollout.exploit is not None for rollout in rollouts) / len(rollouts),
    )


def _evaluation(run: Run, state: State, grade: "_Scores") -> HeldOut:
    groups = sampled_held_out(run, state)
    return evaluated(state, groups, grade(groups, split="held_out", step=state.step))


class _Scores:
    """Scores groups as a job does, as many calls at once as the visit makes."""

    def __init__(self, rehearsal: _Rehearsal) -> None:
        self._exam = rehearsal.exam
        self._grader = Grader(
            function=rehearsal.exam.patient.name,
            invoke=_invocations(rehearsal.exam),
            executor=rehearsal.exam.ask.executor,
            width=rehearsal.exam.ask.width,
            settings=rehearsal.exam.settings.grading,
        )

    def __call__(self, groups: Sequence[Group], *, split: str, step: int) -> tuple[tuple[float, ...], ...]:
        samples = [
            Sample(record=group.prompt.record, rollout=rollout) for group in groups for rollout in group.rollouts
        ]
        graded = self._grader.grade(samples, split=split, step=step)
        self._exam.ask.calls += graded.invocations
        flat = iter(graded.rewards)
        return tuple(tuple(next(flat) for _ in group.rollouts) for group in groups)


def _invocations(exam: Examination) -> Callable[[bytes], Invocation]:
    patient, patience = exam.patient, exam.ask.patience

    def invoke(event: bytes) -> Invocation:
        try:
            return patience.invoked(patient, event)
        except HungError as hung:
            raise GraderError(function=patient.name, reason=str(hung), advice="") from None
        except Throttled as throttled:
            raise ThrottledError(throttled.reason) from throttled
        except InvocationRejected as refused:
            raise GraderError(function=patient.name, reason=refused.message, advice="") from None

    return invoke


def _scored(
    groups: Sequence[Group], rewards: Sequence[Sequence[float]], *, step: int, settings: GradingSettings
) -> list[Scored]:
    return [
        Scored(
            step=step,
            line=rollout.line,
            prompt=group.prompt.record.messages[-1].content,
            response=shown(rollout, settings),
            reward=reward,
            correct=rollout.correct if group.prompt.task.gold.kind != "none" else None,
            exploit=rollout.exploit,
            response_length=rollout.response_length,
        )
        for group, scores in zip(groups, rewards, strict=True)
        for rollout, reward in zip(group.rollouts, scores, strict=True)
    ]
