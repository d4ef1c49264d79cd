"""What is told of a refused request: one line, and nothing in it that is a secret or acts on a terminal."""

import logging

import pytest

from simulator.errors import INTERNAL_ERROR, UNKNOWN_PATH
from simulator.http.request_log import log_refusal
from tests.simulators import RunningSimulator


@pytest.fixture(autouse=True)
def _listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "simulator.http.request_log")


def test_a_refused_request_is_told(local_simulator: RunningSimulator, caplog: pytest.LogCaptureFixture) -> None:
    """What was asked for and the answer; neither the query nor the body."""
    local_simulator.http.post("/v1/fine_tuning/jobs?X-Amz-Security-Token=query", json={"model": "openai.gpt-oss-120b"})
    assert caplog.messages == ["POST /v1/fine_tuning/jobs 400 Missing required parameter: 'training_file'."]


def test_the_hint_is_in_the_line(caplog: pytest.LogCaptureFixture) -> None:
    """The terse body is seldom enough."""
    error = UNKNOWN_PATH(method="GET", path="/", hint="the base URL\nends in /v1")
    log_refusal(error, method="GET", path="/")
    assert caplog.messages == [f"GET / 404 {error.message} (hint: the base URL↵ends in /v1)"]


def test_what_is_answered_is_not_told(local_simulator: RunningSimulator, caplog: pytest.LogCaptureFixture) -> None:
    """Only refusals."""
    assert local_simulator.http.get("/v1/files").status_code == 200
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("/a\nGET /b 200", "/a↵GET /b 200"),
        ("/\x1b[31m", "/\\x1b[31m"),
        ("/\u202e", "/\\u202e"),
        ("/\udcff", "/\\udcff"),
        ("/é", "/é"),
        ("/v1/files/bedrock-api-key-YmVkcm9jay5hbWF6b25hd3M=", "/v1/files/bedrock-api-key-..."),
        ("/ABSKQmVkcm9ja0FQSUtleQ==/x", "/ABSK..."),
        ("/" + "a" * 1_000, "/" + "a" * 399 + "..."),
    ],
)
def test_a_path_is_shown_on_one_line_and_without_a_key(sent: str, shown: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever came in, the terminal does not act on it."""
    log_refusal(UNKNOWN_PATH(method="GET", path="/"), method="GET", path=sent)
    assert caplog.messages == [f"GET {shown} 404 {UNKNOWN_PATH(method='GET', path='/').message}"]


def test_a_fault_of_the_server_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """What a caller does wrong is not."""
    log_refusal(INTERNAL_ERROR(), method="GET", path="/")
    log_refusal(UNKNOWN_PATH(method="GET", path="/"), method="GET", path="/")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
