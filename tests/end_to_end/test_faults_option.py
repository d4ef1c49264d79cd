"""`--faults`: a command meets what the script says, from its first request on."""

import json
import sys
from pathlib import Path

import pytest

from tests.end_to_end.commands import ROOT, rft_sim
from tests.end_to_end.test_client_under_faults import train_command

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


_LISTS_MODELS = "import openai; openai.OpenAI(max_retries=0).models.list()"
_MET_NOTHING = [
    {"request": {"path": "/v1/models"}, "times": 3, "delay": 0.001},
    {"request": {"method": "POST", "path": "**/chat/completions"}, "stream": {"cut_after": 5}},
    {"request": {"path": "/v1/models"}, "nth": 2, "drop": "before"},
    {"request": {"path": "/v1/models"}, "stream": {"cut_after": 5}},
    {"job": 1, "step": 2, "cancel": True},
    {"job": 2, "queue": "1h"},
]


@pytest.mark.slow
def test_a_command_that_met_nothing_of_a_script_is_told_so(tmp_path: Path) -> None:
    """At the end, in a line each; nothing is told of what was met."""
    (tmp_path / "faults.json").write_text(json.dumps(_MET_NOTHING))
    done = rft_sim("exec", "--faults", str(tmp_path / "faults.json"), "--", sys.executable, "-c", _LISTS_MODELS)
    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (
        0,
        "",
        [
            "rft-sim: fault-2 has met nothing: no request matched it (POST **/chat/completions)",
            "rft-sim: fault-3 has met nothing: of 1 that matched it (/v1/models), none was call 2",
            "rft-sim: fault-4 has met nothing: of 1 that matched it (/v1/models), none gave it anything to do",
            "rft-sim: fault-5 has met nothing: job 1 never came to step 2",
            "rft-sim: fault-6 has met nothing: job 2 never came to its queue",
        ],
    )


@pytest.mark.slow
def test_an_operation_that_was_not_done_is_told_at_the_end(tmp_path: Path) -> None:
    """With the reason: the user whose permission the script revokes is not there."""
    script = "fixtures/faults/revoked_permission.json"
    done = rft_sim("exec", "--faults", script, "--", *train_command("reward_lambda", tmp_path))
    told = [line for line in done.stderr.splitlines() if line.startswith("rft-sim: ")]
    said = "An error occurred (NoSuchEntity) when calling the DeleteUserPolicy operation"
    assert (done.returncode, len(told)) == (0, 1), done.stderr
    assert told[0].startswith(f"rft-sim: fault-1: iam DeleteUserPolicy was not done: {said}")


@pytest.mark.slow
def test_a_permission_is_revoked_from_the_user_who_is_made_for_it(tmp_path: Path) -> None:
    """By the script that stands beside the fault."""
    script, trainer = "fixtures/faults/revoked_permission.json", "fixtures/faults/as_trainer.py"
    command = [sys.executable, trainer, *train_command("reward_lambda", tmp_path)]
    done = rft_sim("exec", "--faults", script, "--", *command)
    assert (done.returncode, "rft-sim: " in done.stderr) == (1, False), done.stderr
    assert "user/trainer is not authorized to perform: lambda:InvokeFunction" in done.stderr
