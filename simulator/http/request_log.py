"""The log of refused requests and of faults: one line each, through `logging`.

Nothing is printed until a handler is added to the logger. A message can quote text of a client. So each message is one
line, and keys are removed from it. The query and the body are not logged. The query of a presigned URL is a credential.
"""

import logging
import re
from typing import Final

from simulator.errors import ApiError
from simulator.http.sanitize import sanitize

# Logging configurations of users may name this logger.
LOGGER: Final = logging.getLogger("simulator.refused")
LOGGER.addHandler(logging.NullHandler())  # without it, logging prints warnings on standard error

_KEY: Final = re.compile(r"\b(bedrock-api-key-|ABSK|sk-)[\w+/=%.-]{8,}")
_MAX_CHARACTERS: Final = 400
"""The maximum length of each part of a line. A message can quote a long value from the request."""

_SERVER_ERROR: Final = 500


def log_refusal(error: ApiError, *, method: str, path: str) -> None:
    """Log a refused request: an error of the client at level INFO, an error of the server at WARNING."""
    status = error.kind.status
    level = logging.WARNING if status >= _SERVER_ERROR else logging.INFO
    if LOGGER.isEnabledFor(level):
        hint = f" (hint: {redact(error.hint)})" if error.hint else ""
        LOGGER.log(level, "%s %s %d %s%s", redact(method), redact(path), status, redact(error.message), hint)


def log_fault(effect: str, *, method: str, path: str) -> None:
    """Log the effect of a scripted fault, unless the fault refuses the request."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.info("%s %s %s", redact(method), redact(path), redact(effect))


def log_job_fault(subject: str, fault: str) -> None:
    """Log that a scripted fault was applied to a job or to an operation outside the job."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.info("%s was affected by %s", redact(subject), redact(fault))


def redact(text: str) -> str:
    """Return a text without keys, shortened to `_MAX_CHARACTERS`, and with control characters escaped."""
    text = _KEY.sub(r"\1...", text)
    return sanitize(text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}...")
