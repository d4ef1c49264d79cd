"""A visit: the probes in order, what ends it, and what it comes to."""

from collections.abc import Iterator

import pytest

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case
from simulator.doctor.probe_context import ProbeContext, ProbeFunction
from simulator.doctor.probe_runner import TRAINING_SKIPPED, ProgressListener, run_probes
from simulator.doctor.timeout_budget import NoScoresError
from simulator.doctor.training_trace import TrainingTrace, TrainingTraces
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import handler_for, probe_context
from tests.doctor.sample_reports import (
    FAIL_FINDING,
    INFO_FINDING,
    NOT_MEASURED_FINDING,
    OK_FINDING,
    WARN_FINDING,
    sample_report,
    sample_trace,
)


def probe(name: str) -> Probe:
    """Return a probe of this id that says nothing of itself."""
    return Probe(id=name, name="a probe", question="?", measured="", means="", remedy="", source="")


def fine(name: str) -> tuple[Probe, ProbeFunction]:
    """Return a probe that finds that all is well."""

    def examine(_exam: ProbeContext) -> Iterator[Finding]:
        yield probe(name).ok("Well.")

    return probe(name), examine


def unanswered(name: str, *found: Finding) -> tuple[Probe, ProbeFunction]:
    """Return a probe that finds something and then gets no answer any more."""

    def examine(_exam: ProbeContext) -> Iterator[Finding]:
        yield from found
        raise NoScoresError("KeyError: 'x'")

    return probe(name), examine


def training_probe(_exam: ProbeContext, courses: TrainingTraces) -> Iterator[Finding]:
    """Tell which courses there were."""
    yield probe("T1").ok(" and ".join(run.name for run in courses))


class RecordingListener(ProgressListener):
    """A watch that writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def on_probe_start(self, probe: Probe, *, index: int, total: int) -> None:
        """Note the probe."""
        self.said.append(f"{probe.id} {index}/{total}")

    def on_training_step(self, trace: str, *, step: int, total: int, calls: int) -> None:
        """Note the step."""
        self.said.append(f"{trace} {step}/{total} after {calls}")


def simulate_training(exam: ProbeContext, told: object) -> tuple[TrainingTrace, ...]:
    """Ask once, tell of one step, and return one course."""
    assert callable(told)
    exam.invoker.score([Case(label="trained on", record=exam.records[0], text="")])
    told("as it is", 1, 2)
    return (sample_trace(),)


@pytest.fixture
def context(sums: tuple[Record, ...]) -> ProbeContext:
    """Give an examination of a function that scores everything 1."""
    return probe_context(handler_for(lambda _element: 1.0), sums)


def summary(visit: DoctorReport) -> list[tuple[str, str, str]]:
    """Return each finding's probe, severity and words."""
    return [(finding.probe, finding.severity.value, finding.message) for finding in visit.findings]


def test_every_probe_is_taken_in_order_and_the_watch_is_told(context: ProbeContext) -> None:
    """The static ones, then the rehearsal, then those that look at it."""
    watch = RecordingListener()
    done = run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=(fine("S1"), fine("S3")),
        training_probes=((probe("T1"), training_probe),),
        simulate_training=simulate_training,
        listener=watch,
    )
    assert summary(done) == [("S1", "ok", "Well."), ("S3", "ok", "Well."), ("T1", "ok", "as it is")]
    assert watch.said == ["S1 1/2", "S3 2/2", "as it is 1/2 after 1"]


def test_a_visit_keeps_what_its_questions_depended_on(context: ProbeContext) -> None:
    """The file's bytes, the shape of the event, the model, the probes, the rows and the seed."""
    done = run_probes(
        context, data_name="train.jsonl", data_sha256="00", static_probes=(fine("S1"),), training_probes=()
    )
    assert done.inputs == {
        "answer_path": "looked for",
        "data_sha256": "00",
        "event": "superset shape, bare strings wrapped, thinking hidden",
        "model": "openai.gpt-oss-20b",
        "probes": "all",
        "rollouts": "simulated",
        "rows": "8",
        "seed": "0",
    }


def test_what_follows_a_function_that_gives_no_answers_is_not_measured(context: ProbeContext) -> None:
    """What was found till then is kept, each later probe says why, and no training is rehearsed."""
    why = "The function gives no usable score: KeyError: 'x'"
    broken = probe("S1").finding(Severity.FAIL, "It raises.")
    done = run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=(unanswered("S1", broken), fine("S2")),
        training_probes=((probe("T1"), training_probe),),
        simulate_training=simulate_training,
    )
    assert summary(done) == [("S1", "fail", "It raises."), ("S2", "not measured", why), ("T1", "not measured", why)]
    assert done.traces == ()


