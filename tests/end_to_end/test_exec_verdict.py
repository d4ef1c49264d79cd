"""`rft-sim exec --verdict`: programs as people write them, right and wrong, and the project's own client."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.commands import ROOT, rft_command, rft_sim

pytestmark = pytest.mark.slow

CLEAN: Final = "Verdict on the client: clean\n"

_CREATES_JOB: Final = """
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
# The job fails: its file holds no prompt.
_WAITS_CORRECTLY: Final = """
while job.status not in ("succeeded", "failed", "cancelled"):
    time.sleep(0.1)
    job = client.fine_tuning.jobs.retrieve(job.id)
if job.status != "succeeded":
    sys.exit(f"{job.error.code}: {job.error.message}")
"""
_PREMATURE_END: Final = """
while job.status in ("queued", "running"):
    job = client.fine_tuning.jobs.retrieve(job.id)
try:
    client.chat.completions.create(model=job.fine_tuned_model, messages=[{"role": "user", "content": "Well?"}])
except APIError as error:
    print(error)
"""
_IGNORES_FAILURE: Final = """
for _ in range(30):  # a real one would go on for ever
    if job.status == "succeeded":
        break
    time.sleep(0.05)
    job = client.fine_tuning.jobs.retrieve(job.id)
"""
_POLLS_TOO_OFTEN: Final = """
while job.status not in ("succeeded", "failed", "cancelled"):
    job = client.fine_tuning.jobs.retrieve(job.id)
for _ in range(100):
    list(client.fine_tuning.jobs.list_events(job.id))
"""


def verdict_on(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program beside a simulator, and judge it."""
    return rft_sim("exec", "--verdict", *options, "--", sys.executable, "-c", program)


def test_a_program_that_does_everything_right_keeps_its_exit_code() -> None:
    """Also where it exits with 1, because its job failed; the report goes to standard error."""
    done = verdict_on(_CREATES_JOB + _WAITS_CORRECTLY)
    assert (done.returncode, done.stdout) == (1, "")
    assert CLEAN in done.stderr


@pytest.mark.parametrize(
    ("program", "finding"),
    [
        (_PREMATURE_END, "FAIL  C1  took for an end what is none\n"),
        (_IGNORES_FAILURE, "FAIL  C5  never read `failed`\n"),
        (_POLLS_TOO_OFTEN, "FAIL  C2  polled hot"),
    ],
)
def test_a_program_that_is_content_and_wrong_is_exit_code_1(program: str, finding: str) -> None:
    """It exits with 0, and the verdict fails."""
    done = verdict_on(_CREATES_JOB + program)
    assert done.returncode == 1
    assert finding in done.stderr


def test_a_program_that_is_wrong_and_knows_it_keeps_its_exit_code() -> None:
    """The verdict takes nothing from it."""
    assert verdict_on(f"{_CREATES_JOB}{_POLLS_TOO_OFTEN}sys.exit(3)").returncode == 3


def test_a_limit_may_be_set_to_hold_a_client_to_more() -> None:
    """Or to less."""
    assert verdict_on(_CREATES_JOB + _POLLS_TOO_OFTEN, "--set", "verdict.looks_per_second=100000").returncode == 0


def test_the_projects_own_client_is_clean_all_along_the_road(tmp_path: Path) -> None:
    """It trains, and every command looks at the job afterwards."""
    script = f"""
import subprocess, sys
def rft(*arguments):
    return subprocess.run([{sys.executable!r}, "-m", "client", *arguments], check=True, capture_output=True, text=True)
rft("train", "--data", "fixtures/prompts/string_reference.jsonl", "--output", {str(tmp_path)!r})
job = rft("jobs").stdout.split()[0]
for command in ("watch", "events", "diagnose"):
    rft(command, job)
rft("plot", job, "-o", {str(tmp_path / "again.png")!r})
"""
    done = verdict_on(script)
    assert (done.returncode, done.stderr.splitlines(keepends=True)[0]) == (0, CLEAN), done.stderr


def test_the_projects_own_client_is_clean_where_its_job_fails(tmp_path: Path) -> None:
    """A reward function that raises."""
    train = rft_command("train", "--reward", "fixtures/graders/raises", "--output", str(tmp_path))
    done = rft_sim("exec", "--verdict", "--", *train)
    assert done.returncode == 1
    assert "grader_error" in done.stderr
    assert CLEAN in done.stderr


@pytest.mark.parametrize("seen", ["validating_files", "running"])
def test_the_projects_own_client_is_clean_where_it_is_stopped(seen: str, tmp_path: Path) -> None:
    """Ctrl-C, at the very moment at which a status is new to it."""
    train = rft_command("train", "--output", str(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "exec", "--verdict", "--pace", "poll", "--", *train],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    for line in process.stdout:
        if line.split() == ["status", seen]:
            break
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert CLEAN in errors
