"""E1 to E6: what of a planned run would be money lost, whatever its reward function is worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.s15_latency import TIMEOUT_MARGIN
from simulator.doctor.probes.static.time_growth import format_duration
from simulator.training.training_plan import TrainingPlan

WARN_STEPS: Final = 50
"""Fewer steps than this end before the reward has risen: simulated, 20 steps get three quarters of the rise of 67."""

FAIL_STEPS: Final = 10
"""With fewer steps than this hardly anything is learned (INFERRED: in simulated runs 8 reached .64, 67 reached .94)."""

MAX_UNUSED_SHARE: Final = 0.05
"""So many of the training records may go unused before it is a warning."""

MIN_HELD_OUT: Final = 100
"""AWS asks for as many records to evaluate on, for Nova."""

DEFAULT_LAMBDA_TIMEOUT: Final = 3
"""Seconds that a function has whose maker says nothing (DOCUMENTED)."""

STEPS: Final = Probe(
    id="E1",
    name="steps",
    question="Does the run take enough steps to learn?",
    measured=(
        f"Epochs times the whole batches in the training records. Fewer than {WARN_STEPS} are a warning, fewer than "
        f"{FAIL_STEPS} a failure."
    ),
    means=(
        "Each step moves the policy once, and a larger batch moves it no further. In simulated runs on a sound reward "
        "the mean reward went from .49 to .93 in 67 steps of 4 prompts, and to .64 in 8 steps of 32."
    ),
    remedy="Lower the batch size, add epochs, or add records.",
    source="INFERRED from simulated runs that are fitted to Amazon's sample run of 67 steps.",
)

BATCH: Final = Probe(
    id="E2",
    name="batch size",
    question="Do the training records fill a batch?",
    measured="The batch size against the records that are left to train on. One that is larger is a failure.",
    means="The run cannot take a single step: the last batch of an epoch is dropped where it is not full.",
    remedy="Lower the batch size, add records, or bring a validation file: then no tenth is held out.",
    source='DOCUMENTED: batch_size counts prompts. INFERRED: verl\'s dataloader drops the last batch ("drop_last").',
)

GROUPS: Final = Probe(
    id="E3",
    name="groups",
    question="Can the rollouts of one prompt differ?",
    measured="Rollouts per prompt, and the temperature they are sampled at. One rollout, or 0, is a failure.",
    means=(
        "A rollout is judged by how much better it scores than the others of its prompt (its advantage). Where all are "
        "alike, or there is one, all advantages are zero and nothing is learned."
    ),
    remedy="Sample at least 4 rollouts for each prompt, at a temperature near 1.",
    source="The GRPO advantage (r - mean) / std: DeepSeekMath, arXiv 2402.03300.",
)

TIMEOUT: Final = Probe(
    id="E4",
    name="time-out",
    question="Is the function's time-out at least twice as long as its calls take?",
    measured=(
        f"The p95 of calls, measured as for S15, times {TIMEOUT_MARGIN:g}, against the time-out of the function or --timeout: "
        f"a longer one is a failure. Where none is given it is held against Lambda's default of {DEFAULT_LAMBDA_TIMEOUT} s, "
        "as a warning."
    ),
    means=(
        "A call that times out has no scores. Lambda's default is too short for many reward functions, and a function "
        "of 512 MB has a third of a processor."
    ),
    remedy="Create the function with a longer time-out (`rft deploy` and Amazon's sample: 300 s, the most is 900 s).",
    source="DOCUMENTED: Lambda's default and highest time-out. INFERRED: the margin.",
)

UNUSED: Final = Probe(
    id="E5",
    name="unused records",
    question="Is every training record trained on?",
    measured=(
        f"The records that no step of the run takes up. More than {MAX_UNUSED_SHARE:.0%} of the training records are a "
        "warning, fewer are told."
    ),
    means=(
        "Batches are whole: what is left over at the end of an epoch is dropped. Every epoch is shuffled anew, so that "
        "it is other records each time."
    ),
    remedy="Choose a batch size that divides the number of training records, or train for more than one epoch.",
    source="INFERRED: 270 records with batches of 4 gave 67 steps in Amazon's sample run.",
)

HELD_OUT: Final = Probe(
    id="E6",
    name="held-out records",
    question="Are there enough held-out records to tell learning from memory?",
    measured=f"The records of the validation file, or the tenth that is held out. Fewer than {MIN_HELD_OUT} are told.",
    means=(
        "The curve on held-out records is the one to trust. A share of right answers among 30 records has a standard "
        "error of up to 9 points, among 100 of up to 5."
    ),
    remedy=f"Bring a validation file of {MIN_HELD_OUT} records or more.",
    source="DOCUMENTED for Nova: at least 100 evaluation samples. The standard error is the binomial's.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run that somebody means to pay for.

    Attributes:
        batch_size: prompts in a step.
        train: records that there are to train on.
        plan: None where these do not fill a batch.
        timeout: the function's, in seconds; None where nobody has said.
        p95: of its calls, in seconds; None where it was not measured.
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
    """Return what there is to say of a run: of each caution one finding."""
    return tuple(caution(run) for _, caution in _ALL)


def _check_steps(intent: PlannedRun) -> Finding:
    if intent.plan is None:
        return STEPS.not_measured("There is no step: see E2.")
    steps = intent.plan.total_steps
    if steps >= WARN_STEPS:
        return STEPS.ok("There are steps enough.", measured=str(steps), value=steps)
    fails = steps < FAIL_STEPS
    smaller = max(1, intent.plan.n_epochs * intent.train // WARN_STEPS)
    epochs = -(-WARN_STEPS // intent.plan.steps_per_epoch)
    ways = [f"--epochs {epochs}"]
    if smaller < intent.batch_size:
        ways.insert(0, f"--batch-size {smaller}")
    return STEPS.finding(
        Severity.FAIL if fails else Severity.WARN,
        "The run ends before anything much is learned." if fails else "The run may end while the reward still rises.",
        measured=_format_count(steps, "step"),
        threshold=f"at least {FAIL_STEPS if fails else WARN_STEPS}",
        fix=f"Take {' or '.join(ways)} for {WARN_STEPS} steps.",
        value=steps,
    )


def _check_batch(intent: PlannedRun) -> Finding:
    measured = f"batches of {intent.batch_size}, {_format_count(intent.train, 'training record')}"
    if intent.plan is not None:
        return BATCH.ok("The training records fill a batch.", measured=measured, value=intent.batch_size)
    return BATCH.finding(
        Severity.FAIL,
        "The batch is larger than the file: the run cannot take a single step.",
        measured=measured,
        threshold=f"at most {intent.train}",
        fix=BATCH.remedy,
        value=intent.batch_size,
    )


def _check_groups(intent: PlannedRun) -> Finding:
    measured = (
        f"{_format_count(intent.rollouts_per_prompt, 'rollout')} for a prompt, temperature {intent.temperature:g}"
    )
    if intent.rollouts_per_prompt > 1 and intent.temperature > 0:
        return GROUPS.ok("Rollouts of one prompt can differ.", measured=measured, value=intent.rollouts_per_prompt)
    alone = intent.rollouts_per_prompt <= 1
    return GROUPS.finding(
        Severity.FAIL,
        "A prompt has one rollout, and nothing to compare it with." if alone else "All rollouts of a prompt are alike.",
        measured=measured,
        threshold="at least 2 rollouts, and a temperature above 0",
        fix=GROUPS.remedy,
        value=intent.rollouts_per_prompt if alone else intent.temperature,
    )


def _check_timeout(intent: PlannedRun) -> Finding:
    if intent.p95 is None:
        return TIMEOUT.not_measured("No call was timed: --reward REWARD does that.")
    timeout = DEFAULT_LAMBDA_TIMEOUT if intent.timeout is None else intent.timeout
    measured = f"p95 {format_duration(intent.p95)}, time-out {timeout:g} s"
    measured += " (Lambda's default: none is given)" if intent.timeout is None else ""
    if TIMEOUT_MARGIN * intent.p95 <= timeout:
        return TIMEOUT.ok("Calls are over long before the time-out.", measured=measured, value=intent.p95)
    return TIMEOUT.finding(
        Severity.WARN if intent.timeout is None else Severity.FAIL,
        "With Lambda's default time-out calls may run into it."
        if intent.timeout is None
        else "Calls may run into the function's time-out.",
        measured=measured,
        threshold=f"a time-out of at least {TIMEOUT_MARGIN * intent.p95:.1f} s",
        fix=TIMEOUT.remedy,
        value=intent.p95,
    )


def _check_unused(intent: PlannedRun) -> Finding:
    plan = intent.plan
    if plan is None:
        return UNUSED.not_measured("There is no step: see E2.")
    used: set[int] = set()
    for step in range(1, plan.total_steps + 1):
        used.update(plan.batch(step))
        if len(used) == len(plan.train):
            break
    unused = len(plan.train) - len(used)
    measured = f"{unused} of {_format_count(len(plan.train), 'training record')}"
    if not unused:
        return UNUSED.ok("Every training record is trained on.", measured=measured, value=0.0)
    share = unused / len(plan.train)
    warns = share > MAX_UNUSED_SHARE
    return UNUSED.finding(
        Severity.WARN if warns else Severity.INFO,
        "Training records are in no step: a last batch that is not full is dropped.",
        measured=measured,
        threshold=f"at most {MAX_UNUSED_SHARE:.0%}" if warns else "",
        fix=UNUSED.remedy if warns else "",
        value=share,
    )


def _check_held_out(intent: PlannedRun) -> Finding:
    measured = _format_count(intent.held_out, "held-out record")
    if intent.held_out >= MIN_HELD_OUT:
        return HELD_OUT.ok("There are held-out records enough.", measured=measured, value=intent.held_out)
    return HELD_OUT.finding(
        Severity.INFO,
        "The curve on held-out records will be rough." if intent.held_out else "No record is held out.",
        measured=measured,
        threshold=f"at least {MIN_HELD_OUT}",
        fix=HELD_OUT.remedy,
        value=intent.held_out,
    )


def _format_count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


_ALL: Final[tuple[tuple[Probe, Callable[[PlannedRun], Finding]], ...]] = (
    (STEPS, _check_steps),
    (BATCH, _check_batch),
    (GROUPS, _check_groups),
    (TIMEOUT, _check_timeout),
    (UNUSED, _check_unused),
    (HELD_OUT, _check_held_out),
)

RUN_CHECKS: Final[tuple[Probe, ...]] = tuple(probe for probe, _ in _ALL)
"""Every caution, in the order of its id."""


def findings_pass(findings: Sequence[Finding], *, strict: bool) -> bool:
    """Whether nothing failed; when strict, whether nothing was warned of either."""
    bad = {Severity.FAIL, Severity.WARN} if strict else {Severity.FAIL}
    return not any(finding.severity in bad for finding in findings)
