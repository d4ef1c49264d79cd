"""The log of refused requests: one line each, without secrets and control characters."""

import logging

import pytest

from simulator.errors import INTERNAL_ERROR, UNKNOWN_PATH
from simulator.http.request_log import log_refusal
from tests.simulators import RunningSimulator


@pytest.fixture(autouse=True)
def _log_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "simulator.refused")


def test_a_refused_request_is_logged(local_simulator: RunningSimulator, caplog: pytest.LogCaptureFixture) -> None:
    """The request line and the answer, without the query and the body."""
    local_simulator.http.post("/v1/fine_tuning/jobs?X-Amz-Security-Token=query", json={"model": "openai.gpt-oss-120b"})
    assert caplog.messages == ["POST /v1/fine_tuning/jobs 400 Missing required parameter: 'training_file'."]


def test_the_hint_is_in_the_line(caplog: pytest.LogCaptureFixture) -> None:
    """The message alone rarely says what to do."""
    error = UNKNOWN_PATH(method="GET", path="/", hint="the base URL\nends in /v1")
    log_refusal(error, method="GET", path="/")
    assert caplog.messages == [f"GET / 404 {error.message} (hint: the base URL↵ends in /v1)"]


def test_an_answered_request_is_not_logged(local_simulator: RunningSimulator, caplog: pytest.LogCaptureFixture) -> None:
    """Only refusals are."""
    assert local_simulator.http.get("/v1/files").status_code == 200
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("path", "logged_path"),
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
def test_a_path_is_one_line_without_keys_and_control_characters(
    path: str, logged_path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Long paths are shortened."""
    log_refusal(UNKNOWN_PATH(method="GET", path="/"), method="GET", path=path)
    assert caplog.messages == [f"GET {logged_path} 404 {UNKNOWN_PATH(method='GET', path='/').message}"]


def test_a_server_error_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the client is not."""
    log_refusal(INTERNAL_ERROR(), method="GET", path="/")
    log_refusal(UNKNOWN_PATH(method="GET", path="/"), method="GET", path="/")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
