"""`rft-sim exec`: a simulator for one command."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.settings import Settings
from tests.end_to_end.commands import ROOT, rft_command
from tests.end_to_end.conftest import RunCommand
from tests.simulators import serve_simulator

GET_HEALTH = """
import os, urllib.request
print(urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_simulator/health").read().decode())
"""
LIST_EVENTS_THREE_TIMES = """
import os, urllib.error, urllib.request
url = os.environ["OPENAI_BASE_URL"] + "/fine_tuning/jobs/ftjob-1/events"
headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
for _ in range(3):
    try:
        urllib.request.urlopen(urllib.request.Request(url, headers=headers))
    except urllib.error.HTTPError as error:
        print(error.status)
        error.close()
"""
LIST_MODELS = """
import os, urllib.request
headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
urllib.request.urlopen(urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/models", headers=headers)).close()
"""


def python(program: str) -> tuple[str, ...]:
    """Return the end of a command line that runs a program."""
    return ("--", sys.executable, "-c", program)


@pytest.mark.slow
def test_the_command_reaches_the_simulator_and_its_exit_code_is_passed_on(rft_sim_here: RunCommand) -> None:
    """The environment has the SDKs' variables. --set accepts what the options accept."""
    settings = ("--set", "epoch=2026-01-31T12:00:00Z", "--set", "region=eu-west-1")
    result = rft_sim_here("exec", *settings, *python(f"{GET_HEALTH}\nraise SystemExit(3)"))
    assert (result.returncode, result.stderr) == (3, "")
    assert result.stdout == '{"data":null,"now":1769860800,"region":"eu-west-1","status":"ok"}\n'


POLL_TOO_FAST = """
import http.client, os, urllib.parse
connection = http.client.HTTPConnection(urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"]).netloc)
headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
for _ in range(5):
    connection.request("GET", "/v1/fine_tuning/jobs", headers=headers)
    connection.getresponse().read()
connection.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("end", "exit_code"), [("", 1), ("raise SystemExit(3)", 3)])
def test_a_failed_verdict_is_exit_code_1_unless_the_command_failed(
    end: str, exit_code: int, rft_sim_here: RunCommand
) -> None:
    """The report goes to standard error; the command's own exit code wins."""
    result = rft_sim_here("exec", "--verdict", "--set", "verdict.looks_per_second=1", *python(POLL_TOO_FAST + end))
    assert (result.returncode, result.stdout, "FAIL  C2  " in result.stderr) == (exit_code, "", True)


@pytest.mark.slow
def test_a_command_that_a_signal_ends_has_the_exit_code_of_a_shell(rft_sim_here: RunCommand) -> None:
    """128 plus the number of the signal."""
    assert rft_sim_here("exec", *python("import os; os.kill(os.getpid(), 15)")).returncode == 143


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "mode", "code", "message"),
    [
        (None, 0, 127, "no such command: {}"),
        ("", 0o644, 126, "not executable: {}"),
        ("no first line that names an interpreter", 0o755, 126, "{} cannot be run: Exec format error"),
    ],
)
def test_a_command_that_cannot_run_has_the_exit_code_of_a_shell(
    content: str | None, mode: int, code: int, message: str, rft_sim_here: RunCommand, tmp_path: Path
) -> None:
    """One line, no traceback."""
    command = tmp_path / "command"
    if content is not None:
        command.write_text(content)
        command.chmod(mode)
    result = rft_sim_here("exec", "--", str(command))
    assert (result.returncode, result.stderr) == (code, f"rft-sim: {message.format(command)}\n")


def test_a_used_port_is_an_error_with_advice(rft_sim_here: RunCommand) -> None:
    """Exit code 2, one line."""
    with socket.create_server(("127.0.0.1", 0)) as listening_socket:
        port = listening_socket.getsockname()[1]
        result = rft_sim_here("exec", "--port", str(port), "--", "true")
    advice = "Another program uses it; --port 0 takes a free one."
    message = f"rft-sim: cannot listen on 127.0.0.1:{port}: Address already in use. {advice}\n"
    assert (result.returncode, result.stderr) == (2, message)


def test_a_data_folder_has_one_simulator_at_a_time(rft_sim_here: RunCommand, tmp_path: Path) -> None:
    """The second one exits with an error."""
    with serve_simulator(Settings(port=0, data=tmp_path)):
        result = rft_sim_here("exec", "--data", str(tmp_path), "--", "true")
    message = f"rft-sim: {tmp_path} is in use by another simulator. Stop it, or choose another folder.\n"
    assert (result.returncode, result.stderr) == (2, message)


@pytest.mark.parametrize("option", ["--data={}", "--rollouts={}", "--set=rollouts={}"])
def test_an_unusable_folder_is_a_one_line_error(option: str, rft_sim_here: RunCommand) -> None:
    """Before the command runs."""
    result = rft_sim_here("exec", option.format("/proc/nowhere"), "--", "true")
    assert (result.returncode, result.stderr.count("\n"), "/proc/nowhere" in result.stderr) == (2, 1, True)


