"""Scripted API errors: every error of the catalogue, with its headers, before and after the request is handled."""

import logging
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest
from openai import InternalServerError, RateLimitError

from simulator.errors import CATALOGUE
from simulator.settings import Settings
from tests.simulators import BASE_MODEL, RunningSimulator, simulator_in_process
from tests.training.training_files import make_training_file

MODELS = "/v1/models"
CHAT = "/v1/chat/completions"


def add_error(simulator: RunningSimulator, **fields: Any) -> None:
    """Add a fault that matches every request."""
    simulator.instance.context.fault_registry.add({"request": {}, **fields})


def has_request_ids(answer: httpx2.Response) -> bool:
    """Return whether a response has both request id headers."""
    name = answer.headers["x-request-id"]
    return name.startswith("req_") and answer.headers["x-amzn-requestid"] == name


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_error_of_the_catalogue_can_be_scripted(local_simulator: RunningSimulator, name: str) -> None:
    """With its status, code and type. A missing value in the message becomes its name."""
    add_error(local_simulator, error=name)
    answer = local_simulator.http.get(MODELS)
    kind = CATALOGUE[name]
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (kind.status, kind.code, kind.type)
    assert list(error) == ["code", "message", "param", "type"]
    assert "{" not in error["message"]
    assert has_request_ids(answer)


def test_a_message_is_filled_from_the_request(local_simulator: RunningSimulator) -> None:
    """With its method, path, model and job."""
    add_error(local_simulator, error="MODEL_NOT_FOUND")
    body = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "2 + 2?"}]}
    assert (
        local_simulator.http.post(CHAT, json=body).json()["error"]["message"]
        == f"The model '{BASE_MODEL}' does not exist"
    )
    add_error(local_simulator, error="WRONG_METHOD")
    assert local_simulator.http.get(MODELS).json()["error"]["message"] == f"Not allowed to GET on {MODELS}"
    add_error(local_simulator, error="ALREADY_ENDED")
    message = "Fine-tuning job ftjob-1 cannot be cancelled: it has ended with status '<status>'"
    assert local_simulator.http.post("/v1/fine_tuning/jobs/ftjob-1/cancel").json()["error"]["message"] == message


def test_a_message_is_filled_from_the_script(local_simulator: RunningSimulator) -> None:
    """With a value of any type. `param` is set as well."""
    values = {"param": "max_output_tokens", "minimum": "sixteen", "got": 3}
    add_error(local_simulator, error="BELOW_MINIMUM", values=values)
    assert local_simulator.http.get(MODELS).json()["error"] == {
        "code": "integer_below_min_value",
        "message": "Invalid 'max_output_tokens': integer below minimum value. "
        "Expected a value >= sixteen, but got 3 instead.",
        "param": "max_output_tokens",
        "type": "invalid_request_error",
    }


@pytest.mark.shows("body-of-a-429")
def test_a_429_has_a_retry_after_in_seconds(local_simulator: RunningSimulator) -> None:
    """The SDK raises its RateLimitError."""
    add_error(local_simulator, error="RATE_LIMITED", retry_after=3)
    with pytest.raises(RateLimitError) as exc_info:
        local_simulator.openai_client().models.list()
    error = exc_info.value
    assert (error.code, error.type, error.response.headers["retry-after"]) == (
        "rate_limit_exceeded",
        "rate_limit_error",
        "3",
    )


def test_retry_after_can_be_a_date(local_simulator: RunningSimulator) -> None:
    """Relative to this machine's clock."""
    add_error(local_simulator, error="RATE_LIMITED", retry_after={"date_in": 7_200})
    add_error(local_simulator, nth=2, error="RATE_LIMITED", retry_after={"date_in": -3_600})
    later, past = (local_simulator.http.get(MODELS).headers["retry-after"] for _ in range(2))
    assert later.endswith(" GMT")
    assert 10_800 <= (parsedate_to_datetime(later) - parsedate_to_datetime(past)).total_seconds() <= 10_830


@pytest.mark.shows("unavailable")
@pytest.mark.parametrize("name", ["UNAVAILABLE", "OVERLOADED", "INTERNAL_ERROR"])
def test_server_errors_raise_the_sdks_internal_server_error(local_simulator: RunningSimulator, name: str) -> None:
    """503 and 529 are DOCUMENTED; the SDK retries them."""
    add_error(local_simulator, error=name)
    with pytest.raises(InternalServerError) as exc_info:
        local_simulator.openai_client().models.list()
    assert exc_info.value.status_code == CATALOGUE[name].status


@pytest.mark.shows("faults")
def test_the_second_call_fails_and_no_other(local_simulator: RunningSimulator) -> None:
    """In every run."""
    add_error(local_simulator, nth=2, error="UNAVAILABLE")
    assert [local_simulator.http.get(MODELS).status_code for _ in range(5)] == [200, 503, 200, 200, 200]


@pytest.mark.parametrize(("when", "files"), [("before", 0), ("after", 1)])
def test_an_error_comes_before_or_after_the_request_is_handled(
    local_simulator: RunningSimulator, when: str, files: int
) -> None:
    """The client cannot know which."""
    local_simulator.instance.context.fault_registry.add(
        {"request": {"method": "POST", "path": "/v1/files"}, "error": "UNAVAILABLE", "when": when}
    )
    answer = local_simulator.http.post(
        "/v1/files", data={"purpose": "fine-tune"}, files={"file": ("a.jsonl", make_training_file(1))}
    )
    assert (answer.status_code, has_request_ids(answer)) == (503, True)
    assert len(local_simulator.http.get("/v1/files").json()["data"]) == files


