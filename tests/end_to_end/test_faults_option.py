"""`--faults`: a command meets what the script says, from its first request on."""

import sys
from pathlib import Path

import pytest

from tests.end_to_end.commands import ROOT, rft_sim

_POLL = """
import openai
client = openai.OpenAI(max_retries=0)
for _ in range(3):
    try:
        print(len(client.fine_tuning.jobs.list_events("ftjob-1").data))
    except openai.APIStatusError as error:
        print(error.status_code, error.code)
"""


@pytest.mark.slow
def test_a_command_meets_the_faults_of_a_script() -> None:
    """The one that hits it, and no other."""
    script = ROOT / "fixtures" / "faults" / "unavailable.json"
    done = rft_sim("exec", "--faults", str(script), "--", sys.executable, "-c", _POLL)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["500 internal_server_error", "404 not_found_error", "404 not_found_error"],
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", [["serve"], ["exec", "--", "true"]])
def test_a_faulty_script_ends_a_start_with_a_line(command: list[str], tmp_path: Path) -> None:
    """Before anybody is served."""
    (tmp_path / "faults.json").write_text('{"request": {}, "drop": "later"}')
    name, *rest = command
    done = rft_sim(name, "--port", "0", "--faults", str(tmp_path / "faults.json"), *rest)
    said = 'fault 1: drop: it takes before or after; not "later"'
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"rft-sim: {tmp_path}/faults.json: {said}\n")
