"""The logs of invocations in CloudWatch Logs."""

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
    """An account without a journal."""
    with open_account() as account:
        yield account


def written_events(account: Account) -> dict[str, list[tuple[int, str]]]:
    """Return the events of the function's log group, by stream."""
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
    """Recording only buffers."""
    InvocationLogs().record(SPEC, INVOCATION)

    assert written_events(account_client.account) == {}


def test_flush_writes_each_line_at_its_simulated_time(account_client: AccountClient) -> None:
    """In the stream of its environment, with any simulated time."""
    invocation_logs = InvocationLogs()
    invocation_logs.record(SPEC, INVOCATION)
    invocation_logs.record(SPEC, replace(INVOCATION, log_stream="2026/01/01/[$LATEST]b"))

    invocation_logs.flush(account_client.account)
    invocation_logs.flush(account_client.account)

    lines = [(1_000_000_000_500, "START\n"), (1_000_000_000_500, "END\n")]
    assert written_events(account_client.account) == {"2026/01/01/[$LATEST]a": lines, "2026/01/01/[$LATEST]b": lines}


@pytest.mark.parametrize("flushed", [False, True])
def test_a_full_buffer_drops_the_oldest_logs_with_a_notice(
    account_client: AccountClient, monkeypatch: pytest.MonkeyPatch, *, flushed: bool
) -> None:
    """It states their number. A log that is already written does not count."""
    monkeypatch.setattr(logs, "MAX_BUFFERED_INVOCATIONS", 2)
    invocation_logs = InvocationLogs()
    if flushed:
        invocation_logs.record(SPEC, replace(INVOCATION, log_lines=("flushed\n",)))
        invocation_logs.flush(account_client.account)
    for number in range(5):
        invocation_logs.record(SPEC, replace(INVOCATION, log_lines=(f"{number}\n",)))

    invocation_logs.flush(account_client.account)

    notice = "[simulator] the logs of 3 earlier invocations were dropped\n"
    assert [message for _, message in written_events(account_client.account)["2026/01/01/[$LATEST]a"]] == [
        *(["flushed\n"] * flushed),
        notice,
        "3\n",
        "4\n",
    ]


def test_a_restart_keeps_groups_and_streams_but_no_events(tmp_path: Path) -> None:
    """The journal holds a user's retention policy of the group."""
    invocation_logs = InvocationLogs()
    invocation_logs.record(SPEC, INVOCATION)
    with open_account(tmp_path) as account:
        invocation_logs.flush(account.account)
        account.client("logs").put_retention_policy(logGroupName=SPEC.log_group, retentionInDays=3)

    with open_account(tmp_path) as account:
        (group,) = account.client("logs").describe_log_groups()["logGroups"]
        assert (group["retentionInDays"], written_events(account.account)) == (3, {INVOCATION.log_stream: []})


def logged_lines(account: Account) -> dict[str, list[str]]:
    """Return the messages of all streams, without times."""
    return {stream: [message for _, message in events] for stream, events in written_events(account).items()}


@contextmanager
def full_disk() -> Iterator[None]:
    """Make the journal fail as on a full disk."""

    def refuse(*_: object) -> None:
        raise StoreFullError("the disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", refuse)
        yield


@pytest.mark.parametrize("earlier_count", [0, 1], ids=["the group", "the stream"])
def test_a_full_disk_loses_no_log_and_fails_no_read(tmp_path: Path, earlier_count: int) -> None:
    """All lines are there when the disk has room again."""
    invocation_logs = InvocationLogs()
    with open_account(tmp_path) as account:
        logs_of = account.client("logs")
        for number in range(earlier_count):
            invocation_logs.record(SPEC, replace(INVOCATION, log_stream=f"old-{number}"))
            invocation_logs.flush(account.account)
        invocation_logs.record(SPEC, INVOCATION)
        with full_disk():
            invocation_logs.flush(account.account)
            before = [group["logGroupName"] for group in logs_of.describe_log_groups()["logGroups"]]
        invocation_logs.flush(account.account)
        lines = list(INVOCATION.log_lines)
        expected = {f"old-{number}": lines for number in range(earlier_count)} | {INVOCATION.log_stream: lines}
        assert (before, logged_lines(account.account)) == ([SPEC.log_group] * earlier_count, expected)
        invocation_logs.flush(account.account)
        assert logged_lines(account.account) == expected


def test_a_replay_writes_the_buffered_logs_again(tmp_path: Path) -> None:
    """A group that a user deleted stays deleted."""
    invocation_logs = InvocationLogs()
    with open_account(tmp_path) as account:
        other = replace(SPEC, log_group="/aws/lambda/other")
        invocation_logs.record(other, INVOCATION)
        invocation_logs.record(SPEC, INVOCATION)
        invocation_logs.flush(account.account)
        account.client("logs").delete_log_group(logGroupName=other.log_group)
        with full_disk(), pytest.raises(StoreFullError):
            account.client("iam").create_user(UserName="ann")
        invocation_logs.flush(account.account)
        names = [group["logGroupName"] for group in account.client("logs").describe_log_groups()["logGroups"]]
        assert (names, logged_lines(account.account)) == (
            [SPEC.log_group],
            {INVOCATION.log_stream: list(INVOCATION.log_lines)},
        )


def test_a_replay_reports_logs_that_left_the_buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They cannot be written again."""
    monkeypatch.setattr(logs, "MAX_BUFFERED_INVOCATIONS", 1)
    invocation_logs = InvocationLogs()
    with open_account(tmp_path) as account:
        for number in range(2):
            invocation_logs.record(SPEC, replace(INVOCATION, log_lines=(f"{number}\n",)))
            invocation_logs.flush(account.account)
        assert logged_lines(account.account) == {INVOCATION.log_stream: ["0\n", "1\n"]}
        with full_disk(), pytest.raises(StoreFullError):
            account.client("iam").create_user(UserName="ann")
        invocation_logs.flush(account.account)
        notice = "[simulator] the logs of 1 earlier invocations were dropped\n"
        assert logged_lines(account.account) == {INVOCATION.log_stream: [notice, "1\n"]}
