"""The AWS account is rebuilt from its journal: restarts, ids, times and full disks."""

import io
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from simulator.aws.access_keys import find_bedrock_credential, find_credential
from simulator.aws.account import Account
from simulator.aws.journal import Journal, JournalEntry
from simulator.aws.moto_app import load_moto
from simulator.aws.request import AwsRequest, AwsResponse
from simulator.store.database import Database
from simulator.store.errors import StoreFullError
from tests.aws.account_client import DATABASE, EPOCH, NOW, AccountClient, FakeClocks, open_account, open_journal
from tests.aws.inventory import take_inventory
from tests.aws.random_requests import TRUST, RandomUser

LOCATION: Any = {"LocationConstraint": "us-west-2"}


def inventories_around_restart(folder: Path, seed: int, actions: int) -> tuple[Any, Any]:
    """Send random requests to an account and restart it; return the inventories before and after."""
    clocks = FakeClocks()
    with open_account(folder, clocks=clocks) as account:
        RandomUser(account, seed).act(actions)
        before = take_inventory(account)
    with open_account(folder, clocks=clocks) as account:
        return before, take_inventory(account)


@pytest.mark.slow
def test_an_account_is_the_same_with_and_without_a_restart(tmp_path: Path) -> None:
    """All resources with their ids, times and bytes, and the ids of later resources."""
    inventories = []
    for folder in (tmp_path, None):
        clocks = FakeClocks()
        with open_account(folder, clocks=clocks) as account:
            RandomUser(account, 3).act(60)
            before = take_inventory(account)
            if folder is None:
                account.client("iam").create_user(UserName="zoe")
                inventories.append((before, before, take_inventory(account)))
        if folder:
            with open_account(folder, clocks=clocks) as account:
                after = take_inventory(account)
                account.client("iam").create_user(UserName="zoe")
                inventories.append((before, after, take_inventory(account)))
    restarted, undisturbed = inventories
    assert restarted == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_an_account_is_the_same_after_a_restart_with_any_seed(tmp_path: Path, seed: int) -> None:
    """With more seeds and requests."""
    before, after = inventories_around_restart(tmp_path, seed, 200)
    assert after == before


@pytest.mark.slow
def test_reads_change_nothing() -> None:
    """Later ids are the same with and without reads in between."""
    inventories = []
    for with_reads in (True, False):
        with open_account() as account:
            user = RandomUser(account, 5)
            for _ in range(3):
                user.act(12)
                if with_reads:
                    take_inventory(account)
            inventories.append(take_inventory(account))
    assert inventories[0] == inventories[1]


def test_a_managed_policy_does_not_depend_on_the_request_that_names_it_first() -> None:
    """It may be added by a read."""
    parameters = {"PolicyArn": "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"}
    results = []
    for with_reads in (True, False):
        with open_account() as account:
            iam = account.client("iam")
            if with_reads:
                iam.get_policy(**parameters)
            iam.create_group(GroupName="readers")
            iam.attach_group_policy(GroupName="readers", **parameters)
            results.append((iam.get_policy(**parameters)["Policy"], iam.create_user(UserName="ann")["User"]))
    assert results[0] == results[1]


def test_credentials_are_the_same_after_a_restart(tmp_path: Path) -> None:
    """With their secrets, owners and expiry."""

    def known(account: AccountClient, *ids: str) -> list[Any]:
        with account.account.read_transaction():
            return [find_credential(name) for name in ids] + [find_bedrock_credential("ann+1-at-123456789012")]

    with open_account(tmp_path) as account:
        iam, sts = account.client("iam"), account.client("sts")
        role = iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        iam.create_user(UserName="ann")
        iam.create_service_specific_credential(UserName="ann", ServiceName="bedrock.amazonaws.com", CredentialAgeDays=1)
        ids = [iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]]
        for response in (
            sts.assume_role(RoleArn=role, RoleSessionName="s1"),
            sts.get_session_token(DurationSeconds=900),
        ):
            account.clocks.caller += 10
            ids.append(response["Credentials"]["AccessKeyId"])
        before = known(account, *ids)
    with open_account(tmp_path) as account:
        assert known(account, *ids) == before
    assert [credential.expires_at for credential in before] == [None, NOW + 3600, NOW + 900, NOW + 86400]


@pytest.mark.parametrize(("seed", "same"), [(0, True), (1, False)])
def test_ids_depend_on_the_seed(seed: int, *, same: bool) -> None:
    """Two accounts in one process get the same ids if and only if they have the same seed."""
    with open_account(seed=0) as one, open_account(seed=seed) as other:
        created = [
            (
                account.client("iam").create_user(UserName="ann")["User"]["UserId"],
                account.client("iam").create_access_key(UserName="ann")["AccessKey"],
                account.client("sts").get_session_token()["Credentials"],
            )
            for account in (one, other)
        ]
    assert [a == b for a, b in zip(*created, strict=True)] == [same] * 3


