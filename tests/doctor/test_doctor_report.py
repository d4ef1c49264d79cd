"""A doctor report: the order of the probes, what ends the run early, and the verdict."""

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
    """Return a probe with this id and without texts."""
    return Probe(id=name, name="a probe", question="?", measured="", means="", remedy="", source="")


def passing_probe(name: str) -> tuple[Probe, ProbeFunction]:
    """Return a probe with one OK finding."""

    def examine(_context: ProbeContext) -> Iterator[Finding]:
        yield probe(name).ok("Well.")

    return probe(name), examine


def probe_without_scores(name: str, *findings: Finding) -> tuple[Probe, ProbeFunction]:
    """Return a probe that yields these findings and then gets no more scores."""

    def examine(_context: ProbeContext) -> Iterator[Finding]:
        yield from findings
        raise NoScoresError("KeyError: 'x'")

    return probe(name), examine


def training_probe(_context: ProbeContext, traces: TrainingTraces) -> Iterator[Finding]:
    """Yield one finding with the names of the traces."""
    yield probe("T1").ok(" and ".join(trace.name for trace in traces))


class RecordingListener(ProgressListener):
    """A listener that records each probe and step."""

    def __init__(self) -> None:
        self.records: list[str] = []

    def on_probe_start(self, probe: Probe, *, index: int, total: int) -> None:
        """Record the probe."""
        self.records.append(f"{probe.id} {index}/{total}")

    def on_training_step(self, trace: str, *, step: int, total: int, calls: int) -> None:
        """Record the step."""
        self.records.append(f"{trace} {step}/{total} after {calls}")


def simulate_training(context: ProbeContext, on_step: object) -> tuple[TrainingTrace, ...]:
    """Call the function once, report one step, and return one trace."""
    assert callable(on_step)
    context.invoker.score([Case(label="trained on", record=context.records[0], text="")])
    on_step("as it is", 1, 2)
    return (sample_trace(),)


@pytest.fixture
def context(sums: tuple[Record, ...]) -> ProbeContext:
    """The context for a function that scores everything 1."""
    return probe_context(handler_for(lambda _element: 1.0), sums)


def summary(report: DoctorReport) -> list[tuple[str, str, str]]:
    """Return the probe, severity and message of each finding."""
    return [(finding.probe, finding.severity.value, finding.message) for finding in report.findings]


def test_all_probes_run_in_order_and_are_reported_to_the_listener(context: ProbeContext) -> None:
    """The static probes, the simulated training, then the probes that read it."""
    listener = RecordingListener()
    report = run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=(passing_probe("S1"), passing_probe("S3")),
        training_probes=((probe("T1"), training_probe),),
        simulate_training=simulate_training,
        listener=listener,
    )
    assert summary(report) == [("S1", "ok", "Well."), ("S3", "ok", "Well."), ("T1", "ok", "as it is")]
    assert listener.records == ["S1 1/2", "S3 2/2", "as it is 1/2 after 1"]


def test_a_report_contains_its_inputs(context: ProbeContext) -> None:
    """The file's bytes, the shape of the event, the model, the probes, the rows and the seed."""
    report = run_probes(
        context, data_name="train.jsonl", data_sha256="00", static_probes=(passing_probe("S1"),), training_probes=()
    )
    assert report.inputs == {
        "answer_path": "looked for",
        "data_sha256": "00",
        "event": "superset shape, bare strings wrapped, thinking hidden",
        "model": "openai.gpt-oss-20b",
        "probes": "all",
        "rollouts": "simulated",
        "rows": "8",
        "seed": "0",
    }


def test_probes_after_one_without_scores_are_not_measured(context: ProbeContext) -> None:
    """Earlier findings stay, each later probe has the reason, and no training is simulated."""
    reason = "The function gives no usable score: KeyError: 'x'"
    broken = probe("S1").finding(Severity.FAIL, "It raises.")
    report = run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=(probe_without_scores("S1", broken), passing_probe("S2")),
        training_probes=((probe("T1"), training_probe),),
        simulate_training=simulate_training,
    )
    assert summary(report) == [
        ("S1", "fail", "It raises."),
        ("S2", "not measured", reason),
        ("T1", "not measured", reason),
    ]
    assert report.traces == ()


