"""The command line as a whole: options, exit codes, credentials, start time."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from client.__main__ import main
from client.retry_policy import RetryPolicy
from client.target import TARGETS
from tests.client.cli.rft_runner import TRAIN_ARGUMENTS, Run
from tests.client.conftest import CREDENTIALS


@pytest.mark.parametrize(
    ("arguments", "expected_text"),
    [
        (("watch", ""), "✗ The id is empty.\n→ `rft jobs` lists the jobs and their models.\n"),
        (
            ("plot", "ftjob-1", "-o", "p.txt"),
            "✗ p.txt does not end in .png, and the plot is a PNG.\n→ Change its name: -o p.png\n",
        ),
        (("check", "s3://"), "✗ s3:// has no bucket name.\n→ Write s3://bucket/key.\n"),
    ],
)
def test_an_invalid_argument_is_refused_with_its_fix(rft: Run, arguments: tuple[str, ...], expected_text: str) -> None:
    """Before any request."""
    assert rft(*arguments) == (2, "", expected_text)


def test_version_is_printed(rft: Run) -> None:
    """With the name of the program."""
    assert rft("--version")[1].startswith("rft ")


@pytest.mark.parametrize("command", [("jobs",), ("watch", "ftjob-1"), ("deploy", "reward", "--yes")])
def test_missing_aws_credentials_are_one_error_for_every_command(
    rft: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """No request leaves the machine."""
    for name in (*CREDENTIALS, "OPENAI_BASE_URL", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("RFT_TARGET", "bedrock")
    code, _, err = rft(*command)
    assert (code, err.splitlines()[0].startswith("✗ AWS credentials: ")) == (2, True)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections: the socket has the port and does not listen."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.mark.parametrize("command", ["deploy", "train"])
def test_a_closed_port_is_named_with_the_command_to_start_a_simulator(
    rft: Run, closed_port: int, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """By both SDKs."""
    closed_url = f"http://127.0.0.1:{closed_port}"
    monkeypatch.setenv("OPENAI_BASE_URL", f"{closed_url}/v1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", closed_url)
    no_retries = replace(
        TARGETS["simulator"],
        retry_policy=RetryPolicy(first_delay=0, longest_delay=0, give_up_after=60, give_up_after_refused=0),
    )
    monkeypatch.setattr("time.sleep", lambda _: None)  # boto3 waits before its second attempt
    monkeypatch.setattr("client.target.TARGETS", {"simulator": no_retries})
    arguments = TRAIN_ARGUMENTS if command == "train" else ("deploy", "reward")
    assert rft(*arguments)[::2] == (
        1,
        f"✗ Nothing listens at {closed_url}.\n→ Start it: rft-sim serve --port {closed_port}\n",
    )


def test_an_unknown_option_exits_with_2(rft: Run) -> None:
    """Such as a misspelt one."""
    assert rft("train", "--epoch", "1")[0] == 2


def test_debug_raises_the_original_exception(rft: Run) -> None:
    """Also after the command."""
    with pytest.raises(Exception, match="does not exist"):
        main(["check", "nowhere.jsonl", "--debug"])


def test_help_imports_no_slow_library() -> None:
    """Neither the SDKs nor matplotlib."""
    code = (
        "import sys, client.cli.app\n"
        "print([name for name in ('openai', 'boto3', 'botocore', 'matplotlib') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
