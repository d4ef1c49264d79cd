"""The verdict on programs that people write, right and wrong, and on the project's own client."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from simulator.cli.environment import build_session_variables
from simulator.cli.verdict import fetch_verdict
from simulator.settings import Settings, VerdictSettings
from tests.end_to_end.commands import CLEAN, ROOT, rft_command, verdict_on_clients
from tests.end_to_end.conftest import RunClient
from tests.simulators import REGION, RunningSimulator, serve_simulator

pytestmark = pytest.mark.slow

CREATES_JOB: Final = """
import sys
import time
from openai import APIError, OpenAI

client = OpenAI()
file = client.files.create(file=("train.jsonl", b"{}\\n"), purpose="fine-tune")
grader = {"type": "lambda", "lambda": {"function": "arn:aws:lambda:us-west-2:123456789012:function:nowhere"}}
method = {"type": "reinforcement", "reinforcement": {"grader": grader}}
job = client.fine_tuning.jobs.create(
    model="openai.gpt-oss-20b", training_file=file.id, extra_body={"method": method}
)
"""
# The job fails: its file has no prompt.
WAITS_CORRECTLY: Final = """
while job.status not in ("succeeded", "failed", "cancelled"):
    time.sleep(0.1)
    job = client.fine_tuning.jobs.retrieve(job.id)
if job.status != "succeeded":
    sys.exit(1)
"""
ENDS_TOO_EARLY: Final = """
while job.status in ("queued", "running"):
    job = client.fine_tuning.jobs.retrieve(job.id)
try:
    client.chat.completions.create(model=job.fine_tuned_model, messages=[{"role": "user", "content": "Well?"}])
except APIError as error:
    print(error)
"""
IGNORES_FAILURE: Final = """
for _ in range(30):  # a real program would go on forever
    if job.status == "succeeded":
        break
    time.sleep(0.05)
    job = client.fine_tuning.jobs.retrieve(job.id)
"""
POLLS_TOO_OFTEN: Final = """
while job.status not in ("succeeded", "failed", "cancelled"):
    job = client.fine_tuning.jobs.retrieve(job.id)
for _ in range(100):
    list(client.fine_tuning.jobs.list_events(job.id))
"""


@pytest.fixture
def simulator(served_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> RunningSimulator:
    """A simulator that has recorded no request, with the environment pointing to it."""
    point_environment(served_simulator, monkeypatch)
    served_simulator.http.delete("/_simulator/verdict")
    return served_simulator


def point_environment(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the SDKs' variables to a simulator."""
    for name, value in build_session_variables(url=simulator.url, region=REGION, key=simulator.key).items():
        monkeypatch.setenv(name, value)


def run_program(program: str) -> int:
    """Run a program in this process; return its exit code."""
    values: dict[str, Any] = {}
    try:
        exec(compile(program, "<program>", "exec"), values)
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        values["client"].close()
    return 0


@pytest.mark.parametrize(
    ("program", "exit_code", "failures"),
    [
        (WAITS_CORRECTLY, 1, []),
        (ENDS_TOO_EARLY, 0, ["C1"]),
        (IGNORES_FAILURE, 0, ["C5"]),
        (POLLS_TOO_OFTEN, 0, ["C2"]),
    ],
)
def test_the_verdict_fails_for_a_program_that_is_wrong(
    program: str, exit_code: int, failures: list[str], simulator: RunningSimulator
) -> None:
    """A program that does everything right is clean, even if it exits with 1 because its job failed."""
    assert run_program(CREATES_JOB + program) == exit_code
    document = fetch_verdict(simulator.url, exit_code=exit_code)
    assert [finding["rule"] for finding in document["findings"] if finding["severity"] == "fail"] == failures
    assert document["verdict"] == ("failed" if failures else "clean")


def test_a_limit_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--set verdict.looks_per_second=100000` accepts what the default does not."""
    settings = Settings(port=0, verdict=VerdictSettings(looks_per_second=100_000))
    with serve_simulator(settings) as simulator:
        point_environment(simulator, monkeypatch)
        run_program(CREATES_JOB + POLLS_TOO_OFTEN)
        assert verdict_on_clients(simulator, 0) == "clean"


def test_the_projects_own_client_is_clean_in_every_command(
    fast_simulator: RunningSimulator, rft: RunClient, tmp_path: Path
) -> None:
    """It trains, and every command reads the job afterwards."""
    data = "fixtures/prompts/string_reference.jsonl"
    commands = [rft(fast_simulator, "train", "--data", data, "--output", str(tmp_path))]
    job = rft(fast_simulator, "jobs").stdout.split()[0]
    commands += [rft(fast_simulator, name, job) for name in ("watch", "events", "diagnose")]
    commands.append(rft(fast_simulator, "plot", job, "-o", str(tmp_path / "again.png")))
    assert [result.returncode for result in commands] == [0] * 5, commands
    assert verdict_on_clients(fast_simulator, 0) == "clean"


def test_the_projects_own_client_is_clean_when_its_job_fails(
    fast_simulator: RunningSimulator, rft: RunClient, tmp_path: Path
) -> None:
    """The reward function raises."""
    result = rft(fast_simulator, "train", "--reward", "fixtures/graders/raises", "--output", str(tmp_path))
    assert (result.returncode, "grader_error" in result.stderr) == (1, True)
    assert verdict_on_clients(fast_simulator, 1) == "clean"


@pytest.mark.parametrize("status", ["validating_files", "running"])
def test_the_projects_own_client_is_clean_after_ctrl_c(status: str, tmp_path: Path) -> None:
    """The signal comes when the client prints a new status."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simulator", "exec", "--verdict", "--pace", "poll"),
            *("--", *rft_command("train", "--output", str(tmp_path))),
        ],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _wait_for_line(iter(process.stdout or ()), f"status {status}")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert CLEAN in errors


def _wait_for_line(lines: Iterator[str], text: str) -> None:
    assert any(" ".join(line.split()) == text for line in lines)
