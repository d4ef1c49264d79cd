"""What the faults of a book do to jobs, asked move by move."""

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
    """Return a job's move in which it asks for the rewards of a step."""
    return Grade(at=0, split="train", step=number, samples=())


class InjectorFixture:
    """A book with faults, and what was carried out of them."""

    def __init__(self, *faults: dict[str, Any], refusal: str | None = None) -> None:
        self.book = FaultRegistry(
            job_id_for=Ids(seed=0).job,
            terminal_status=lambda _: None,
            lapsed_seconds=lambda: 0.0,
            monotonic=lambda: 0.0,
        )
        self.book.add([{"job": JOB, **fault} for fault in faults])
        self.done: list[AwsOperationEffect] = []
        self.refusal = refusal
        self.interventions = JobFaultInjector(self.book, run_operation=self._carry_out)

    def _carry_out(self, operation: AwsOperationEffect) -> str | None:
        self.done.append(operation)
        return self.refusal


def test_a_job_meets_a_fault_once_however_often_it_comes_by() -> None:
    """A move that could not be written, because the disk was full, is made again."""
    world = InjectorFixture({"step": 2, "aws": DELETING}, {"fail": {}})
    moves = [
        grade_effect(1),
        grade_effect(2),
        grade_effect(2),
        FilesValidated(at=0, training_records=1, held_out_records=0),
    ]
    ends = [world.interventions.before_effect(JOB, move) for move in (*moves, moves[-1])]
    assert len(world.done) == 1
    assert [type(end).__name__ for end in ends] == ["NoneType", "NoneType", "NoneType", "JobFailed", "NoneType"]


def test_of_several_waits_in_the_queue_the_longest_holds() -> None:
    """They pass at the same time."""
    world = InjectorFixture({"queue": "1h"}, {"queue": "2h"}, {"queue": 60})
    assert (world.interventions.queue_delay(JOB), world.interventions.queue_delay("ftjob-2")) == (7_200, 0)


def test_a_job_that_meets_a_fault_is_told_of_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the fault is, once."""
    caplog.set_level(logging.INFO, "simulator.http.request_log")
    world = InjectorFixture(
        {"queue": 60}, {"step": 2, "cancel": True}, {"step": 2, "aws": DELETING}, {"step": 3, "fail": {}}
    )
    for _ in range(2):
        world.interventions.queue_delay(JOB)
    for move in (grade_effect(2), grade_effect(3)):
        world.interventions.before_effect(JOB, move)
    assert caplog.messages == [f"{JOB} met fault-1", f"{JOB} met fault-3", f"{JOB} met fault-4"]
