"""Telling whoever runs a server of the requests that it refuses, or loses on purpose: one line each, by logging.

Silent until something listens to the logger. What a line holds came in from outside: it is kept to one line, keys are
struck out, and neither a query (a presigned one holds a credential) nor a body is in it.
"""

import logging
import re
from typing import Final

from simulator.errors import ApiError
from simulator.http.sanitize import visible

REFUSED: Final = logging.getLogger("simulator.http.request_log")
REFUSED.addHandler(logging.NullHandler())  # else a warning nobody listens to goes to standard error

_KEY: Final = re.compile(r"\b(bedrock-api-key-|ABSK|sk-)[\w+/=%.-]{8,}")
_LONGEST: Final = 400  # characters of a part: some messages quote a value that was sent
_SERVERS_OWN_FAULT: Final = 500


def log_refusal(error: ApiError, *, method: str, path: str) -> None:
    """Log a refused request: the caller's fault at level INFO, the server's at WARNING."""
    status = error.kind.status
    level = logging.WARNING if status >= _SERVERS_OWN_FAULT else logging.INFO
    if REFUSED.isEnabledFor(level):
        hint = f" (hint: {shown(error.hint)})" if error.hint else ""
        REFUSED.log(level, "%s %s %d %s%s", shown(method), shown(path), status, shown(error.message), hint)


def log_fault(what: str, *, method: str, path: str) -> None:
    """Log what a scripted fault did to a request, where it is no refusal."""
    if REFUSED.isEnabledFor(logging.INFO):
        REFUSED.info("%s %s %s", shown(method), shown(path), shown(what))


def log_job_fault(what: str, fault: str) -> None:
    """Log that a job, or what was to be done beside it, met a scripted fault."""
    if REFUSED.isEnabledFor(logging.INFO):
        REFUSED.info("%s met %s", shown(what), shown(fault))


def shown(text: str) -> str:
    """Return a text without keys, cut where it is very long, with what a terminal would act on escaped."""
    told = _KEY.sub(r"\1...", text)
    return visible(told if len(told) <= _LONGEST else f"{told[:_LONGEST]}...")