@pytest.mark.slow
@pytest.mark.parametrize(("options", "lines"), [([], 0), (["--verbose"], 3)])
def test_refused_requests_are_reported_with_verbose_only(
    options: list[str], lines: int, rft_sim_here: RunCommand
) -> None:
    """The terminal belongs to the command."""
    result = rft_sim_here("exec", *options, *python(LIST_EVENTS_THREE_TIMES))
    refused = [
        line for line in result.stderr.splitlines() if line.startswith("GET /v1/fine_tuning/jobs/ftjob-1/events 404 ")
    ]
    assert (result.returncode, len(refused), len(result.stderr.splitlines())) == (0, lines, lines)


@pytest.mark.slow
def test_the_command_meets_the_faults_of_a_script(rft_sim_here: RunCommand) -> None:
    """From its first request on; other requests are answered as usual."""
    script = ROOT / "fixtures" / "faults" / "unavailable.json"
    result = rft_sim_here("exec", "--faults", str(script), *python(LIST_EVENTS_THREE_TIMES))
    assert (result.returncode, result.stdout.split()) == (0, ["500", "404", "404"])


@pytest.mark.parametrize("command", [["serve"], ["exec", "--", "true"]])
def test_an_invalid_fault_script_is_a_one_line_error(
    command: list[str], rft_sim_here: RunCommand, tmp_path: Path
) -> None:
    """Before the simulator serves."""
    (tmp_path / "faults.json").write_text('{"request": {}, "drop": "later"}')
    name, *rest = command
    result = rft_sim_here(name, "--port", "0", "--faults", str(tmp_path / "faults.json"), *rest)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(f"rft-sim: {tmp_path}/faults.json: fault 1: drop: ")


UNUSED_FAULTS = [
    {"request": {"path": "/v1/models"}, "times": 3, "delay": 0.001},
    {"request": {"method": "POST", "path": "**/chat/completions"}, "stream": {"cut_after": 5}},
    {"request": {"path": "/v1/models"}, "nth": 2, "drop": "before"},
    {"request": {"path": "/v1/models"}, "stream": {"cut_after": 5}},
    {"job": 1, "step": 2, "cancel": True},
    {"job": 2, "queue": "1h"},
]


@pytest.mark.slow
def test_faults_that_were_never_applied_are_reported_at_the_end(rft_sim_here: RunCommand, tmp_path: Path) -> None:
    """One line each, with the reason."""
    (tmp_path / "faults.json").write_text(json.dumps(UNUSED_FAULTS))
    result = rft_sim_here("exec", "--faults", str(tmp_path / "faults.json"), *python(LIST_MODELS))
    assert (result.returncode, result.stdout, result.stderr.splitlines()) == (
        0,
        "",
        [
            "rft-sim: fault-2 was never applied: no request matched it (POST **/chat/completions)",
            "rft-sim: fault-3 was never applied: 1 request matched it (/v1/models), but it applies to call 2",
            "rft-sim: fault-4 was never applied: 1 request matched it (/v1/models), but it had no effect there",
            "rft-sim: fault-5 was never applied: job 1 never reached step 2",
            "rft-sim: fault-6 was never applied: job 2 never reached its queue",
        ],
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prefix", "code", "message"),
    [
        # The user whose permission the script revokes does not exist.
        ([], 0, "rft-sim: fault-1: iam DeleteUserPolicy failed: An error occurred (NoSuchEntity) when calling "),
        # This program creates the user and runs the command as that user.
        ([sys.executable, "fixtures/faults/as_trainer.py"], 1, "user/trainer is not authorized to perform: lambda:Inv"),
    ],
)
def test_an_operation_of_a_script_changes_the_account(
    prefix: list[str],
    code: int,
    message: str,
    rft_sim_here: RunCommand,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An operation that fails is reported at the end."""
    monkeypatch.chdir(ROOT)
    train = rft_command("train", "--data", "fixtures/prompts/string_reference.jsonl", "--output", str(tmp_path))
    result = rft_sim_here("exec", "--faults", "fixtures/faults/revoked_permission.json", "--", *prefix, *train)
    assert (result.returncode, message in result.stderr) == (code, True), result.stderr
    assert ("rft-sim: " in result.stderr) == (not prefix)


@pytest.mark.slow
def test_ctrl_c_goes_to_the_command_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The whole process group gets the signal. The simulator waits for the command, then exits with its code."""
    script = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    raise SystemExit(130)
"""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "exec", *python(script)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_sigterm_during_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """`exec` passes the signal on to `rft train`. Both delete their temporary folders."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    train = rft_command("train", "--output", str(tmp_path / "output"))
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "exec", "--pace", "realtime", "--", *train],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    assert any("created" in line for line in process.stdout)
    assert list(temporary.glob("rft-*"))
    process.terminate()
    process.communicate(timeout=30)
    assert (process.returncode, list(temporary.iterdir())) == (143, [])