def test_an_account_keeps_its_first_seed(tmp_path: Path) -> None:
    """Otherwise a restart with another seed would change all ids."""
    listings = []
    for seed, name in ((1, "ann"), (2, "bob")):
        with open_account(tmp_path, seed=seed) as account:
            account.client("iam").create_user(UserName=name)
            listings.append(account.client("iam").list_users()["Users"])
    with open_account(seed=1) as account:
        for name in ("ann", "bob"):
            account.client("iam").create_user(UserName=name)
        assert (listings[1][:1], listings[1]) == (listings[0], account.client("iam").list_users()["Users"])


def test_versions_of_one_simulated_second_are_in_order(tmp_path: Path) -> None:
    """S3 orders them by time, and the simulated time may be frozen."""
    with open_account(tmp_path) as account:
        s3 = account.client("s3")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=LOCATION)
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        put = [s3.put_object(Bucket="bucket", Key="key", Body=b"%d" % n)["VersionId"] for n in range(3)]
        listed = s3.list_object_versions(Bucket="bucket")["Versions"]
    assert [(version["VersionId"], version["IsLatest"]) for version in listed] == [
        (put[2], True),
        (put[1], False),
        (put[0], False),
    ]
    assert {version["LastModified"].timestamp() for version in listed} == {EPOCH}


def test_creation_is_in_simulated_time_and_expiry_in_the_callers_time() -> None:
    """Of a user and of a session."""
    with open_account() as account:
        user = account.client("iam").create_user(UserName="ann")["User"]
        session = account.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    assert (int(user["CreateDate"].timestamp()), session["Expiration"].timestamp()) == (EPOCH, NOW + 900)


def test_reads_are_not_in_the_journal(tmp_path: Path) -> None:
    """Only requests that may change something are."""
    with open_account(tmp_path) as account:
        account.client("iam").create_user(UserName="ann")
        take_inventory(account)
        account.client("sts").get_caller_identity()
        account.client("sts").get_session_token()
    assert [entry.request.header("x-amz-target") or entry.request.path for entry, _ in entries(tmp_path)] == ["/", "/"]


def entries(folder: Path) -> list[tuple[JournalEntry, bytes | None]]:
    """Return the entries of a closed journal."""
    database = Database(folder / DATABASE)
    read = [(entry, body.read() if body else None) for entry, body in open_journal(database, folder).entries()]
    database.close()
    return read


