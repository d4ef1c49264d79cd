"""What it costs to be judged: `python -m tests.bench.bench_verdict [EXCHANGES]`. Prints, asserts nothing.

A retrieve of a job over a socket, with the watch and without it, by turns, each from a server in a process of its own;
one look as the watch alone sees it; and what the judge keeps after many exchanges (by default a million) of 200 clients
that share a key, look at 50 jobs, and get everything wrong.
"""

import asyncio
import subprocess
import sys
import tracemalloc
from http.client import HTTPConnection
from time import monotonic, perf_counter, sleep
from typing import Final
from urllib.parse import urlsplit

from simulator.identity.session_key import create_session_key
from simulator.settings import TUNING_REGION
from simulator.verdict.audit_middleware import AuditMiddleware
from simulator.verdict.exchange import Outcome
from tests.verdict.audit_scenario import AuditScenario, ScriptedClient, job_object
from tests.verdict.middleware_harness import ScriptedCaller, app_answering, request_scope, response_part, response_start

ROUNDS: Final = 20
REQUESTS: Final = 400
CLIENTS: Final = 200
JOBS: Final = 50

SERVER: Final = """
import sys
import simulator.services
from tests.training.training_files import jsonl
from tests.simulators import served_world
if sys.argv[1] == "without":
    simulator.services.Watching = lambda app, **_: app
with served_world() as world:
    job = world.run(jsonl(120))["id"]
    print(world.url, job, flush=True)
    sys.stdin.read()
"""


class ServerProcess:
    """A server in a process of its own, with one job that has ended."""

    def __init__(self, kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, kind], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        url, self.job = self._process.stdout.readline().split()
        self._connection = HTTPConnection(urlsplit(url).netloc)
        self._headers = {"authorization": f"Bearer {create_session_key(TUNING_REGION)}"}

    def seconds(self, path: str) -> float:
        """Return how long a request takes."""
        begun = perf_counter()
        for _ in range(REQUESTS):
            self._connection.request("GET", path.format(job=self.job), headers=self._headers)
            self._connection.getresponse().read()
        return (perf_counter() - begun) / REQUESTS

    def close(self) -> None:
        """End it."""
        self._connection.close()
        self._process.communicate()


def measure_over_sockets() -> None:
    """Print what a request takes with and without; the best of several rounds."""
    servers = {kind: ServerProcess(kind) for kind in ("without", "with")}
    sleep(3)  # what loads behind the first answers
    for path in ("/v1/fine_tuning/jobs/{job}", "/v1/fine_tuning/jobs/{job}/events?limit=100"):
        best = dict.fromkeys(servers, 1.0)
        for _ in range(ROUNDS):
            for kind, served in servers.items():
                best[kind] = min(best[kind], served.seconds(path))
        told = ", ".join(
            f"{kind} {seconds * 1e6:.0f} us ({1 / seconds:,.0f} a second)" for kind, seconds in best.items()
        )
        print(f"{path}: {told}")
    for served in servers.values():
        served.close()


def measure_middleware() -> None:
    """Print what the watch itself takes for one look."""
    stage = AuditScenario()
    stage.auditor = type(stage.auditor)(settings=stage.settings, clock=monotonic, server_state=stage.server_state)
    answer = (
        str(job_object("ftjob-1", "running") | {"padding": "x" * 700})
        .replace("'", '"')
        .replace("None", "null")
        .encode()
    )
    watching = AuditMiddleware(
        app_answering(response_start(), response_part(answer)), auditor=stage.auditor, wall_clock=lambda: 0.0
    )
    key = (b"authorization", f"Bearer {create_session_key(TUNING_REGION)}".encode())

    async def looks() -> float:
        caller = ScriptedCaller()
        begun = perf_counter()
        for _ in range(REQUESTS * 10):
            await watching(request_scope(headers=[key]), caller.receive, caller.send)
        return (perf_counter() - begun) / (REQUESTS * 10)

    best = min(asyncio.run(looks()) for _ in range(5))
    print(f"the watch alone: {best * 1e6:.0f} us for a look")


def misbehave(client: ScriptedClient, number: int) -> None:
    """Ask once, and get it wrong: hot, impatient, deaf to refusals, by a connection of its own now and then."""
    job = f"ftjob-{number % JOBS}"
    if number % 7 == 0:
        client.reconnect()
    match number % 10:
        case 0:
            client.create_job(job, file=f"file-{number}", outcome=Outcome.NO_ANSWER, status=None)
        case 1:
            client.list_page("events", [f"e{number}-{place}" for place in range(20)], has_more=True, job_id=job)
        case 2:
            client.fail_to_retrieve_job(job, status=429, retry_after=5.0)
        case 3:
            client.fail_to_retrieve_job(job, status=404)
        case 4:
            client.fail_to_retrieve_job(job, status=500)
        case _:
            client.retrieve_job("running", job)


def measure_memory(exchanges: int) -> None:
    """Print what the judge holds, ten times on the way."""
    stage = AuditScenario()
    clients = [stage.client(f"one-{number}") for number in range(CLIENTS)]
    tracemalloc.start()
    begun = perf_counter()
    for number in range(1, exchanges + 1):
        misbehave(clients[number % CLIENTS], number)
        if number % (exchanges // 10) == 0:
            held, _ = tracemalloc.get_traced_memory()
            print(f"{number:>12,} exchanges, {held / 1e6:6.1f} MB held, {perf_counter() - begun:6.1f} s")
    print(f"verdict: {stage.verdict().verdict}")


if __name__ == "__main__":
    measure_over_sockets()
    measure_middleware()
    measure_memory(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
