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
        self.registry = FaultRegistry(
            job_id_for=Ids(seed=0).job,
            terminal_status=lambda _: None,
            advanced_seconds=lambda: 0.0,
            monotonic=lambda: 0.0,
        )
        self.registry.add([{"job": JOB, **fault} for fault in faults])
        self.operations: list[AwsOperationEffect] = []
        self.denial = denial
        self.injector = JobFaultInjector(self.registry, run_operation=self._run_operation)

    def _run_operation(self, operation: AwsOperationEffect) -> str | None:
        self.operations.append(operation)
        return self.denial


def test_a_job_fault_is_applied_once() -> None:
    """An effect that could not be written, because the disk was full, is repeated."""
    fixture = InjectorFixture({"step": 2, "aws": DELETING}, {"fail": {}})
    effects = [
        grade_effect(1),
        grade_effect(2),
        grade_effect(2),
        FilesValidated(at=0, training_records=1, held_out_records=0),
    ]
    outcomes = [fixture.injector.before_effect(JOB, effect) for effect in (*effects, effects[-1])]
    assert len(fixture.operations) == 1
    assert [type(end).__name__ for end in outcomes] == ["NoneType", "NoneType", "NoneType", "JobFailed", "NoneType"]


def test_the_longest_queue_delay_counts() -> None:
    """They pass at the same time."""
    fixture = InjectorFixture({"queue": "1h"}, {"queue": "2h"}, {"queue": 60})
    assert (fixture.injector.queue_delay(JOB), fixture.injector.queue_delay("ftjob-2")) == (7_200, 0)


def test_each_job_fault_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever its effect."""
    caplog.set_level(logging.INFO, "simulator.refused")
    fixture = InjectorFixture(
        {"queue": 60}, {"step": 2, "cancel": True}, {"step": 2, "aws": DELETING}, {"step": 3, "fail": {}}
    )
    for _ in range(2):
        fixture.injector.queue_delay(JOB)
    for effect in (grade_effect(2), grade_effect(3)):
        fixture.injector.before_effect(JOB, effect)
    assert caplog.messages == [
        f"{JOB} was affected by fault-1",
        f"{JOB} was affected by fault-3",
        f"{JOB} was affected by fault-4",
    ]


def test_an_operation_that_fails_is_logged_and_not_counted_as_applied(caplog: pytest.LogCaptureFixture) -> None:
    """The job continues, and the status has the reason."""
    caplog.set_level(logging.INFO, "simulator.refused")
    fixture = InjectorFixture({"step": 2, "aws": DELETING}, denial="Function not found")
    assert fixture.injector.before_effect(JOB, grade_effect(2)) is None
    (status,) = fixture.registry.statuses()
    assert (status.matched, status.applied, status.refused) == (1, 0, "Function not found")
    assert (
        caplog.messages[-1]
        == "lambda DeleteFunction was affected by fault-1, and was not carried out: Function not found"
    )
