"""A simulator in a process of its own, which a test can kill."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.commands import ROOT
from tests.simulators import SimulatorClient, connect_simulator


@contextmanager
def run_server(
    data: Path, *options: str, **variables: str
) -> Iterator[tuple[SimulatorClient, "subprocess.Popen[str]"]]:
    """Serve a data folder; give a client and the process. `variables` are added to the environment."""
    running = subprocess.Popen(
        [sys.executable, "-m", "simulator", "serve", "--port", "0", "--data", str(data), *options],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    try:
        with connect_simulator(running.stdout.readline().split()[2]) as api:
            yield api, running
    finally:
        running.terminate()
        running.wait()
        running.stdout.close()


def fetch_job_log(api: SimulatorClient, job: str) -> bytes:
    """Return a job's log from the control plane."""
    with urllib.request.urlopen(f"{api.url}/_simulator/jobs/{job}/log") as answer:
        content: bytes = answer.read()
    return content
