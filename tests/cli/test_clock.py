"""`rft-sim clock`: what it prints, and how it ends."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.settings import Pace, Settings
from tests.simulators import RunningSimulator, serve_simulator
from tests.training.training_files import make_training_file


@pytest.fixture(scope="module")
def manual() -> Iterator[RunningSimulator]:
    """A server whose clock only its user moves."""
    with serve_simulator(Settings(port=0, pace=Pace.MANUAL)) as world:
        yield world


@pytest.fixture
def job(manual: RunningSimulator) -> Iterator[str]:
    """A job whose function does not exist."""
    job_id = str(manual.create_job(manual.upload(make_training_file(100)))["id"])
    yield job_id
    manual.http.post(f"/v1/fine_tuning/jobs/{job_id}/cancel")


def clock(world: RunningSimulator, *arguments: str) -> Result:
    """Run the command against a server."""
    command, *others = arguments or ("",)
    port = ["--port", world.url.rpartition(":")[2]]
    return CliRunner().invoke(app, ["clock", *([command, *port, *others] if command else port)])


def test_a_run_that_ends_before_its_goal_says_why_and_shows_the_job(manual: RunningSimulator, job: str) -> None:
    """Its line too, though it is among the unfinished ones no more."""
    done = clock(manual, "run", job, "--step", "5")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (1, f"  {job}  failed")
    assert done.stderr.startswith(f"rft-sim: {job} did not reach step 5: it failed: ")
    assert "nowhere" in done.stderr


def test_a_run_to_a_time_before_which_the_job_ends_has_come_there(manual: RunningSimulator, job: str) -> None:
    """What was wanted is that nothing is left to happen until then."""
    done = clock(manual, "run", job, "--time", "2026-02-01")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, f"  {job}  failed")


def test_a_status_that_is_past_is_told_as_such(manual: RunningSimulator, job: str) -> None:
    """With where the job is instead."""
    clock(manual, "run", job, "--status", "queued")
    done = clock(manual, "run", job, "--status", "validating_files")
    assert (done.exit_code, done.stderr) == (
        1,
        f"rft-sim: {job} did not reach status validating_files: it is queued at step 0\n",
    )


def test_a_speed_of_one_job_is_shown_with_it(manual: RunningSimulator, job: str) -> None:
    """And not as the server's."""
    done = clock(manual, "pace", "realtime", "--job", job, "--speed", "0.25")
    first, *_, line = done.stdout.splitlines()
    assert first.endswith("  manual")
    assert line.startswith(f"  {job}  validating_files  realtime x0.25  next at ")


@pytest.mark.parametrize("speed", ["0", "-1", "inf", "nan", "1000001"])
def test_a_speed_that_no_clock_has_is_refused(manual: RunningSimulator, speed: str) -> None:
    """Before the server is asked."""
    done = clock(manual, "pace", "realtime", f"--speed={speed}")
    expected = f"rft-sim: --speed: expected more than 0 and at most 1000000, got {float(speed):.7g}\n"
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", expected)


def test_a_speed_goes_with_realtime_alone(manual: RunningSimulator) -> None:
    """At another pace it would wait for nothing."""
    done = clock(manual, "pace", "instant", "--speed", "5")
    assert (done.exit_code, done.stderr) == (2, "rft-sim: --speed goes with the pace realtime, not with instant\n")


def test_a_time_that_has_passed_is_refused(manual: RunningSimulator) -> None:
    """The clock never runs back."""
    done = clock(manual, "to", "2025-12-31T00:00:00Z")
    assert (done.exit_code, "cannot move back" in done.stderr) == (2, True)


def test_the_help_says_what_it_does_without_a_command() -> None:
    """And of a run, what does not age by it."""
    runner = CliRunner()
    assert "Without a command: show the clock" in runner.invoke(app, ["clock", "--help"]).stdout
    assert "Keys and sessions do not age." in " ".join(runner.invoke(app, ["clock", "run", "--help"]).stdout.split())
