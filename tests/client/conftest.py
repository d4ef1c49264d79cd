"""What the client's tests share: a clock that costs nothing, an API that never existed, a stand-in that does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import respx

from client.mantle_client import Mantle
from client.retry_policy import Patience, Stopwatch
from client.sdk_clients import Aws, aws, open_ai
from client.target import chosen
from tests.client.mantle_stub import Stub, close_listeners, served

API = "http://127.0.0.1:9/v1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-west-2"}
NEVER_THERE = {
    **CREDENTIALS,
    "OPENAI_BASE_URL": API,
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "OPENAI_API_KEY": "ABSKtest",
}


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    seconds: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, pause: float) -> None:
        """Let `pause` seconds pass."""
        self.pauses.append(pause)
        self.seconds += pause

    @property
    def stopwatch(self) -> Stopwatch:
        """This clock, as the client takes one."""
        return Stopwatch(now=lambda: self.seconds, sleep=self.sleep)


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


@pytest.fixture
def said() -> list[str]:
    """What the API object told the user."""
    return []


@pytest.fixture
def mantle(clock: Clock, said: list[str]) -> Iterator[Mantle]:
    """The API at an address where nobody listens: tests answer through `router`."""
    patience = Patience(first=1.0, longest=8.0, give_up_after=60.0)
    with open_ai(chosen(NEVER_THERE)) as client:
        yield Mantle(client, patience=patience, stopwatch=clock.stopwatch, say=said.append)


@pytest.fixture
def router() -> Iterator[respx.Router]:
    """Answers in place of the network; openai speaks httpx2, hence httpcore2."""
    with respx.mock(using="httpcore2", base_url=API, assert_all_called=False) as routes:
        yield routes


@pytest.fixture(scope="session", autouse=True)
def _listeners_end() -> Iterator[None]:
    """No socket stays open."""
    yield
    close_listeners()


@pytest.fixture
def stub() -> Stub:
    """The stand-in's state, to be set before `url` is asked for."""
    return Stub(handler=sums)


@pytest.fixture
def url(stub: Stub) -> Iterator[str]:
    """The stand-in, listening."""
    with served(stub) as address:
        yield address


@pytest.fixture(scope="session")
def offline() -> Iterator[Aws]:
    """boto3 with AWS's own endpoints, for use under `mock_aws` alone; each client takes a fifth of a second to make."""
    target = replace(chosen(NEVER_THERE), aws_url=None)
    with aws(target) as clouds:
        yield clouds


@pytest.fixture
def at_stub(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment that points at the stand-in, and a working folder with data and a reward function in it."""
    return furnished(tmp_path, url=url, monkeypatch=monkeypatch)


def furnished(folder: Path, *, url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `folder` the working folder of somebody who trains against the stand-in at `url`."""
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
    monkeypatch.chdir(folder)
    write_rows(folder / "train.jsonl", range(100))
    write_rows(folder / "validation.jsonl", range(1000, 1030))
    write_reward(folder / "reward")
    return folder


def write_rows(path: Path, numbers: range) -> Path:
    """Sums as training data, one a number."""
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
    """A reward folder with one file."""
    folder.mkdir(exist_ok=True)
    (folder / "lambda_function.py").write_text(source, encoding="utf-8")
    return folder


def sums(event: object, context: object) -> list[dict[str, object]]:
    """A sound reward for `write_rows`."""
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
