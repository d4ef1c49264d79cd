"""What the faults of a book do to jobs, asked move by move."""

import logging
from typing import Any

import pytest

from simulator.faults.job_fault import Operation
from simulator.faults.job_fault_injector import ScriptedInterventions
from simulator.faults.registry import Book
from simulator.ids import Ids
from simulator.jobs.job import FilesValidated
from simulator.jobs.lifecycle import Effect, Grade

JOB = "ftjob-1"
DELETING = {"service": "lambda", "operation": "DeleteFunction", "parameters": {"FunctionName": "f"}}


def step(number: int) -> Effect:
    """Return a job's move in which it asks for the rewards of a step."""
    return Grade(at=0, split="train", step=number, samples=())


class World:
    """A book with faults, and what was carried out of them."""

    def __init__(self, *faults: dict[str, Any], refusal: str | None = None) -> None:
        self.book = Book(job_id=Ids(seed=0).job, ended=lambda _: None, lapsed=lambda: 0.0, seconds=lambda: 0.0)
        self.book.add([{"job": JOB, **fault} for fault in faults])
        self.done: list[Operation] = []
        self.refusal = refusal
        self.interventions = ScriptedInterventions(self.book, carry_out=self._carry_out)

    def _carry_out(self, operation: Operation) -> str | None:
        self.done.append(operation)
        return self.refusal


def test_a_job_meets_a_fault_once_however_often_it_comes_by() -> None:
    """A move that could not be written, because the disk was full, is made again."""
    world = World({"step": 2, "aws": DELETING}, {"fail": {}})
    moves = [step(1), step(2), step(2), FilesValidated(at=0, training_records=1, held_out_records=0)]
    ends = [world.interventions.before(JOB, move) for move in (*moves, moves[-1])]
    assert len(world.done) == 1
    assert [type(end).__name__ for end in ends] == ["NoneType", "NoneType", "NoneType", "JobFailed", "NoneType"]


def test_of_several_waits_in_the_queue_the_longest_holds() -> None:
    """They pass at the same time."""
    world = World({"queue": "1h"}, {"queue": "2h"}, {"queue": 60})
    assert (world.interventions.wait(JOB), world.interventions.wait("ftjob-2")) == (7_200, 0)


def test_a_job_that_meets_a_fault_is_told_of_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the fault is, once."""
    caplog.set_level(logging.INFO, "simulator.http.request_log")
    world = World({"queue": 60}, {"step": 2, "cancel": True}, {"step": 2, "aws": DELETING}, {"step": 3, "fail": {}})
    for _ in range(2):
        world.interventions.wait(JOB)
    for move in (step(2), step(3)):
        world.interventions.before(JOB, move)
    assert caplog.messages == [f"{JOB} met fault-1", f"{JOB} met fault-3", f"{JOB} met fault-4"]
