"""The lines that Lambda itself writes to the log of an invocation, as text or as JSON.

The JSON records and their levels: "Telemetry API event schema reference" and "System log level event mapping"
(DOCUMENTED); their members in a log: public captures (OBSERVED). INFERRED: with JSON, the line of a time-out or of an
exit is left out, because the records have the status.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from simulator.lambdas import report
from simulator.lambdas.logging_config import JSON, SYSTEM_LEVELS, LoggingConfig

_TEXT_PREFIXES: Final = ("START RequestId", "END RequestId", "REPORT RequestId")
_START: Final = "platform.start"
_REPORT: Final = "platform.report"
_RUNTIME_DONE: Final = "platform.runtimeDone"
_NUMBER: Final = r"([0-9.]+)"
_DURATION: Final = re.compile(rf"\tDuration: {_NUMBER} ms")
_INIT: Final = re.compile(rf"\tInit Duration: {_NUMBER} ms")
_MEMORY: Final = re.compile(rf"\tMax Memory Used: {_NUMBER} MB")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationReport:
    """What Lambda measured of an invocation. A duration that the log does not have is None."""

    duration_ms: float | None
    init_ms: float | None
    max_memory_mb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLog:
    """Renders Lambda's lines for one invocation. `at` is the simulated time of a line."""

    config: LoggingConfig
    request_id: str
    function_arn: str
    version: str

    def start_lines(self, *, at: float) -> tuple[str, ...]:
        """Return the lines before the output of the handler."""
        if self.config.log_format != JSON:
            return (report.render_start_line(request_id=self.request_id, version=self.version),)
        record = {"requestId": self.request_id, "functionArn": self.function_arn, "version": self.version}
        return tuple(self._render(_START, record, level="INFO", at=at))

    def end_lines(
        self,
        *,
        at: float,
        duration_ms: float,
        init_ms: float | None,
        memory_mb: int,
        used_mb: int,
        status: str | None,
        failed: bool,
        response_bytes: int,
        last_line: str,
    ) -> tuple[str, ...]:
        """Return the lines after the output of the handler.

        Args:
            at: the simulated time.
            duration_ms: the duration of the handler.
            init_ms: the duration of a cold start's init phase.
            memory_mb: MemorySize.
            used_mb: the memory that was used at most.
            status: None, "timeout" or "error", as in the REPORT line.
            failed: whether the result is an error of the function or of Lambda.
            response_bytes: the size of the result.
            last_line: the line of a time-out or of an exit, or empty.
        """
        if self.config.log_format != JSON:
            ends = report.render_end_lines(
                request_id=self.request_id,
                duration_ms=duration_ms,
                init_ms=init_ms,
                memory_mb=memory_mb,
                used_mb=used_mb,
                status=status,
            )
            return (last_line, *ends) if last_line else ends
        outcome = status or ("error" if failed else "success")
        done = {"durationMs": round(duration_ms, 3), "producedBytes": response_bytes}
        metrics: dict[str, float] = {
            "durationMs": round(duration_ms, 3),
            "billedDurationMs": report.compute_billed_ms(duration_ms=duration_ms, init_ms=init_ms),
            "memorySizeMB": memory_mb,
            "maxMemoryUsedMB": min(used_mb, memory_mb),
        }
        if init_ms is not None:
            metrics["initDurationMs"] = round(init_ms, 3)
        is_warning = outcome != "success"
        ids = {"requestId": self.request_id}
        return (
            *self._render(
                _RUNTIME_DONE,
                {**ids, "status": outcome, "metrics": done},
                level="WARN" if is_warning else "DEBUG",
                at=at,
            ),
            *self._render(
                _REPORT,
                {**ids, "metrics": metrics, "status": outcome},
                level="WARN" if is_warning else "INFO",
                at=at,
            ),
        )

    def _render(self, kind: str, record: dict[str, Any], *, level: str, at: float) -> Iterator[str]:
        if SYSTEM_LEVELS.index(level) < SYSTEM_LEVELS.index(self.config.system_level):
            return
        time = datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield json.dumps({"time": time, "type": kind, "record": record}, separators=(",", ":")) + "\n"


def is_system_line(line: str) -> bool:
    """Return whether Lambda wrote a line of the log, and not the function."""
    return line.startswith(_TEXT_PREFIXES) or _parse_record(line) is not None


def is_start_line(line: str) -> bool:
    """Return whether a line is the first one of an invocation after its init phase."""
    record = _parse_record(line)
    return line.startswith(_TEXT_PREFIXES[0]) or (record is not None and record["type"] == _START)


def parse_report(log: str) -> InvocationReport:
    """Return what the last report of a log says. It may be cut off, or filtered out by its level."""
    for line in reversed(log.splitlines()):
        record = _parse_record(line)
        if record is not None and record["type"] == _REPORT:
            metrics = record["record"]["metrics"]
            return InvocationReport(
                duration_ms=metrics.get("durationMs"),
                init_ms=metrics.get("initDurationMs"),
                max_memory_mb=int(metrics.get("maxMemoryUsedMB", 0)),
            )
    return InvocationReport(
        duration_ms=_search(_DURATION, log), init_ms=_search(_INIT, log), max_memory_mb=int(_search(_MEMORY, log) or 0)
    )


def _parse_record(line: str) -> dict[str, Any] | None:
    """Return a line that is a record of Lambda, or None. A function may print text that begins like one."""
    if not line.startswith('{"time":'):
        return None
    try:
        record = json.loads(line)
        is_record = record["type"].startswith("platform.") and isinstance(record["record"], dict)
        if record["type"] == _REPORT:
            is_record = is_record and isinstance(record["record"]["metrics"], dict)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return dict(record) if is_record else None


def _search(pattern: re.Pattern[str], log: str) -> float | None:
    match = pattern.search(log)
    return float(match[1]) if match else None
