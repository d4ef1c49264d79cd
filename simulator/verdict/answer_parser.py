"""Parses a complete answer: the jobs that it describes, the page of a list, and the end of a job."""

import re
from functools import lru_cache
from typing import Any, Final

from simulator.jobs.job import Failure, JobCancelled, JobFailed, JobSucceeded, Status
from simulator.verdict.exchange import EMPTY_ANSWER, JobView, Operation, Page, ParsedAnswer
from simulator.verdict.request_parser import job_label, parse_json_object
from simulator.wire.objects import describe_event

PARSED_OPERATIONS: Final = frozenset(
    {
        *(Operation.CREATE_JOB, Operation.RETRIEVE_JOB, Operation.CANCEL_JOB, Operation.LIST_JOBS),
        *(Operation.LIST_EVENTS, Operation.LIST_CHECKPOINTS),
    }
)
"""The operations whose answers the rules need."""

_MAX_CACHED_BYTES: Final = 4_096

# Within a JSON string each quote has a backslash, so these match keys only. Events and checkpoints have no other keys
# with these names.
_IDS: Final = re.compile(rb'"id":"([^"]+)"')
_HAS_MORE: Final = re.compile(rb'"has_more":\s*true')


def _message_of(event: JobSucceeded | JobFailed | JobCancelled) -> bytes:
    description = describe_event(event)
    assert description  # noqa: S101  an end is always listed
    return b'"message":"' + description.message.encode()


_END_MESSAGES: Final = {
    Status.SUCCEEDED.value: _message_of(JobSucceeded(at=0, weights="")),
    Status.FAILED.value: _message_of(JobFailed(at=0, failure=Failure(code="", message=""))),
    Status.CANCELLED.value: _message_of(JobCancelled(at=0)),
}


def parse_answer(operation: Operation, body: bytes) -> ParsedAnswer:
    """Parse the body of a successful answer; empty if it does not belong to the operation."""
    return (_parse_cached if len(body) <= _MAX_CACHED_BYTES else _parse)(operation, body)


def _parse(operation: Operation, body: bytes) -> ParsedAnswer:
    match operation:
        case Operation.LIST_EVENTS | Operation.LIST_CHECKPOINTS:
            ids = tuple(item_id.decode() for item_id in _IDS.findall(body))
            end_status = next((status for status, message in _END_MESSAGES.items() if message in body), None)
            return ParsedAnswer(page=Page(ids=ids, has_more=_HAS_MORE.search(body) is not None), end_status=end_status)
        case Operation.LIST_JOBS:
            answer = parse_json_object(body)
            data = answer.get("data")
            items = data if isinstance(data, list) else ()
            jobs = tuple(job for item in items if (job := _job_view(item, is_listed=True)))
            page = Page(ids=tuple(job.job_id for job in jobs), has_more=answer.get("has_more") is True)
            return ParsedAnswer(jobs=jobs, page=page)
        case Operation.CREATE_JOB | Operation.RETRIEVE_JOB | Operation.CANCEL_JOB:
            job = _job_view(parse_json_object(body))
            return ParsedAnswer(jobs=(job,)) if job else EMPTY_ANSWER
        case _:
            return EMPTY_ANSWER


# A client that polls receives the same answer most of the time.
_parse_cached: Final = lru_cache(maxsize=1_024)(_parse)


def _job_view(value: Any, *, is_listed: bool = False) -> JobView | None:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or not isinstance(value.get("status"), str):
        return None
    return JobView(job_id=value["id"], status=value["status"], label=job_label(value) if is_listed else "")
