"""Measures one simulator under load: `python -m tests.bench.bench_load` prints a table.

A simulator holds 10,000 finished jobs. While 50 more run with a real reward function, 200 clients poll them (a retrieve
and a page of events each time), files of 512 MB are uploaded, and clients stop reading their streams. Then everything
ends, and what is left of it is counted.
"""

import argparse
import asyncio
import os
import re
import socket
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

import httpx2
from rich.console import Console
from rich.table import Table

from tests.end_to_end.server_process import run_server
from tests.simulators import TERMINAL_STATUSES, SimulatorClient, database_path
from tests.training.training_files import make_training_file

ROOT = Path(__file__).parents[2]
MB = 1024 * 1024

# Copies of a job that has really run, each under its own ids.
COPIES = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO jobs (project, id, finished_at, projection)
SELECT project, id || '-' || i, finished_at, replace(projection, id, id || '-' || i) FROM jobs, n WHERE jobs.ordinal = 1
"""
LOGS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO log SELECT job || '-' || i, ordinal, kind, body, event_id || '-' || i FROM log, n WHERE job = :job
"""


@dataclass
class LatencySamples:
    """What the clients met."""

    seconds: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a process holds."""

    resident_mb: float
    peak_mb: float
    threads: int
    files: int
    children: int


def footprint(pid: int) -> Footprint:
    """Return what a process holds now (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()

    def number(name: str) -> int:
        match = re.search(rf"{name}:\s+(\d+)", status)
        return int(match[1]) if match else 0

    children = 0
    for other in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            children += other.read_text().rsplit(")", 1)[1].split()[1] == str(pid)
    return Footprint(
        resident_mb=number("VmRSS") / 1024,
        peak_mb=number("VmHWM") / 1024,
        threads=number("Threads"),
        files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        children=children,
    )


def fill_store(data: Path, temporary: Path, *, jobs: int) -> None:
    """Run one job and copy it, so that the store holds many finished ones."""
    with run_server(data, TMPDIR=str(temporary)) as (api, _):
        function = api.deploy(ROOT / "reward_lambda", name="reward")
        job = api.run_job(make_training_file(100), function=function)
        assert job["status"] == "succeeded", job
    with sqlite3.connect(database_path(data)) as connection:
        connection.execute(COPIES, {"count": jobs - 1})
        connection.execute(LOGS, {"count": jobs - 1, "job": job["id"]})
    connection.close()


async def poll_job(url: str, key: str, job: str, samples: LatencySamples, stop: asyncio.Event, *, pause: float) -> None:
    """Poll a job like a client until the event is set."""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60, verify=False) as http:
        while not stop.is_set():
            for path in (f"/v1/fine_tuning/jobs/{job}", f"/v1/fine_tuning/jobs/{job}/events?limit=50"):
                start = time.perf_counter()
                try:
                    answer = await http.get(path)
                except httpx2.HTTPError as error:
                    samples.faults[type(error).__name__] += 1
                    continue
                samples.seconds.append(time.perf_counter() - start)
                samples.answers[answer.status_code] += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)


