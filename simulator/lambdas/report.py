"""Renders the log lines and the error payloads of Lambda itself.

The texts are the service's (OBSERVED in public captures); only the position of REPORT's `Status:` field is INFERRED.
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
    """Return the first log line of an invocation."""
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
    """Return the END and REPORT lines. `status` is None, "timeout" or "error"."""
    billed = compute_billed_ms(duration_ms=duration_ms, init_ms=init_ms)
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


def compute_billed_ms(*, duration_ms: float, init_ms: float | None) -> int:
    """Return the duration that is billed, in whole milliseconds. Init is billed, as since August 2025."""
    return -int(-(duration_ms + (init_ms or 0.0)) // 1)


def render_timeout_line(*, request_id: str, seconds: float, at: float) -> str:
    """Return the log line of a time-out at the time `at`."""
    timestamp = datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{timestamp} {request_id} {_render_timeout_text(seconds)}\n\n"


def render_exit_line(*, request_id: str, text: str) -> str:
    """Return the log line of a runtime that exited."""
    return f"RequestId: {request_id} Error: {text}\nRuntime.ExitError\n"


def render_timeout_payload(*, request_id: str, seconds: float) -> bytes:
    """Return the payload for a function that exceeded its Timeout."""
    return _render_error_payload(
        error_type="Sandbox.Timedout", message=f"RequestId: {request_id} Error: {_render_timeout_text(seconds)}"
    )


def render_exit_payload(*, request_id: str, text: str) -> bytes:
    """Return the payload for a runtime process that exited before its response."""
    return _render_error_payload(error_type="Runtime.ExitError", message=f"RequestId: {request_id} Error: {text}")


def render_oversized_payload() -> bytes:
    """Return the payload that replaces a response that is too large."""
    return _render_error_payload(
        error_type="Function.ResponseSizeTooLarge",
        message=f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
    )


def describe_exit(return_code: int | None) -> str:
    """Return Lambda's text for an exit. `return_code` is that of `subprocess`: negative for a signal."""
    if not return_code:
        return "Runtime exited without providing a reason"
    if return_code > 0:
        return f"Runtime exited with error: exit status {return_code}"
    try:
        name = _SIGNALS[signal.Signals(-return_code)]
    except (KeyError, ValueError):
        name = str(-return_code)
    return f"Runtime exited with error: signal: {name}"


def _render_timeout_text(seconds: float) -> str:
    return f"Task timed out after {seconds:.2f} seconds"


def _render_error_payload(*, error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()
