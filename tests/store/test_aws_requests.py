"""The stored requests of the AWS account."""

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
    """An empty store."""
    database = Database(None)
    yield AwsRequestStore(database)
    database.close()


def test_requests_are_returned_unchanged_and_in_order(requests: AwsRequestStore) -> None:
    """In any number."""
    stored = [replace(FIRST, ordinal=ordinal, body=b"%d" % ordinal) for ordinal in range(130)]
    for request in stored:
        requests.append(request)
    assert list(requests.iterate()) == stored


def test_hashes_of_body_files_are_distinct(requests: AwsRequestStore) -> None:
    """Several requests may have the same body."""
    for ordinal, sha256 in enumerate((None, "a", "b", "a")):
        requests.append(replace(FIRST, ordinal=ordinal, body=None if sha256 else b"", sha256=sha256))
    assert requests.list_body_hashes() == {"a", "b"}


def test_the_initial_seed_is_that_of_the_first_request(requests: AwsRequestStore) -> None:
    """It may have any size."""
    before = requests.initial_seed()
    requests.append(FIRST)
    requests.append(replace(FIRST, ordinal=1, seed="8"))
    assert (before, requests.initial_seed()) == (None, str(2**70))
