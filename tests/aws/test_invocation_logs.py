"""Invocations in CloudWatch Logs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.aws import invocation_logs as logs
from simulator.aws.account import Account
from simulator.aws.invocation_logs import InvocationLogs
from simulator.aws.journal import Journal
from simulator.lambdas.function import Invocation
from simulator.store.errors import StoreFullError
from tests.aws.account_client import AccountClient, open_account
from tests.lambdas.zips import make_function

SPEC = make_function("")
INVOCATION = Invocation(
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

WrittenEvents = Callable[[], dict[str, list[tuple[int, str]]]]


@pytest.fixture
def account_client() -> Iterator[AccountClient]:
    """An account that is not kept."""
    with open_account() as made:
        yield made


def written_events(account: Account) -> dict[str, list[tuple[int, str]]]:
    """Read what the account's group of the function holds, by stream."""
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    with account.read_transaction():
        groups = logs_backends[SPEC.account][SPEC.region].groups
        if SPEC.log_group not in groups:
            return {}
        return {
            name: [(event.timestamp, event.message) for event in stream.events]
            for name, stream in groups[SPEC.log_group].streams.items()
        }


def test_nothing_is_written_before_a_flush(account_client: AccountClient) -> None:
    """Recording is cheap: moto hears of it when somebody reads."""
    InvocationLogs().record(SPEC, INVOCATION)

    assert written_events(account_client.account) == {}


def test_flush_writes_each_line_at_the_simulators_time(account_client: AccountClient) -> None:
    """Lines stand in the stream of their environment, however long ago the simulator's clock is."""
    noted = InvocationLogs()
    noted.record(SPEC, INVOCATION)
    noted.record(SPEC, replace(INVOCATION, log_stream="2026/01/01/[$LATEST]b"))

    noted.flush(account_client.account)
    noted.flush(account_client.account)

    lines = [(1_000_000_000_500, "START\n"), (1_000_000_000_500, "END\n")]
    assert written_events(account_client.account) == {"2026/01/01/[$LATEST]a": lines, "2026/01/01/[$LATEST]b": lines}


def test_what_is_dropped_is_told(account_client: AccountClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the oldest go, and the first line says how many."""
    monkeypatch.setattr(logs, "MAX_BUFFERED_INVOCATIONS", 2)
    noted = InvocationLogs()
    for number in range(5):
        noted.record(SPEC, replace(INVOCATION, log_lines=(f"{number}\n",)))

    noted.flush(account_client.account)

    assert [message for _, message in written_events(account_client.account)["2026/01/01/[$LATEST]a"]] == [
        "[simulator] the logs of 3 earlier invocations were dropped\n",
        "3\n",
        "4\n",
    ]


def test_groups_and_streams_outlive_a_restart_and_their_events_do_not(tmp_path: Path) -> None:
    """Else a retention that was set on a group of ours would find no group when it is set anew."""
    noted = InvocationLogs()
    noted.record(SPEC, INVOCATION)
    with open_account(tmp_path) as asked:
        noted.flush(asked.account)
        asked.client("logs").put_retention_policy(logGroupName=SPEC.log_group, retentionInDays=3)

    with open_account(tmp_path) as asked:
        (group,) = asked.client("logs").describe_log_groups()["logGroups"]
        assert (group["retentionInDays"], written_events(asked.account)) == (3, {INVOCATION.log_stream: []})


def logged_lines(account: Account) -> dict[str, list[str]]:
    """Read what the account's streams hold, without its times."""
    return {stream: [message for _, message in events] for stream, events in written_events(account).items()}


@contextmanager
def raise_disk_full() -> Iterator[None]:
    """Let the disk be full."""

    def refuse(*_: object) -> None:
        raise StoreFullError("the disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", refuse)
        yield


@pytest.mark.parametrize("made", [0, 1], ids=["the group", "the stream"])
def test_a_full_disk_loses_no_log_and_fails_no_read(tmp_path: Path, made: int) -> None:
    """Neither the lines that could not be placed, nor those that had been: all are there once there is room."""
    noted = InvocationLogs()
    with open_account(tmp_path) as asked:
        logs_of = asked.client("logs")
        for number in range(made):
            noted.record(SPEC, replace(INVOCATION, log_stream=f"old-{number}"))
            noted.flush(asked.account)
        noted.record(SPEC, INVOCATION)
        with raise_disk_full():
            noted.flush(asked.account)
            before = [group["logGroupName"] for group in logs_of.describe_log_groups()["logGroups"]]
        noted.flush(asked.account)
        lines = list(INVOCATION.log_lines)
        expected = {f"old-{number}": lines for number in range(made)} | {INVOCATION.log_stream: lines}
        assert (before, logged_lines(asked.account)) == ([SPEC.log_group] * made, expected)
        noted.flush(asked.account)
        assert logged_lines(asked.account) == expected


def test_lines_are_there_again_when_an_account_is_folded_anew(tmp_path: Path) -> None:
    """For a write that could not be kept; but a group that somebody deleted stays deleted."""
    noted = InvocationLogs()
    with open_account(tmp_path) as asked:
        other = replace(SPEC, log_group="/aws/lambda/other")
        noted.record(other, INVOCATION)
        noted.record(SPEC, INVOCATION)
        noted.flush(asked.account)
        asked.client("logs").delete_log_group(logGroupName=other.log_group)
        with raise_disk_full(), pytest.raises(StoreFullError):
            asked.client("iam").create_user(UserName="ann")
        noted.flush(asked.account)
        names = [group["logGroupName"] for group in asked.client("logs").describe_log_groups()["logGroups"]]
        assert (names, logged_lines(asked.account)) == (
            [SPEC.log_group],
            {INVOCATION.log_stream: list(INVOCATION.log_lines)},
        )


def test_what_was_shown_and_is_gone_with_a_fold_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not noted any more cannot be written again."""
    monkeypatch.setattr(logs, "MAX_BUFFERED_INVOCATIONS", 1)
    noted = InvocationLogs()
    with open_account(tmp_path) as asked:
        for number in range(2):
            noted.record(SPEC, replace(INVOCATION, log_lines=(f"{number}\n",)))
            noted.flush(asked.account)
        assert logged_lines(asked.account) == {INVOCATION.log_stream: ["0\n", "1\n"]}
        with raise_disk_full(), pytest.raises(StoreFullError):
            asked.client("iam").create_user(UserName="ann")
        noted.flush(asked.account)
        told = "[simulator] the logs of 1 earlier invocations were dropped\n"
        assert logged_lines(asked.account) == {INVOCATION.log_stream: [told, "1\n"]}
