"""Which requests a fault matches, to which of them it applies, and its counters."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from simulator.faults.registry import FaultRegistry
from simulator.faults.request import IncomingRequest, request_from_scope
from simulator.faults.request_fault import ScriptError
from simulator.ids import Ids

IDS = Ids(seed=0)
DROP = {"drop": "before"}


def incoming_request(
    path: str = "/v1/models",
    *,
    method: str = "GET",
    authorization: str = "Bearer key",
    query: str = "",
    body: bytes = b"",
) -> IncomingRequest:
    """Return a request as the middleware passes it to the registry."""
    scope = {
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"authorization", authorization.encode())],
    }
    return request_from_scope(scope).with_body(body)


def signed(service: str) -> str:
    """Return the authorization header of a request that is signed for a service."""
    return f"AWS4-HMAC-SHA256 Credential=AKID/20260101/us-west-2/{service}/aws4_request, SignedHeaders=host"


def registry_of(*faults: dict[str, Any]) -> FaultRegistry:
    """Return a registry with faults."""
    registry = FaultRegistry(
        job_id_for=IDS.job, terminal_status=lambda _: None, advanced_seconds=lambda: 0.0, monotonic=lambda: 0.0
    )
    registry.add(list(faults))
    return registry


def matched_faults(registry: FaultRegistry, *requests: IncomingRequest) -> list[list[str]]:
    """Return the faults that apply to each request."""
    return [[entry.id for entry in registry.match_request(request)] for request in requests]


def is_match(match: dict[str, Any], request: IncomingRequest) -> bool:
    """Return whether a fault with this `request` matches a request."""
    return matched_faults(registry_of({"request": match, **DROP}), request) == [["fault-1"]]


JOB = "/v1/fine_tuning/jobs/ftjob-1"


@pytest.mark.parametrize(
    ("pattern", "path", "is_expected"),
    [
        ("/**", "/anything/at/all", True),
        ("/v1/models", "/v1/models", True),
        ("/v1/models", "/v1/models/", False),
        ("/v1/models", "/openai/v1/models", False),
        ("**/v1/models", "/openai/v1/models", True),
        ("/v1/fine_tuning/jobs/*", JOB, True),
        ("/v1/fine_tuning/jobs/*", f"{JOB}/events", False),
        ("/v1/fine_tuning/jobs/**", f"{JOB}/events", True),
        ("/v1/fine_tuning/jobs/*/events", f"{JOB}/events", True),
        ("/v1/*.jsonl", "/v1/a.jsonl", True),
        ("/v1/*.jsonl", "/v1/a-jsonl", False),
        ("/v1/[ab]", "/v1/a", False),
        ("/v1/*", "/v1/a\nb", True),
    ],
)
def test_one_star_matches_within_a_path_segment_and_two_match_anything(
    pattern: str, path: str, is_expected: bool
) -> None:
    """No other character is special."""
    assert is_match({"path": pattern}, incoming_request(path)) is is_expected


@pytest.mark.parametrize(
    ("match", "request_", "is_expected"),
    [
        ({}, incoming_request(), True),
        ({"method": "GET"}, incoming_request(), True),
        ({"method": "POST"}, incoming_request(), False),
        ({"service": "s3"}, incoming_request("/bucket/key", authorization=signed("s3")), True),
        ({"service": "s3"}, incoming_request("/", authorization=signed("iam")), False),
        (
            {"service": "s3"},
            incoming_request("/b/k", authorization="", query="X-Amz-Credential=A/20260101/r/s3/aws4_request"),
            True,
        ),
        ({"service": "s3"}, incoming_request("/b/k", query="X-Amz-Credential=A/20260101/r/s3/aws4_request"), False),
        ({"service": "bedrock-mantle"}, incoming_request(), True),
        ({"service": "bedrock-mantle"}, incoming_request(authorization=signed("bedrock")), True),
        ({"service": "bedrock-mantle"}, incoming_request(authorization=""), True),
        ({"service": "bedrock-mantle"}, incoming_request(authorization=signed("s3")), False),
        ({"model": "openai.gpt-oss-20b"}, incoming_request(body=b'{"model": "openai.gpt-oss-20b"}'), True),
        ({"model": "openai.*"}, incoming_request(body=b'{"model": "openai.gpt-oss-20b"}'), True),
        ({"model": "ft:**"}, incoming_request(body=b'{"model": "ft:a/b"}'), True),
        ({"model": "openai.*"}, incoming_request(body=b'{"model": "qwen.qwen3-32b"}'), False),
        ({"model": "openai.*"}, incoming_request(body=b'{"model": 7}'), False),
        ({"model": "openai.*"}, incoming_request(body=b'["openai.gpt-oss-20b"]'), False),
        ({"model": "**"}, incoming_request(body=b"no JSON"), False),
        ({"model": "**"}, incoming_request(body=b"[" * 100_000), False),
        ({"job": "ftjob-1"}, incoming_request(JOB), True),
        ({"job": "ftjob-1"}, incoming_request(f"{JOB}/cancel", method="POST"), True),
        ({"job": "ftjob-1"}, incoming_request("/v1/fine_tuning/jobs/ftjob-12"), False),
        ({"job": "ftjob-1"}, incoming_request("/v1/fine_tuning/jobs"), False),
        ({"job": 2}, incoming_request(f"/v1/fine_tuning/jobs/{IDS.job(1)}"), True),
        ({"job": 2}, incoming_request(f"/v1/fine_tuning/jobs/{IDS.job(0)}"), False),
        ({"method": "GET", "job": "ftjob-1"}, incoming_request(JOB, method="DELETE"), False),
    ],
)
def test_a_fault_matches_requests_that_match_all_its_fields(
    match: dict[str, Any], request_: IncomingRequest, is_expected: bool
) -> None:
    """The method, the service of the signature, the model of the body and the job of the path."""
    assert is_match(match, request_) is is_expected


@pytest.mark.parametrize(
    ("window", "calls"),
    [
        ({}, [1]),
        ({"nth": 2}, [2]),
        ({"times": 3}, [1, 2, 3]),
        ({"nth": 2, "times": 2}, [2, 3]),
        ({"nth": 4, "times": None}, [4, 5, 6]),
    ],
)
def test_a_fault_applies_to_the_calls_of_its_window(window: dict[str, Any], calls: list[int]) -> None:
    """Only matching calls count, from 1."""
    registry = registry_of({"request": {"path": "/v1/models"}, **DROP, **window})
    requests = [request for _ in range(6) for request in (incoming_request(), incoming_request("/v1/files"))]
    is_applied = [bool(raised) for raised in matched_faults(registry, *requests)]
    assert [call for call, applies in enumerate(is_applied[::2], 1) if applies] == calls
    assert not any(is_applied[1::2])


@pytest.mark.shows("faults")
def test_each_fault_counts_all_its_matches() -> None:
    """Also those that another fault applies to, so the n-th call is the client's n-th."""
    registry = registry_of(
        {"request": {}, "nth": 1, "times": 2, **DROP},
        {"request": {"path": "/v1/models"}, "nth": 2, **DROP},
        {"request": {"method": "POST"}, **DROP},
    )
    assert matched_faults(registry, *[incoming_request()] * 3) == [["fault-1"], ["fault-1", "fault-2"], []]
    assert [status.matched for status in registry.statuses()] == [3, 3, 0]


