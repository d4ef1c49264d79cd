"""What a request asked and what an answer told, read from the bytes that went over the wire."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import parse_qsl

from simulator.http.request_log import redact
from simulator.jobs.job import Failure, JobCancelled, JobFailed, JobSucceeded, Status
from simulator.verdict.exchange import EMPTY_ANSWER, JobView, Operation, Page, ParsedAnswer, ParsedRequest
from simulator.wire.objects import describe_event

_V1: Final = re.compile(r"(?:/openai)?/v1/")
_JOB: Final = re.compile(r"fine_tuning/jobs/([^/]+)(?:/(cancel|events|checkpoints))?")
_MODEL: Final = "models/"
_ASKING: Final = frozenset({"chat/completions", "completions", "embeddings", "responses"})

_OF_A_JOB: Final[Mapping[tuple[str, str | None], Operation]] = {
    ("GET", None): Operation.RETRIEVE_JOB,
    ("POST", "cancel"): Operation.CANCEL_JOB,
    ("GET", "events"): Operation.LIST_EVENTS,
    ("GET", "checkpoints"): Operation.LIST_CHECKPOINTS,
}
_OF_A_PATH: Final[Mapping[tuple[str, str], Operation]] = {
    ("POST", "fine_tuning/jobs"): Operation.CREATE_JOB,
    ("GET", "fine_tuning/jobs"): Operation.LIST_JOBS,
    ("POST", "files"): Operation.UPLOAD_FILE,
    **{("POST", path): Operation.INVOKE_MODEL for path in _ASKING},
}

PARSED_OPERATIONS: Final = frozenset(
    {
        *(Operation.CREATE_JOB, Operation.RETRIEVE_JOB, Operation.CANCEL_JOB, Operation.LIST_JOBS),
        *(Operation.LIST_EVENTS, Operation.LIST_CHECKPOINTS),
    }
)
"""The operations whose answers a rule asks about."""

_DIGEST: Final = 12  # bytes
_SHOWN_QUERY: Final = ("after", "limit", "order", "purpose")  # of anything else, a presigned one holds a credential
_SHORT: Final = 4_096  # bytes of an answer that is remembered
_SHORT_QUESTION: Final = 512  # characters of a method, path and query that are remembered
_LONGEST: Final = 200  # characters of an id: anybody may send a longer one, and they are kept

# In a JSON text a quote within a string has a backslash before it, so these match keys alone. An event and a checkpoint
# hold no other key of these names.
_IDS: Final = re.compile(rb'"id":"([^"]+)"')
_HAS_MORE: Final = re.compile(rb'"has_more":\s*true')
_MODEL_OF: Final = re.compile(rb'"model"\s*:(?!\s*(?:null|""|"(?:None|null|undefined)"))')

# What a template makes of a null: Python's, JSON's and JavaScript's.
_NO_NAME: Final = frozenset({"", "None", "null", "undefined"})

# Which of an order's fields do not say what is trained: an order that is made again may well carry another label.
_LABELS: Final = frozenset({"metadata", "suffix"})
_FILES: Final = ("training_file", "validation_file")


def _words(event: JobSucceeded | JobFailed | JobCancelled) -> bytes:
    told = describe_event(event)
    assert told  # noqa: S101  an end is always shown
    return b'"message":"' + told.message.encode()


_ENDINGS: Final = {
    Status.SUCCEEDED.value: _words(JobSucceeded(at=0, weights="")),
    Status.FAILED.value: _words(JobFailed(at=0, failure=Failure(code="", message=""))),
    Status.CANCELLED.value: _words(JobCancelled(at=0)),
}


def find_operation(method: str, path: str) -> tuple[Operation, str | None]:
    """Return what a request is about, and the job that its path names."""
    base = _V1.match(path)
    rest = path[base.end() :] if base else ""
    if found := _JOB.fullmatch(rest):
        return _OF_A_JOB.get((method, found[2]), Operation.OTHER), found[1]
    if method == "GET" and rest.startswith(_MODEL):
        return Operation.RETRIEVE_MODEL, None
    return _OF_A_PATH.get((method, rest), Operation.OTHER), None


def parse_request(method: str, path: str, query: bytes, body: bytes | None) -> ParsedRequest:
    """Return what a request asked. `body` is None when it was not read along; an upload's size stands for it."""
    is_long = bool(body) or len(method) + len(path) + len(query) > _SHORT_QUESTION
    return _parse_request(method, path, query, body) if is_long else _parse_request_cached(method, path, query, body)


