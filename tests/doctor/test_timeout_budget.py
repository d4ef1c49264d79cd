"""Calls that run into the function's time-out: waited for once, and what hung is named."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Severity
from simulator.doctor.invocation import Case
from simulator.doctor.loading import load_reward_function
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probe_runner import run_probes
from simulator.doctor.probes.registry import STATIC_PROBES, TRAINING_PROBES
from simulator.doctor.simulated_training import simulate_training
from simulator.doctor.timeout_budget import TimeoutBudgetError
from simulator.lambdas.function import Invocation
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import score_number

HangCondition = Callable[[dict[str, Any]], bool]


class HangingRewardFunction(FakeRewardFunction):
    """A patient that runs into its time-out on some rollouts, and counts how often it does."""

    def __init__(self, hangs_on: HangCondition, *, timeout: float = 300.0) -> None:
        super().__init__(handler_for(score_number), timeout=timeout)
        self.timeout_count = 0
        self._hangs = hangs_on

    def invoke(self, event: bytes) -> Invocation:
        """Say that it has timed out, if it does."""
        if not any(map(self._hangs, json.loads(event))):
            return super().invoke(event)
        self.timeout_count += 1
        timed_out = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}
        return replace(
            super().invoke(event),
            payload=json.dumps(timed_out).encode(),
            function_error="Unhandled",
            duration_ms=1e3 * self.timeout,
        )


def hangs_on_text(words: str) -> HangCondition:
    """Return what hangs on responses with these words."""
    return lambda element: words in str(response_of(element))


def run_doctor(context: ProbeContext, *, only: frozenset[str] = frozenset()) -> DoctorReport:
    """Take every probe."""
    return run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=STATIC_PROBES,
        training_probes=TRAINING_PROBES,
        simulate_training=lambda exam, told: simulate_training(exam, on_step=told),
        only=only,
    )


def failed_probes(done: DoctorReport) -> list[str]:
    """Return the probes that failed."""
    return [finding.probe for finding in done.findings if finding.severity is Severity.FAIL]


def test_a_response_that_hangs_costs_one_time_out_and_ends_the_visit(sums: tuple[Record, ...]) -> None:
    """The padding of S9, say: S15 shows it, what was found before is kept, and the rest says why it is not measured."""
    patient = HangingRewardFunction(hangs_on_text("and so on and so on"))
    done = run_doctor(probe_context(patient, sums))
    (failed,) = [finding for finding in done.findings if finding.probe == "S15"]
    assert (patient.timeout_count, failed_probes(done), failed.measured) == (1, ["S15"], "more than 300 s")
    assert failed.examples[0].response.startswith("and so on and so on")
    severities = {finding.probe: finding.severity for finding in done.findings}
    assert (severities["S5"], severities["S9"], severities["S17"], severities["T1"]) == (
        Severity.OK,
        *[Severity.SKIPPED] * 3,
    )
    (why,) = {finding.message for finding in done.findings if finding.severity is Severity.SKIPPED}
    assert why.startswith(
        "The visit ended early: a call ran into the function's time-out of 300 s, on the response “and"
    )


def test_each_probe_stands_once_in_a_report_that_ended_early(sums: tuple[Record, ...]) -> None:
    """In the order of the catalogue, wherever it ended: a CI server counts each."""
    done = run_doctor(probe_context(HangingRewardFunction(hangs_on_text("and so on and so on")), sums))
    assert list(done.probe_ids) == [probe.id for probe, _ in [*STATIC_PROBES, *TRAINING_PROBES]]


def test_a_probe_that_was_chosen_fails_where_latency_was_not_asked_for(sums: tuple[Record, ...]) -> None:
    """No answer in time is no good answer."""
    done = run_doctor(
        probe_context(HangingRewardFunction(hangs_on_text("and so on and so on")), sums), only=frozenset({"S9"})
    )
    assert failed_probes(done) == ["S9"]


def test_a_function_that_hangs_on_everything_is_waited_for_once(sums: tuple[Record, ...]) -> None:
    """S1 says so itself."""
    patient = HangingRewardFunction(lambda _element: True)
    assert (failed_probes(run_doctor(probe_context(patient, sums))), patient.timeout_count) == (["S1"], 1)


def test_short_timeouts_are_tolerated_within_the_budget(sums: tuple[Record, ...]) -> None:
    """Of 3 s it takes eleven: a function that times out now and then is examined to its end."""
    exam = probe_context(HangingRewardFunction(hangs_on_text("hang"), timeout=3), sums)
    cases = [Case(label="hanging", record=record, text="hang") for record in sums[:20]]
    scored = exam.invoker.score([Case(label="fine", record=record, text="#### 1") for record in sums[:8]])
    with pytest.raises(TimeoutBudgetError, match="time-out of 3 s"):
        exam.invoker.score(cases, batch_size=1)
    assert (len(scored), exam.invoker.timeout_budget.seconds_spent) == (8, 33.0)


def test_a_timeout_in_simulated_training_is_waited_for_once(sums: tuple[Record, ...]) -> None:
    """A job would try it again; and no further course meets it. T11 names the response."""
    patient = HangingRewardFunction(lambda element: element["id"].startswith("train-2-"))
    done = run_doctor(probe_context(patient, sums), only=frozenset({"T11"}))
    assert (failed_probes(done), [course.steps for course in done.traces], patient.timeout_count) == (["T11"], [1], 1)
    assert done.findings[0].measured.startswith("a call ran into the function's time-out of 300 s, on the response “")


def test_the_response_that_hangs_is_found_among_those_of_its_call(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """Each is sent alone under a short time-out, where the function is run here."""
    source = tmp_path / "reward.py"
    source.write_text(
        "import time\ndef lambda_handler(event, context):\n"
        "    if any('hang' in r['messages'][-1]['content'] for r in event):\n        time.sleep(60)\n"
        "    return [{'id': r['id'], 'aggregate_reward_score': 1.0} for r in event]\n"
    )
    with (
        load_reward_function(str(source), wall_clock=time.time, timeout=1) as patient,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("simulator.doctor.timeout_budget.BUDGET_SECONDS", 0.5)
        exam = ProbeContext(
            reward_function=patient,
            records=sums,
            settings=Settings(),
            model="openai.gpt-oss-20b",
            hyperparameters=Hyperparameters(),
        )
        texts = ["a", "a longer one", "hang", "b"]
        with pytest.raises(TimeoutBudgetError) as caught:
            exam.invoker.score([Case(label="x", record=sums[0], text=text) for text in texts])
    shown = caught.value.example
    assert (shown.response, shown.prompt, shown.note) == (
        "hang",
        sums[0].messages[-1].content,
        "alone it takes more than 1 s",
    )


def test_of_a_function_elsewhere_the_longest_response_is_suspected(sums: tuple[Record, ...]) -> None:
    """Its time-out is not ours to shorten."""
    exam = probe_context(HangingRewardFunction(hangs_on_text("hang")), sums)
    with pytest.raises(TimeoutBudgetError, match="the longest of 2 in that call"):
        exam.invoker.score([Case(label="x", record=sums[0], text=text) for text in ("a", "hang")])
