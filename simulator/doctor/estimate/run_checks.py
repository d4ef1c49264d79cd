"""E1 to E6: checks of a planned run that do not depend on its reward function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulator.doctor.doctor_report import format_count
from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.s15_latency import TIMEOUT_MARGIN
from simulator.doctor.probes.static.time_growth import format_duration
from simulator.training.training_plan import TrainingPlan

WARN_STEPS: Final = 50
"""With fewer steps the reward is still rising: in simulated runs, 20 steps have three quarters of the rise of 67."""

FAIL_STEPS: Final = 10
"""With fewer steps hardly anything is learned (INFERRED: in simulated runs 8 reached .64, 67 reached .94)."""

MAX_UNUSED_SHARE: Final = 0.05
"""The largest share of unused training records without a warning."""

MIN_HELD_OUT: Final = 100
"""AWS recommends at least 100 evaluation samples for Nova."""

DEFAULT_LAMBDA_TIMEOUT: Final = 3
"""The default time-out of a function in seconds (DOCUMENTED)."""

STEPS: Final = Probe(
    id="E1",
    name="steps",
    question="Does the run take enough steps to learn?",
    measured=(
        f"The number of epochs times the number of complete batches. Fewer than {WARN_STEPS} steps are a warning. "
        f"Fewer than {FAIL_STEPS} steps are a failure."
    ),
    means=(
        "Each step updates the policy once, and a larger batch does not make the update larger. In simulated runs with "
        "a valid reward function, the mean reward rose from .49 to .93 in 67 steps of 4 prompts, but only to .64 in 8 "
        "steps of 32 prompts."
    ),
    remedy="Lower the batch size, add epochs, or add records.",
    source="INFERRED from simulated runs that are fitted to Amazon's sample run of 67 steps.",
)

BATCH: Final = Probe(
    id="E2",
    name="batch size",
    question="Do the training records fill a batch?",
    measured="The batch size and the number of training records. A batch size above the number of training records is "
    "a failure.",
    means="The run has no step, because an incomplete last batch of an epoch is dropped.",
    remedy="Lower the batch size, add records, or add a validation file. Without a validation file, a tenth of the "
    "training file is held out.",
    source='DOCUMENTED: batch_size counts prompts. INFERRED: verl\'s dataloader drops the last batch ("drop_last").',
)

GROUPS: Final = Probe(
    id="E3",
    name="groups",
    question="Can the rollouts of one prompt differ?",
    measured="The rollouts per prompt and the sampling temperature. One rollout or a temperature of 0 is a failure.",
    means=(
        "Training compares the score of a rollout with the others of its prompt (the advantage). If there is only one, "
        "or all are equal, every advantage is zero and nothing is learned."
    ),
    remedy="Sample at least 4 rollouts per prompt, at a temperature near 1.",
    source="The GRPO advantage (r - mean) / std: DeepSeekMath, arXiv 2402.03300.",
)

TIMEOUT: Final = Probe(
    id="E4",
    name="time-out",
    question="Is the function's time-out at least twice as long as its calls take?",
    measured=(
        f"The p95 of the call durations is measured as for S15 and multiplied by {TIMEOUT_MARGIN:g}. It is a failure "
        "if the result is longer than the function's time-out or --timeout. If neither is known, it is a warning if "
        f"the result is longer than Lambda's default of {DEFAULT_LAMBDA_TIMEOUT} s."
    ),
    means=(
        "A call that times out gives no scores. Lambda's default is too short for many reward functions, and a "
        "function with 512 MB has a third of a processor."
    ),
    remedy="Create the function with a longer time-out. `rft deploy` and Amazon's sample set 300 s. Lambda's maximum "
    "is 900 s.",
    source="DOCUMENTED: Lambda's default and highest time-out. INFERRED: the margin.",
)

UNUSED: Final = Probe(
    id="E5",
    name="unused records",
    question="Does training use every training record?",
    measured=(
        f"The training records that no step uses are counted. More than {MAX_UNUSED_SHARE:.0%} of the records is a "
        "warning. A smaller share is information."
    ),
    means=(
        "An incomplete batch at the end of an epoch is dropped. Each epoch shuffles the records again and therefore "
        "drops different records."
    ),
    remedy="Choose a batch size that divides the number of training records, or train for more than one epoch.",
    source="INFERRED: 270 records with batches of 4 gave 67 steps in Amazon's sample run.",
)

HELD_OUT: Final = Probe(
    id="E6",
    name="held-out records",
    question="Are there enough held-out records to distinguish learning from memorizing?",
    measured=(
        f"The records of the validation file, or the tenth that is held out. A number below {MIN_HELD_OUT} is reported "
        "as information."
    ),
    means=(
        "The most reliable curve is that of the held-out records. A share of right answers has a standard error of up "
        "to 9 percentage points with 30 records, and of up to 5 percentage points with 100 records."
    ),
    remedy=f"Add a validation file with {MIN_HELD_OUT} records or more.",
    source="DOCUMENTED for Nova: at least 100 evaluation samples. The standard error is that of the binomial "
    "distribution.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A planned training run.

    Attributes:
        batch_size: prompts per step.
        train: the number of training records.
        held_out: the number of held-out records.
        plan: None if the training records do not fill a batch.
        timeout: the function's time-out in seconds. None if it is not known.
        p95: the p95 of its calls in seconds. None if it was not measured.
    """

    batch_size: int
    train: int
    held_out: int
    plan: TrainingPlan | None
    rollouts_per_prompt: int
    temperature: float
    timeout: float | None
    p95: float | None


