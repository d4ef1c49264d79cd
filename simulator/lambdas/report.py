"""The lines that Lambda writes around a function's own log, and the error payloads that Lambda itself makes.

Texts as the service writes them today (OBSERVED in public captures), except the `Status:` field of REPORT,
whose place in the line is INFERRED.
"""

import json
import signal
from datetime import UTC, datetime

from simulator.lambdas.limits import MAX_RESPONSE_BYTES

_SIGNALS = {
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGILL: "illegal instruction",
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGTERM: "terminated",
}


def render_start_line(*, request_id: str, version: str) -> str:
    """Give the line that opens an invocation."""
    return f"START RequestId: {request_id} Version: {version}\n"


def render_end_lines(
    *,
    request_id: str,
    duration_ms: float,
    init_ms: float | None,
    memory_mb: int,
    used_mb: int,
    status: str | None,
) -> tuple[str, str]:
    """Give END and REPORT. `status` is None, "timeout" or "error"; init time is billed, as on AWS since August 2025."""
    billed = -int(-(duration_ms + (init_ms or 0.0)) // 1)
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {memory_mb} MB",
        f"Max Memory Used: {min(used_mb, memory_mb)} MB",
    ]
    if init_ms is not None:
        fields.append(f"Init Duration: {init_ms:.2f} ms")
    if status is not None:
        fields.append(f"Status: {status}")
    return f"END RequestId: {request_id}\n", "\t".join(fields) + "\t\n"


def render_timeout_line(*, request_id: str, seconds: float, at: float) -> str:
    """Give the log line of a time-out; `at` is the time it happened."""
    stamp = datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{stamp} {request_id} {_timed_out(seconds)}\n\n"


def render_exit_line(*, request_id: str, text: str) -> str:
    """Give the log line of a runtime that went away."""
    return f"RequestId: {request_id} Error: {text}\nRuntime.ExitError\n"


def render_timeout_payload(*, request_id: str, seconds: float) -> bytes:
    """Give what the caller gets when the function did not answer within its Timeout."""
    return _payload(error_type="Sandbox.Timedout", message=f"RequestId: {request_id} Error: {_timed_out(seconds)}")


def render_exit_payload(*, request_id: str, text: str) -> bytes:
    """Give what the caller gets when the runtime process went away before it answered."""
    return _payload(error_type="Runtime.ExitError", message=f"RequestId: {request_id} Error: {text}")


def render_oversized_payload() -> bytes:
    """Give what the caller gets instead of an answer that is too large."""
    return _payload(
        error_type="Function.ResponseSizeTooLarge",
        message=f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
    )


def describe_exit(return_code: int | None) -> str:
    """Say how the runtime process ended; `return_code` as `subprocess` gives it, negative for a signal."""
    if not return_code:
        return "Runtime exited without providing a reason"
    if return_code > 0:
        return f"Runtime exited with error: exit status {return_code}"
    try:
        name = _SIGNALS[signal.Signals(-return_code)]
    except (KeyError, ValueError):
        name = str(-return_code)
    return f"Runtime exited with error: signal: {name}"


def _timed_out(seconds: float) -> str:
    return f"Task timed out after {seconds:.2f} seconds"


def _payload(*, error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()