async def upload_file(url: str, key: str, size: int, samples: LatencySamples) -> float:
    """Upload a file of `size` bytes without holding it; return the seconds that it took."""
    boundary = "b0undary"
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="large.jsonl"\r\n\r\n'
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    piece = os.urandom(MB)

    async def body() -> Any:
        yield head
        for _ in range(size // MB):
            yield piece
        yield tail

    headers = {
        "authorization": f"Bearer {key}",
        "content-type": f"multipart/form-data; boundary={boundary}",
        "content-length": str(len(head) + size + len(tail)),
    }
    start = time.perf_counter()
    async with httpx2.AsyncClient(timeout=600, verify=False) as http:
        answer = await http.post(f"{url}/v1/files", content=body(), headers=headers)
    samples.answers[answer.status_code] += 1
    return time.perf_counter() - start


def open_unread_stream(url: str, key: str) -> socket.socket:
    """Ask for a long stream, and read nothing of it."""
    place = urlsplit(url)
    body = b'{"model":"openai.gpt-oss-20b","n":128,"stream":true,"messages":[{"role":"user","content":"How many?"}]}'
    connection = socket.create_connection((str(place.hostname), place.port or 80))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return connection


async def run_load(
    api: SimulatorClient, jobs: list[str], *, clients: int, uploads: int, size: int
) -> tuple[LatencySamples, LatencySamples, list[float]]:
    """Poll, upload and watch until all jobs have ended."""
    polls, others, stop = LatencySamples(), LatencySamples(), asyncio.Event()
    watching = [
        asyncio.create_task(poll_job(api.url, api.key, jobs[number % len(jobs)], polls, stop, pause=0.25))
        for number in range(clients)
    ]
    bringing = [asyncio.create_task(upload_file(api.url, api.key, size, others)) for _ in range(uploads)]
    headers = {"authorization": f"Bearer {api.key}"}
    async with httpx2.AsyncClient(base_url=api.url, headers=headers, timeout=60, verify=False) as http:
        left = set(jobs)
        while left:
            for job in list(left):
                if (await http.get(f"/v1/fine_tuning/jobs/{job}")).json()["status"] in TERMINAL_STATUSES:
                    left.discard(job)
            await asyncio.sleep(0.5)
    times = list(await asyncio.gather(*bringing))
    stop.set()
    await asyncio.gather(*watching)
    return polls, others, times


def measure(*, jobs: int, clients: int, finished: int, uploads: int, size: int) -> Iterator[tuple[str, str]]:
    """Put the load on; yield the figures."""
    with tempfile.TemporaryDirectory() as name:
        data, temporary = Path(name) / "data", Path(name) / "temporary"
        temporary.mkdir()
        start = time.perf_counter()
        fill_store(data, temporary, jobs=finished)
        yield "finished jobs in the store", f"{finished:,}, {database_path(data).stat().st_size / MB:,.0f} MB"
        start = time.perf_counter()
        with run_server(data, TMPDIR=str(temporary)) as (api, running):
            yield "start on them, to the first line", f"{time.perf_counter() - start:.2f} s"
            function = api.deploy(ROOT / "reward_lambda", name="load")
            before = footprint(running.pid)
            stalled = [open_unread_stream(api.url, api.key) for _ in range(10)]
            file = api.upload(make_training_file(300))
            start = time.perf_counter()
            ids = [str(api.create_job(file, function=function)["id"]) for _ in range(jobs)]
            polls, others, times = asyncio.run(run_load(api, ids, clients=clients, uploads=uploads, size=size))
            took = time.perf_counter() - start
            for connection in stalled:
                connection.close()
            statuses = Counter(str(api.retrieve_job(job)["status"]) for job in ids)
            time.sleep(6)  # kept connections end after five seconds
            after = footprint(running.pid)
            cuts = quantiles(polls.seconds, n=1000)
            counted = sorted((polls.answers + others.answers).items())
            answers = ", ".join(f"{code}: {count:,}" for code, count in counted)
            faults = ", ".join(f"{kind}: {count}" for kind, count in (polls.faults + others.faults).items()) or "none"
            yield f"{jobs} jobs of 67 steps, {clients} clients, {uploads} uploads", f"{took:.1f} s; {dict(statuses)}"
            yield "requests while they ran", f"{len(polls.seconds) / took:,.0f}/s"
            waits = (median(polls.seconds), cuts[989], cuts[998])
            yield "a poll: median / p99 / p99.9", " / ".join(f"{wait * 1000:.0f}" for wait in waits) + " ms"
            yield "answers by status; connection faults", f"{answers}; {faults}"
            yield f"an upload of {size // MB} MB", f"{median(times):.1f} s" if times else "none"
            memory = (before.resident_mb, after.resident_mb, after.peak_mb)
            yield (
                "resident memory before / after / peak",
                " / ".join(f"{megabytes:.0f}" for megabytes in memory) + " MB",
            )
            yield "threads before / after", f"{before.threads} / {after.threads}"
            yield "open files and sockets before / after", f"{before.files} / {after.files}"
            yield "processes (warm functions) before / after", f"{before.children} / {after.children}"
            yield "temporary files while it runs", str(sum(1 for path in temporary.rglob("*") if path.is_file()))
        left = [str(path.relative_to(name)) for path in temporary.rglob("*")]
        yield "temporary files after the end", str(len(left)) if left else "none"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--jobs", type=int, default=50)
    options.add_argument("--clients", type=int, default=200)
    options.add_argument("--finished", type=int, default=10_000)
    options.add_argument("--uploads", type=int, default=2)
    options.add_argument("--size", type=int, default=512, help="MB of an upload")
    chosen = options.parse_args()
    table = Table(title="Load", title_justify="left", box=None, header_style="bold")
    for column in ("what", "measured"):
        table.add_column(column, no_wrap=True)
    for figure in measure(
        jobs=chosen.jobs,
        clients=chosen.clients,
        finished=chosen.finished,
        uploads=chosen.uploads,
        size=chosen.size * MB,
    ):
        table.add_row(*figure)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
