"""Measures the cost of the fault middleware: `python -m tests.bench.bench_fault_middleware` prints a table.

A model is retrieved repeatedly without a socket, so that nothing hides the cost: without the middleware, with it but no
fault, and with faults that never match. The rounds alternate, and the best of each counts.
"""

import asyncio
from time import perf_counter
from typing import Any, Final

from simulator.faults.middleware import FaultMiddleware
from simulator.http.asgi import App, Message
from simulator.identity.session_key import create_session_key
from simulator.settings import TUNING_REGION, Settings
from simulator.simulator import Simulator

ROUNDS: Final = 9
REQUESTS: Final = 2_000
PATH: Final = "/v1/models/openai.gpt-oss-20b"
UNMATCHED_FAULT: Final[dict[str, Any]] = {
    "request": {"method": "GET", "path": "/v1/fine_tuning/jobs/*/events"},
    "drop": "before",
}


async def receive_empty_body() -> Message:
    """Give an empty body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def measure_rate(app: App, key: str) -> float:
    """Return how many requests a second an app answers."""
    headers = [(b"host", b"testserver"), (b"authorization", f"Bearer {key}".encode())]
    statuses: set[int] = set()

    async def take(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.add(message["status"])

    start = perf_counter()
    for _ in range(REQUESTS):
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": PATH,
            "raw_path": PATH.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": list(headers),
            "server": ("testserver", 80),
            "client": ("127.0.0.1", 1),
        }
        await app(scope, receive_empty_body, take)
    duration = perf_counter() - start
    assert statuses == {200}, statuses
    return REQUESTS / duration


def main() -> None:
    """Print the rates, and their ratio to the one without the middleware."""
    with Simulator(Settings(), url="http://testserver") as simulator:
        middleware, registry, key = (
            simulator._services.api,
            simulator.context.fault_registry,
            create_session_key(TUNING_REGION),
        )
        assert isinstance(middleware, FaultMiddleware)
        ways: dict[str, tuple[App, int]] = {
            "without it": (middleware._app, 0),
            "with it, no fault": (middleware, 0),
            "with it, 1 fault that never matches": (middleware, 1),
            "with it, 20 faults that never match": (middleware, 20),
        }
        best = dict.fromkeys(ways, 0.0)
        for _ in range(ROUNDS):
            for name, (app, faults) in ways.items():
                registry.clear()
                if faults:
                    registry.add([UNMATCHED_FAULT] * faults)
                best[name] = max(best[name], asyncio.run(measure_rate(app, key)))
    for name, rate in best.items():
        print(f"{name:<38} {rate:8,.0f} requests/s   {rate / best['without it']:.3f}")


if __name__ == "__main__":
    main()