def test_a_request_counts_once_with_many_threads() -> None:
    """Exactly one request is the third."""
    registry = registry_of({"request": {}, "nth": 3, "times": 5, **DROP})
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda _: len(registry.match_request(incoming_request())), range(400)))
    assert (sum(counts), registry.statuses()[0].matched) == (5, 400)


def test_faults_keep_their_order_and_ids_are_not_reused() -> None:
    """Even if a fault is removed in between."""
    registry = registry_of({"request": {}, **DROP}, {"request": {}, "delay": 1})
    assert registry.remove("fault-1")
    assert registry.add({"request": {}, "drop": "after"}) == ("fault-3",)
    assert [status.id for status in registry.statuses()] == ["fault-2", "fault-3"]


def test_a_script_is_added_completely_or_not_at_all() -> None:
    """One invalid fault is enough."""
    registry = registry_of({"request": {}, **DROP})
    with pytest.raises(ScriptError, match=r"^fault 2: "):
        registry.add([{"request": {}, **DROP}, {"request": {}}])
    assert [status.id for status in registry.statuses()] == ["fault-1"]


@pytest.mark.parametrize(
    ("undo", "was_removed", "remaining"),
    [
        (lambda registry: registry.remove("fault-1"), True, ["fault-2"]),
        (lambda registry: registry.remove("fault-9"), False, ["fault-1", "fault-2"]),
        (lambda registry: registry.clear(), None, []),
    ],
    ids=["remove", "remove another", "clear"],
)
def test_a_fault_can_be_removed(
    undo: Callable[[FaultRegistry], bool | None], was_removed: bool | None, remaining: list[str]
) -> None:
    """It no longer applies."""
    registry = registry_of({"request": {}, "times": None, **DROP}, {"request": {}, "times": None, **DROP})
    assert undo(registry) is was_removed
    assert matched_faults(registry, incoming_request()) == [remaining]
    assert registry.is_empty is not bool(remaining)


@pytest.mark.parametrize(
    ("fault", "is_needed"),
    [
        ({"request": {}, **DROP}, False),
        ({"request": {"model": "**"}, **DROP}, True),
        ({"request": {"model": "**", "path": "/v1/files"}, **DROP}, False),
        ({"request": {}, "tokens_per_minute": {"input": 1}}, True),
        ({"request": {}, "error": "MODEL_NOT_FOUND"}, True),
        ({"request": {}, "error": "MODEL_NOT_FOUND", "values": {"model": "gone"}}, False),
        ({"request": {}, "error": "RATE_LIMITED"}, False),
    ],
)
def test_a_body_is_read_only_if_a_fault_needs_it(fault: dict[str, Any], is_needed: bool) -> None:
    """And only if everything else matches."""
    assert registry_of(fault).needs_body(incoming_request()) is is_needed
