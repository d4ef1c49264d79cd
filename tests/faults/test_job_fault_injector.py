"""Job faults at single effects."""

import logging
from typing import Any

import pytest

from simulator.faults.job_fault import AwsOperationEffect
from simulator.faults.job_fault_injector import JobFaultInjector
from simulator.faults.registry import FaultRegistry
from simulator.ids import Ids
from simulator.jobs.job import FilesValidated
from simulator.jobs.lifecycle import Grade, LifecycleEffect

JOB = "ftjob-1"
DELETING = {"service": "lambda", "operation": "DeleteFunction", "parameters": {"FunctionName": "f"}}


def grade_effect(number: int) -> LifecycleEffect:
    """Return the effect that requests the rewards of a step."""
    return Grade(at=0, split="train", step=number, samples=())


class InjectorFixture:
    """An injector with faults, and the operations that it has run."""

    def __init__(self, *faults: dict[str, Any], denial: str | None = None) -> None:
        self.book = FaultRegistry(
            job_id_for=Ids(seed=0).job,
            terminal_status=lambda _: None,
            lapsed_seconds=lambda: 0.0,
            monotonic=lambda: 0.0,
        )
        self.book.add([{"job": JOB, **fault} for fault in faults])
        self.done: list[AwsOperationEffect] = []
        self.refusal = denial
        self.interventions = JobFaultInjector(self.book, run_operation=self._carry_out)

    def _carry_out(self, operation: AwsOperationEffect) -> str | None:
        self.done.append(operation)
        return self.refusal


def test_a_job_fault_is_applied_once() -> None:
    """An effect that could not be written, because the disk was full, is repeated."""
    simulator = InjectorFixture({"step": 2, "aws": DELETING}, {"fail": {}})
    effects = [
        grade_effect(1),
        grade_effect(2),
        grade_effect(2),
        FilesValidated(at=0, training_records=1, held_out_records=0),
    ]
    ends = [simulator.interventions.before_effect(JOB, effect) for effect in (*effects, effects[-1])]
    assert len(simulator.done) == 1
    assert [type(end).__name__ for end in ends] == ["NoneType", "NoneType", "NoneType", "JobFailed", "NoneType"]


def test_the_longest_queue_delay_counts() -> None:
    """They pass at the same time."""
    simulator = InjectorFixture({"queue": "1h"}, {"queue": "2h"}, {"queue": 60})
    assert (simulator.interventions.queue_delay(JOB), simulator.interventions.queue_delay("ftjob-2")) == (7_200, 0)


def test_each_job_fault_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the fault is, once."""
    caplog.set_level(logging.INFO, "simulator.http.request_log")
    simulator = InjectorFixture(
        {"queue": 60}, {"step": 2, "cancel": True}, {"step": 2, "aws": DELETING}, {"step": 3, "fail": {}}
    )
    for _ in range(2):
        simulator.interventions.queue_delay(JOB)
    for effect in (grade_effect(2), grade_effect(3)):
        simulator.interventions.before_effect(JOB, effect)
    assert caplog.messages == [f"{JOB} met fault-1", f"{JOB} met fault-3", f"{JOB} met fault-4"]
