"""Errors: the same envelope everywhere, a request id on every answer, and no 500 for a client's mistake."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import APIStatusError, NotFoundError
from starlette.testclient import TestClient

from simulator.errors import CATALOGUE
from simulator.settings import Pace, Settings
from tests.key_order import find_unsorted_objects
from tests.simulators import BASE_MODEL, RunningSimulator, reinforcement_method, simulator_in_process
from tests.training.training_files import make_training_file

JSON_TYPE = {"content-type": "application/json"}
CREATE, CHAT = "/v1/fine_tuning/jobs", "/v1/chat/completions"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BAD_BODIES = {
    "nothing": b"",
    "half": b'{"model": ',
    "list": b"[]",
    "number": b"7",
    "null": b"null",
    "not UTF-8": b'{"model": "\xff"}',
    "NaN": b'{"model": NaN}',
    "deep list": b"[" * 50_000 + b"]" * 50_000,
    "deep object": b'{"model":' * 50_000,
    "deep but read": b'{"model": ' + b"[" * 500 + b"]" * 500 + b"}",
    "huge integer": b'{"model": ' + b"9" * 6_000 + b"}",
    "half a surrogate pair": b'{"model": "\\ud800", "messages": [{"role": "user", "content": "\\udfff"}]}',
    "NUL": b'{"model": "\\u0000", "messages": [{"role": "user", "content": "\\u0000"}]}',
    "wrong types": b'{"model": {}, "messages": 7, "training_file": [], "method": true}',
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """One simulator for the module, at the pace `poll`. Invalid requests change nothing in it."""
    with simulator_in_process(Settings(pace=Pace.POLL)) as created:
        # A bug must give a 500, as on a socket, and not an exception.
        created.http = TestClient(created.instance.api, raise_server_exceptions=False)
        created.http.headers["authorization"] = f"Bearer {created.key}"
        with created.http:
            yield created


@pytest.fixture(scope="module")
def file(simulator: RunningSimulator) -> str:
    """A file of it."""
    return simulator.upload(make_training_file(1))


def envelope(answer: httpx2.Response) -> dict[str, Any]:
    """Return the error object, after checks that hold for every error."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["x-amzn-requestid"] == answer.headers["x-request-id"]
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "param", "type"]
    assert find_unsorted_objects(answer.text) == []
    assert isinstance(body["error"]["message"], str)
    return dict(body["error"])


@pytest.mark.shows("envelope", "request-ids")
@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "/v1/nothing"),
        ("POST", "/v1/batches"),
        ("GET", "/v1/files/"),
        ("GET", "/v1/files/a/b/c"),
        ("GET", "/v2/models"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("POST", "/model/anthropic.claude/invoke"),
    ],
)
def test_an_unknown_path_is_not_found(simulator: RunningSimulator, verb: str, path: str) -> None:
    """Status OBSERVED. FastAPI's `detail` does not appear."""
    answer = simulator.http.request(verb, path)
    assert (answer.status_code, envelope(answer)) == (
        404,
        {
            "code": "not_found_error",
            "message": f"Invalid URL ({verb} {path})",
            "param": None,
            "type": "invalid_request_error",
        },
    )


@pytest.mark.shows("envelope")
@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", CHAT),
        ("PUT", "/v1/files"),
        ("PATCH", "/v1/files"),
        ("POST", "/v1/models"),
        ("DELETE", CREATE),
        ("GET", f"{CREATE}/ftjob-1/cancel"),
        ("POST", f"{CREATE}/ftjob-1/events"),
        ("POST", "/_simulator/health"),
    ],
)
def test_a_wrong_method_is_not_allowed(simulator: RunningSimulator, verb: str, path: str) -> None:
    """OBSERVED: 405 for a GET on chat completions."""
    answer = simulator.http.request(verb, path)
    assert (answer.status_code, envelope(answer)) == (
        405,
        {
            "code": "method_not_allowed",
            "message": f"Not allowed to {verb} on {path}",
            "param": None,
            "type": "invalid_request_error",
        },
    )


