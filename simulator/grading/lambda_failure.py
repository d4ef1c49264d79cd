"""The error object that Lambda returns when a function fails."""

import json
import re
from dataclasses import dataclass
from typing import Final

from simulator.grading.grader_error import excerpt

TIMEOUT_ERROR_TYPE: Final = "Sandbox.Timedout"  # the error type of an invocation that exceeded the function's Timeout

_PACKAGE_PATH: Final = '"/var/task/'
# AWS's error codes AccessDenied and AccessDeniedException, and the text of their messages.
_MISSING_PERMISSION: Final = re.compile(r"AccessDenied|is not authorized to perform")
_REQUEST_ID: Final = re.compile(r"^RequestId: [0-9a-f-]{36} (Error: )?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaFailure:
    """Lambda's error object. `location` is the innermost stack frame in the function's own package."""

    type: str
    message: str
    location: str = ""


def parse_failure(payload: bytes) -> LambdaFailure:
    """Parse the payload of an invocation that failed. A payload in another format becomes the message."""
    try:
        error = json.loads(payload)
        trace = error.get("stackTrace")
        frames = [str(frame).strip().partition("\n")[0] for frame in trace] if isinstance(trace, list) else []
        # The user can correct a line of the package, but not a line of the standard library.
        own_frames = [frame for frame in frames if _PACKAGE_PATH in frame]
        location = (own_frames or frames or [""])[-1]
        return LambdaFailure(
            type=excerpt(str(error.get("errorType", "an error"))),
            # The request id depends on the order of concurrent invocations, so a repeatable log cannot contain it.
            message=excerpt(_REQUEST_ID.sub("", str(error.get("errorMessage", "")))),
            location=f" ({excerpt(location)})" if location else "",
        )
    except (ValueError, AttributeError, RecursionError):
        return LambdaFailure(type="an error", message=excerpt(payload.decode("utf-8", "replace")))


def describe_cause(failure: LambdaFailure) -> str:
    """Return whether a function that raised has a bug or lacks a permission, as one sentence."""
    if _MISSING_PERMISSION.search(f"{failure.type} {failure.message}"):
        return "The function's role lacks this permission."
    return "This is a bug in the function or in its package."
