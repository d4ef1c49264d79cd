"""A data folder that is opened again under other settings: the jobs in it go by those that they began with."""

from pathlib import Path
from typing import Any

from simulator.settings import FIXED_EPOCH, DurationSettings, Pace, Settings
from simulator.training.dataset import DatasetLimits
from tests.simulators import RunningSimulator, simulator_in_process
from tests.training.training_files import make_training_file


def post_clock(world: RunningSimulator, **wanted: Any) -> Any:
    """Steer the clock; return how it stands."""
    answer = world.http.post("/_simulator/clock", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_job_goes_on_by_the_settings_that_it_began_with(tmp_path: Path) -> None:
    """Told again it is the same job; one that is created now goes by those of now."""
    data = tmp_path / "data"
    began = Settings(
        data=data, pace=Pace.MANUAL, durations=DurationSettings(queue=1_000), answer_path="reference_answer"
    )
    with simulator_in_process(began) as world:
        file = world.upload(make_training_file(100))
        job = world.create_job(file)["id"]
        post_clock(world, advance=60)
        log = world.http.get(f"/_simulator/jobs/{job}/log").text
    other = Settings(
        data=data,
        pace=Pace.MANUAL,
        durations=DurationSettings(validation=10, queue=20),
        dataset=DatasetLimits(min_records=500),
        held_out="seeded",
        redteam=2.5,
        detect_convergence=True,
    )
    with simulator_in_process(other) as world:
        (held,) = post_clock(world, advance=0)["jobs"]
        assert (held["status"], held["next_at"]) == ("queued", FIXED_EPOCH + 45 + 1_000)
        assert world.http.get(f"/_simulator/jobs/{job}/log").text == log
        new = world.create_job(file)["id"]
        after = post_clock(world, advance=10)
        assert [(job["id"], job["status"]) for job in after["jobs"]] == [(job, "queued")]
        assert world.retrieve_job(new)["status"] == "failed"
    with simulator_in_process(began) as world:
        post_clock(world, to=FIXED_EPOCH + 45 + 1_000)
        assert world.retrieve_job(job)["finished_at"] == FIXED_EPOCH + 45 + 1_000
