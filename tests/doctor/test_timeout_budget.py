"""Calls that reach the function's time-out: the doctor waits for few, and names the response."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Severity
from simulator.doctor.invocation import Case
from simulator.doctor.probe_runner import run_probes
from simulator.doctor.probes.registry import STATIC_PROBES, TRAINING_PROBES
from simulator.doctor.reward_function import LocalRewardFunction
from simulator.doctor.simulated_training import simulate_training
from simulator.doctor.timeout_budget import TimeoutBudgetError
from simulator.lambdas.function import Invocation
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import (
    FakeRewardFunction,
    handler_for,
    local_probe_context,
    probe_context,
    response_of,
)
from tests.doctor.sound_reward_functions import score_number

HangCondition = Callable[[dict[str, Any]], bool]


class HangingRewardFunction(FakeRewardFunction):
    """A reward function that times out on some rollouts, and counts its time-outs."""

    def __init__(self, hangs_on: HangCondition, *, timeout: float = 300.0) -> None:
        super().__init__(handler_for(score_number), timeout=timeout)
        self.timeout_count = 0
        self._hangs = hangs_on

    def invoke(self, event: bytes) -> Invocation:
        """Return a time-out error for those rollouts."""
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
    """Return a condition that is true for responses with these words."""
    return lambda element: words in str(response_of(element))


def run_doctor(
    function: HangingRewardFunction, records: tuple[Record, ...], *, only: frozenset[str] = frozenset()
) -> DoctorReport:
    """Run every probe."""
    return run_probes(
        probe_context(function, records),
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=STATIC_PROBES,
        training_probes=TRAINING_PROBES,
        simulate_training=lambda context, on_step: simulate_training(context, on_step=on_step),
        only=only,
    )


def failed_probes(report: DoctorReport) -> list[str]:
    """Return the probes that failed."""
    return [finding.probe for finding in report.findings if finding.severity is Severity.FAIL]


def test_a_response_that_times_out_ends_the_doctor_after_one_time_out(sums: tuple[Record, ...]) -> None:
    """S15 shows the response, here padding of S9. Earlier findings stay, and later probes are not measured."""
    function = HangingRewardFunction(hangs_on_text("and so on and so on"))
    report = run_doctor(function, sums)
    (failed,) = [finding for finding in report.findings if finding.probe == "S15"]
    assert (function.timeout_count, failed_probes(report), failed.measured) == (1, ["S15"], "more than 300 s")
    assert failed.examples[0].response.startswith("and so on and so on")
    severities = {finding.probe: finding.severity for finding in report.findings}
    assert (severities["S5"], severities["S9"], severities["S17"], severities["T1"]) == (
        Severity.OK,
        *[Severity.SKIPPED] * 3,
    )
    (reason,) = {finding.message for finding in report.findings if finding.severity is Severity.SKIPPED}
    assert reason.startswith(
        "The doctor run ended early: a call reached the function's time-out of 300 s, on the response “and"
    )


def test_a_report_that_ended_early_has_each_probe_once(sums: tuple[Record, ...]) -> None:
    """In the order of the registry, because a CI server counts each."""
    report = run_doctor(HangingRewardFunction(hangs_on_text("and so on and so on")), sums)
    assert list(report.probe_ids) == [probe.id for probe, _ in [*STATIC_PROBES, *TRAINING_PROBES]]


def test_a_selected_probe_fails_when_s15_is_not_selected(sums: tuple[Record, ...]) -> None:
    """A time-out is a failure."""
    report = run_doctor(HangingRewardFunction(hangs_on_text("and so on and so on")), sums, only=frozenset({"S9"}))
    assert failed_probes(report) == ["S9"]


def test_a_function_that_always_times_out_costs_one_time_out(sums: tuple[Record, ...]) -> None:
    """S1 reports it."""
    function = HangingRewardFunction(lambda _element: True)
    assert (failed_probes(run_doctor(function, sums)), function.timeout_count) == (["S1"], 1)


def test_short_time_outs_are_tolerated_within_the_budget(sums: tuple[Record, ...]) -> None:
    """Eleven of 3 s exceed it, so a function that times out now and then is fully tested."""
    context = probe_context(HangingRewardFunction(hangs_on_text("hang"), timeout=3), sums)
    cases = [Case(label="hanging", record=record, text="hang") for record in sums[:20]]
    scored = context.invoker.score([Case(label="ok", record=record, text="#### 1") for record in sums[:8]])
    with pytest.raises(TimeoutBudgetError, match="time-out of 3 s"):
        context.invoker.score(cases, batch_size=1)
    assert (len(scored), context.invoker.timeout_budget.seconds_spent) == (8, 33.0)


def test_simulated_training_ends_at_the_first_time_out(sums: tuple[Record, ...]) -> None:
    """A job would call again. No further run is simulated. T11 names the response."""
    function = HangingRewardFunction(lambda element: element["id"].startswith("train-2-"))
    report = run_doctor(function, sums, only=frozenset({"T11"}))
    assert (failed_probes(report), [trace.steps for trace in report.traces], function.timeout_count) == (
        ["T11"],
        [1],
        1,
    )
    assert report.findings[0].measured.startswith("a call reached the function's time-out of 300 s, on the response “")


@pytest.mark.slow
def test_the_response_that_times_out_is_found_among_those_of_its_call(
    sums: tuple[Record, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each response is sent alone with a short time-out, where the function runs on this machine."""
    monkeypatch.setattr("simulator.doctor.timeout_budget.BUDGET_SECONDS", 0.2)
    source = (
        "import time\ndef lambda_handler(event, context):\n"
        "    if any('hang' in r['messages'][-1]['content'] for r in event):\n        time.sleep(60)\n"
        "    return [{'id': r['id'], 'aggregate_reward_score': 1.0} for r in event]\n"
    )
    with local_probe_context(tmp_path, source, sums) as local:
        assert isinstance(local.reward_function, LocalRewardFunction)
        quick = replace(local.reward_function, spec=replace(local.reward_function.spec, timeout=0.3))
        context = probe_context(quick, sums)
        texts = ["a", "a longer one", "hang", "b"]
        with pytest.raises(TimeoutBudgetError) as exc_info:
            context.invoker.score([Case(label="x", record=sums[0], text=text) for text in texts])
    example = exc_info.value.example
    assert (example.response, example.prompt, example.note) == (
        "hang",
        sums[0].messages[-1].content,
        "alone it takes more than 0.3 s",
    )


def test_the_longest_response_is_named_for_a_function_elsewhere(sums: tuple[Record, ...]) -> None:
    """Its time-out cannot be shortened."""
    context = probe_context(HangingRewardFunction(hangs_on_text("hang")), sums)
    with pytest.raises(TimeoutBudgetError, match="the longest of 2 in that call"):
        context.invoker.score([Case(label="x", record=sums[0], text=text) for text in ("a", "hang")])
