"""The requests that made the AWS account."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from simulator.store.aws_requests import AwsRequestStore, StoredAwsRequest
from simulator.store.database import Database

FIRST = StoredAwsRequest(
    ordinal=0,
    seed=str(2**70),
    simulated_us=1_767_225_600_000_001,
    caller_seconds=1_800_000_000.123456,
    method="PUT",
    target="/bucket/%C3%BC?tagging",
    headers='[["host", "s3"]]',
    body=b"\x00\xff",
    sha256=None,
    status=200,
)


@pytest.fixture
def requests() -> Iterator[AwsRequestStore]:
    """None yet."""
    database = Database(None)
    yield AwsRequestStore(database)
    database.close()


def test_requests_are_given_as_they_were_kept(requests: AwsRequestStore) -> None:
    """Oldest first, however many there are."""
    kept = [replace(FIRST, ordinal=ordinal, body=b"%d" % ordinal) for ordinal in range(130)]
    for request in kept:
        requests.append(request)
    assert list(requests.iterate()) == kept


def test_bodies_in_files_are_named_once_each(requests: AwsRequestStore) -> None:
    """Several requests may have brought the same."""
    for ordinal, sha256 in enumerate((None, "a", "b", "a")):
        requests.append(replace(FIRST, ordinal=ordinal, body=None if sha256 else b"", sha256=sha256))
    assert requests.body_sha256s() == {"a", "b"}


def test_the_seed_is_that_of_the_first(requests: AwsRequestStore) -> None:
    """Of any size."""
    before = requests.initial_seed()
    requests.append(FIRST)
    requests.append(replace(FIRST, ordinal=1, seed="8"))
    assert (before, requests.initial_seed()) == (None, str(2**70))
