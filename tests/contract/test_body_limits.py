"""The size limit of JSON bodies, with and without Content-Length."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulator.settings import Settings
from tests.simulators import RunningSimulator, simulator_in_process

LIMIT = 1_000
TOO_LARGE = {
    "error": {
        "code": "request_too_large",
        "message": "The body of your request is larger than 1000 bytes.",
        "param": None,
        "type": "invalid_request_error",
    }
}
HINT = "--set max_body_bytes=... raises the limit"


@pytest.fixture(scope="module")
def small_body_simulator() -> Iterator[RunningSimulator]:
    """A simulator that accepts bodies of up to 1,000 bytes."""
    with simulator_in_process(Settings(max_body_bytes=LIMIT)) as simulator:
        yield simulator


def chat(size: int) -> bytes:
    """Return a chat request of exactly `size` bytes."""
    body: dict[str, Any] = {"model": "openai.gpt-oss-20b", "messages": [{"role": "user", "content": ""}]}
    body["messages"][0]["content"] = "x" * (size - len(json.dumps(body)))
    return json.dumps(body).encode()


def chunked_body(content: bytes) -> Iterator[bytes]:
    """Yield the content in pieces, so that it is sent without Content-Length."""
    yield from (content[start : start + 100] for start in range(0, len(content), 100))


def test_a_body_of_exactly_the_limit_is_accepted(small_body_simulator: RunningSimulator) -> None:
    """The limit is the largest allowed size."""
    assert small_body_simulator.http.post("/v1/chat/completions", content=chat(LIMIT)).status_code == 200


@pytest.mark.shows("body-limit")
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/fine_tuning/jobs"])
def test_a_larger_body_is_refused(small_body_simulator: RunningSimulator, path: str, chunked: bool) -> None:
    """The received bytes count, not the header."""
    content = chat(LIMIT + 1)
    answer = small_body_simulator.http.post(path, content=chunked_body(content) if chunked else content)
    assert (answer.status_code, answer.json(), answer.headers["x-simulator-hint"]) == (413, TOO_LARGE, HINT)
