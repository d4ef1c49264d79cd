"""The answer parser: the simulator's own answers, and any other bytes."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.verdict.answer_parser import parse_answer
from simulator.verdict.exchange import EMPTY_ANSWER, JobView, Operation, Page, ParsedAnswer
from simulator.verdict.request_parser import parse_request
from tests.simulators import RunningSimulator
from tests.verdict.audit_scenario import JOBS_PATH


def test_the_simulators_answers_are_parsed(local_simulator: RunningSimulator) -> None:
    """A job, a list of jobs, events and checkpoints."""
    http = local_simulator.http
    file = local_simulator.upload(b"{}\n")
    job = local_simulator.create_job(file, metadata={"b": "2", "a": "1"})["id"]
    local_simulator.wait_for_job(job)
    assert parse_answer(Operation.RETRIEVE_JOB, http.get(f"{JOBS_PATH}/{job}").content) == ParsedAnswer(
        jobs=(JobView(job_id=job, status="failed", label=""),)
    )

    creation = json.dumps({"training_file": file, "metadata": {"b": "2", "a": "1"}}).encode()
    label = parse_request("POST", JOBS_PATH, b"", creation).job_label
    assert label == f'{file} {{"a": "1", "b": "2"}}'
    assert parse_answer(Operation.LIST_JOBS, http.get(JOBS_PATH).content) == ParsedAnswer(
        jobs=(JobView(job_id=job, status="failed", label=label),), page=Page(ids=(job,), has_more=False)
    )

    events = http.get(f"{JOBS_PATH}/{job}/events")
    ids = tuple(event["id"] for event in events.json()["data"])
    assert len(ids) > 2
    assert parse_answer(Operation.LIST_EVENTS, events.content) == ParsedAnswer(
        page=Page(ids=ids, has_more=False), end_status="failed"
    )
    second = http.get(f"{JOBS_PATH}/{job}/events", params={"after": ids[0], "limit": 1}).content
    assert parse_answer(Operation.LIST_EVENTS, second) == ParsedAnswer(page=Page(ids=(ids[1],), has_more=True))
    checkpoints = http.get(f"{JOBS_PATH}/{job}/checkpoints").content
    assert parse_answer(Operation.LIST_CHECKPOINTS, checkpoints) == ParsedAnswer(page=Page(ids=(), has_more=False))


def test_an_error_has_no_job() -> None:
    """Its body has neither an id nor a status."""
    assert parse_answer(Operation.RETRIEVE_JOB, b'{"error":{"message":"no"}}') == EMPTY_ANSWER


@settings(max_examples=50)
@given(operation=st.sampled_from(Operation), body=st.binary(max_size=60))
def test_any_bytes_can_be_parsed(operation: Operation, body: bytes) -> None:
    """They describe no job."""
    assert parse_answer(operation, body).jobs == ()


@settings(max_examples=50)
@given(
    value=st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["id", "status", "data", "model", "has_more"]), inner)
        ),
        max_leaves=12,
    )
)
def test_any_json_can_be_parsed(value: Any) -> None:
    """In an answer and in a request."""
    body = json.dumps(value).encode()
    for operation in Operation:
        parse_answer(operation, body)
    for path in (JOBS_PATH, "/v1/chat/completions"):
        parse_request("POST", path, body, body)
