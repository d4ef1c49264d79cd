"""Lambda's own lines in the log: as text or as JSON, filtered by level, and read back."""

import json
import re
from typing import Any

import pytest

from simulator.lambdas.logging_config import LoggingConfig
from simulator.lambdas.pool import EnvironmentPool
from simulator.lambdas.system_log import InvocationReport, SystemLog, is_start_line, is_system_line, parse_report
from tests.lambdas.zips import ARN, make_function

REQUEST = "00000000-0000-4000-8000-000000000001"
AT = 1_767_225_600.5  # 2026-01-01T00:00:00.500Z


def system_lines(*, config: LoggingConfig, **changes: Any) -> list[str]:
    """Return all lines of Lambda for one invocation."""
    log = SystemLog(config=config, request_id=REQUEST, function_arn=ARN, version="$LATEST")
    ends: dict[str, Any] = {
        "at": AT,
        "duration_ms": 2.5,
        "init_ms": 30.25,
        "memory_mb": 128,
        "used_mb": 64,
        "status": None,
        "failed": False,
        "response_bytes": 2,
        "last_line": "",
    }
    return [*log.start_lines(at=AT), *log.end_lines(**{**ends, **changes})]


def json_config(system_level: str) -> LoggingConfig:
    """Return a configuration with the format JSON."""
    return LoggingConfig().updated({"LogFormat": "JSON", "SystemLogLevel": system_level})


START = {
    "time": "2026-01-01T00:00:00.500Z",
    "type": "platform.start",
    "record": {"requestId": REQUEST, "functionArn": ARN, "version": "$LATEST"},
}
REPORT = {
    "time": "2026-01-01T00:00:00.500Z",
    "type": "platform.report",
    "record": {
        "requestId": REQUEST,
        "metrics": {
            "durationMs": 2.5,
            "billedDurationMs": 33,
            "memorySizeMB": 128,
            "maxMemoryUsedMB": 64,
            "initDurationMs": 30.25,
        },
        "status": "success",
    },
}


def test_the_json_lines_are_records_of_the_telemetry_api() -> None:
    """With the members of public captures, one record on each line."""
    lines = system_lines(config=json_config("INFO"))

    assert [json.loads(line) for line in lines] == [START, REPORT]
    assert all(line.endswith("}\n") and "\n" not in line[:-1] for line in lines)


@pytest.mark.parametrize(
    ("level", "changes", "types"),
    [
        ("DEBUG", {}, ["platform.start", "platform.runtimeDone", "platform.report"]),
        ("INFO", {}, ["platform.start", "platform.report"]),
        ("WARN", {}, []),
        ("INFO", {"status": "timeout"}, ["platform.start", "platform.runtimeDone", "platform.report"]),
        ("WARN", {"status": "timeout"}, ["platform.runtimeDone", "platform.report"]),
        ("WARN", {"failed": True}, ["platform.runtimeDone", "platform.report"]),
    ],
)
def test_the_system_log_level_filters_the_records(level: str, changes: dict[str, Any], types: list[str]) -> None:
    """As AWS's table maps events to levels."""
    lines = system_lines(config=json_config(level), **changes)

    assert [json.loads(line)["type"] for line in lines] == types


@pytest.mark.parametrize("config", [LoggingConfig(), json_config("DEBUG")])
def test_the_lines_are_read_back(config: LoggingConfig) -> None:
    """Whoever reads a log need not know its format."""
    start, *ends = system_lines(config=config)

    assert parse_report("".join([start, "printed\n", *ends])) == InvocationReport(
        duration_ms=2.5, init_ms=30.25, max_memory_mb=64
    )
    assert [is_start_line(line) for line in (start, *ends)] == [True, *[False] * len(ends)]
    assert all(map(is_system_line, (start, *ends)))


@pytest.mark.parametrize(
    "line",
    [
        "printed",
        '{"time":',
        '{"time":1,"type":"platform.report","record":{}}',
        '{"time":1,"type":"platform.report","record":{"metrics":7}}',
        '{"time":1,"type":7,"record":{}}',
        '{"time":1,"type":"platform.start","record":[]}',
        '{"time":' + "[" * 100_000,
    ],
)
def test_what_a_function_prints_is_no_line_of_lambda(line: str) -> None:
    """Even if it begins like one."""
    assert (is_system_line(line), is_start_line(line)) == (False, False)
    assert parse_report(line) == InvocationReport(duration_ms=None, init_ms=None, max_memory_mb=0)


def test_a_function_with_json_logs_writes_json_and_filters_by_level(pool: EnvironmentPool) -> None:
    """The runtime client formats what the function logs; what it prints stays."""
    source = (
        "import logging\n"
        "def lambda_handler(event, context):\n"
        "    logging.info('quiet')\n"
        "    logging.warning('loud')\n"
        "    print('printed')\n"
    )
    config = LoggingConfig().updated({"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})

    start, logged, printed, report = pool.invoke(make_function(source, logging=config), b"{}").log_lines

    record = json.loads(logged)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record.pop("timestamp"))
    assert record == {"level": "WARNING", "message": "loud", "logger": "root", "requestId": REQUEST}
    assert (is_start_line(start), printed, json.loads(report)["type"]) == (True, "printed\n", "platform.report")


def test_a_stream_in_a_group_of_the_users_choice_has_the_functions_name(pool: EnvironmentPool) -> None:
    """Functions can share a group."""
    source = "def lambda_handler(event, context): return context.log_group_name\n"

    default = pool.invoke(make_function(source), b"{}")
    chosen = pool.invoke(make_function(source, log_group="rewards"), b"{}")

    assert (default.payload, chosen.payload) == (b'"/aws/lambda/grader"', b'"rewards"')
    assert re.fullmatch(r"2026/01/01/\[\$LATEST\][0-9a-f]{32}", default.log_stream)
    assert re.fullmatch(r"2026/01/01/grader\[\$LATEST\][0-9a-f]{32}", chosen.log_stream)