def test_the_first_probe_without_scores_fails(context: ProbeContext) -> None:
    """So the exit code is not 0."""
    report = run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=(probe_without_scores("S5"), passing_probe("S6")),
    )
    assert [(finding.probe, finding.severity.value) for finding in report.findings] == [
        ("S5", "fail"),
        ("S6", "not measured"),
    ]


def test_without_simulated_training_its_probes_are_not_measured(context: ProbeContext) -> None:
    """`--no-training`."""
    report = run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=(passing_probe("S1"),),
        training_probes=((probe("T1"), training_probe),),
    )
    assert summary(report) == [("S1", "ok", "Well."), ("T1", "not measured", TRAINING_SKIPPED)]


def test_probes_that_a_selected_probe_needs_run_and_are_not_reported(context: ProbeContext) -> None:
    """S3 finds the place of the right answers, which S5 needs."""
    listener = RecordingListener()
    report = run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=(passing_probe("S1"), passing_probe("S3"), passing_probe("S5")),
        training_probes=((probe("T1"), training_probe),),
        simulate_training=simulate_training,
        only=frozenset({"S5"}),
        listener=listener,
    )
    assert (summary(report), listener.records, report.inputs["probes"]) == (
        [("S5", "ok", "Well.")],
        ["S3 1/2", "S5 2/2"],
        "S5",
    )


def test_a_selected_probe_fails_when_one_that_it_needs_gets_no_scores(context: ProbeContext) -> None:
    """The needed probe is not reported, so it cannot fail."""
    report = run_probes(
        context,
        data_name="t",
        data_sha256="00",
        static_probes=(probe_without_scores("S3"), passing_probe("S5")),
        only=frozenset({"S5"}),
    )
    assert [(finding.probe, finding.severity.value) for finding in report.findings] == [("S5", "fail")]


def test_an_exception_in_a_probe_is_not_caught(context: ProbeContext) -> None:
    """It is an error in the doctor and not a finding."""

    def crashes(_context: ProbeContext) -> Iterator[Finding]:
        yield from ()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_probes(context, data_name="train.jsonl", data_sha256="00", static_probes=((probe("S1"), crashes),))


def test_a_probe_without_a_finding_is_an_error(context: ProbeContext) -> None:
    """It would be missing from every report."""
    with pytest.raises(RuntimeError, match="S1 has ended without a finding"):
        run_probes(
            context, data_name="train.jsonl", data_sha256="00", static_probes=((probe("S1"), lambda _context: ()),)
        )


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
    """By the worst severity, with the number of probes that were not measured."""
    assert sample_report(*findings).verdict == verdict


def test_the_verdict_without_a_measurement_is_neutral() -> None:
    """It does not recommend the run."""
    assert sample_report(NOT_MEASURED_FINDING, chosen=True).verdict == (
        "Nothing was measured, so nothing speaks for or against paying for this run. No more was asked than T8."
    )


@pytest.mark.parametrize(
    ("model", "warning"),
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
def test_a_model_without_published_runs_has_a_warning(model: str, warning: str) -> None:
    """Its profile is derived from a similar model."""
    assert sample_report(OK_FINDING, questions={"model": model}).calibration_warning == warning


def test_the_verdict_on_selected_probes_names_them() -> None:
    """It does not cover the others."""
    assert sample_report(OK_FINDING, chosen=True).verdict == (
        "Nothing was found that speaks against paying for this run. No more was asked than S10."
    )


@pytest.mark.parametrize(
    ("finding", "passed"), [(FAIL_FINDING, (False, False)), (WARN_FINDING, (True, False)), (INFO_FINDING, (True, True))]
)
def test_warnings_count_when_strict(finding: Finding, passed: tuple[bool, bool]) -> None:
    """A failure always counts, and an information never does."""
    report = sample_report(finding)
    assert (report.passes(strict=False), report.passes(strict=True)) == passed
