"""Fixtures: records, an empty cache, and a model server without a network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import respx

from simulator.training.dataset import Message, Record
from simulator.upstream.response_cache import ResponseCache
from simulator.upstream.sampling import ModelServer

CLOSED_URL = "http://127.0.0.1:9/v1"


def make_record(line: int, question: str = "") -> Record:
    """Return a record with its own question, or with `question`."""
    content = question or f'What is {line} + {line}? Give the answer after "####".'
    return Record(
        line=line, messages=(Message(role="user", content=content),), fields={"reference_answer": str(2 * line)}
    )


@pytest.fixture
def cache(tmp_path: Path) -> ResponseCache:
    """An empty cache, in a folder that does not exist yet."""
    return ResponseCache(tmp_path / "rollouts")


@pytest.fixture
def upstream() -> ModelServer:
    """A model at an address where no server listens; `router` answers."""
    return ModelServer(url=CLOSED_URL, model="small", api_key="sk-very-secret", retries=0)


@pytest.fixture
def router() -> Iterator[respx.Router]:
    """Answers requests without a network; openai uses httpx2, hence httpcore2."""
    with respx.mock(using="httpcore2", base_url=CLOSED_URL, assert_all_called=False) as routes:
        yield routes