def test_no_answers_are_a_failure_even_where_no_probe_says_so(context: ProbeContext) -> None:
    """The first that could not be measured fails, so that the exit code tells of it."""
    done = run_probes(context, data_name="train.jsonl", data_sha256="00", static_probes=(unanswered("S5"), fine("S6")))
    assert [(finding.probe, finding.severity.value) for finding in done.findings] == [
        ("S5", "fail"),
        ("S6", "not measured"),
    ]


def test_a_visit_without_rehearsal_says_what_was_not_measured(context: ProbeContext) -> None:
    """`--no-training`."""
    done = run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=(fine("S1"),),
        training_probes=((probe("T1"), training_probe),),
    )
    assert summary(done) == [("S1", "ok", "Well."), ("T1", "not measured", TRAINING_SKIPPED)]


def test_of_chosen_probes_the_groundwork_is_done_and_not_reported(context: ProbeContext) -> None:
    """S3 finds where the right answers stand: S5 alone would ask about the wrong ones."""
    watch = RecordingListener()
    done = run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=(fine("S1"), fine("S3"), fine("S5")),
        training_probes=((probe("T1"), training_probe),),
        simulate_training=simulate_training,
        only=frozenset({"S5"}),
        listener=watch,
    )
    assert (summary(done), watch.said, done.inputs["probes"]) == (
        [("S5", "ok", "Well.")],
        ["S3 1/2", "S5 2/2"],
        "S5",
    )


def test_no_answers_to_the_groundwork_fail_the_probe_that_was_chosen(context: ProbeContext) -> None:
    """What is not reported cannot fail."""
    done = run_probes(
        context, data_name="t", data_sha256="00", static_probes=(unanswered("S3"), fine("S5")), only=frozenset({"S5"})
    )
    assert [(finding.probe, finding.severity.value) for finding in done.findings] == [("S5", "fail")]


def test_a_probe_that_crashes_shows(context: ProbeContext) -> None:
    """It is a fault of ours, and no finding."""

    def crashes(_exam: ProbeContext) -> Iterator[Finding]:
        yield from ()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_probes(context, data_name="train.jsonl", data_sha256="00", static_probes=((probe("S1"), crashes),))


def test_a_probe_that_says_nothing_is_named(context: ProbeContext) -> None:
    """No report would list it."""
    with pytest.raises(RuntimeError, match="S1 has ended without a finding"):
        run_probes(context, data_name="train.jsonl", data_sha256="00", static_probes=((probe("S1"), lambda _exam: ()),))


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ((OK_FINDING, INFO_FINDING), "Nothing was found that speaks against paying for this run."),
        ((OK_FINDING, WARN_FINDING), "1 warning: look at it before you pay for this run."),
        ((WARN_FINDING, WARN_FINDING), "2 warnings: look at them before you pay for this run."),
        (
            (FAIL_FINDING, FAIL_FINDING, WARN_FINDING, NOT_MEASURED_FINDING),
            "2 failures, 1 warning: do not pay for this run yet. Not measured: 1 of 3 probes.",
        ),
    ],
)
def test_the_verdict_says_whether_to_pay(findings: tuple[Finding, ...], verdict: str) -> None:
    """By the worst there is, with what was not measured."""
    assert sample_report(*findings).verdict == verdict


def test_a_visit_that_has_measured_nothing_says_so() -> None:
    """It does not say that all is well."""
    assert sample_report(NOT_MEASURED_FINDING, chosen=True).verdict == (
        "Nothing was measured, so nothing speaks for or against paying for this run. No more was asked than T8."
    )


@pytest.mark.parametrize(
    ("model", "guess"),
    [
        ("openai.gpt-oss-20b", ""),
        ("openai.gpt-oss-20b-1:0", ""),
        (
            "amazon.nova-lite",
            (
                "How amazon.nova-lite behaves is a guess: only openai.gpt-oss-20b and qwen.qwen3-32b are fitted to "
                "published runs."
            ),
        ),
    ],
)
def test_a_model_that_nobody_has_calibrated_is_told(model: str, guess: str) -> None:
    """Its profile is made from a relative's."""
    assert sample_report(OK_FINDING, questions={"model": model}).calibration_warning == guess


def test_the_verdict_on_chosen_probes_names_them() -> None:
    """Nothing is said of the others."""
    assert sample_report(OK_FINDING, chosen=True).verdict == (
        "Nothing was found that speaks against paying for this run. No more was asked than S10."
    )


@pytest.mark.parametrize(
    ("finding", "passed"), [(FAIL_FINDING, (False, False)), (WARN_FINDING, (True, False)), (INFO_FINDING, (True, True))]
)
def test_warnings_count_when_strict(finding: Finding, passed: tuple[bool, bool]) -> None:
    """A failure always does, a remark never."""
    done = sample_report(finding)
    assert (done.passes(strict=False), done.passes(strict=True)) == passed
