"""What a request asked and what an answer told, read from the bytes that went over the wire."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import parse_qsl

from simulator.http.request_log import shown
from simulator.jobs.job import Failure, JobCancelled, JobFailed, JobSucceeded, Status
from simulator.verdict.exchange import NOTHING, Asked, Operation, Page, Sight, Told
from simulator.wire.objects import announcement

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
    ("POST", "files"): Operation.UPLOAD,
    **{("POST", path): Operation.ASK_MODEL for path in _ASKING},
}

TELLING: Final = frozenset(
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
    told = announcement(event)
    assert told  # noqa: S101  an end is always shown
    return b'"message":"' + told.message.encode()


_ENDINGS: Final = {
    Status.SUCCEEDED.value: _words(JobSucceeded(at=0, weights="")),
    Status.FAILED.value: _words(JobFailed(at=0, failure=Failure(code="", message=""))),
    Status.CANCELLED.value: _words(JobCancelled(at=0)),
}


def operation_of(method: str, path: str) -> tuple[Operation, str | None]:
    """Return what a request is about, and the job that its path names."""
    base = _V1.match(path)
    rest = path[base.end() :] if base else ""
    if found := _JOB.fullmatch(rest):
        return _OF_A_JOB.get((method, found[2]), Operation.OTHER), found[1]
    if method == "GET" and rest.startswith(_MODEL):
        return Operation.FIND_MODEL, None
    return _OF_A_PATH.get((method, rest), Operation.OTHER), None


def asked(method: str, path: str, query: bytes, body: bytes | None) -> Asked:
    """Return what a request asked. `body` is None when it was not read along; an upload's size stands for it."""
    is_long = bool(body) or len(method) + len(path) + len(query) > _SHORT_QUESTION
    return _asked(method, path, query, body) if is_long else _asked_before(method, path, query, body)


def told(operation: Operation, body: bytes) -> Told:
    """Return what the body of a good answer told; nothing where it is not what the operation answers."""
    return _told(operation, body) if len(body) > _SHORT else _told_before(operation, body)


def _asked(method: str, path: str, query: bytes, body: bytes | None) -> Asked:
    operation, job = operation_of(method, path)
    page = dict(parse_qsl(query.decode("latin-1"))) if query else {}
    value = _object(body) if operation is Operation.CREATE_JOB else {}
    return Asked(
        operation=operation,
        line=f"{method[:_LONGEST]} {shown(path)}{_shown(page) if page else ''}",
        job=job and job[:_LONGEST],
        after=page.get("after", "")[:_LONGEST] or None,
        limit=_number(page.get("limit")),
        same=None if body is None else _digest(method.encode(), path.encode(), query, body),
        order=_order(value),
        files=tuple((key, value[key]) for key in _FILES if _names_a_file(key, value.get(key))),
        label=_label(value) if value else "",
        no_model=_names_no_model(operation, path, body),
    )


def _told(operation: Operation, body: bytes) -> Told:
    match operation:
        case Operation.LIST_EVENTS | Operation.LIST_CHECKPOINTS:
            ids = tuple(name.decode() for name in _IDS.findall(body))
            end = next((status for status, words in _ENDINGS.items() if words in body), None)
            return Told(page=Page(ids=ids, has_more=_HAS_MORE.search(body) is not None), end=end)
        case Operation.LIST_JOBS:
            value = _object(body)
            data = value.get("data")
            listed = data if isinstance(data, list) else ()
            jobs = tuple(sight for item in listed if (sight := _sight(item, is_listed=True)))
            page = Page(ids=tuple(sight.job for sight in jobs), has_more=value.get("has_more") is True)
            return Told(jobs=jobs, page=page)
        case Operation.CREATE_JOB | Operation.RETRIEVE_JOB | Operation.CANCEL_JOB:
            sight = _sight(_object(body))
            return Told(jobs=(sight,)) if sight else NOTHING
        case _:
            return NOTHING


# Who polls asks the same again, and is mostly told the same.
_asked_before: Final = lru_cache(maxsize=1_024)(_asked)
_told_before: Final = lru_cache(maxsize=1_024)(_told)


def _sight(value: Any, *, is_listed: bool = False) -> Sight | None:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or not isinstance(value.get("status"), str):
        return None
    return Sight(job=value["id"], status=value["status"], label=_label(value) if is_listed else "")


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
    if operation is Operation.FIND_MODEL:
        return path.rpartition("/")[2] in _NO_NAME
    if operation is not Operation.ASK_MODEL or not body or _MODEL_OF.search(body):
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
    told = "&".join(f"{name}={shown(page[name])[:_LONGEST]}" for name in _SHOWN_QUERY if page.get(name))
    return f"?{told}" if told else ""


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < len("1000000000") else None


def _digest(*parts: bytes) -> bytes:
    hashed = blake2b(digest_size=_DIGEST)
    for part in parts:
        hashed.update(len(part).to_bytes(4, "big"))
        hashed.update(part)
    return hashed.digest()