@pytest.mark.shows("wordings-of-refusals")
@pytest.mark.parametrize("path", [CREATE, CHAT])
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_an_invalid_body_is_a_400(simulator: RunningSimulator, path: str, body: bytes) -> None:
    """Never a 500. A valid body with an unknown model is a 404."""
    answer = simulator.http.post(path, content=body, headers=JSON_TYPE)
    error = envelope(answer)
    assert (answer.status_code, error["type"]) in ((400, "invalid_request_error"), (404, "invalid_request_error"))


@pytest.mark.parametrize("path", [CREATE, CHAT])
def test_a_body_not_declared_as_json_is_refused(simulator: RunningSimulator, path: str) -> None:
    """For example the one that `curl -d` sends."""
    answer = simulator.http.post(path, content=b"{}", headers={"content-type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, envelope(answer)["code"]) == (415, "unsupported_content_type")


@pytest.mark.shows("wordings-of-refusals")
@pytest.mark.parametrize("listing", ["/v1/files", CREATE])
@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=99999999", "limit"),
        ("limit=%00", "limit"),
        ("limit=" + "9" * 5_000, "limit"),
        ("order=sideways", "order"),
        ("after=%ff%fe", "after"),
        ("after=%00", "after"),
    ],
)
def test_an_invalid_query_is_refused_by_its_parameter(
    simulator: RunningSimulator, listing: str, query: str, param: str
) -> None:
    """With 400."""
    answer = simulator.http.get(f"{listing}?{query}")
    assert (answer.status_code, envelope(answer)["param"]) == (400, param)


@pytest.mark.parametrize("name", ["%00", "%ff", "%E2%98%83", "x" * 5_000, "a%2Fb", "..%2f..%2fetc%2fpasswd", "'--"])
@pytest.mark.parametrize("path", ["/v1/files/{}", "/v1/files/{}/content", f"{CREATE}/{{}}", "/v1/models/{}"])
def test_an_odd_id_is_not_found(simulator: RunningSimulator, path: str, name: str) -> None:
    """Whatever bytes it has."""
    answer = simulator.http.get(path.format(name))
    assert (answer.status_code, envelope(answer)["code"]) == (404, "not_found_error")


@pytest.mark.shows("request-ids")
def test_every_answer_has_a_request_id(simulator: RunningSimulator) -> None:
    """The SDK has it as `_request_id`. No two are equal."""
    models = simulator.openai_client().models
    first, second = models.retrieve(BASE_MODEL), models.retrieve(BASE_MODEL)
    assert str(first._request_id).startswith("req_")
    assert first._request_id != second._request_id


def test_the_sdk_reads_the_error(simulator: RunningSimulator) -> None:
    """Class, code, param, type, message and request id."""
    with pytest.raises(NotFoundError) as exc_info:
        simulator.openai_client().models.retrieve("gpt-4o")
    error = exc_info.value
    assert (error.code, error.param, error.type, str(error)) == (
        "not_found_error",
        None,
        "invalid_request_error",
        "Error code: 404 - The model 'gpt-4o' does not exist",
    )
    assert str(error.request_id).startswith("req_")


def test_the_sdk_retries_no_client_error(simulator: RunningSimulator) -> None:
    """It retries 408, 409, 429 and 5xx silently. No mistake of a client has one of these."""
    client = simulator.openai_client()
    for ask in ("/models/x", "/files?limit=0", "/nowhere"):
        with pytest.raises(APIStatusError) as exc_info:
            client.get(ask, cast_to=object)
        assert exc_info.value.status_code in {400, 404}


@pytest.mark.shows("throttling", "unavailable")
def test_only_scripted_faults_throttle() -> None:
    """DOCUMENTED: 429, 503 and 529. Only the faults package uses the errors with these statuses."""
    names = {name for name, kind in CATALOGUE.items() if kind.status in {429, 503, 529}}
    room = Path(__file__).parents[2] / "simulator"
    using = {
        path.relative_to(room).parts[0]
        for path in room.rglob("*.py")
        if names & set(re.findall(r"\w+", path.read_text()))
    }
    assert using == {"errors.py", "faults"}


