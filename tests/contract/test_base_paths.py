"""The routes under each base URL, and the hint of a 404 for a wrong base URL."""

from typing import Any

import pytest

from simulator.routes.route import OPENAI_V1_PREFIX, V1_PREFIX
from simulator.routes.table import ROUTES
from tests.simulators import RunningSimulator

ORIGIN = "http://testserver"
ROUTES_LISTED_HINT = f"{ORIGIN}/_simulator/openapi.json lists the existing ones"
PREFIX_TWICE_HINT = f"Mantle has no such route; /v1 is in the path twice; {ROUTES_LISTED_HINT}"


def send_request(simulator: RunningSimulator, method: str, path: str) -> tuple[int, Any, str | None]:
    """Return status, body and hint."""
    response = simulator.http.request(method, path)
    return response.status_code, response.json(), response.headers.get("x-simulator-hint")


def unknown_path_error(method: str, path: str) -> Any:
    """Return the body of a 404 for an unknown path."""
    message = f"Invalid URL ({method} {path})"
    return {"error": {"code": "not_found_error", "message": message, "param": None, "type": "invalid_request_error"}}


ONLY_V1 = [
    (route.method, OPENAI_V1_PREFIX + route.path.replace("{", "").replace("}", ""))
    for route in ROUTES
    if route.prefixes == (V1_PREFIX,)
]


@pytest.mark.shows("base-urls")
@pytest.mark.parametrize(("method", "path"), ONLY_V1)
def test_the_default_base_url_of_the_sdk_has_no_files_and_jobs(
    local_simulator: RunningSimulator, method: str, path: str
) -> None:
    """`BedrockOpenAI` uses `/openai/v1`, which has no fine-tuning. The hint names the right base URL."""
    hint = f"only models and inference are served under /openai/v1; for this path use base_url {ORIGIN}/v1"
    assert send_request(local_simulator, method, path) == (404, unknown_path_error(method, path), hint)


@pytest.mark.shows("base-urls")
def test_models_are_listed_under_both_base_urls(local_simulator: RunningSimulator) -> None:
    """Both answers are the same."""
    assert local_simulator.http.get("/openai/v1/models").json() == local_simulator.http.get("/v1/models").json()


@pytest.mark.shows("absent-routes", "other-absent-routes")
@pytest.mark.parametrize(
    ("method", "path", "hint"),
    [
        ("GET", "/files", f"the base URL must end in /v1: {ORIGIN}/v1"),
        ("POST", "/chat/completions", f"the base URL must end in /v1: {ORIGIN}/v1"),
        ("POST", "/v1/batches", "Mantle has no batches (SAMPLE); bedrock-runtime has batch inference"),
        ("GET", "/v1/batches/batch_1", "Mantle has no batches (SAMPLE); bedrock-runtime has batch inference"),
        (
            "POST",
            "/v1/fine_tuning/jobs/ftjob-1/pause",
            "Mantle cannot pause a job: its documented actions are create, list, get and cancel",
        ),
        (
            "POST",
            "/v1/fine_tuning/jobs/ftjob-1/resume",
            "Mantle cannot pause a job: its documented actions are create, list, get and cancel",
        ),
        ("POST", "/v1/uploads", "Mantle has no multi-part uploads: send the whole file to /v1/files"),
        (
            "POST",
            "/v1/fine_tuning/alpha/graders/run",
            "Mantle runs graders only within a job; invoke the Lambda function itself",
        ),
        ("GET", "/v1/responses/resp_1/input_items", "Mantle does not list the input of a response (SAMPLE)"),
        ("GET", "/v1/files/", "the path must not end with a slash"),
        (
            "POST",
            "/model/openai.gpt-oss-20b/invoke",
            f"the OpenAI-compatible API is under {ORIGIN}/v1; boto3's bedrock and bedrock-runtime are not served",
        ),
    ],
)
def test_a_missing_route_has_a_hint(local_simulator: RunningSimulator, method: str, path: str, hint: str) -> None:
    """The body is the same for every unknown path."""
    assert send_request(local_simulator, method, path) == (404, unknown_path_error(method, path), hint)


@pytest.mark.shows("get-is-405")
def test_the_refusal_of_a_wrong_method_names_the_right_method(local_simulator: RunningSimulator) -> None:
    """The status is 405 and not 404, as observed at Bedrock for chat."""
    response = local_simulator.http.get("/v1/chat/completions")
    message = "Not allowed to GET on /v1/chat/completions"
    error = {"code": "method_not_allowed", "message": message, "param": None, "type": "invalid_request_error"}
    assert (response.status_code, response.json(), response.headers["allow"]) == (405, {"error": error}, "POST")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/files", "GET, HEAD, POST"), ("/v1/files/f", "DELETE, GET, HEAD"), ("/v1/responses/r/cancel", "POST")],
)
def test_the_allow_header_lists_all_methods_of_a_path(
    local_simulator: RunningSimulator, path: str, allowed: str
) -> None:
    """The order of the route table does not matter."""
    assert local_simulator.http.put(path).headers["allow"] == allowed


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/v1/modles", f"Mantle has no such route; {ROUTES_LISTED_HINT}"),
        (
            "/v1/v1/models",
            PREFIX_TWICE_HINT,
        ),
        (
            "/2015-03-31/functions",
            "a request to an AWS service needs a signature, and this one has none",
        ),
    ],
)
def test_a_mistyped_path_has_a_hint_of_its_own(local_simulator: RunningSimulator, path: str, hint: str) -> None:
    """It differs from the hint for a wrong base URL."""
    assert local_simulator.http.get(path).headers["x-simulator-hint"] == hint
