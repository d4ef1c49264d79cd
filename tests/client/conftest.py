"""Fixtures of the client's tests: a fake clock, a mocked API, and a stub of the services on a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import respx

from client.clock import Clock
from client.mantle_client import MantleClient
from client.poll_interval import PollInterval
from client.retry_policy import RetryPolicy
from client.sdk_clients import AwsClients, create_openai_client, open_aws_clients
from client.target import TARGETS, select_target
from tests.client.mantle_stub import MantleStub, close_listeners, serve_stub

API_URL = "http://127.0.0.1:9/v1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-west-2"}
UNREACHABLE_ENVIRONMENT = {
    **CREDENTIALS,
    "OPENAI_BASE_URL": API_URL,
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "OPENAI_API_KEY": "ABSKtest",
}


@dataclass
class FakeClock:
    """A clock that advances only during sleep."""

    seconds: float = 0.0
    delays: list[float] = field(default_factory=list)

    def sleep(self, delay: float) -> None:
        """Advance by `delay` seconds."""
        self.delays.append(delay)
        self.seconds += delay

    @property
    def as_client_clock(self) -> Clock:
        """This clock as a `Clock`."""
        return Clock(now=lambda: self.seconds, sleep=self.sleep)


@pytest.fixture
def clock() -> FakeClock:
    """A clock at 0."""
    return FakeClock()


@pytest.fixture
def notices() -> list[str]:
    """The messages that the API object printed."""
    return []


@pytest.fixture
def openai_client(clock: FakeClock, notices: list[str]) -> Iterator[MantleClient]:
    """The API at a closed port; tests answer through `router`."""
    retry_policy = RetryPolicy(first_delay=1.0, longest_delay=8.0, give_up_after=60.0)
    with create_openai_client(select_target(UNREACHABLE_ENVIRONMENT)) as client:
        yield MantleClient(client, retry_policy=retry_policy, clock=clock.as_client_clock, notify=notices.append)


@pytest.fixture
def router() -> Iterator[respx.Router]:
    """Mocked answers; openai uses httpx2, hence httpcore2."""
    with respx.mock(using="httpcore2", base_url=API_URL, assert_all_called=False) as routes:
        yield routes


@pytest.fixture(scope="session", autouse=True)
def _close_listeners() -> Iterator[None]:
    """Close the sockets of the stubs at the end."""
    yield
    close_listeners()


@pytest.fixture
def stub() -> MantleStub:
    """The state of the stub; tests set it before the first request."""
    return MantleStub(handler=grade_sums)


@pytest.fixture
def stub_url(stub: MantleStub) -> Iterator[str]:
    """The address of the stub."""
    with serve_stub(stub) as address:
        yield address


@pytest.fixture(scope="session")
def moto_clients() -> Iterator[AwsClients]:
    """boto3 with AWS's own endpoints, only for `mock_aws`; shared, because a client takes 0.2 s to create."""
    target = replace(select_target(UNREACHABLE_ENVIRONMENT), aws_url=None)
    with open_aws_clients(target) as aws_clients:
        yield aws_clients


@pytest.fixture
def stub_workspace(stub_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Set the environment for the stub; the working folder has data and a reward function."""
    return create_workspace(tmp_path, url=stub_url, monkeypatch=monkeypatch)


def create_workspace(folder: Path, *, url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `folder` the working folder, with data and a reward function; point the environment at `url`."""
    for name, value in {**CREDENTIALS, "OPENAI_BASE_URL": f"{url}/v1", "AWS_ENDPOINT_URL": url}.items():
        monkeypatch.setenv(name, value)
    for name in (
        "RFT_TARGET",
        "RFT_SIM_EXEC",
        "OPENAI_API_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_BEARER_TOKEN_BEDROCK",
    ):
        monkeypatch.delenv(name, raising=False)
    # The stub advances with each read, so there is no reason to wait between reads.
    no_delay = replace(TARGETS["simulator"], poll_interval=PollInterval(shortest=0.0, longest=0.0))
    monkeypatch.setattr("client.target.TARGETS", {**TARGETS, "simulator": no_delay})
    monkeypatch.chdir(folder)
    write_rows(folder / "train.jsonl", range(100))
    write_rows(folder / "validation.jsonl", range(1000, 1030))
    write_reward(folder / "reward")
    return folder


def write_rows(path: Path, numbers: range) -> Path:
    """Write one sum per number as training data."""
    rows = [
        {
            "messages": [{"role": "user", "content": f"What is {number} plus 2?"}],
            "reference_answer": {"answer": str(number + 2)},
        }
        for number in numbers
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_reward(folder: Path, source: str = "def lambda_handler(event, context):\n    return []\n") -> Path:
    """Write a reward folder with one file."""
    folder.mkdir(exist_ok=True)
    (folder / "lambda_function.py").write_text(source, encoding="utf-8")
    return folder


def grade_sums(event: object, context: object) -> list[dict[str, object]]:
    """Grade answers to `write_rows`."""
    assert isinstance(event, list)
    return [
        {
            "id": rollout["id"],
            "aggregate_reward_score": float(
                rollout["messages"][-1]["content"].rsplit("####", 1)[-1].strip()
                == rollout["reference_answer"]["answer"]
            ),
        }
        for rollout in event
    ]
