"""Calls that the caller's own limit ends."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from simulator.lambdas.errors import CallCutOff
from simulator.lambdas.pool import EnvironmentPool
from tests.lambdas.zips import make_function

HANGS = """\
import os, subprocess, sys, time
def lambda_handler(event, context):
    if event:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        time.sleep(600)
    return os.getpid()
"""
SLOW_IMPORT = "import time\ntime.sleep(600)\ndef lambda_handler(event, context):\n    return 1\n"


MARK = "RFT_CUT_OFF_TEST"


def marked_processes() -> list[str]:
    """Return the processes with the variable that the function of this test has."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it ended, or belongs to another user
            if f"{MARK}={os.getpid()}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize(
    ("source", "seconds", "handler_seconds"),
    [
        pytest.param(HANGS, 1.0, None, id="the whole call"),
        pytest.param(HANGS, 60.0, 0.2, id="the handler"),
        pytest.param(SLOW_IMPORT, 0.5, None, id="the import"),
    ],
)
def test_a_call_that_is_cut_off_leaves_no_process(
    pool: EnvironmentPool, source: str, seconds: float, handler_seconds: float | None
) -> None:
    """Nor those that the function started. The function's own time-out has not passed."""
    function = make_function(source, timeout=900, environment=((MARK, str(os.getpid())),))
    with pytest.raises(CallCutOff):
        pool.invoke(function, b"1", max_seconds=seconds, max_handler_seconds=handler_seconds)
    assert marked_processes() == []


@pytest.mark.slow
def test_the_next_call_runs_in_a_new_environment(pool: EnvironmentPool) -> None:
    """The environment of the call that was cut off has ended."""
    function = make_function(HANGS, timeout=900)
    with pytest.raises(CallCutOff):
        pool.invoke(function, b"1", max_seconds=1.0)
    assert pool.invoke(function, b"0").init_ms is not None
