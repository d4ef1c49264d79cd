"""Accounts for tests without a socket: boto3 passes its requests to them directly."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from simulator.aws.account import Account
from simulator.aws.journal import Journal
from simulator.aws.moto_app import load_moto
from simulator.aws.request import AwsRequest
from simulator.store.aws_requests import AwsRequestStore
from simulator.store.blobs import BlobStore
from simulator.store.database import Database

REGION = "us-west-2"
EPOCH = 1_767_225_600
NOW = 1_800_000_000.0

DATABASE = "simulator.sqlite"
BODIES = "requests"


class FakeClocks:
    """Both clocks of an account, to be set by a test."""

    def __init__(self) -> None:
        self.simulated = EPOCH
        self.caller = NOW


class AccountClient:
    """An account with boto3 clients."""

    def __init__(self, account: Account, clocks: FakeClocks) -> None:
        self.account = account
        self.clocks = clocks
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, *, key: str = "testing", secret: str = "testing", token: str | None = None) -> Any:
        """Return a boto3 client, by default with an access key that IAM does not know."""
        if (service, key) not in self._clients:
            client = cast("Any", boto3).client(
                service,
                region_name=REGION,
                endpoint_url="http://testserver",
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
            )
            client.meta.events.register("before-send", self._send)
            self._clients[service, key] = client
        return self._clients[service, key]

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        answer = self.account.handle(*aws_request_from(request))
        headers = HTTPHeaders.from_dict(dict(answer.headers))
        return AWSResponse(request.url, answer.status, headers, cast("Any", RawBody(answer.body)))


class RawBody(io.BytesIO):
    """A response body in the form that botocore reads."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """Yield the whole body."""
        yield self.read()


def aws_request_from(request: Any) -> tuple[AwsRequest, BinaryIO]:
    """Convert a request of botocore; return it and its body."""
    url = urlsplit(request.url)
    body = request.body or b""
    read = body.read() if hasattr(body, "read") else body
    headers = (
        (name.lower(), value if isinstance(value, str) else value.decode()) for name, value in request.headers.items()
    )
    account = AwsRequest(
        method=request.method,
        target=url.path + (f"?{url.query}" if url.query else ""),
        headers=(("host", url.netloc), *headers),
    )
    return account, io.BytesIO(read.encode() if isinstance(read, str) else read)


@contextmanager
def open_account(
    folder: Path | None = None, *, seed: int = 0, clocks: FakeClocks | None = None
) -> Iterator[AccountClient]:
    """Create an account, or open the one in a folder."""
    clocks = clocks or FakeClocks()
    if folder:
        folder.mkdir(exist_ok=True)
    database = Database(folder / DATABASE) if folder else None
    journal = open_journal(database, folder) if database and folder else None
    account = Account(
        moto_app=load_moto(),
        seed=seed,
        clock=lambda: clocks.simulated,
        caller_clock=lambda: clocks.caller,
        journal=journal,
    )
    yield AccountClient(account, clocks)
    account.close()
    if database:
        database.close()


def open_journal(database: Database, folder: Path) -> Journal:
    """Open the journal of a folder."""
    return Journal(requests=AwsRequestStore(database), bodies=BlobStore(folder / BODIES, durable=True))
