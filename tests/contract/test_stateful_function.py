"""A reward function that keeps state in /tmp and in its module gives the same rewards in every run."""

from pathlib import Path
from typing import Any

import pytest

from simulator.settings import GradingSettings, Settings
from tests.simulators import serve_simulator
from tests.training.training_files import make_training_file

COUNTING_GRADER = """
import os
calls = 0

def lambda_handler(event, context):
    global calls
    calls += 1
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), "calls")
    with open(path, "a") as file:
        file.write("x")
    share = (os.path.getsize(path) * 7 + calls * 3 + len(event)) % 11
    return [{"id": rollout["id"], "aggregate_reward_score": share / 11} for rollout in event]
"""


def reward_logs(folder: Path) -> list[Any]:
    """Run two jobs with the same grader at the same time; return the step metrics of each."""
    settings = Settings(port=0, grading=GradingSettings(concurrency=3, rollouts_per_call=4), concurrent_jobs=2)
    with serve_simulator(settings) as simulator:
        arn = simulator.deploy(folder)
        file = simulator.upload(make_training_file(100))
        ids = [simulator.create_job(file, function=arn)["id"] for _ in range(2)]
        for job_id in ids:
            assert simulator.wait_for_job(job_id)["status"] == "succeeded"
        return [[event["data"] for event in simulator.list_events(job_id)] for job_id in ids]


@pytest.mark.slow
def test_the_rewards_of_a_function_that_keeps_state_are_the_same_in_every_run(tmp_path: Path) -> None:
    """Each environment of a job gets every n-th call, and no call of another job."""
    folder = tmp_path / "grader"
    folder.mkdir()
    (folder / "lambda_function.py").write_text(COUNTING_GRADER)
    first, second = reward_logs(folder), reward_logs(folder)
    assert first == second
    assert first[0] != []
