"""Invocations in CloudWatch Logs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.aws import logs
from simulator.aws.account import Account
from simulator.aws.logs import InvocationLogs
from simulator.lambdas.function import Invocation
from tests.aws.accounts import Asked, account
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

Written = Callable[[], dict[str, list[tuple[int, str]]]]


@pytest.fixture
def asked() -> Iterator[Asked]:
    """An account that is not kept."""
    with account() as made:
        yield made


def written(account: Account) -> dict[str, list[tuple[int, str]]]:
    """Read what the account's group of the function holds, by stream."""
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    with account.reading():
        groups = logs_backends[SPEC.account][SPEC.region].groups
        if SPEC.log_group not in groups:
            return {}
        return {
            name: [(event.timestamp, event.message) for event in stream.events]
            for name, stream in groups[SPEC.log_group].streams.items()
        }


def test_nothing_is_written_before_a_flush(asked: Asked) -> None:
    """Recording is cheap: moto hears of it when somebody reads."""
    InvocationLogs().record(SPEC, DONE)

    assert written(asked.account) == {}


def test_flush_writes_each_line_at_the_simulators_time(asked: Asked) -> None:
    """Lines stand in the stream of their environment, however long ago the simulator's clock is."""
    noted = InvocationLogs()
    noted.record(SPEC, DONE)
    noted.record(SPEC, replace(DONE, log_stream="2026/01/01/[$LATEST]b"))

    noted.flush(asked.account)
    noted.flush(asked.account)

    lines = [(1_000_000_000_500, "START\n"), (1_000_000_000_500, "END\n")]
    assert written(asked.account) == {"2026/01/01/[$LATEST]a": lines, "2026/01/01/[$LATEST]b": lines}


def test_what_is_dropped_is_told(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the oldest go, and the first line says how many."""
    monkeypatch.setattr(logs, "MAX_PENDING", 2)
    noted = InvocationLogs()
    for number in range(5):
        noted.record(SPEC, replace(DONE, log_lines=(f"{number}\n",)))

    noted.flush(asked.account)

    assert [message for _, message in written(asked.account)["2026/01/01/[$LATEST]a"]] == [
        "[simulator] the logs of 3 earlier invocations were dropped\n",
        "3\n",
        "4\n",
    ]


def test_groups_and_streams_outlive_a_restart_and_their_events_do_not(tmp_path: Path) -> None:
    """Else a retention that was set on a group of ours would find no group when it is set anew."""
    noted = InvocationLogs()
    noted.record(SPEC, DONE)
    with account(tmp_path) as asked:
        noted.flush(asked.account)
        asked.client("logs").put_retention_policy(logGroupName=SPEC.log_group, retentionInDays=3)

    with account(tmp_path) as asked:
        (group,) = asked.client("logs").describe_log_groups()["logGroups"]
        assert (group["retentionInDays"], written(asked.account)) == (3, {DONE.log_stream: []})