def test_a_replay_logs_a_changed_status_and_continues(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line names the request: moto may have been updated."""
    with open_account(tmp_path) as account:
        iam = account.client("iam")
        for name in ("ann", "bob", "eve"):
            iam.create_user(UserName=name)
    database = Database(tmp_path / DATABASE)
    with database.transaction() as connection:
        bodies = "CAST(replace(CAST(body AS TEXT), 'bob', 'ann') AS BLOB)"
        connection.execute(f"UPDATE aws_requests SET body = {bodies} WHERE ordinal = 1")
    database.close()
    with open_account(tmp_path) as account:
        users = [user["UserName"] for user in account.client("iam").list_users()["Users"]]
    results = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    line = (
        "AWS request 1 of the data folder (POST / CreateUser) had status 200 and has status 409 when it is replayed:"
        " the resources that it created may be missing or differ. Was moto updated?"
    )
    assert (users, results) == (["ann", "eve"], [line])


class FailingMotoApp:
    """A moto app that raises after it has created the user eve."""

    def __init__(self) -> None:
        self._real = load_moto()

    def handle(self, request: AwsRequest, body: Any) -> AwsResponse:
        """Handle a request, or raise."""
        answer = self._real.handle(request, body)
        body.seek(0)
        if b"UserName=eve" in body.read():
            raise RuntimeError("half done")
        return answer


def test_changes_before_an_exception_of_moto_are_replayed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, and answered with 500."""
    caplog.set_level(logging.WARNING)
    user_names = []
    request = AwsRequest(method="POST", target="/", headers=signed("iam"))
    body = b"Action=CreateUser&Version=2010-05-08&UserName=eve"
    for start in range(2):
        database = Database(tmp_path / DATABASE)
        failing: Any = FailingMotoApp()
        account = Account(
            moto_app=failing,
            seed=0,
            clock=lambda: EPOCH,
            caller_clock=lambda: NOW,
            journal=open_journal(database, tmp_path),
        )
        if start == 0:
            assert account.handle(request, io.BytesIO(body)).status == 500
        user_names.append(
            [user["UserName"] for user in AccountClient(account, FakeClocks()).client("iam").list_users()["Users"]]
        )
        account.close()
        database.close()
    assert (user_names, [record.getMessage() for record in caplog.records]) == (
        [["eve"], ["eve"]],
        ["moto failed with RuntimeError at an AWS request (POST / CreateUser): answered with 500"],
    )


def signed(service: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of a request in the query protocol."""
    return (
        ("host", f"{service}.amazonaws.com"),
        ("authorization", f"AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/{service}/aws4_request"),
        ("content-type", "application/x-www-form-urlencoded"),
    )


def raise_disk_full(*_: object) -> None:
    """Simulate a full disk."""
    raise StoreFullError("the disk is full")


def test_a_request_that_cannot_be_stored_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads after it do not see it either."""
    with open_account(tmp_path) as account, monkeypatch.context() as patch:
        iam = account.client("iam")
        first = iam.create_user(UserName="ann")["User"]
        patch.setattr(Journal, "append", raise_disk_full)
        with pytest.raises(StoreFullError):
            iam.create_user(UserName="bob")
        assert iam.list_users()["Users"] == [first]
        patch.undo()
        second = iam.create_user(UserName="bob")["User"]
    with open_account(tmp_path) as account:
        assert account.client("iam").list_users()["Users"] == [first, second]


def test_a_read_transaction_keeps_its_state_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when a failed write discards the state meanwhile."""

    def users() -> list[str]:
        from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

        return sorted(user.name for user in iam_backends["123456789012"]["aws"].users.values())

    with open_account(tmp_path) as account:
        account.client("iam").create_user(UserName="ann")
        monkeypatch.setattr(Journal, "append", raise_disk_full)
        with account.account.read_transaction():
            before = users()
            with pytest.raises(StoreFullError):
                account.client("iam").create_user(UserName="bob")
            assert "ann" in users()
        with account.account.read_transaction():
            assert (before, users()) == (["ann"], ["ann"])


@pytest.mark.slow
def test_readers_see_stored_data_while_writes_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On other threads, at any time."""
    with open_account(tmp_path) as account, ThreadPoolExecutor(2) as threads:
        iam = account.client("iam")
        key = iam.create_access_key(UserName=iam.create_user(UserName="ann")["User"]["UserName"])["AccessKey"]
        monkeypatch.setattr(Journal, "append", raise_disk_full)
        done = Event()

        def keys_read() -> int:
            with_reads = 0
            while not done.is_set():
                with account.account.read_transaction():
                    assert find_credential(key["AccessKeyId"]) is not None
                with_reads += 1
            return with_reads

        readers = [threads.submit(keys_read) for _ in range(2)]
        try:
            for _ in range(20):
                with pytest.raises(StoreFullError):
                    iam.create_user(UserName="bob")
        finally:
            done.set()
        assert all(each.result(30) for each in readers)


def slow_append() -> tuple[Event, Event, Callable[[Journal, JournalEntry, Any], None]]:
    """Return an event set at the start of an append, an event that the append waits for, and such an `append`."""
    keeping, may_keep, keep = Event(), Event(), Journal.append

    def slowly(journal: Journal, entry: JournalEntry, body: Any) -> None:
        keeping.set()
        assert may_keep.wait(30)
        keep(journal, entry, body)

    return keeping, may_keep, slowly


def test_a_read_transaction_waits_until_a_write_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a grader could use a permission that a kill undoes."""
    keeping, may_keep, slowly = slow_append()
    with open_account(tmp_path) as account, ThreadPoolExecutor(2) as threads:
        iam = account.client("iam")
        iam.create_user(UserName="ann")

        def keys() -> list[Any]:
            from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

            with account.account.read_transaction():
                return list(iam_backends["123456789012"]["aws"].access_keys)

        monkeypatch.setattr(Journal, "append", slowly)
        creation = threads.submit(iam.create_access_key, UserName="ann")
        assert keeping.wait(30)
        keys_read = threads.submit(keys)
        with pytest.raises(TimeoutError):
            keys_read.result(0.05)
        may_keep.set()
        assert keys_read.result(30) == [creation.result(30)["AccessKey"]["AccessKeyId"]]


def test_a_read_request_waits_until_a_write_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a kill could undo what a caller has read."""
    keeping, may_keep, slowly = slow_append()
    with open_account(tmp_path) as account, ThreadPoolExecutor(2) as threads:
        iam = account.client("iam")
        monkeypatch.setattr(Journal, "append", slowly)
        creation = threads.submit(iam.create_user, UserName="ann")
        assert keeping.wait(30)
        read = threads.submit(iam.list_users)
        with pytest.raises(TimeoutError):
            read.result(0.05)
        may_keep.set()
        assert read.result(30)["Users"] == [creation.result(30)["User"]]


def test_a_body_that_cannot_be_stored_is_not_handled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk has no room for it."""
    with open_account(tmp_path) as account:
        s3 = account.client("s3")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=LOCATION)
        monkeypatch.setattr(Journal, "receive_body", raise_disk_full)
        with pytest.raises(StoreFullError):
            s3.put_object(Bucket="bucket", Key="key", Body=bytes(100_000))
        assert "Contents" not in s3.list_objects_v2(Bucket="bucket")
