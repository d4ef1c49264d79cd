"""The log of an invocation, as in CloudWatch."""

import re

import pytest

from simulator.lambdas.pool import EnvironmentPool
from simulator.lambdas.report import describe_exit
from tests.lambdas.zips import make_function

REQUEST = "00000000-0000-4000-8000-000000000001"


def mask_measurements(line: str) -> str:
    """Replace the measured numbers in a log line."""
    return re.sub(r"\d+(\.\d\d)? (ms|MB)", r"# \2", line)


def invocation_log(pool: EnvironmentPool, source: str, **changes: float) -> list[str]:
    """Run a function once; return its log lines without measured numbers."""
    return [mask_measurements(line) for line in pool.invoke(make_function(source, **changes), b"{}").log_lines]


REPORT = (
    f"REPORT RequestId: {REQUEST}\tDuration: # ms\tBilled Duration: # ms\tMemory Size: # MB\tMax Memory Used: # MB\t"
    "Init Duration: # ms\t"
)


@pytest.mark.shows("lambda-runtime")
def test_the_log_of_a_call(pool: EnvironmentPool) -> None:
    """Output of the module is before START, output of the handler between START and END."""
    source = "print('loading')\ndef lambda_handler(event, context):\n    print('one')\n    print('two')\n"

    assert invocation_log(pool, source) == [
        "loading\n",
        f"START RequestId: {REQUEST} Version: $LATEST\n",
        "one\n",
        "two\n",
        f"END RequestId: {REQUEST}\n",
        REPORT + "\n",
    ]


def test_the_log_of_an_exception_is_one_event(pool: EnvironmentPool) -> None:
    """Of several lines."""
    source = "def lambda_handler(event, context):\n    raise ValueError('boom')\n"

    assert invocation_log(pool, source)[1] == (
        "[ERROR] ValueError: boom\nTraceback (most recent call last):\n"
        '\u00a0\u00a0File "/var/task/lambda_function.py", line 2, in lambda_handler\n'
        "\u00a0\u00a0\u00a0\u00a0raise ValueError('boom')\n"
    )


@pytest.mark.slow
def test_the_log_of_a_timeout(pool: EnvironmentPool) -> None:
    """The output, the time-out line at the simulated time, and the status."""
    source = "def lambda_handler(event, context):\n    print('working')\n    while True: pass\n"

    assert invocation_log(pool, source, timeout=0.2)[1:] == [
        "working\n",
        f"2026-01-01T00:00:00.000Z {REQUEST} Task timed out after 0.20 seconds\n\n",
        f"END RequestId: {REQUEST}\n",
        REPORT + "Status: timeout\t\n",
    ]


def test_logging_has_lambdas_format(pool: EnvironmentPool) -> None:
    """With the request id in each line."""
    source = "import logging\ndef lambda_handler(event, context):\n    logging.getLogger().warning('careful')\n"

    line = invocation_log(pool, source)[1]

    assert re.fullmatch(rf"\[WARNING\]\t\d{{4}}-\d\d-\d\dT[\d:.]+Z\t{REQUEST}\tcareful\n", line)


def test_the_log_stream_has_day_version_and_environment(pool: EnvironmentPool) -> None:
    """The simulated day, and a hash of the first request id."""
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
def test_an_exit_is_described_in_lambdas_words(return_code: int | None, text: str) -> None:
    """By status or signal."""
    assert describe_exit(return_code) == text
