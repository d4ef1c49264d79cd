"""Telling whoever runs a server of the requests that it refuses, or loses on purpose: one line each, by logging.

Silent until something listens to the logger. What a line holds came in from outside: it is kept to one line, keys are
struck out, and neither a query (a presigned one holds a credential) nor a body is in it.
"""

import logging
import re
from typing import Final

from simulator.errors import ApiError
from simulator.http.sanitize import sanitize

LOGGER: Final = logging.getLogger("simulator.http.request_log")
LOGGER.addHandler(logging.NullHandler())  # else a warning nobody listens to goes to standard error

_KEY: Final = re.compile(r"\b(bedrock-api-key-|ABSK|sk-)[\w+/=%.-]{8,}")
_LONGEST: Final = 400  # characters of a part: some messages quote a value that was sent
_SERVERS_OWN_FAULT: Final = 500


def log_refusal(error: ApiError, *, method: str, path: str) -> None:
    """Log a refused request: the caller's fault at level INFO, the server's at WARNING."""
    status = error.kind.status
    level = logging.WARNING if status >= _SERVERS_OWN_FAULT else logging.INFO
    if LOGGER.isEnabledFor(level):
        hint = f" (hint: {redact(error.hint)})" if error.hint else ""
        LOGGER.log(level, "%s %s %d %s%s", redact(method), redact(path), status, redact(error.message), hint)


def log_fault(effect: str, *, method: str, path: str) -> None:
    """Log what a scripted fault did to a request, where it is no refusal."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.info("%s %s %s", redact(method), redact(path), redact(effect))


def log_job_fault(subject: str, fault: str) -> None:
    """Log that a job, or what was to be done beside it, met a scripted fault."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.info("%s met %s", redact(subject), redact(fault))


def redact(text: str) -> str:
    """Return a text without keys, cut where it is very long, with what a terminal would act on escaped."""
    told = _KEY.sub(r"\1...", text)
    return sanitize(told if len(told) <= _LONGEST else f"{told[:_LONGEST]}...")
