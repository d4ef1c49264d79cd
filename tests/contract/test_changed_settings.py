"""A data folder that is opened again with other settings: its jobs keep the settings that they started with."""

from pathlib import Path
from typing import Any

from simulator.settings import FIXED_EPOCH, Auth, DurationSettings, Pace, Settings
from simulator.training.dataset import DatasetLimits
from tests.simulators import RunningSimulator, simulator_in_process
from tests.training.training_files import make_training_file


def post_clock(simulator: RunningSimulator, **arguments: Any) -> Any:
    """Update the clock; return its state."""
    answer = simulator.http.post("/_simulator/clock", json=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_job_keeps_the_settings_that_it_started_with(tmp_path: Path) -> None:
    """A replay gives the same job. A new job uses the new settings."""
    data = tmp_path / "data"
    original = Settings(
        data=data,
        pace=Pace.MANUAL,
        auth=Auth.ANY,  # without keys an advance does not wait for the end of the current second
        durations=DurationSettings(queue=1_000),
        answer_path="reference_answer",
    )
    with simulator_in_process(original) as simulator:
        file = simulator.upload(make_training_file(100))
        job = simulator.create_job(file)["id"]
        post_clock(simulator, advance=60)
        log = simulator.http.get(f"/_simulator/jobs/{job}/log").text
    changed = Settings(
        data=data,
        pace=Pace.MANUAL,
        auth=Auth.ANY,
        durations=DurationSettings(validation=10, queue=20),
        dataset=DatasetLimits(min_records=500),
        held_out="seeded",
        redteam=2.5,
        detect_convergence=True,
    )
    with simulator_in_process(changed) as simulator:
        (queued,) = post_clock(simulator, advance=0)["jobs"]
        assert (queued["status"], queued["next_at"]) == ("queued", FIXED_EPOCH + 45 + 1_000)
        assert simulator.http.get(f"/_simulator/jobs/{job}/log").text == log
        new = simulator.create_job(file)["id"]
        after = post_clock(simulator, advance=10)
        assert [(job["id"], job["status"]) for job in after["jobs"]] == [(job, "queued")]
        assert simulator.retrieve_job(new)["status"] == "failed"
    with simulator_in_process(original) as simulator:
        post_clock(simulator, to=FIXED_EPOCH + 45 + 1_000)
        assert simulator.retrieve_job(job)["finished_at"] == FIXED_EPOCH + 45 + 1_000
