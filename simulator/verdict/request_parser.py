"""Parses a request: its operation, its page, the job that it creates, and a fingerprint."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import parse_qsl

from simulator.http.request_log import redact
from simulator.verdict.exchange import Operation, ParsedRequest

MAX_ID_LENGTH: Final = 200
"""Characters that are kept of an id or a method, because a client may send longer ones."""

_BASE_PATH: Final = re.compile(r"(?:/openai)?/v1/")
_JOB_PATH: Final = re.compile(r"fine_tuning/jobs/([^/]+)(?:/(cancel|events|checkpoints))?")
_MODEL_PATH: Final = "models/"
_INFERENCE_PATHS: Final = frozenset({"chat/completions", "completions", "embeddings", "responses"})

_JOB_OPERATIONS: Final[Mapping[tuple[str, str | None], Operation]] = {
    ("GET", None): Operation.RETRIEVE_JOB,
    ("POST", "cancel"): Operation.CANCEL_JOB,
    ("GET", "events"): Operation.LIST_EVENTS,
    ("GET", "checkpoints"): Operation.LIST_CHECKPOINTS,
}
_OTHER_OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("POST", "fine_tuning/jobs"): Operation.CREATE_JOB,
    ("GET", "fine_tuning/jobs"): Operation.LIST_JOBS,
    ("POST", "files"): Operation.UPLOAD_FILE,
    **{("POST", path): Operation.INVOKE_MODEL for path in _INFERENCE_PATHS},
}

_DIGEST_SIZE: Final = 12  # bytes
_PRINTED_PARAMETERS: Final = ("after", "limit", "order", "purpose")  # the query of a presigned URL holds a credential
_MAX_CACHED_LENGTH: Final = 512  # characters of method, path and query

# Matches a body whose model has a name. Within a JSON string each quote has a backslash, so this matches keys only.
_HAS_MODEL: Final = re.compile(rb'"model"\s*:(?!\s*(?:null|""|"(?:None|null|undefined)"))')

# The texts that a null becomes in templates of Python, JSON and JavaScript.
_NULL_NAMES: Final = frozenset({"", "None", "null", "undefined"})

# A client that creates the same job again may give it other labels.
_LABEL_FIELDS: Final = frozenset({"metadata", "suffix"})
_FILE_FIELDS: Final = ("training_file", "validation_file")


def find_operation(method: str, path: str) -> tuple[Operation, str | None]:
    """Return a request's operation, and the id of the job in its path."""
    base = _BASE_PATH.match(path)
    relative_path = path[base.end() :] if base else ""
    if job := _JOB_PATH.fullmatch(relative_path):
        return _JOB_OPERATIONS.get((method, job[2]), Operation.OTHER), job[1]
    if method == "GET" and relative_path.startswith(_MODEL_PATH):
        return Operation.RETRIEVE_MODEL, None
    return _OTHER_OPERATIONS.get((method, relative_path), Operation.OTHER), None


def parse_request(method: str, path: str, query: bytes, body: bytes | None) -> ParsedRequest:
    """Parse a request. `body` is None if it was not recorded; for an upload it is the size as text."""
    is_cached = not body and len(method) + len(path) + len(query) <= _MAX_CACHED_LENGTH
    return (_parse_cached if is_cached else _parse)(method, path, query, body)


def _parse(method: str, path: str, query: bytes, body: bytes | None) -> ParsedRequest:
    operation, job_id = find_operation(method, path)
    page = dict(parse_qsl(query.decode("latin-1"))) if query else {}
    job = parse_json_object(body) if operation is Operation.CREATE_JOB else {}
    return ParsedRequest(
        operation=operation,
        request_line=f"{method[:MAX_ID_LENGTH]} {redact(path)}{_format_query(page) if page else ''}",
        job_id=job_id and job_id[:MAX_ID_LENGTH],
        after=page.get("after", "")[:MAX_ID_LENGTH] or None,
        limit=_parse_limit(page.get("limit")),
        fingerprint=None if body is None else _digest(method.encode(), path.encode(), query, body),
        job_spec_digest=_job_spec_digest(job),
        job_files=tuple((field, job[field]) for field in _FILE_FIELDS if _is_file_id(field, job.get(field))),
        job_label=job_label(job) if job else "",
        has_no_model=_has_no_model(operation, path, body),
    )


# A client that polls sends the same request each time.
_parse_cached: Final = lru_cache(maxsize=1_024)(_parse)


def job_label(job: Mapping[str, Any]) -> str:
    """Return the training file and the metadata of a job object or a job creation as one text."""
    return f"{job.get('training_file')} {json.dumps(job.get('metadata'), sort_keys=True)}"


def parse_json_object(body: bytes | None) -> dict[str, Any]:
    """Return a body as a JSON object; empty if it is not one."""
    try:
        value = json.loads(body or b"")
    except (ValueError, RecursionError):  # cut off, not JSON, or nested too deeply
        return {}
    return value if isinstance(value, dict) else {}


def _job_spec_digest(job: Mapping[str, Any]) -> bytes | None:
    if not job:
        return None
    spec = {field: job[field] for field in job if field not in _LABEL_FIELDS and not _is_file_id(field, job[field])}
    return _digest(json.dumps(spec, sort_keys=True).encode())


def _is_file_id(field: str, value: Any) -> bool:
    return field in _FILE_FIELDS and isinstance(value, str)


def _has_no_model(operation: Operation, path: str, body: bytes | None) -> bool:
    if operation is Operation.RETRIEVE_MODEL:
        return path.rpartition("/")[2] in _NULL_NAMES
    if operation is not Operation.INVOKE_MODEL or not body or _HAS_MODEL.search(body):
        return False
    request = parse_json_object(body)
    model = request.get("model")
    return bool(request) and (model is None or (isinstance(model, str) and model in _NULL_NAMES))


def _format_query(page: Mapping[str, str]) -> str:
    text = "&".join(f"{name}={redact(page[name])[:MAX_ID_LENGTH]}" for name in _PRINTED_PARAMETERS if page.get(name))
    return f"?{text}" if text else ""


def _parse_limit(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < len("1000000000") else None


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=_DIGEST_SIZE)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()
