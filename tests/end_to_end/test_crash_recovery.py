"""A simulator that is killed: what it had acknowledged is there at the next start, and a running job goes on."""

from pathlib import Path

import pytest

from tests.end_to_end.commands import ROOT
from tests.end_to_end.crash_recovery import run_crash_test
from tests.end_to_end.server_process import fetch_job_log, run_server
from tests.simulators import SimulatorClient
from tests.training.training_files import make_training_file

pytestmark = pytest.mark.slow

POLL_PACE = ("--pace", "poll", "--epoch", "1767225600")  # a job stands still between two looks


def wait_for_end(world: SimulatorClient, job: str) -> bytes:
    """Look at a job until it has ended; return its log."""
    while world.retrieve_job(job)["status"] not in {"succeeded", "failed", "cancelled"}:
        pass
    return fetch_job_log(world, job)


def test_a_job_goes_on_after_kill_9_as_if_nothing_had_been(tmp_path: Path) -> None:
    """Its function is still there; the finished log is that of an undisturbed run, byte for byte."""
    with run_server(tmp_path / "undisturbed", *POLL_PACE) as (world, _):
        function = world.deploy(ROOT / "reward_lambda", name="reward")
        whole = wait_for_end(world, world.create_job(world.upload(make_training_file(100)), function=function)["id"])
    with run_server(tmp_path / "cut", *POLL_PACE) as (world, process):
        function = world.deploy(ROOT / "reward_lambda", name="reward")
        job = world.create_job(world.upload(make_training_file(100)), function=function)["id"]
        for _ in range(12):
            world.retrieve_job(job)
        before = fetch_job_log(world, job)
        process.kill()
    with run_server(tmp_path / "cut", *POLL_PACE) as (world, _):
        for _ in range(3):
            world.retrieve_job(job)
        assert fetch_job_log(world, job).startswith(before)
        assert wait_for_end(world, job) == whole


def test_kills_at_any_moment_lose_nothing_and_change_nothing(tmp_path: Path) -> None:
    """Three jobs and their users, killed six times; `tests/bench/bench_crash_recovery.py` does it two hundred times."""
    outcome = run_crash_test(tmp_path, kills=6, jobs=3, records=100, longest=2.0)
    assert (outcome.differing, outcome.lost, outcome.regraded_steps, outcome.kill_count) == ((), (), (), 6)
