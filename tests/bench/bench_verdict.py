"""What the audit of clients costs: `python -m tests.bench.bench_verdict [EXCHANGES]`. Prints, asserts nothing.

The time to retrieve a job over a socket, with and without the audit middleware, each from its own server process; the
time of the middleware alone; and the memory that the auditor holds after many exchanges (by default a million) of 200
clients that share a key, read 50 jobs, and make every mistake.
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
from simulator.settings import TUNING_REGION, VerdictSettings
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
from tests.training.training_files import make_training_file
from tests.simulators import serve_simulator
if sys.argv[1] == "without":
    simulator.services.AuditMiddleware = lambda app, **_: app
with serve_simulator() as simulator_client:
    job = simulator_client.run_job(make_training_file(120))["id"]
    print(simulator_client.url, job, flush=True)
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
        """Return the time of one request in seconds."""
        started_at = perf_counter()
        for _ in range(REQUESTS):
            self._connection.request("GET", path.format(job=self.job), headers=self._headers)
            self._connection.getresponse().read()
        return (perf_counter() - started_at) / REQUESTS

    def close(self) -> None:
        """Stop the server."""
        self._connection.close()
        self._process.communicate()


def measure_over_sockets() -> None:
    """Print the time of a request with and without the middleware, the best of several rounds."""
    servers = {kind: ServerProcess(kind) for kind in ("without", "with")}
    sleep(3)  # modules that load after the first answers
    for path in ("/v1/fine_tuning/jobs/{job}", "/v1/fine_tuning/jobs/{job}/events?limit=100"):
        best = dict.fromkeys(servers, 1.0)
        for _ in range(ROUNDS):
            for kind, served in servers.items():
                best[kind] = min(best[kind], served.seconds(path))
        times = ", ".join(
            f"{kind} {seconds * 1e6:.0f} us ({1 / seconds:,.0f} a second)" for kind, seconds in best.items()
        )
        print(f"{path}: {times}")
    for served in servers.values():
        served.close()


def measure_middleware() -> None:
    """Print the time that the middleware itself takes for one request."""
    scenario = AuditScenario()
    scenario.auditor = type(scenario.auditor)(
        settings=VerdictSettings(), clock=monotonic, server_state=scenario.server_state
    )
    answer = (
        str(job_object("ftjob-1", "running") | {"padding": "x" * 700})
        .replace("'", '"')
        .replace("None", "null")
        .encode()
    )
    middleware = AuditMiddleware(
        app_answering(response_start(), response_part(answer)), auditor=scenario.auditor, wall_clock=lambda: 0.0
    )
    key = (b"authorization", f"Bearer {create_session_key(TUNING_REGION)}".encode())

    async def send_requests() -> float:
        caller = ScriptedCaller()
        started_at = perf_counter()
        for _ in range(REQUESTS * 10):
            await middleware(request_scope(headers=[key]), caller.receive, caller.send)
        return (perf_counter() - started_at) / (REQUESTS * 10)

    best = min(asyncio.run(send_requests()) for _ in range(5))
    print(f"the middleware alone: {best * 1e6:.0f} us for a request")


def misbehave(client: ScriptedClient, number: int) -> None:
    """Send one request that breaks a rule, now and then on a new connection."""
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
    """Print the memory that the auditor holds, ten times."""
    scenario = AuditScenario()
    clients = [scenario.client(f"one-{number}") for number in range(CLIENTS)]
    tracemalloc.start()
    started_at = perf_counter()
    for number in range(1, exchanges + 1):
        misbehave(clients[number % CLIENTS], number)
        if number % (exchanges // 10) == 0:
            held, _ = tracemalloc.get_traced_memory()
            print(f"{number:>12,} exchanges, {held / 1e6:6.1f} MB held, {perf_counter() - started_at:6.1f} s")
    print(f"verdict: {scenario.verdict().verdict}")


if __name__ == "__main__":
    measure_over_sockets()
    measure_middleware()
    measure_memory(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
