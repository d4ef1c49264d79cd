"""What is read from the bytes of a request and of an answer, whatever they hold."""

import json
import tracemalloc
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.http.asgi import Scope
from simulator.identity.session_key import create_session_key
from simulator.verdict import exchange_parser as reading
from simulator.verdict.client_identity import ClientIdentifier
from simulator.verdict.exchange import EMPTY_ANSWER, JobView, Operation, Page, ParsedAnswer, ParsedRequest
from tests.simulators import RunningSimulator
from tests.verdict.audit_scenario import AuditScenario

JOBS = "/v1/fine_tuning/jobs"


def parse_request(method: str, path: str, *, query: bytes = b"", body: bytes | None = b"") -> ParsedRequest:
    """Read a request."""
    return reading.parse_request(method, path, query, body)


def scope(*headers: tuple[bytes, str]) -> Scope:
    """Return a request with these headers."""
    return {"headers": [(name, value.encode("latin-1")) for name, value in headers]}


@pytest.mark.parametrize(
    ("method", "path", "operation", "job"),
    [
        ("POST", JOBS, Operation.CREATE_JOB, None),
        ("GET", JOBS, Operation.LIST_JOBS, None),
        ("GET", f"{JOBS}/ftjob-1", Operation.RETRIEVE_JOB, "ftjob-1"),
        ("GET", f"{JOBS}/ftjob-1/events", Operation.LIST_EVENTS, "ftjob-1"),
        ("GET", f"{JOBS}/ftjob-1/checkpoints", Operation.LIST_CHECKPOINTS, "ftjob-1"),
        ("POST", f"{JOBS}/ftjob-1/cancel", Operation.CANCEL_JOB, "ftjob-1"),
        ("DELETE", f"{JOBS}/ftjob-1", Operation.OTHER, "ftjob-1"),
        ("POST", "/v1/files", Operation.UPLOAD_FILE, None),
        ("GET", "/v1/files", Operation.OTHER, None),
        ("POST", "/v1/chat/completions", Operation.INVOKE_MODEL, None),
        ("POST", "/openai/v1/responses", Operation.INVOKE_MODEL, None),
        ("GET", "/v1/models/ft:x/y", Operation.RETRIEVE_MODEL, None),
        ("GET", "/v1/models", Operation.OTHER, None),
        ("GET", "/v2/fine_tuning/jobs", Operation.OTHER, None),
    ],
)
def test_what_a_request_is_about(method: str, path: str, operation: Operation, job: str | None) -> None:
    """Its operation, and the job that its path names."""
    assert reading.find_operation(method, path) == (operation, job)


def test_a_query_is_shown_as_far_as_it_is_about_a_page() -> None:
    """A presigned one holds a credential, and a path may hold a key."""
    read = parse_request("GET", f"{JOBS}/ABSKsecretsecret", query=b"limit=5&X-Amz-Signature=secret&after=a%0Ab")
    assert (read.request_line, read.limit, read.after) == (f"GET {JOBS}/ABSK...?after=a↵b&limit=5", 5, "a\nb")


@pytest.mark.parametrize("limit", ["", "x", "-1", "1e3", "٣", "9" * 4_301])
def test_a_limit_that_is_none_is_not_the_callers(limit: str) -> None:
    """The service refuses it, or takes its own."""
    assert parse_request("GET", JOBS, query=f"limit={limit}".encode()).limit is None


def test_two_requests_are_the_same_when_all_of_them_is() -> None:
    """Method, path, query, body."""
    alike = parse_request("POST", "/v1/chat/completions", query=b"a=1", body=b"x").fingerprint
    assert alike == parse_request("POST", "/v1/chat/completions", query=b"a=1", body=b"x").fingerprint
    others = [
        parse_request("POST", "/v1/chat/completions", query=b"a=1", body=b"y"),
        parse_request("POST", "/v1/chat/completions", query=b"a=2", body=b"x"),
        parse_request("POST", "/v1/responses", query=b"a=1", body=b"x"),
        parse_request("PUT", "/v1/chat/completions", query=b"a=1", body=b"x"),
        parse_request("POST", "/v1/chat/completions", query=b"a=1x", body=b""),
    ]
    assert alike not in {other.fingerprint for other in others}


def test_what_was_not_read_along_is_the_same_as_nothing() -> None:
    """A large body is not kept to compare it."""
    assert parse_request("POST", "/v1/chat/completions", body=None).fingerprint is None


@pytest.mark.parametrize(
    ("path", "query"),
    [(JOBS, "a={}{}"), (JOBS, "after={}{}"), (f"{JOBS}/{{}}{{}}", ""), (f"{JOBS}/{{}}{{}}/events", "limit=1")],
)
def test_nobody_is_remembered_for_what_is_long(path: str, query: str) -> None:
    """Anybody may ask without a key, and be refused: 1,100 requests of 60 kB each leave little behind."""
    stage = AuditScenario()
    client = stage.client()
    client.send("GET", JOBS, status=401)
    long = "x" * 60_000
    tracemalloc.start()
    for number in range(1_100):
        client.send("GET", path.format(number, long), query=query.format(number, long), status=401)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 10_000_000


ORDER = {"model": "m", "training_file": "f", "method": {"type": "reinforcement"}, "metadata": {"try": "1"}}


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
def test_two_orders_are_the_same_but_for_their_labels_and_files(change: dict[str, Any], is_same: bool) -> None:
    """Whichever way they are written; the files are told beside."""
    first = parse_request("POST", JOBS, body=json.dumps(ORDER).encode())
    second = parse_request("POST", JOBS, body=json.dumps(ORDER | change, indent=1, sort_keys=True).encode())
    assert (first.job_spec_digest == second.job_spec_digest) is is_same


