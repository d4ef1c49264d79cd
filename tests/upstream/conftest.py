"""What the tests of this room share: records, a cache in a fresh folder, and a server that was never there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import respx

from simulator.training.dataset import Message, Record
from simulator.upstream.response_cache import ResponseCache
from simulator.upstream.sampling import ModelServer

CLOSED_URL = "http://127.0.0.1:9/v1"


def make_record(line: int, question: str = "") -> Record:
    """Return a record that asks something of its own, or `question`."""
    content = question or f'What is {line} + {line}? Give the answer after "####".'
    return Record(
        line=line, messages=(Message(role="user", content=content),), fields={"reference_answer": str(2 * line)}
    )


@pytest.fixture
def cache(tmp_path: Path) -> ResponseCache:
    """A cache that holds nothing yet, in a folder that is not there yet."""
    return ResponseCache(tmp_path / "rollouts")


@pytest.fixture
def upstream() -> ModelServer:
    """A model at an address where nobody listens: tests answer through `router`."""
    return ModelServer(url=CLOSED_URL, model="small", api_key="sk-very-secret", retries=0)


@pytest.fixture
def router() -> Iterator[respx.Router]:
    """Answers in place of the network; openai speaks httpx2, hence httpcore2."""
    with respx.mock(using="httpcore2", base_url=CLOSED_URL, assert_all_called=False) as routes:
        yield routes
