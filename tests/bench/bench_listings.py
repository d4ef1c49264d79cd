"""Measures listings with a large store and with a small one. Prints a table.

`python -m tests.bench.bench_listings [JOBS] [EVENTS]`: by default 100,000 jobs and files, and one job of a million
events.
"""

import sqlite3
import sys
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from simulator.jobs.codec import decode_job
from simulator.settings import Pace, Settings
from simulator.wire.json_response import JsonResponse
from simulator.wire.objects import render_job
from tests.simulators import RunningSimulator, database_path, simulator_in_process
from tests.training.training_files import make_training_file

ROUNDS = 50
SMALL = 20

# Copies of what the simulator itself wrote, each under its own id.
JOBS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO jobs SELECT 1000 + i, project, 'copy-' || i, created + i, replace(projection, id, 'copy-' || i)
FROM n, (SELECT *, 1800000000 AS created FROM jobs ORDER BY ordinal LIMIT 1)
"""
FILES = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO files SELECT 1000 + i, project, 'copy-' || i, filename, purpose, bytes, sha256, created_at
FROM n, (SELECT * FROM files ORDER BY ordinal LIMIT 1)
"""
EVENTS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO log SELECT 'copy-1', i, kind, body, 'event-' || i
FROM n, (SELECT kind, body FROM log WHERE event_id IS NOT NULL ORDER BY job, ordinal LIMIT 1)
"""


def fill_store(folder: Path, *, jobs: int, events: int) -> None:
    """Write a data folder with so many jobs, files and events of one job."""
    with simulator_in_process(Settings(data=folder, pace=Pace.POLL)) as simulator:
        job = simulator.create_job(simulator.upload(make_training_file(100)))
        for _ in range(3):
            simulator.retrieve_job(job["id"])
    with sqlite3.connect(database_path(folder)) as connection:
        for sql, count in ((JOBS, jobs), (FILES, jobs), (EVENTS, events)):
            connection.execute(sql, {"count": count})
    connection.close()


def requests(*, jobs: int, events: int) -> dict[str, tuple[str, Mapping[str, str | int]]]:
    """Return the measured requests by name."""
    middle_job, middle_event = f"copy-{jobs // 2}", f"event-{events // 2}"
    return {
        "20 files": ("/v1/files", {"limit": 20}),
        "20 files from the middle": ("/v1/files", {"limit": 20, "after": middle_job}),
        "20 files of a purpose": ("/v1/files", {"limit": 20, "purpose": "fine-tune", "order": "asc"}),
        "20 jobs": ("/v1/fine_tuning/jobs", {"limit": 20}),
        "20 jobs from the middle": ("/v1/fine_tuning/jobs", {"limit": 20, "after": middle_job}),
        "one job": (f"/v1/fine_tuning/jobs/{middle_job}", {}),
        "20 events": ("/v1/fine_tuning/jobs/copy-1/events", {"limit": 20}),
        "20 events from the middle": ("/v1/fine_tuning/jobs/copy-1/events", {"limit": 20, "after": middle_event}),
        "checkpoints": ("/v1/fine_tuning/jobs/copy-1/checkpoints", {}),
        "projects": ("/v1/organization/projects", {}),
    }


def measure_request(simulator: RunningSimulator, path: str, params: Mapping[str, str | int]) -> float:
    """Return the time of one request, which has to be answered well."""
    start = perf_counter()
    answer = simulator.http.get(path, params=params)
    duration = perf_counter() - start
    assert answer.status_code == 200, answer.text
    return duration


def measure(*sizes: tuple[int, int]) -> dict[str, list[float]]:
    """Return the median times, one a size (jobs, events), of a start and of each request.

    The simulators are asked in turns, so that what else the machine does falls on all of them alike.
    """
    times: dict[str, list[list[float]]] = defaultdict(lambda: [[] for _ in sizes])
    with ExitStack() as opened:
        simulators = []
        for index, (jobs, events) in enumerate(sizes):
            folder = Path(opened.enter_context(TemporaryDirectory()))
            fill_store(folder, jobs=jobs, events=events)
            start = perf_counter()
            simulators.append(opened.enter_context(simulator_in_process(Settings(data=folder, pace=Pace.POLL))))
            times["a start"][index].append(perf_counter() - start)
        for _ in range(ROUNDS):
            for index, (simulator, (jobs, events)) in enumerate(zip(simulators, sizes, strict=True)):
                for name, (path, params) in requests(jobs=jobs, events=events).items():
                    times[name][index].append(measure_request(simulator, path, params))
    return {name: [median(of_size) for of_size in of_all] for name, of_all in times.items()}


def measure_rendering() -> float:
    """Return the seconds that 20 jobs take from their projections to JSON, with no database and no HTTP."""
    with TemporaryDirectory() as name:
        fill_store(Path(name), jobs=SMALL, events=SMALL)
        with sqlite3.connect(database_path(Path(name))) as connection:
            projections = [str(row[0]) for row in connection.execute("SELECT projection FROM jobs LIMIT 20")]
        connection.close()
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        JsonResponse([render_job(decode_job(projection)) for projection in projections])
        times.append(perf_counter() - start)
    return median(times)


def main(jobs: int = 100_000, events: int = 1_000_000) -> None:
    """Measure and print."""
    print(f"{'ms':28}{f'{SMALL} jobs, {SMALL} events':>22}{f'{jobs:,} jobs, {events:,} events':>34}{'ratio':>8}")
    for name, (little, much) in measure((SMALL, SMALL), (jobs, events)).items():
        print(f"{name:28}{little * 1e3:22.2f}{much * 1e3:34.2f}{much / little:8.2f}")
    print(f"of 20 jobs, {measure_rendering() * 1e3:.2f} ms are reading the projections and writing them as JSON")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
