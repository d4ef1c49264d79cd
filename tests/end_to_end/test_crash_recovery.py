"""A simulator that is killed: nothing acknowledged is lost, and a running job continues after the next start."""

from pathlib import Path

import pytest

from simulator.settings import Pace, Settings
from tests.end_to_end.commands import ROOT
from tests.end_to_end.crash_recovery import run_crash_test
from tests.end_to_end.server_process import fetch_job_log, run_server
from tests.simulators import TERMINAL_STATUSES, SimulatorClient, serve_simulator
from tests.training.training_files import make_training_file

pytestmark = pytest.mark.slow

POLL_PACE = ("--pace", "poll", "--epoch", "1767225600")  # the job does not advance between two retrieves


def create_job(simulator: SimulatorClient) -> str:
    """Deploy a function and create a job with it."""
    function = simulator.deploy(ROOT / "reward_lambda", name="reward")
    return str(simulator.create_job(simulator.upload(make_training_file(100)), function=function)["id"])


def finish_job(simulator: SimulatorClient, job: str) -> bytes:
    """Retrieve a job until it has ended; return its log."""
    while simulator.retrieve_job(job)["status"] not in TERMINAL_STATUSES:
        pass
    return fetch_job_log(simulator, job)


def test_a_job_continues_after_kill_9_and_writes_the_same_log(tmp_path: Path) -> None:
    """Its function still exists. The finished log equals that of an undisturbed run byte for byte."""
    with serve_simulator(Settings(port=0, pace=Pace.POLL)) as undisturbed:
        complete_log = finish_job(undisturbed, create_job(undisturbed))
    with run_server(tmp_path, *POLL_PACE) as (simulator, process):
        job = create_job(simulator)
        for _ in range(12):
            simulator.retrieve_job(job)
        log_before = fetch_job_log(simulator, job)
        process.kill()
    with run_server(tmp_path, *POLL_PACE) as (simulator, _):
        for _ in range(3):
            simulator.retrieve_job(job)
        assert fetch_job_log(simulator, job).startswith(log_before)
        assert finish_job(simulator, job) == complete_log


def test_kills_at_random_moments_lose_nothing_and_change_nothing(tmp_path: Path) -> None:
    """Two jobs and their users, killed three times. `tests/bench/bench_crash_recovery.py` kills two hundred times."""
    report = run_crash_test(tmp_path, kills=3, jobs=2, records=100, longest=1.0)
    assert (report.differing, report.lost, report.regraded_steps, report.kill_count) == ((), (), (), 3)