def parse_answer(operation: Operation, body: bytes) -> ParsedAnswer:
    """Return what the body of a good answer told; nothing where it is not what the operation answers."""
    return _parse_answer(operation, body) if len(body) > _SHORT else _parse_answer_cached(operation, body)


def _parse_request(method: str, path: str, query: bytes, body: bytes | None) -> ParsedRequest:
    operation, job = find_operation(method, path)
    page = dict(parse_qsl(query.decode("latin-1"))) if query else {}
    value = _object(body) if operation is Operation.CREATE_JOB else {}
    return ParsedRequest(
        operation=operation,
        request_line=f"{method[:_LONGEST]} {redact(path)}{_shown(page) if page else ''}",
        job_id=job and job[:_LONGEST],
        after=page.get("after", "")[:_LONGEST] or None,
        limit=_number(page.get("limit")),
        fingerprint=None if body is None else _digest(method.encode(), path.encode(), query, body),
        job_spec_digest=_order(value),
        job_files=tuple((key, value[key]) for key in _FILES if _names_a_file(key, value.get(key))),
        job_label=_label(value) if value else "",
        has_no_model=_names_no_model(operation, path, body),
    )


def _parse_answer(operation: Operation, body: bytes) -> ParsedAnswer:
    match operation:
        case Operation.LIST_EVENTS | Operation.LIST_CHECKPOINTS:
            ids = tuple(name.decode() for name in _IDS.findall(body))
            end = next((status for status, words in _ENDINGS.items() if words in body), None)
            return ParsedAnswer(page=Page(ids=ids, has_more=_HAS_MORE.search(body) is not None), end_status=end)
        case Operation.LIST_JOBS:
            value = _object(body)
            data = value.get("data")
            listed = data if isinstance(data, list) else ()
            jobs = tuple(sight for item in listed if (sight := _sight(item, is_listed=True)))
            page = Page(ids=tuple(sight.job_id for sight in jobs), has_more=value.get("has_more") is True)
            return ParsedAnswer(jobs=jobs, page=page)
        case Operation.CREATE_JOB | Operation.RETRIEVE_JOB | Operation.CANCEL_JOB:
            sight = _sight(_object(body))
            return ParsedAnswer(jobs=(sight,)) if sight else EMPTY_ANSWER
        case _:
            return EMPTY_ANSWER


# Who polls asks the same again, and is mostly told the same.
_parse_request_cached: Final = lru_cache(maxsize=1_024)(_parse_request)
_parse_answer_cached: Final = lru_cache(maxsize=1_024)(_parse_answer)


def _sight(value: Any, *, is_listed: bool = False) -> JobView | None:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or not isinstance(value.get("status"), str):
        return None
    return JobView(job_id=value["id"], status=value["status"], label=_label(value) if is_listed else "")


def _label(job: Mapping[str, Any]) -> str:
    return f"{job.get('training_file')} {json.dumps(job.get('metadata'), sort_keys=True)}"


def _order(value: Mapping[str, Any]) -> bytes | None:
    if not value:
        return None
    made_of = {key: value[key] for key in value if key not in _LABELS and not _names_a_file(key, value[key])}
    return _digest(json.dumps(made_of, sort_keys=True).encode())


def _names_a_file(key: str, value: Any) -> bool:
    return key in _FILES and isinstance(value, str)


def _names_no_model(operation: Operation, path: str, body: bytes | None) -> bool:
    if operation is Operation.RETRIEVE_MODEL:
        return path.rpartition("/")[2] in _NO_NAME
    if operation is not Operation.INVOKE_MODEL or not body or _MODEL_OF.search(body):
        return False
    value = _object(body)
    model = value.get("model")
    return bool(value) and (model is None or (isinstance(model, str) and model in _NO_NAME))


def _object(body: bytes | None) -> dict[str, Any]:
    try:
        value = json.loads(body or b"")
    except (ValueError, RecursionError):  # cut off, never JSON, or nested without end
        return {}
    return value if isinstance(value, dict) else {}


def _shown(page: Mapping[str, str]) -> str:
    told = "&".join(f"{name}={redact(page[name])[:_LONGEST]}" for name in _SHOWN_QUERY if page.get(name))
    return f"?{told}" if told else ""


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < len("1000000000") else None


def _digest(*parts: bytes) -> bytes:
    hashed = blake2b(digest_size=_DIGEST)
    for part in parts:
        hashed.update(len(part).to_bytes(4, "big"))
        hashed.update(part)
    return hashed.digest()