def test_an_order_tells_its_files_by_their_places() -> None:
    """What is no id is none."""
    body = ORDER | {"validation_file": "v"}
    files = [
        parse_request("POST", JOBS, body=json.dumps(order).encode()).job_files
        for order in (body, ORDER | {"training_file": 7})
    ]
    assert files == [(("training_file", "f"), ("validation_file", "v")), ()]


@pytest.mark.parametrize(
    ("body", "is_unnamed"),
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
def test_a_model_is_unnamed_where_its_name_stands_for_null(body: str, is_unnamed: bool) -> None:
    """And not where something else in the body is called so."""
    assert parse_request("POST", "/v1/chat/completions", body=body.encode()).has_no_model is is_unnamed


def test_real_answers_are_read(local_simulator: RunningSimulator) -> None:
    """The renderers' own: a job, a list of jobs, events, checkpoints."""
    file = local_simulator.upload(b"{}\n")
    job = local_simulator.create_job(file, metadata={"b": "2", "a": "1"})["id"]
    local_simulator.wait_for_job(job)
    shown = local_simulator.http.get(f"{JOBS}/{job}").content
    assert reading.parse_answer(Operation.RETRIEVE_JOB, shown) == ParsedAnswer(
        jobs=(JobView(job_id=job, status="failed", label=""),)
    )

    listed = local_simulator.http.get(JOBS).content
    label = f'{file} {{"a": "1", "b": "2"}}'
    assert (
        label
        == parse_request(
            "POST", JOBS, body=json.dumps({"training_file": file, "metadata": {"b": "2", "a": "1"}}).encode()
        ).job_label
    )
    assert reading.parse_answer(Operation.LIST_JOBS, listed) == ParsedAnswer(
        jobs=(JobView(job_id=job, status="failed", label=label),), page=Page(ids=(job,), has_more=False)
    )

    all_events = local_simulator.http.get(f"{JOBS}/{job}/events")
    ids = tuple(event["id"] for event in all_events.json()["data"])
    assert len(ids) > 2
    assert reading.parse_answer(Operation.LIST_EVENTS, all_events.content) == ParsedAnswer(
        page=Page(ids=ids, has_more=False), end_status="failed"
    )
    oldest = local_simulator.http.get(f"{JOBS}/{job}/events", params={"after": ids[0], "limit": 1}).content
    assert reading.parse_answer(Operation.LIST_EVENTS, oldest) == ParsedAnswer(page=Page(ids=(ids[1],), has_more=True))
    none = local_simulator.http.get(f"{JOBS}/{job}/checkpoints").content
    assert reading.parse_answer(Operation.LIST_CHECKPOINTS, none) == ParsedAnswer(page=Page(ids=(), has_more=False))


@given(operation=st.sampled_from(Operation), body=st.binary(max_size=60))
def test_no_answer_is_too_odd_to_be_read(operation: Operation, body: bytes) -> None:
    """What cannot be understood tells of no job."""
    assert reading.parse_answer(operation, body).jobs == ()


@given(
    value=st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["id", "status", "data", "model", "has_more"]), inner)
        ),
    )
)
def test_no_json_is_too_odd_to_be_read(value: Any) -> None:
    """Any JSON value, in a request and in an answer."""
    body = json.dumps(value).encode()
    for operation in Operation:
        reading.parse_answer(operation, body)
    for path in (JOBS, "/v1/chat/completions"):
        reading.parse_request("POST", path, body, body)


def test_a_body_that_tells_of_nothing_tells_of_nothing() -> None:
    """An error's, say."""
    assert reading.parse_answer(Operation.RETRIEVE_JOB, b'{"error":{"message":"no"}}') == EMPTY_ANSWER


def _mint_key(second: int) -> str:
    signed = f"bedrock.amazonaws.com/?X-Amz-Credential=AKID%2F20260101%2Fus-west-2&X-Amz-Date={second}"
    return f"Bearer bedrock-api-key-{b64encode(signed.encode()).decode()}"


def test_a_client_is_known_by_who_holds_its_key() -> None:
    """A key that is minted for each request, and a request that is signed, name the access key."""
    callers = ClientIdentifier()
    signed = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-west-2/bedrock/aws4_request, SignedHeaders=host, Signature=0"
    known = [callers.identify(scope((b"authorization", sent))) for sent in (_mint_key(1), _mint_key(2), signed)]
    assert len({caller.name for caller in known}) == 1
    assert len({caller.key_digest for caller in known}) == 3


@pytest.mark.parametrize(
    "sent", ["Bearer ABSKother", "Bearer bedrock-api-key-%%%", "Bearer bedrock-api-key-QUJD", "Basic x"]
)
def test_any_other_key_stands_for_itself(sent: str) -> None:
    """Also one that is none."""
    callers = ClientIdentifier()
    others = {callers.identify(scope((b"authorization", _mint_key(1)))).name, callers.identify(scope()).name}
    assert callers.identify(scope((b"authorization", sent))).name not in others
    assert callers.identify(scope()).name == "no key"


def test_a_client_may_name_itself() -> None:
    """In a header that Bedrock does not know; it is shown on one line."""
    sent = ((b"authorization", "Bearer ABSKkey"), (b"x-simulator-client", "trainer\x1b[31m" + "x" * 100))
    caller = ClientIdentifier().identify(scope(*sent))
    assert (caller.name, caller.is_named) == ("trainer\\x1b[31m" + "x" * 25, True)


def test_no_key_can_be_told_from_what_is_kept() -> None:
    """Neither from the name nor from the digest."""
    key = create_session_key("us-west-2")
    callers = ClientIdentifier()
    caller = callers.identify(scope((b"authorization", f"Bearer {key}")))
    assert (len(caller.name), len(caller.key_digest)) == (len("key 01234567"), 8)
    assert key not in repr(vars(callers))
