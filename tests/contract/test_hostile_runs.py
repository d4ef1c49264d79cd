"""Hostile data in a real job: every accepted record is graded, and a function's messages are safe to print."""

import json
from pathlib import Path
from typing import Any

import pytest

from client.terminal import escape_control_characters
from tests.simulators import RunningSimulator
from tests.training.training_files import make_training_file

HOSTILE = Path(__file__).parents[2] / "fixtures" / "hostile"
GRADERS = HOSTILE.parent / "graders"
MANIFEST: list[dict[str, Any]] = json.loads((HOSTILE / "manifest.json").read_text(encoding="utf-8"))

NOISY_GRADER = r"""
def lambda_handler(event, context):
    print("\x1b[2J\x9b1m a log \u202e")
    raise ValueError("\x1b]0;title\x07\x1b[31m\u202e no reason \x00")
"""


@pytest.mark.slow
def test_every_accepted_record_is_graded(served_simulator: RunningSimulator) -> None:
    """The hostile line of each valid file, graded by a real function."""
    lines = [
        (HOSTILE / entry["file"]).read_bytes().split(b"\n", 1)[0].rstrip(b"\r") + b"\n"
        for entry in MANIFEST
        if entry["records"]
    ]
    job = served_simulator.run_job(
        b"".join(lines) + make_training_file(100), function=served_simulator.deploy(GRADERS / "always_one")
    )
    entries = served_simulator.http.get(f"/_simulator/jobs/{job['id']}/rollouts").text.splitlines()
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert {json.loads(line)["line"] for line in entries} >= set(range(1, len(lines) + 1))


@pytest.mark.slow
def test_the_error_of_a_function_is_safe_to_print(served_simulator: RunningSimulator, tmp_path: Path) -> None:
    """In the job and in its events: no escape sequence, no right-to-left override."""
    (tmp_path / "lambda_function.py").write_text(NOISY_GRADER)
    job = served_simulator.run_job(make_training_file(100), function=served_simulator.deploy(tmp_path, name="shouting"))
    messages = [job["error"]["message"], *(event["message"] for event in served_simulator.list_events(job["id"]))]
    assert r"\x1b]0;title\x07\x1b[31m\u202e no reason \x00" in messages[0]
    assert [escape_control_characters(message) for message in messages] == messages