def test_a_scripted_error_names_its_fault(local_simulator: RunningSimulator, caplog: pytest.LogCaptureFixture) -> None:
    """In the response's hint and in the log."""
    caplog.set_level(logging.INFO, "simulator.refused")
    add_error(local_simulator, error="RATE_LIMITED")
    hint = "scripted by fault-1; GET /_simulator/faults shows it, DELETE removes it"
    assert local_simulator.http.get(MODELS).headers["x-simulator-hint"] == hint
    assert caplog.messages == [f"GET {MODELS} 429 Too many requests, please wait before trying again. (hint: {hint})"]


def test_the_first_fault_that_responds_prevents_the_others(local_simulator: RunningSimulator) -> None:
    """They still count the request."""
    add_error(local_simulator, error="RATE_LIMITED")
    add_error(local_simulator, error="UNAVAILABLE", when="after", times=2)
    assert [local_simulator.http.get(MODELS).status_code for _ in range(3)] == [429, 503, 200]
    statuses = local_simulator.instance.context.fault_registry.statuses()
    assert [(status.matched, status.applied) for status in statuses] == [(3, 1), (3, 1)]


def test_the_control_plane_has_no_faults(local_simulator: RunningSimulator) -> None:
    """A fault that matches everything can be listed and removed."""
    add_error(local_simulator, times=None, error="UNAVAILABLE")
    assert local_simulator.http.get(MODELS).status_code == 503
    assert local_simulator.http.get("/_simulator/faults").json()["data"][0]["applied"] == 1
    local_simulator.http.delete("/_simulator/faults")
    assert local_simulator.http.get(MODELS).status_code == 200


@pytest.mark.parametrize("size", [100, 300_000])
def test_a_body_that_was_read_for_its_model_reaches_the_api_unchanged(
    local_simulator: RunningSimulator, size: int
) -> None:
    """Whatever its length."""
    body = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "é" * size}], "seed": 1, "temperature": 0}
    plain = local_simulator.http.post(CHAT, json=body).json()
    local_simulator.instance.context.fault_registry.add({"request": {"model": "qwen.*"}, "error": "UNAVAILABLE"})
    read = local_simulator.http.post(CHAT, json=body).json()
    assert {**read, "id": plain["id"]} == plain


def test_a_fault_of_one_model_does_not_affect_others(local_simulator: RunningSimulator) -> None:
    """The model is the one that the body names."""
    local_simulator.instance.context.fault_registry.add(
        {"request": {"model": "qwen.*"}, "times": None, "error": "OVERLOADED"}
    )
    statuses = [
        local_simulator.http.post(
            CHAT, json={"model": model, "messages": [{"role": "user", "content": "2 + 2?"}]}
        ).status_code
        for model in (BASE_MODEL, "qwen.qwen3-32b", BASE_MODEL)
    ]
    assert statuses == [200, 529, 200]


@pytest.mark.parametrize("pieces", [1, 100])
def test_a_body_that_is_too_large_matches_no_model(pieces: int) -> None:
    """It gets its 413, and no more of it is kept than the API accepts."""
    with simulator_in_process(Settings(max_body_bytes=1_000)) as simulator:
        simulator.instance.context.fault_registry.add({"request": {"model": "**"}, "error": "UNAVAILABLE"})
        content = b'{"model": "a", "pad": "' + b"x" * 1_000 + b'"}'
        size = len(content) // pieces
        parts = (content[start : start + size] for start in range(0, len(content), size))
        answer = simulator.http.post(CHAT, content=parts, headers={"content-type": "application/json"})
        assert answer.status_code == 413


@pytest.mark.parametrize(
    ("declared", "matched"),
    [("application/json; charset=utf-8", 1), ("multipart/form-data; boundary=x", 0), ("text/plain", 0)],
)
def test_only_a_json_body_is_read_for_its_model(local_simulator: RunningSimulator, declared: str, matched: int) -> None:
    """An upload can have half a gigabyte."""
    local_simulator.instance.context.fault_registry.add({"request": {"model": "**"}, "error": "UNAVAILABLE"})
    local_simulator.http.post("/v1/files", content=b'{"model": "a"}', headers={"content-type": declared})
    assert local_simulator.instance.context.fault_registry.statuses()[0].matched == matched


def test_a_fault_can_name_a_job_by_its_number(polled_simulator: RunningSimulator) -> None:
    """Its id follows from the seed, so the script can name it before it exists."""
    polled_simulator.instance.context.fault_registry.add({"request": {"job": 2}, "times": None, "error": "UNAVAILABLE"})
    file = polled_simulator.upload(make_training_file(100))
    first, second = (polled_simulator.create_job(file)["id"] for _ in range(2))
    paths = [f"/v1/fine_tuning/jobs/{first}", f"/v1/fine_tuning/jobs/{second}", f"/v1/fine_tuning/jobs/{second}/events"]
    assert [polled_simulator.http.get(path).status_code for path in paths] == [200, 503, 503]
