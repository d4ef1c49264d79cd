"""Hostile material in a real run: what was accepted is graded to the end, and what a function says is safe to print."""

import json
from pathlib import Path
from typing import Any

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


def test_every_record_that_was_accepted_is_graded(served_simulator: RunningSimulator) -> None:
    """The hostile line of each sound file, trained on by a real function: control characters, depth, marks, and all."""
    lines = [
        (HOSTILE / entry["file"]).read_bytes().split(b"\n", 1)[0].rstrip(b"\r") + b"\n"
        for entry in MANIFEST
        if entry["records"]
    ]
    job = served_simulator.run_job(
        b"".join(lines) + make_training_file(100), function=served_simulator.deploy(GRADERS / "always_one")
    )
    told = served_simulator.http.get(f"/_simulator/jobs/{job['id']}/rollouts").text.splitlines()
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert {json.loads(line)["line"] for line in told} >= set(range(1, len(lines) + 1))


def test_what_a_function_says_as_it_fails_is_safe_to_print(served_simulator: RunningSimulator, tmp_path: Path) -> None:
    """In the job's error, in its events, wherever a client prints them: no escape sequence, no turned text."""
    (tmp_path / "lambda_function.py").write_text(NOISY_GRADER)
    job = served_simulator.run_job(make_training_file(100), function=served_simulator.deploy(tmp_path, name="shouting"))
    messages = [job["error"]["message"], *(event["message"] for event in served_simulator.list_events(job["id"]))]
    assert r"\x1b]0;title\x07\x1b[31m\u202e no reason \x00" in messages[0]
    assert [escape_control_characters(message) for message in messages] == messages
