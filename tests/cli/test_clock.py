"""`rft-sim clock`: what it prints, and its exit codes."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.settings import Pace, Settings
from tests.simulators import RunningSimulator, serve_simulator
from tests.training.training_files import make_training_file


@pytest.fixture(scope="module")
def manual() -> Iterator[RunningSimulator]:
    """A simulator at the pace `manual`."""
    with serve_simulator(Settings(port=0, pace=Pace.MANUAL)) as simulator:
        yield simulator


@pytest.fixture
def job(manual: RunningSimulator) -> Iterator[str]:
    """A job whose reward function does not exist."""
    job_id = str(manual.create_job(manual.upload(make_training_file(100)))["id"])
    yield job_id
    manual.http.post(f"/v1/fine_tuning/jobs/{job_id}/cancel")


def clock(simulator: RunningSimulator, *arguments: str) -> Result:
    """Run the command for a simulator."""
    command, *others = arguments or ("",)
    port = ["--port", simulator.url.rpartition(":")[2]]
    return CliRunner().invoke(app, ["clock", *([command, *port, *others] if command else port)])


def test_a_run_that_misses_its_step_says_why_and_shows_the_ended_job(manual: RunningSimulator, job: str) -> None:
    """Exit code 1."""
    result = clock(manual, "run", job, "--step", "5")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, f"  {job}  failed")
    assert result.stderr.startswith(f"rft-sim: {job} did not reach step 5: it failed: ")
    assert "nowhere" in result.stderr


def test_a_run_to_a_time_succeeds_when_the_job_ends_before(manual: RunningSimulator, job: str) -> None:
    """The job has nothing left to do before that time."""
    result = clock(manual, "run", job, "--time", "2026-02-01")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, f"  {job}  failed")


def test_a_run_to_an_earlier_status_fails(manual: RunningSimulator, job: str) -> None:
    """The message gives the current status."""
    clock(manual, "run", job, "--status", "queued")
    result = clock(manual, "run", job, "--status", "validating_files")
    assert (result.exit_code, result.stderr) == (
        1,
        f"rft-sim: {job} did not reach status validating_files: it is queued at step 0\n",
    )


def test_the_speed_of_one_job_is_shown_with_the_job(manual: RunningSimulator, job: str) -> None:
    """And not with the simulator."""
    result = clock(manual, "pace", "realtime", "--job", job, "--speed", "0.25")
    first, *_, line = result.stdout.splitlines()
    assert first.endswith("  manual")
    assert line.startswith(f"  {job}  validating_files  realtime x0.25  next at ")


@pytest.mark.parametrize("speed", ["0", "-1", "inf", "nan", "1000001"])
def test_a_speed_out_of_range_is_refused(manual: RunningSimulator, speed: str) -> None:
    """Before a request is sent."""
    result = clock(manual, "pace", "realtime", f"--speed={speed}")
    expected = f"rft-sim: --speed: expected more than 0 and at most 1000000, got {float(speed):.7g}\n"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", expected)


def test_speed_needs_the_pace_realtime(manual: RunningSimulator) -> None:
    """It has no effect at another pace."""
    result = clock(manual, "pace", "instant", "--speed", "5")
    assert (result.exit_code, result.stderr) == (2, "rft-sim: --speed goes with the pace realtime, not with instant\n")


def test_an_earlier_time_is_refused(manual: RunningSimulator) -> None:
    """The clock never runs back."""
    result = clock(manual, "to", "2025-12-31T00:00:00Z")
    assert (result.exit_code, "cannot move back" in result.stderr) == (2, True)


def test_help_says_what_happens_without_a_command() -> None:
    """And that `run` does not age keys."""
    runner = CliRunner()
    assert "Without a command: show the clock" in runner.invoke(app, ["clock", "--help"]).stdout
    assert "Keys and sessions keep their validity." in " ".join(
        runner.invoke(app, ["clock", "run", "--help"]).stdout.split()
    )
