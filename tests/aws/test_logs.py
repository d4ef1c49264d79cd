"""Invocations in CloudWatch Logs."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from simulator.aws import logs, mount
from simulator.aws.logs import InvocationLogs
from simulator.lambdas.function import Invocation
from tests.lambdas.zips import function

SPEC = function("")
DONE = Invocation(
    payload=b"1",
    function_error=None,
    log_lines=("START\n", "END\n"),
    log_stream="2026/01/01/[$LATEST]a",
    request_id="r",
    executed_version="$LATEST",
    duration_ms=1.0,
    init_ms=None,
    max_memory_mb=13,
    finished_at=1_000_000_000.5,
)


@pytest.fixture
def written() -> Iterator[Any]:
    """Give a function that reads what moto's group of the function holds, by stream."""
    mount.mount()
    mount.reset()
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    def read() -> dict[str, list[tuple[int, str]]]:
        groups = logs_backends[SPEC.account][SPEC.region].groups
        if SPEC.log_group not in groups:
            return {}
        return {
            name: [(event.timestamp, event.message) for event in stream.events]
            for name, stream in groups[SPEC.log_group].streams.items()
        }

    yield read
    mount.reset()


def test_nothing_is_written_before_a_flush(written: Any) -> None:
    """Recording is cheap: moto hears of it when somebody reads."""
    InvocationLogs().record(SPEC, DONE)

    assert written() == {}


def test_flush_writes_each_line_at_the_simulators_time(written: Any) -> None:
    """Lines stand in the stream of their environment, however long ago the simulator's clock is."""
    noted = InvocationLogs()
    noted.record(SPEC, DONE)
    noted.record(SPEC, replace(DONE, log_stream="2026/01/01/[$LATEST]b"))

    noted.flush()
    noted.flush()

    lines = [(1_000_000_000_500, "START\n"), (1_000_000_000_500, "END\n")]
    assert written() == {"2026/01/01/[$LATEST]a": lines, "2026/01/01/[$LATEST]b": lines}


def test_what_is_dropped_is_told(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the oldest go, and the first line says how many."""
    monkeypatch.setattr(logs, "MAX_PENDING", 2)
    noted = InvocationLogs()
    for number in range(5):
        noted.record(SPEC, replace(DONE, log_lines=(f"{number}\n",)))

    noted.flush()

    assert [message for _, message in written()["2026/01/01/[$LATEST]a"]] == [
        "[simulator] the logs of 3 earlier invocations were dropped\n",
        "3\n",
        "4\n",
    ]


def test_clear_forgets(written: Any) -> None:
    """After a reset nothing of before is written."""
    noted = InvocationLogs()
    noted.record(SPEC, DONE)

    noted.clear()
    noted.flush()

    assert written() == {}
