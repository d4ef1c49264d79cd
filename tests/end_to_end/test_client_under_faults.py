"""The project's own client under every scripted fault, and with listings that lag: whatever happens, it behaves."""

import json
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.commands import ROOT, rft_command, rft_sim
from tests.end_to_end.test_exec_verdict import CLEAN

pytestmark = pytest.mark.slow

SCRIPTS: Final = sorted(path.stem for path in (ROOT / "fixtures" / "faults").glob("*.json"))
# What ends the road: the client says so, and exits with 1 (3 is a cancelled job).
EXIT_CODES: Final = {
    "cancelled_in_mid_step": 3,
    "deleted_function": 1,
    "expired_credentials": 1,
    "failed_validation": 1,
    "internal_error": 1,
    "no_concurrency": 1,
    "slow_function": 1,
}
REWARD: Final = {"slow_function": "fixtures/graders/slow_when_told"}
DATA: Final = ("--data", "fixtures/prompts/string_reference.jsonl", "--compare-rows", "4")
# Streams are `rft chat`'s; a stall without end is waited for as long as its time-out says, once.
STREAMS: Final = {"broken_event": 1, "cut_stream": 1, "early_end": 1, "stalled_stream": 1}
LAGS: Final = (
    ("consistency.jobs_lag=2",),
    ("consistency.events_lag=2",),
    ("consistency.events_batch=7",),
    ("consistency.events_twice=true",),
    ("consistency.checkpoints_lag=2",),
    ("consistency.jobs_lag=2", "consistency.events_lag=2", "consistency.events_twice=true"),
)


def train_command(reward: str, output: Path) -> list[str]:
    """Return the command line of a short road."""
    data = DATA if reward == "reward_lambda" else ("--data", "fixtures/prompts/train.jsonl", "--compare-rows", "4")
    return rft_command("train", *data, "--reward", reward, "--output", str(output))


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_road_under_a_scripted_fault_ends_well_or_says_why_not(script: str, tmp_path: Path) -> None:
    """With no fault to be found in its manners."""
    faults = f"fixtures/faults/{script}.json"
    done = rft_sim(
        "exec", "--verdict", "--faults", faults, "--", *train_command(REWARD.get(script, "reward_lambda"), tmp_path)
    )
    assert done.returncode == EXIT_CODES.get(script, 0), done.stdout + done.stderr
    assert CLEAN in done.stderr, done.stderr
    assert ("✗" in done.stderr) == (script in EXIT_CODES)


def test_a_wait_at_which_the_client_gives_up_holds_up_none_of_its_threads(tmp_path: Path) -> None:
    """The second chat of the comparison is told to wait 100 s: nobody sleeps through them, and nobody asks before."""
    faults = tmp_path / "faults.json"
    chats = {"method": "POST", "path": "/v1/chat/completions"}
    faults.write_text(json.dumps([{"request": chats, "nth": 2, "error": "RATE_LIMITED", "retry_after": 100}]))
    began = time.monotonic()
    done = rft_sim("exec", "--verdict", "--faults", str(faults), "--", *train_command("reward_lambda", tmp_path))
    assert (done.returncode, time.monotonic() - began < 90) == (1, True), done.stdout + done.stderr
    assert "says to wait" in done.stderr, done.stderr
    assert CLEAN in done.stderr, done.stderr


@pytest.mark.parametrize("script", STREAMS)
def test_a_chat_whose_stream_breaks_ends_and_says_so(script: str) -> None:
    """The second one, which nothing befalls, is answered."""
    chat = [*rft_command("chat", "openai.gpt-oss-20b", "How many?")]
    twice = f"import subprocess, sys; print([subprocess.run({chat!r}).returncode for _ in range(2)], file=sys.stderr)"
    faults = f"fixtures/faults/{script}.json"
    done = rft_sim("exec", "--verdict", "--faults", faults, "--", sys.executable, "-c", twice)
    assert f"[{STREAMS[script]}, 0]\n" in done.stderr, done.stderr
    assert CLEAN in done.stderr, done.stderr


@pytest.mark.parametrize("lag", LAGS, ids="+".join)
def test_the_road_with_listings_that_lag_misses_nothing(lag: tuple[str, ...], tmp_path: Path) -> None:
    """Every step and every checkpoint is in the report."""
    settings = [option for assignment in lag for option in ("--set", assignment)]
    done = rft_sim("exec", "--verdict", *settings, "--", *train_command("reward_lambda", tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert CLEAN in done.stderr, done.stderr
    assert "27 steps  2 checkpoints" in done.stdout


def test_a_lost_answer_and_a_list_that_lags_make_one_job(tmp_path: Path) -> None:
    """It is looked for until the list holds it."""
    script = f"""
import subprocess, sys
train = {train_command("reward_lambda", tmp_path)!r}
assert subprocess.run(train).returncode == 0
print(subprocess.run({rft_command("jobs")!r}, capture_output=True, text=True).stdout.count("ftjob-"), "jobs", file=sys.stderr)
"""
    options = ("--faults", "fixtures/faults/lost_answer.json", "--set", "consistency.jobs_lag=2")
    done = rft_sim("exec", "--verdict", *options, "--", sys.executable, "-c", script)
    assert "1 jobs\n" in done.stderr, done.stderr
    assert CLEAN in done.stderr, done.stderr
