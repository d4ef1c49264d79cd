"""Engines to test: on a data folder, with graders that can wait or fail, and with truncated logs."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from pathlib import Path
from threading import Event as Flag
from time import monotonic

import pytest

from simulator.grading.grader import GradingResult, Sample
from simulator.grading.grader_error import GraderError
from simulator.ids import Ids
from simulator.jobs.clock_control import ClockControl
from simulator.jobs.codec import decode_event, encode_job
from simulator.jobs.engine import Engine
from simulator.jobs.job import Event, Job, JobSpec, apply
from simulator.jobs.lifecycle import Grade, Lifecycle, LifecycleEffect, job_lifecycle
from simulator.jobs.pace import PaceRegistry
from simulator.settings import FIXED_EPOCH, Pace, Settings
from simulator.store.blobs import BlobStore
from simulator.store.clock_state import ClockStateStore
from simulator.store.database import Database
from simulator.store.job_logs import JobLogStore
from simulator.training.dataset import DatasetLimits
from simulator.wire.objects import describe_event
from tests.jobs.lifecycle_setup import MODEL, job_spec, score_correctness
from tests.training.training_files import make_training_file

SETTINGS = Settings(dataset=DatasetLimits(min_records=10))


class FakeGraders:
    """Graders that score correctly and count their calls. They can wait at a step or fail at a step."""

    def __init__(self, *, breaks_at: int | None = None) -> None:
        self.calls: list[tuple[str, int]] = []
        self.breaks_at = breaks_at
        self.reached, self.may_continue = Flag(), Flag()
        self.waits_at: int | None = None
        self.function_warnings: tuple[str, ...] = ()
        self.released: list[str] = []
        self.retry_seconds = 0

    def denial_reason(self, _order: JobSpec) -> str | None:
        """Allow every caller."""
        return None

    def refusal_reason(self, _order: JobSpec) -> str | None:
        """Accept every function."""
        return None

    def warnings(self, _order: JobSpec) -> tuple[str, ...]:
        """Return the warnings of every function."""
        return self.function_warnings

    def release(self, job_id: str) -> None:
        """Record that the job grades no more."""
        self.released.append(job_id)

    def grade(
        self, _job_id: str, _order: JobSpec, samples: tuple[Sample, ...], *, split: str, step: int
    ) -> GradingResult:
        """Score correctness."""
        if (split, step) == ("train", self.waits_at):
            self.reached.set()
            assert self.may_continue.wait(10)
        if (split, step) == ("train", self.breaks_at):
            raise GraderError(function="f", reason="it broke", advice="Mend it.")
        self.calls.append((split, step))
        result = score_correctness(Grade(at=0, split=split, step=step, samples=samples))
        return replace(result, retry_seconds=self.retry_seconds)


class FakeJobHooks:
    """Hooks that end a job at chosen effects (`terminal_events`), delay it in the queue, and record all effects."""

    def __init__(self) -> None:
        self.terminal_events: dict[
            tuple[str, int | None], Callable[[int], Event]
        ] = {}  # by the effect's kind and its step
        self.delay = 0
        self.effects: list[str] = []

    def before_effect(self, _job_id: str, effect: LifecycleEffect) -> Event | None:
        """Return the event that `terminal_events` has for the effect and its step."""
        self.effects.append(type(effect).__name__)
        end = self.terminal_events.get((type(effect).__name__, getattr(effect, "step", None)))
        return end(effect.at) if end else None

    def queue_delay(self, _job_id: str) -> int:
        """Return the delay in the queue."""
        return self.delay


@contextmanager
def running_engine(
    folder: Path, graders: FakeGraders, *, pace: Pace = Pace.INSTANT, slots: int = 8
) -> Iterator[tuple[Engine, JobLogStore]]:
    """Run an engine on a data folder that holds one upload, `train`, of 40 records."""
    with controlled_engine(folder, graders, pace=pace, slots=slots) as (engine, logs, _):
        yield engine, logs


@contextmanager
def controlled_engine(
    folder: Path,
    graders: FakeGraders,
    *,
    pace: Pace = Pace.INSTANT,
    slots: int = 8,
    speed: float = 1.0,
    monotonic: Callable[[], float] = monotonic,
    epoch: int = FIXED_EPOCH,
    hooks: FakeJobHooks | None = None,
) -> Iterator[tuple[Engine, JobLogStore, ClockControl]]:
    """Run the same engine, with its clock control. `monotonic` is the real time of a running clock."""
    uploads = BlobStore(folder / "uploads")
    (folder / "uploads" / "train").write_bytes(make_training_file(40))
    database = Database(folder / "simulator.sqlite")
    logs = JobLogStore(database)
    paces = PaceRegistry(
        states=ClockStateStore(database),
        pace=pace,
        speed=speed,
        epoch=epoch,
        latest_time=database.latest_simulated_time(),
        wall_clock=lambda: 0.0,
        monotonic=monotonic,
    )

    def create_lifecycle(job: Job) -> Lifecycle:
        return job_lifecycle(job, open_file=uploads.open, model=f"{MODEL}-{job.id}", settings=SETTINGS)

    engine = Engine(
        logs=logs,
        ids=Ids(seed=0),
        paces=paces,
        slots=slots,
        graders=graders,
        hooks=hooks or FakeJobHooks(),
        create_lifecycle=create_lifecycle,
        is_public=lambda event: describe_event(event) is not None,
    )
    engine.resume()
    control = ClockControl(
        engine=engine, paces=paces, caller_clock=paces.caller_clock, keys_expire=False, sleep=lambda _: None
    )
    try:
        yield engine, logs, control
    finally:
        engine.close()
        database.close()


def wait_for_end(engine: Engine, job: Job) -> Job:
    """Wait for a job's end."""
    flag = Flag()
    while not (current := engine.find_job(job.id) or job).status.is_terminal:
        flag.wait(0.005)
    return current


def truncate_log(path: Path, job_id: str, length: int) -> None:
    """Keep the first `kept` entries of a log, and what was written with them."""
    with sqlite3.connect(path) as connection:
        entries = connection.execute(
            "SELECT kind, body FROM log WHERE job = ? AND ordinal < ? ORDER BY ordinal", (job_id, length)
        ).fetchall()
        job = reduce(apply, [decode_event(kind, body) for kind, body in entries], None)
        assert job
        connection.execute("DELETE FROM log WHERE job = ? AND ordinal >= ?", (job_id, length))
        connection.execute("DELETE FROM models WHERE job = ? AND ordinal >= ?", (job_id, length))
        connection.execute(
            "UPDATE jobs SET finished_at = ?, projection = ? WHERE id = ?", (job.finished_at, encode_job(job), job_id)
        )
    connection.close()


def create_job(engine: Engine) -> Job:
    """Create a job as the route does: wait until it is where the clock stops it."""
    job = engine.create(job_spec())
    engine.scheduler.wait_until_idle([job.id], until=job.created_at)
    return job


def status_and_step(engine: Engine, job: Job) -> tuple[str, int]:
    """Return a job's status and its last completed step."""
    current = engine.find_job(job.id)
    assert current
    return current.status.value, current.step


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until other threads have made the condition true."""
    flag = Flag()
    for _ in range(2_000):
        if condition():
            return
        flag.wait(0.005)
    pytest.fail("it never came about")
