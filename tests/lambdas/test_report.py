"""The log of an invocation, as CloudWatch would show it."""

import re

import pytest

from simulator.lambdas.pool import EnvironmentPool
from simulator.lambdas.report import describe_exit
from tests.lambdas.zips import make_function

REQUEST = "00000000-0000-4000-8000-000000000001"


def mask_measurements(line: str) -> str:
    """Take the measured figures out of a log line."""
    return re.sub(r"\d+(\.\d\d)? (ms|MB)", r"# \2", line)


def invocation_log(pool: EnvironmentPool, source: str, **changes: float) -> list[str]:
    """Run a function once and give its log lines without figures."""
    return [mask_measurements(line) for line in pool.invoke(make_function(source, **changes), b"{}").log_lines]


REPORT = (
    f"REPORT RequestId: {REQUEST}\tDuration: # ms\tBilled Duration: # ms\tMemory Size: # MB\tMax Memory Used: # MB\t"
    "Init Duration: # ms\t"
)


@pytest.mark.shows("lambda-runtime")
def test_log_of_a_call(pool: EnvironmentPool) -> None:
    """What the module prints at init stands before START, what the handler prints between START and END."""
    source = "print('loading')\ndef lambda_handler(event, context):\n    print('one')\n    print('two')\n"

    assert invocation_log(pool, source) == [
        "loading\n",
        f"START RequestId: {REQUEST} Version: $LATEST\n",
        "one\n",
        "two\n",
        f"END RequestId: {REQUEST}\n",
        REPORT + "\n",
    ]


def test_log_of_an_exception_is_one_event(pool: EnvironmentPool) -> None:
    """The block that the runtime client prints for an error stays together as one event of several lines."""
    source = "def lambda_handler(event, context):\n    raise ValueError('boom')\n"

    assert invocation_log(pool, source)[1] == (
        "[ERROR] ValueError: boom\nTraceback (most recent call last):\n"
        '\u00a0\u00a0File "/var/task/lambda_function.py", line 2, in lambda_handler\n'
        "\u00a0\u00a0\u00a0\u00a0raise ValueError('boom')\n"
    )


def test_log_of_a_timeout(pool: EnvironmentPool) -> None:
    """A time-out leaves what was printed, the line that says so at the simulator's time, and its status."""
    source = "def lambda_handler(event, context):\n    print('working')\n    while True: pass\n"

    assert invocation_log(pool, source, timeout=0.2)[1:] == [
        "working\n",
        f"2026-01-01T00:00:00.000Z {REQUEST} Task timed out after 0.20 seconds\n\n",
        f"END RequestId: {REQUEST}\n",
        REPORT + "Status: timeout\t\n",
    ]


def test_logging_goes_through_lambdas_formatter(pool: EnvironmentPool) -> None:
    """The logging module is set up as in Lambda, with the request id in each line."""
    source = "import logging\ndef lambda_handler(event, context):\n    logging.getLogger().warning('careful')\n"

    line = invocation_log(pool, source)[1]

    assert re.fullmatch(rf"\[WARNING\]\t\d{{4}}-\d\d-\d\dT[\d:.]+Z\t{REQUEST}\tcareful\n", line)


def test_log_stream_names_day_version_and_environment(pool: EnvironmentPool) -> None:
    """The stream is named after the simulator's day, and by the request that made the environment."""
    invocation = pool.invoke(make_function("def lambda_handler(event, context): return 1\n"), b"{}")

    assert re.fullmatch(r"2026/01/01/\[\$LATEST\][0-9a-f]{32}", invocation.log_stream)


@pytest.mark.parametrize(
    ("return_code", "text"),
    [
        (None, "Runtime exited without providing a reason"),
        (0, "Runtime exited without providing a reason"),
        (2, "Runtime exited with error: exit status 2"),
        (-9, "Runtime exited with error: signal: killed"),
        (-6, "Runtime exited with error: signal: aborted"),
        (-64, "Runtime exited with error: signal: 64"),
    ],
)
def test_exit_text_says_how_the_runtime_ended(return_code: int | None, text: str) -> None:
    """Status and signal are told in Lambda's words."""
    assert describe_exit(return_code) == text
