"""Sample reports: every severity, hostile texts, and two simulated training runs."""

from collections.abc import Mapping, Sequence

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Example, Finding, Severity
from simulator.doctor.headline_numbers import HeadlineNumber, HeadlineNumbers
from simulator.doctor.invocation import Case, CaseResult
from simulator.doctor.training_trace import ScoredRollout, TrainingTrace
from simulator.training.dataset import Message, Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import GroundTruthMetrics, HeldOutMetrics, StepMetrics

HOSTILE_TEXT = "\x1b[31m</pre><script>alert(1)</script>\x00\u202e]]>&\ud800\r\n#### 72 \t"

FAIL_FINDING = Finding(
    probe="S4",
    name="wire shapes",
    severity=Severity.FAIL,
    message="No right answer scores above 0 as Bedrock sends it; with the reference as a bare string they score 1.",
    measured="0 of 32 right answers",
    threshold="above 0",
    fix='Read event[i]["reference_answer"]["text"]: a bare string arrives wrapped.',
    value=0.0,
    examples=(
        Example(
            line=12,
            prompt="Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
            "How many clips did Natalia sell altogether in April and May? Let's think step by step and output the "
            'final answer after "####".',
            response="In April Natalia sold 48 clips.\nIn May she sold 48 / 2 = 24 clips.\n\n#### 72",
            score=0.0,
            note='reference {"text": "72"}',
        ),
        Example(line=13, prompt="And <b>now</b>?", response=HOSTILE_TEXT, score=None, note="KeyError: '<i>'"),
        Example(line=None, prompt="", response="", score=1.0),
        Example(line=14, prompt="Repeat.", response="over and over " * 400 + "#### 9", score=1 / 3),
    ),
)
WARN_FINDING = Finding(
    probe="S7",
    name="false negatives",
    severity=Severity.WARN,
    message="Right answers in other forms score less than half.",
    measured="3 of 18 forms",
    threshold="none of the 7 required forms",
    fix="Accept `1,000` for 1000.",
    value=float("nan"),
)
INFO_FINDING = Finding(
    probe="T14", name="learning rate", severity=Severity.INFO, message="A multiplier of 3 learns more.", measured="x3"
)
NOT_MEASURED_FINDING = Finding(
    probe="T8",
    name="held-out gap",
    severity=Severity.SKIPPED,
    message="30 held-out records are too few to tell a gap from chance.",
)
OK_FINDING = Finding(
    probe="S10",
    name="determinism",
    severity=Severity.OK,
    message="The same rollouts scored the same twice.",
    measured="0",
    threshold="at most 1e-09",
    value=0.0,
)

HEADLINE = HeadlineNumbers(
    false_pass_ceiling=HeadlineNumber(value=0.4, low=0.168, high=0.687, count=10, response="marker only", text="#### "),
    laziest_response=HeadlineNumber(
        value=0.28125,
        low=0.13,
        high=0.507,
        count=19,
        response="always refund",
        text="refund",
        majority_share=0.28125,
        majority_answer="refund",
    ),
    false_fail_rate=HeadlineNumber(value=0.05, low=0.0196, high=0.1216, count=80, response="in bold", text="**72**"),
    right_score=1.0,
)


def sample_trace(
    name: str = "as it is", *, steps: int = 40, right: bool | None = True, error: str = ""
) -> TrainingTrace:
    """Return a run whose reward rises from 1/4 to 1 while its quality falls from 1 to 1/2, evaluated at both ends."""
    progress = [step / max(1, steps - 1) for step in range(steps)]
    return TrainingTrace(
        name=name,
        total_steps=steps,
        metrics=tuple(
            StepMetrics(
                step=step,
                total_steps=steps,
                critic_rewards_mean=0.25 + 0.75 * part,
                critic_advantages_mean=0.0,
                actor_pg_loss=0.0,
                actor_entropy=0.5,
                actor_grad_norm=0.001,
                response_length_mean=500.0,
            )
            for step, part in enumerate(progress, start=1)
        ),
        truths=tuple(
            GroundTruthMetrics(
                quality_mean=1 - part / 2,
                dead_groups=0.25,
                exploits=0.0,
                truncated=0.0,
                kl=0.0,
                clip_fraction=0.0,
                length_reward_correlation=0.0,
            )
            for part in progress
        ),
        held_out=tuple(
            HeldOutMetrics(step=step, reward_mean=reward, quality_mean=0.75, response_length_mean=500.0)
            for step, reward in ((0, 0.25), (steps, 0.875))
        ),
        rollouts=tuple(
            ScoredRollout(
                step=step, line=1, prompt="?", response="!", reward=1.0, correct=right, exploit=None, response_length=9
            )
            for step in range(1, steps + 1)
        ),
        error=error,
    )


def sample_results(*scores: float | None, label: str = "right answer") -> list[CaseResult]:
    """Return results with these scores, for records of lines 1, 2, ..."""
    return [
        CaseResult(
            case=Case(
                label=label,
                record=Record(line=line, messages=(Message(role="user", content=f"{line}?"),), fields={}),
                text=f"It is {line}.\n#### {line}",
            ),
            score=score,
        )
        for line, score in enumerate(scores, start=1)
    ]


def sample_report(
    *findings: Finding,
    traces: tuple[TrainingTrace, ...] = (),
    results_by_label: Mapping[str, Sequence[CaseResult]] | None = None,
    inputs: dict[str, str] | None = None,
    is_partial: bool = False,
    differences: tuple[str, ...] = (),
    headline: HeadlineNumbers | None = None,
) -> DoctorReport:
    """Return a report on a function called `reward` with these findings."""
    default_inputs = {
        "data_sha256": "ab" * 32,
        "event": "superset shape, bare strings wrapped, thinking hidden",
        "model": "openai.gpt-oss-20b",
        "rows": "32",
        "seed": "0",
    }
    return DoctorReport(
        function_name="reward",
        data_name="train.jsonl",
        record_count=300,
        hyperparameters=Hyperparameters(),
        inputs=default_inputs | (inputs or {}),
        findings=findings,
        traces=traces,
        results_by_label=results_by_label or {},
        call_count=123,
        is_partial=is_partial,
        differences=differences,
        headline=headline,
    )


FULL_REPORT = sample_report(
    OK_FINDING,
    FAIL_FINDING,
    WARN_FINDING,
    NOT_MEASURED_FINDING,
    INFO_FINDING,
    traces=(sample_trace(), sample_trace("red team", error="train-1-line-3-rollout-0: KeyError: 'x'")),
)