def check_run(run: PlannedRun) -> tuple[Finding, ...]:
    """Return one finding per check."""
    return tuple(check(run) for _, check in _CHECKS)


def _check_steps(run: PlannedRun) -> Finding:
    if run.plan is None:
        return STEPS.not_measured("The run has no step: see E2.")
    steps = run.plan.total_steps
    if steps >= WARN_STEPS:
        return STEPS.ok("The run has enough steps.", measured=str(steps), value=steps)
    fails = steps < FAIL_STEPS
    smaller_batch = max(1, run.plan.n_epochs * run.train // WARN_STEPS)
    epochs = -(-WARN_STEPS // run.plan.steps_per_epoch)
    options = [f"--epochs {epochs}"]
    if smaller_batch < run.batch_size:
        options.insert(0, f"--batch-size {smaller_batch}")
    return STEPS.finding(
        Severity.FAIL if fails else Severity.WARN,
        "The run ends before much is learned." if fails else "The run may end while the reward is still rising.",
        measured=format_count(steps, "step"),
        threshold=f"at least {FAIL_STEPS if fails else WARN_STEPS}",
        fix=f"For {WARN_STEPS} steps, use {' or '.join(options)}.",
        value=steps,
    )


def _check_batch(run: PlannedRun) -> Finding:
    measured = f"batches of {run.batch_size}, {format_count(run.train, 'training record')}"
    if run.plan is not None:
        return BATCH.ok("The training records fill a batch.", measured=measured, value=run.batch_size)
    return BATCH.finding(
        Severity.FAIL,
        "The batch is larger than the number of training records, so the run has no step.",
        measured=measured,
        threshold=f"at most {run.train}",
        fix=BATCH.remedy,
        value=run.batch_size,
    )


def _check_groups(run: PlannedRun) -> Finding:
    measured = f"{format_count(run.rollouts_per_prompt, 'rollout')} per prompt, temperature {run.temperature:g}"
    if run.rollouts_per_prompt > 1 and run.temperature > 0:
        return GROUPS.ok("Rollouts of one prompt can differ.", measured=measured, value=run.rollouts_per_prompt)
    is_single = run.rollouts_per_prompt <= 1
    return GROUPS.finding(
        Severity.FAIL,
        "Each prompt has only one rollout." if is_single else "All rollouts of a prompt are equal.",
        measured=measured,
        threshold="at least 2 rollouts, and a temperature above 0",
        fix=GROUPS.remedy,
        value=run.rollouts_per_prompt if is_single else run.temperature,
    )


def _check_timeout(run: PlannedRun) -> Finding:
    if run.p95 is None:
        return TIMEOUT.not_measured("No call was timed. --reward REWARD times calls.")
    timeout = DEFAULT_LAMBDA_TIMEOUT if run.timeout is None else run.timeout
    measured = f"p95 {format_duration(run.p95)}, time-out {timeout:g} s"
    measured += " (Lambda's default, because none is given)" if run.timeout is None else ""
    if TIMEOUT_MARGIN * run.p95 <= timeout:
        return TIMEOUT.ok("Calls end long before the time-out.", measured=measured, value=run.p95)
    return TIMEOUT.finding(
        Severity.WARN if run.timeout is None else Severity.FAIL,
        "Calls may reach Lambda's default time-out."
        if run.timeout is None
        else "Calls may reach the function's time-out.",
        measured=measured,
        threshold=f"a time-out of at least {TIMEOUT_MARGIN * run.p95:.1f} s",
        fix=TIMEOUT.remedy,
        value=run.p95,
    )


def _check_unused(run: PlannedRun) -> Finding:
    plan = run.plan
    if plan is None:
        return UNUSED.not_measured("The run has no step: see E2.")
    used: set[int] = set()
    for step in range(1, plan.total_steps + 1):
        used.update(plan.batch(step))
        if len(used) == len(plan.train):
            break
    unused = len(plan.train) - len(used)
    measured = f"{unused} of {format_count(len(plan.train), 'training record')}"
    if not unused:
        return UNUSED.ok("Every training record is trained on.", measured=measured, value=0.0)
    share = unused / len(plan.train)
    warns = share > MAX_UNUSED_SHARE
    return UNUSED.finding(
        Severity.WARN if warns else Severity.INFO,
        "Some training records are in no step, because an incomplete last batch is dropped.",
        measured=measured,
        threshold=f"at most {MAX_UNUSED_SHARE:.0%}" if warns else "",
        fix=UNUSED.remedy if warns else "",
        value=share,
    )


def _check_held_out(run: PlannedRun) -> Finding:
    measured = format_count(run.held_out, "held-out record")
    if run.held_out >= MIN_HELD_OUT:
        return HELD_OUT.ok("There are enough held-out records.", measured=measured, value=run.held_out)
    return HELD_OUT.finding(
        Severity.INFO,
        "The curve on held-out records will be noisy." if run.held_out else "No record is held out.",
        measured=measured,
        threshold=f"at least {MIN_HELD_OUT}",
        fix=HELD_OUT.remedy,
        value=run.held_out,
    )


_CHECKS: Final[tuple[tuple[Probe, Callable[[PlannedRun], Finding]], ...]] = (
    (STEPS, _check_steps),
    (BATCH, _check_batch),
    (GROUPS, _check_groups),
    (TIMEOUT, _check_timeout),
    (UNUSED, _check_unused),
    (HELD_OUT, _check_held_out),
)

RUN_CHECKS: Final[tuple[Probe, ...]] = tuple(probe for probe, _ in _CHECKS)
"""Every run check, in the order of their ids."""
