"""The request parser: operations, pages, fingerprints, and requests that a client makes up."""

import json
import tracemalloc
from typing import Any

import pytest

from simulator.verdict.exchange import Operation, ParsedRequest
from simulator.verdict.request_parser import find_operation
from simulator.verdict.request_parser import parse_request as parse
from tests.verdict.audit_scenario import JOBS_PATH, AuditScenario

CHAT = "/v1/chat/completions"
JOB_BODY = {"model": "m", "training_file": "f", "method": {"type": "reinforcement"}, "metadata": {"try": "1"}}


def parse_request(method: str, path: str, *, query: bytes = b"", body: bytes | None = b"") -> ParsedRequest:
    """Parse a request, by default one without query and body."""
    return parse(method, path, query, body)


def parse_creation(body: dict[str, Any], **json_options: Any) -> ParsedRequest:
    """Parse a job creation."""
    return parse_request("POST", JOBS_PATH, body=json.dumps(body, **json_options).encode())


@pytest.mark.parametrize(
    ("method", "path", "operation", "job_id"),
    [
        ("POST", JOBS_PATH, Operation.CREATE_JOB, None),
        ("GET", JOBS_PATH, Operation.LIST_JOBS, None),
        ("GET", f"{JOBS_PATH}/ftjob-1", Operation.RETRIEVE_JOB, "ftjob-1"),
        ("GET", f"{JOBS_PATH}/ftjob-1/events", Operation.LIST_EVENTS, "ftjob-1"),
        ("GET", f"{JOBS_PATH}/ftjob-1/checkpoints", Operation.LIST_CHECKPOINTS, "ftjob-1"),
        ("POST", f"{JOBS_PATH}/ftjob-1/cancel", Operation.CANCEL_JOB, "ftjob-1"),
        ("DELETE", f"{JOBS_PATH}/ftjob-1", Operation.OTHER, "ftjob-1"),
        ("POST", "/v1/files", Operation.UPLOAD_FILE, None),
        ("GET", "/v1/files", Operation.OTHER, None),
        ("POST", CHAT, Operation.INVOKE_MODEL, None),
        ("POST", "/openai/v1/responses", Operation.INVOKE_MODEL, None),
        ("GET", "/v1/models/ft:x/y", Operation.RETRIEVE_MODEL, None),
        ("GET", "/v1/models", Operation.OTHER, None),
        ("GET", "/v2/fine_tuning/jobs", Operation.OTHER, None),
    ],
)
def test_method_and_path_give_the_operation_and_the_job(
    method: str, path: str, operation: Operation, job_id: str | None
) -> None:
    """The job is the one in the path."""
    assert find_operation(method, path) == (operation, job_id)


def test_a_request_line_has_only_the_page_of_the_query_and_no_key() -> None:
    """A presigned query has a credential, and a path may have a key."""
    request = parse_request("GET", f"{JOBS_PATH}/ABSKsecretsecret", query=b"limit=5&X-Amz-Signature=secret&after=a%0Ab")
    line = f"GET {JOBS_PATH}/ABSK...?after=a↵b&limit=5"
    assert (request.request_line, request.limit, request.after) == (line, 5, "a\nb")


@pytest.mark.parametrize("limit", ["", "x", "-1", "1e3", "٣", "9" * 4_301])
def test_an_invalid_limit_is_no_limit(limit: str) -> None:
    """The service refuses it or uses its own."""
    assert parse_request("GET", JOBS_PATH, query=f"limit={limit}".encode()).limit is None


def test_a_fingerprint_covers_method_path_query_and_body() -> None:
    """Each of them, with its length."""
    fingerprint = parse_request("POST", CHAT, query=b"a=1", body=b"x").fingerprint
    assert fingerprint == parse_request("POST", CHAT, query=b"a=1", body=b"x").fingerprint
    others = [
        parse_request("POST", CHAT, query=b"a=1", body=b"y"),
        parse_request("POST", CHAT, query=b"a=2", body=b"x"),
        parse_request("POST", "/v1/responses", query=b"a=1", body=b"x"),
        parse_request("PUT", CHAT, query=b"a=1", body=b"x"),
        parse_request("POST", CHAT, query=b"a=1x", body=b""),
    ]
    assert fingerprint not in {other.fingerprint for other in others}


def test_a_body_that_was_not_recorded_has_no_fingerprint() -> None:
    """A large body is not kept."""
    assert parse_request("POST", CHAT, body=None).fingerprint is None


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (JOBS_PATH, "a={}{}"),
        (JOBS_PATH, "after={}{}"),
        (f"{JOBS_PATH}/{{}}{{}}", ""),
        (f"{JOBS_PATH}/{{}}{{}}/events", "limit=1"),
    ],
)
def test_long_requests_leave_little_in_memory(path: str, query: str) -> None:
    """A client without a key can send any number: 200 requests of 60 kB would be 12 MB."""
    client = AuditScenario().client()
    client.send("GET", JOBS_PATH, status=401)
    long = "x" * 60_000
    tracemalloc.start()
    for number in range(200):
        client.send("GET", path.format(number, long), query=query.format(number, long), status=401)
    retained, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert retained < 1_800_000


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"metadata": {"try": "2"}}, True),
        ({"suffix": "second-try"}, True),
        ({"training_file": "g"}, True),
        ({"training_file": None}, False),
        ({"method": {"type": "supervised"}}, False),
        ({"seed": 7}, False),
    ],
)
def test_a_job_spec_digest_ignores_labels_and_files(change: dict[str, Any], is_same: bool) -> None:
    """And the layout of the JSON."""
    first, second = parse_creation(JOB_BODY), parse_creation(JOB_BODY | change, indent=1, sort_keys=True)
    assert (first.job_spec_digest == second.job_spec_digest) is is_same


def test_a_creation_has_its_files_by_field() -> None:
    """A value that is no text is no file."""
    files = [parse_creation(JOB_BODY | change).job_files for change in ({"validation_file": "v"}, {"training_file": 7})]
    assert files == [(("training_file", "f"), ("validation_file", "v")), ()]


@pytest.mark.parametrize(
    ("body", "has_no_model"),
    [
        ('{"model": null}', True),
        ('{"model":""}', True),
        ('{"model" : "None"}', True),
        ('{"messages": []}', True),
        ('{"model":"openai.gpt-oss-20b"}', False),
        ('{"messages":[{"content":"\\"model\\":null"}],"model":"m"}', False),
        ('{"metadata":{"model":null},"model":"m"}', False),
        ('{"tools":[{"model":null}],"model":"m"}', False),
        ('{"model":["None"]}', False),
        ("", False),
        ("nothing", False),
        ("[" * 50_000, False),
    ],
)
def test_only_a_missing_or_null_name_at_the_top_is_no_model(body: str, has_no_model: bool) -> None:
    """Other fields called `model` do not matter."""
    assert parse_request("POST", CHAT, body=body.encode()).has_no_model is has_no_model