def test_a_hint_explains_the_error_in_a_header(simulator: RunningSimulator) -> None:
    """So that the body stays the service's."""
    answer = simulator.http.get("/openai/v1/files")
    assert "use base_url" in answer.headers["x-simulator-hint"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.sampled_from(
        ["model", "method", "method.reinforcement", "method.reinforcement.grader", "metadata", "seed"]
    ),
    value=values,
)
def test_no_value_in_a_job_request_causes_a_500(simulator: RunningSimulator, file: str, place: str, value: Any) -> None:
    """200 for a valid one, 4xx with the envelope for the rest. What was accepted can be listed."""
    body: Any = {"model": BASE_MODEL, "training_file": file, "method": reinforcement_method()}
    *path, last = place.split(".")
    parent = body
    for part in path:
        parent = parent[part]
    parent[last] = value
    answer = simulator.http.post(CREATE, content=json.dumps(body), headers=JSON_TYPE)
    if answer.status_code != 200:
        assert answer.status_code in {400, 404}
        envelope(answer)
    else:
        assert simulator.retrieve_job(answer.json()["id"]) == answer.json()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    field=st.sampled_from(["model", "messages", "max_tokens", "temperature", "stream", "stream_options", "seed", "n"]),
    value=values | st.integers(1, 10**30) | st.floats(0, 2),
)
def test_no_value_in_a_chat_request_causes_a_500(simulator: RunningSimulator, field: str, value: Any) -> None:
    """As above, for the most frequent request."""
    body = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "2 + 2?"}], field: value}
    answer = simulator.http.post(CHAT, content=json.dumps(body), headers=JSON_TYPE)
    if answer.status_code != 200:
        assert answer.status_code in {400, 404}
        envelope(answer)


def test_a_bug_of_the_simulator_has_the_envelope_and_a_request_id(
    simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it can be reported."""

    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(simulator.instance.context.models), "created_models", broken)
    answer = simulator.http.get("/v1/models")
    assert (answer.status_code, envelope(answer)) == (
        500,
        {
            "code": "internal_server_error",
            "message": "The server had an error while processing your request",
            "param": None,
            "type": "server_error",
        },
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"model": "x" * 100_000, "messages": [{"role": "user", "content": "?"}]}),
        (CHAT, {"model": BASE_MODEL, "messages": [{"role": "x" * 100_000, "content": "?"}]}),
        ("/v1/responses", {"model": BASE_MODEL, "input": "?", "previous_response_id": "x" * 100_000}),
        (CREATE, {"model": BASE_MODEL, "training_file": "x" * 100_000, "method": reinforcement_method()}),
        (CREATE, {"model": BASE_MODEL, "training_file": "x", "method": reinforcement_method(), "x" * 100_000: 1}),
    ],
    ids=["a model", "a role", "a response", "a file", "a field"],
)
def test_an_error_repeats_only_the_start_of_a_long_value(simulator: RunningSimulator, path: str, body: Any) -> None:
    """A body of 25 MB may be one name. Neither the answer nor the hint is that long."""
    answer = simulator.http.post(path, json=body)
    assert 400 <= answer.status_code < 500
    error = envelope(answer)
    assert len(error["message"]) < 2_000
    assert len(error["param"] or "") < 2_000
    assert len(answer.headers.get("x-simulator-hint", "")) < 2_000


def test_a_hint_repeats_only_the_start_of_a_long_value(simulator: RunningSimulator) -> None:
    """No client reads a header of that length."""
    scope = "A/20260101/" + "r" * 50_000 + "/bedrock/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
    answer = simulator.http.get("/v1/models", headers={"authorization": signed})
    assert (answer.status_code, envelope(answer)["code"]) == (401, "invalid_api_key")
    assert len(answer.headers["x-simulator-hint"]) < 2_000
