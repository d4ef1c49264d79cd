"""Engines to test: on a data folder, with a grader that can be made to wait or to break, and logs that are cut off."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from threading import Event as Flag
from time import monotonic

from simulator.grading.grader import Graded, Sample
from simulator.grading.lambda_response import GraderError
from simulator.ids import Ids
from simulator.jobs.clock_control import Steering
from simulator.jobs.codec import decode_event, encode_job
from simulator.jobs.engine import Engine
from simulator.jobs.job import Event, Job, Order, apply
from simulator.jobs.lifecycle import Effect, Grade, Story, story
from simulator.jobs.pace import Paces
from simulator.settings import FIXED_EPOCH, Pace, Settings
from simulator.store.blobs import BlobStore
from simulator.store.clock_state import ClockStateStore
from simulator.store.database import Database
from simulator.store.job_logs import JobLogStore
from simulator.training.dataset import DatasetLimits
from simulator.wire.objects import announcement
from tests.jobs.lifecycle_setup import MODEL, correctness
from tests.training.training_files import jsonl

SETTINGS = Settings(dataset=DatasetLimits(min_records=10))


class Graders:
    """The world of a test: a sound grader that counts what it is asked, and can be made to wait or to break."""

    def __init__(self, *, breaks_at: int | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self.breaks_at = breaks_at
        self.reached, self.go_on = Flag(), Flag()
        self.waits_at: int | None = None

    def denial_reason(self, _order: Order) -> str | None:
        """Allow everybody."""
        return None

    def grade(self, _order: Order, samples: tuple[Sample, ...], *, split: str, step: int) -> Graded:
        """Score soundly."""
        if (split, step) == ("train", self.waits_at):
            self.reached.set()
            assert self.go_on.wait(10)
        if (split, step) == ("train", self.breaks_at):
            raise GraderError(function="f", reason="it broke", advice="Mend it.")
        self.asked.append((split, step))
        return correctness(Grade(at=0, split=split, step=step, samples=samples))


class Interventions:
    """What comes in between: for a test, what it puts into `ends` and `waits`. It keeps what it is `asked`."""

    def __init__(self) -> None:
        self.ends: dict[tuple[str, int | None], Callable[[int], Event]] = {}  # by the effect's kind and its step
        self.waits = 0
        self.asked: list[str] = []

    def before(self, _job_id: str, effect: Effect) -> Event | None:
        """Return the end that was put there."""
        self.asked.append(type(effect).__name__)
        end = self.ends.get((type(effect).__name__, getattr(effect, "step", None)))
        return end(effect.at) if end else None

    def wait(self, _job_id: str) -> int:
        """Return how long a job is queued at least."""
        return self.waits


@contextmanager
def engine_on(
    folder: Path, graders: Graders, *, pace: Pace = Pace.INSTANT, places: int = 8
) -> Iterator[tuple[Engine, JobLogStore]]:
    """Run an engine on a data folder that holds one upload, `train`, of 40 records."""
    with steered_engine_on(folder, graders, pace=pace, places=places) as (engine, logs, _):
        yield engine, logs


@contextmanager
def steered_engine_on(
    folder: Path,
    graders: Graders,
    *,
    pace: Pace = Pace.INSTANT,
    places: int = 8,
    speed: float = 1.0,
    seconds: Callable[[], float] = monotonic,
    epoch: int = FIXED_EPOCH,
    interventions: Interventions | None = None,
) -> Iterator[tuple[Engine, JobLogStore, Steering]]:
    """Do the same, and give the clock's wheel too. `seconds` is what a clock that runs goes by."""
    uploads = BlobStore(folder / "uploads")
    (folder / "uploads" / "train").write_bytes(jsonl(40))
    database = Database(folder / "simulator.sqlite")
    logs = JobLogStore(database)
    paces = Paces(
        states=ClockStateStore(database),
        pace=pace,
        speed=speed,
        epoch=epoch,
        latest=database.latest_simulated_time(),
        wall=lambda: 0.0,
        seconds=seconds,
    )

    def tell(job: Job) -> Story:
        return story(job, open_file=uploads.open, model=f"{MODEL}-{job.id}", settings=SETTINGS)

    engine = Engine(
        logs=logs,
        ids=Ids(seed=0),
        paces=paces,
        places=places,
        graders=graders,
        interventions=interventions or Interventions(),
        tell=tell,
        announced=lambda event: announcement(event) is not None,
    )
    engine.resume()
    steering = Steering(engine=engine, paces=paces, callers=paces.callers, keys_age=False, sleep=lambda _: None)
    try:
        yield engine, logs, steering
    finally:
        engine.close()
        database.close()


def finished(engine: Engine, job: Job) -> Job:
    """Wait for a job's end."""
    flag = Flag()
    while not (current := engine.job(job.id) or job).status.ended:
        flag.wait(0.005)
    return current


def cut_off(path: Path, job_id: str, kept: int) -> None:
    """Leave the first `kept` entries of a log, and what was written with them."""
    with sqlite3.connect(path) as connection:
        entries = connection.execute(
            "SELECT kind, body FROM log WHERE job = ? AND ordinal < ? ORDER BY ordinal", (job_id, kept)
        ).fetchall()
        job = reduce(apply, [decode_event(kind, body) for kind, body in entries], None)
        assert job
        connection.execute("DELETE FROM log WHERE job = ? AND ordinal >= ?", (job_id, kept))
        connection.execute("DELETE FROM models WHERE job = ? AND ordinal >= ?", (job_id, kept))
        connection.execute(
            "UPDATE jobs SET finished_at = ?, projection = ? WHERE id = ?", (job.finished_at, encode_job(job), job_id)
        )
    connection.close()
