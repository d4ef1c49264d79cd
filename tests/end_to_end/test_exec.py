"""`rft-sim exec`: a simulator for the length of one command, and nothing of the caller's own account in sight."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.cli.environment import build_client_environment
from tests.end_to_end.commands import ROOT, rft_sim

_ASK = "import os, urllib.request; print(urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '{}').status)"


@pytest.mark.slow
def test_the_command_finds_the_simulator_through_its_environment() -> None:
    """The variables are the ecosystem's own."""
    done = rft_sim("exec", "--", sys.executable, "-c", _ASK.format("/_simulator/health"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "200\n", "")


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_exit_code_is_the_commands_own(code: int) -> None:
    """CI sees what the command said."""
    assert rft_sim("exec", "--", sys.executable, "-c", f"raise SystemExit({code})").returncode == code


@pytest.mark.slow
def test_a_command_that_is_not_there_is_told_by_name() -> None:
    """127, as a shell answers, and no traceback."""
    done = rft_sim("exec", "--", "no-such-command")
    assert (done.returncode, done.stderr) == (127, "rft-sim: no such command: no-such-command\n")


@pytest.mark.slow
def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    """Exit code 2, one line."""
    inner = f"import subprocess, sys, os; port = os.environ['AWS_ENDPOINT_URL'].rsplit(':', 1)[1]; \
sys.exit(subprocess.run([{sys.executable!r}, '-m', 'simulator', 'exec', '--port', port, '--', 'true']).returncode)"
    done = rft_sim("exec", "--", sys.executable, "-c", inner)
    assert done.returncode == 2
    assert "Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_credential_of_the_callers_own_reaches_the_command() -> None:
    """Every AWS_ and OPENAI_ variable is replaced, and the profile files are pointed at nothing."""
    inherited = {
        "PATH": "/bin",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_ENDPOINT_URL_LAMBDA": "https://lambda.us-west-2.amazonaws.com",
        "OPENAI_API_KEY": "sk-real",
        "OPENAI_ORG_ID": "org-real",
        "RFT_TARGET": "bedrock",
    }
    environment = build_client_environment(url="http://127.0.0.1:1", region="us-west-2", key="key", inherited=inherited)
    assert environment == {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "AKIASIMULATOR0000000",
        "AWS_BEARER_TOKEN_BEDROCK": "key",
        "AWS_BEDROCK_BASE_URL": "http://127.0.0.1:1/openai/v1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_REGION": "us-west-2",
        "AWS_SECRET_ACCESS_KEY": "simulator/not/a/real/secret/key/0000000000",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "BEDROCK_MANTLE_API_BASE": "http://127.0.0.1:1/v1",
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
        "NO_PROXY": "127.0.0.1,localhost",
        "RFT_SIM_EXEC": "1",
        "RFT_TARGET": "simulator",
        "no_proxy": "127.0.0.1,localhost",
    }


@pytest.mark.slow
def test_ctrl_c_is_the_commands_to_handle_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The whole process group gets the signal; the simulator waits for the command and then goes."""
    script = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    raise SystemExit(130)
"""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "exec", "--", sys.executable, "-c", script],
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
def test_ended_by_another_in_the_middle_of_a_run_nothing_is_left_behind(tmp_path: Path) -> None:
    """The signal goes to `exec` alone, which passes it on: neither its folder is left, nor that of `rft train`."""
    training = [sys.executable, "-m", "client", "train", "--output", str(tmp_path / "output")]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "exec", "--pace", "realtime", "--", *training],
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


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code", "last"), [(signal.SIGINT, 0, "Stopped.\n"), (signal.SIGTERM, 143, "")])
def test_serve_stops_cleanly_and_keeps_its_data(number: int, code: int, last: str, tmp_path: Path) -> None:
    """It says where it is and what to do next; an upload is there at the next start; nothing else is left."""
    data = tmp_path / "data"
    for expected in (0, 1):
        process = subprocess.Popen(
            [sys.executable, "-m", "simulator", "serve", "--port", "0", "--data", str(data)],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        url = process.stdout.readline().split()[2]
        assert process.stdout.readline().startswith("In another shell:")
        assert _files_then_upload(url) == expected
        process.send_signal(number)
        out, errors = process.communicate(timeout=30)
        assert (process.returncode, out, errors) == (code, last, "")
        assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.slow
def test_env_points_a_shell_at_the_simulator_and_away_from_all_else() -> None:
    """What the caller's own shell holds is replaced or unset."""
    done = rft_sim("env", "--port", "7", AWS_PROFILE="production", AWS_SESSION_TOKEN="real", OPENAI_ORG_ID="org")
    lines = done.stdout.splitlines()
    assert {"unset AWS_PROFILE", "unset AWS_SESSION_TOKEN", "unset OPENAI_ORG_ID"} <= set(lines)
    assert {"export AWS_ENDPOINT_URL='http://127.0.0.1:7'", "export RFT_TARGET='simulator'"} <= set(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("exec", "--data", "/proc/nope", "--", "true"), "/proc/nope cannot be used: "),
        (("exec", "--epoch", "noon", "--", "true"), "--epoch takes seconds since 1970 or a time such as"),
        (("serve", "--set", "host.a.b=1"), "--set 'host.a.b=1' is not NAME=VALUE of a setting"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    """No traceback."""
    done = rft_sim(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_data_folder_has_one_simulator_at_a_time(tmp_path: Path) -> None:
    """The second one is told, and the first goes on."""
    inner = [sys.executable, "-m", "simulator", "exec", "--data", str(tmp_path), "--", "true"]
    done = rft_sim("exec", "--data", str(tmp_path), "--", *inner)
    assert (done.returncode, done.stderr) == (
        2,
        f"rft-sim: {tmp_path} is in use by another simulator. Stop it, or choose another folder.\n",
    )


def _files_then_upload(url: str) -> int:
    from openai import OpenAI  # noqa: PLC0415  only the slow tests need it

    from simulator.identity.session_key import create_session_key  # noqa: PLC0415

    client = OpenAI(base_url=f"{url}/v1", api_key=create_session_key("us-west-2"))
    files = client.files.list().data
    for file in files:
        assert client.files.content(file.id).content == b"one\r\ntwo"
    client.files.create(file=("f.jsonl", b"one\r\ntwo"), purpose="fine-tune")
    return len(files)
