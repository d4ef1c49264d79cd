"""The probe runner: order, early ends and selected probes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from simulator.doctor import probe_runner
from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case
from simulator.doctor.probe_context import ProbeContext, ProbeFunction
from simulator.doctor.probe_runner import TRAINING_SKIPPED, ProgressListener
from simulator.doctor.timeout_budget import NoScoresError
from simulator.doctor.training_trace import StepCallback, TrainingTrace, TrainingTraces
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import handler_for, probe_context
from tests.doctor.sample_reports import sample_trace

RunProbes = Callable[..., DoctorReport]


def make_probe(probe_id: str) -> Probe:
    """Return a probe with this id."""
    return Probe(id=probe_id, name="a probe", question="?", measured="", means="", remedy="", source="")


def passing(probe_id: str) -> tuple[Probe, ProbeFunction]:
    """Return a probe that passes."""
    return make_probe(probe_id), lambda _context: [make_probe(probe_id).ok("Well.")]


def without_scores(probe_id: str, *findings: Finding) -> tuple[Probe, ProbeFunction]:
    """Return a probe that yields findings and then gets no scores."""

    def find(_context: ProbeContext) -> Iterator[Finding]:
        yield from findings
        raise NoScoresError("KeyError: 'x'")

    return make_probe(probe_id), find


def list_traces(_context: ProbeContext, traces: TrainingTraces) -> Iterator[Finding]:
    """Yield a finding with the names of the simulated runs."""
    yield make_probe("T1").ok(" and ".join(trace.name for trace in traces))


class RecordingListener(ProgressListener):
    """Records the progress that is reported."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def on_probe_start(self, probe: Probe, *, index: int, total: int) -> None:
        """Record the probe."""
        self.events.append(f"{probe.id} {index}/{total}")

    def on_training_step(self, trace: str, *, step: int, total: int, calls: int) -> None:
        """Record the step."""
        self.events.append(f"{trace} {step}/{total} after {calls}")


def simulate_one_run(context: ProbeContext, on_step: StepCallback) -> tuple[TrainingTrace, ...]:
    """Make one call, report one step, and return one run."""
    context.invoker.score([Case(label="training", record=context.records[0], text="")])
    on_step("as it is", 1, 2)
    return (sample_trace(),)


@pytest.fixture
def run_probes(sums: tuple[Record, ...]) -> RunProbes:
    """Run probes on a function that scores everything 1."""
    context = probe_context(handler_for(lambda _element: 1.0), sums)
    return partial(probe_runner.run_probes, context, data_name="train.jsonl", data_sha256="00")


def summary(report: DoctorReport) -> list[tuple[str, str, str]]:
    """Return the probe, severity and message of each finding."""
    return [(finding.probe, finding.severity.value, finding.message) for finding in report.findings]


def test_every_probe_runs_in_order_and_progress_is_reported(run_probes: RunProbes) -> None:
    """The static probes, then the simulated training, then the training probes."""
    listener = RecordingListener()
    report = run_probes(
        static_probes=(passing("S1"), passing("S3")),
        training_probes=((make_probe("T1"), list_traces),),
        simulate_training=simulate_one_run,
        listener=listener,
    )
    assert summary(report) == [("S1", "ok", "Well."), ("S3", "ok", "Well."), ("T1", "ok", "as it is")]
    assert listener.events == ["S1 1/2", "S3 2/2", "as it is 1/2 after 1"]


def test_the_report_has_the_inputs_of_the_run(run_probes: RunProbes) -> None:
    """Two golden files are comparable if these are equal."""
    assert run_probes(static_probes=(passing("S1"),)).inputs == {
        "answer_path": "looked for",
        "data_sha256": "00",
        "event": "superset shape, bare strings wrapped, thinking hidden",
        "model": "openai.gpt-oss-20b",
        "plan": "full",
        "probes": "all",
        "rollouts": "simulated",
        "rows": "8",
        "seed": "0",
    }


def test_probes_after_a_function_without_scores_are_not_measured(run_probes: RunProbes) -> None:
    """Earlier findings are kept, later probes say why, and no training is simulated."""
    reason = "The function gives no usable score: KeyError: 'x'"
    failure = make_probe("S1").finding(Severity.FAIL, "It raises.")
    report = run_probes(
        static_probes=(without_scores("S1", failure), passing("S2")),
        training_probes=((make_probe("T1"), list_traces),),
        simulate_training=simulate_one_run,
    )
    assert summary(report) == [
        ("S1", "fail", "It raises."),
        ("S2", "not measured", reason),
        ("T1", "not measured", reason),
    ]
    assert report.traces == ()


def test_a_function_without_scores_is_a_failure_even_if_no_probe_says_so(run_probes: RunProbes) -> None:
    """The first probe that was not measured fails, so that the exit code is 1."""
    report = run_probes(static_probes=(without_scores("S5"), passing("S6")))
    assert [(finding.probe, finding.severity.value) for finding in report.findings] == [
        ("S5", "fail"),
        ("S6", "not measured"),
    ]


def test_without_simulated_training_its_probes_are_not_measured(run_probes: RunProbes) -> None:
    """`--no-training`."""
    report = run_probes(static_probes=(passing("S1"),), training_probes=((make_probe("T1"), list_traces),))
    assert summary(report) == [("S1", "ok", "Well."), ("T1", "not measured", TRAINING_SKIPPED)]


def test_a_selected_probe_runs_after_its_prerequisite(run_probes: RunProbes) -> None:
    """S3 finds the field of the right answers for S5. Its findings are not reported."""
    listener = RecordingListener()
    report = run_probes(
        static_probes=(passing("S1"), passing("S3"), passing("S5")),
        training_probes=((make_probe("T1"), list_traces),),
        simulate_training=simulate_one_run,
        only=frozenset({"S5"}),
        listener=listener,
    )
    assert (summary(report), listener.events, report.inputs["probes"], report.is_partial) == (
        [("S5", "ok", "Well.")],
        ["S3 1/2", "S5 2/2"],
        "S5",
        True,
    )


def test_a_failed_prerequisite_fails_the_selected_probe(run_probes: RunProbes) -> None:
    """The prerequisite itself is not in the report."""
    report = run_probes(static_probes=(without_scores("S3"), passing("S5")), only=frozenset({"S5"}))
    assert [(finding.probe, finding.severity.value) for finding in report.findings] == [("S5", "fail")]


def test_an_error_in_a_probe_is_raised(run_probes: RunProbes) -> None:
    """It is a bug of the probe, not a finding."""

    def crash(_context: ProbeContext) -> list[Finding]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_probes(static_probes=((make_probe("S1"), crash),))


def test_a_probe_without_a_finding_is_an_error(run_probes: RunProbes) -> None:
    """No report would list it."""
    with pytest.raises(RuntimeError, match="S1 ended without a finding"):
        run_probes(static_probes=((make_probe("S1"), lambda _context: ()),))


def test_without_right_answers_only_the_probe_of_invalid_results_reads_a_simulated_run(
    sums: tuple[Record, ...],
) -> None:
    """The simulated policy cannot write a right answer, so its rewards prove nothing."""
    context = probe_context(handler_for(lambda _element: 0.0), [replace(record, fields={}) for record in sums])
    report = probe_runner.run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=[],
        training_probes=[(make_probe(probe_id), list_traces) for probe_id in ("T1", "T11")],
        simulate_training=simulate_one_run,
    )
    assert [(finding.severity, finding.message) for finding in report.findings] == [
        (Severity.SKIPPED, context.unknown_answers_reason),
        (Severity.OK, "as it is"),
    ]
