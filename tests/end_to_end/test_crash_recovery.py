"""A simulator that is killed: what it had acknowledged is there at the next start, and a running job goes on."""

from pathlib import Path

import pytest

from tests.end_to_end.commands import ROOT
from tests.end_to_end.crash_recovery import cut
from tests.end_to_end.server_process import log_of, served
from tests.simulators import Api
from tests.training.training_files import jsonl

pytestmark = pytest.mark.slow

STEPPING = ("--pace", "poll", "--epoch", "1767225600")  # a job stands still between two looks


def finished(world: Api, job: str) -> bytes:
    """Look at a job until it has ended; return its log."""
    while world.job(job)["status"] not in {"succeeded", "failed", "cancelled"}:
        pass
    return log_of(world, job)


def test_a_job_goes_on_after_kill_9_as_if_nothing_had_been(tmp_path: Path) -> None:
    """Its function is still there; the finished log is that of an undisturbed run, byte for byte."""
    with served(tmp_path / "undisturbed", *STEPPING) as (world, _):
        function = world.deploy(ROOT / "reward_lambda", name="reward")
        whole = finished(world, world.create(world.upload(jsonl(100)), function=function)["id"])
    with served(tmp_path / "cut", *STEPPING) as (world, process):
        function = world.deploy(ROOT / "reward_lambda", name="reward")
        job = world.create(world.upload(jsonl(100)), function=function)["id"]
        for _ in range(12):
            world.job(job)
        before = log_of(world, job)
        process.kill()
    with served(tmp_path / "cut", *STEPPING) as (world, _):
        for _ in range(3):
            world.job(job)
        assert log_of(world, job).startswith(before)
        assert finished(world, job) == whole


def test_kills_at_any_moment_lose_nothing_and_change_nothing(tmp_path: Path) -> None:
    """Three jobs and their users, killed six times; `tests/bench/bench_crash_recovery.py` does it two hundred times."""
    outcome = cut(tmp_path, kills=6, jobs=3, records=100, longest=2.0)
    assert (outcome.differing, outcome.lost, outcome.asked_again, outcome.kills) == ((), (), (), 6)
