"""`rft deploy`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from client.deployment_package import build_package
from tests.client.cli.rft_runner import Run
from tests.client.conftest import write_reward
from tests.client.wheels import offline_environment, write_wheel

ROOT = Path(__file__).parents[3]


def test_deploy_at_bedrock_requires_confirmation(rft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the function and the role, and creates nothing without a yes."""
    monkeypatch.setenv("RFT_TARGET", "bedrock")
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    code, out, err = rft("deploy", "reward")
    assert (code, err) == (2, "✗ Nothing was created.\n→ Answer yes, or add --yes.\n")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["reward", "reward"],
        ["function", "rft-reward"],
        ["region", "us-west-2"],
        ["role", "rft-reward-role"],
    ]


def test_deploy_prints_the_function_and_never_a_value_of_a_variable(rft: Run) -> None:
    """The name of a variable is enough to see what is set."""
    code, out, err = rft(
        *("deploy", "reward/lambda_function.py", "--env", "TOKEN=a=secret", "--env", "MODEL=judge", "--timeout", "60"),
        *("--memory", "1024", "--runtime", "python3.12", "--architecture", "arm64"),
    )
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "  reward      reward/lambda_function.py  1 file, 184 B zipped",
        "  function    rft-lambda-function  python3.12 arm64  lambda_function.lambda_handler, 60 s, 1024 MB",
        "  variables   MODEL, TOKEN",
        "✓ deployed    arn:aws:lambda:us-west-2:123456789012:function:rft-lambda-function  created",
    ]


@pytest.mark.slow
def test_a_deployed_function_is_found_and_not_deployed(rft: Run) -> None:
    """By its name, as the doctor finds it."""
    rft("deploy", "reward")
    code, out, err = rft("deploy", "rft-reward")
    assert (code, err) == (0, "")
    assert out.endswith("✓ found       arn:aws:lambda:us-west-2:123456789012:function:rft-reward  already deployed\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ("no-such-function",),
            "✗ no-such-function is not a file or folder here, and there is no such function in us-west-2.",
        ),
        (("my reward",), "✗ my reward is not a file or folder here, and not the name or ARN of a Lambda function.\n"),
        (("./none",), "✗ ./none does not exist.\n→ Give a folder, a .py file, a zip, or a function's ARN or name.\n"),
        (("reward.zip",), "✗ reward.zip does not exist.\n"),
        (("",), "✗ The reward function is empty.\n→ Name one: rft deploy DIR\n"),
        ((), "✗ reward_lambda does not exist here; it is the default reward function.\n→ Name yours: rft deploy DIR\n"),
        (
            ("rft-reward", "--env", "A1=b"),
            "✗ --env is only for a folder, a file or a zip, which are deployed. rft-reward is none of these on this",
        ),
        (
            ("reward", "--runtime", "python3.1"),
            "✗ --runtime python3.1: Lambda has no such Python.\n→ Give one of python3",
        ),
        (
            ("reward", "--architecture", "x86"),
            "✗ --architecture x86: Lambda has no such architecture.\n→ Give x86_64 or",
        ),
        (
            ("reward", "--layer", "arn:aws:lambda:us-west-2:123456789012:layer:my"),
            "✗ --layer arn:aws:lambda:us-west-2:",
        ),
        (
            ("arn:aws:lambda:eu-west-1:123456789012:function:mine",),
            "✗ arn:aws:lambda:eu-west-1:123456789012:function:mine is in eu-west-1, but the target's region",
        ),
    ],
)
def test_what_cannot_be_deployed_is_refused_with_the_next_step(
    rft: Run, arguments: tuple[str, ...], error: str
) -> None:
    """Each error names what the user wrote."""
    code, _, err = rft("deploy", *arguments)
    assert (code, err.startswith(error)) == (2, True), err


def test_the_package_can_be_written_to_a_file_without_a_deployment(
    rft: Run, stub_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no simulator. The bytes are those that would be deployed."""
    for name in ("OPENAI_BASE_URL", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    code, out, err = rft("deploy", "reward", "--zip", "reward.zip")
    package = build_package(stub_workspace / "reward")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"✓ packed      reward.zip  sha256 {package.sha256[:16]}"
    assert (stub_workspace / "reward.zip").read_bytes() == package.zip_bytes
    code, _, err = rft("deploy", "rft-reward", "--zip", "other.zip")
    assert (code, err.splitlines()[0], (stub_workspace / "other.zip").exists()) == (
        2,
        "✗ rft-reward does not exist here, and --zip is only for a folder, a file or a zip.",
        False,
    )


@pytest.mark.slow
def test_requirements_are_installed_into_the_package(
    rft: Run, stub_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real installer, from wheels of this machine. The second time no wheel is needed."""
    reward, wheels = write_reward(stub_workspace / "graded"), stub_workspace / "wheels"
    write_wheel(wheels, "tool", requires=("part>=1",), console_script=True)
    write_wheel(wheels, "part", "2.0", tag="py3-none-manylinux2014_x86_64", files={"part/_c.so": "\x7fELF"})
    write_wheel(wheels, "part", "3.0", tag="py3-none-manylinux_2_99_x86_64")
    (reward / "requirements.txt").write_text("tool\n", encoding="utf-8")
    for name, value in {**offline_environment(wheels), "XDG_CACHE_HOME": str(stub_workspace / "cache")}.items():
        monkeypatch.setenv(name, value)
    options = ("--runtime", "python3.12", "--architecture", "x86_64")
    code, out, err = rft("deploy", "graded", *options)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    # The warning is not there if this machine has uv.
    steps = [line for line in lines if not line.startswith("! pip reads the markers of dependencies")]
    assert steps[0] == "  installing graded/requirements.txt for python3.12 on x86_64"
    assert lines[-2:] == [
        "  packages    part==2.0, tool==1.0  required by requirements.txt",
        "✓ deployed    arn:aws:lambda:us-west-2:123456789012:function:rft-graded  created",
    ]
    shutil.rmtree(wheels)
    code, out, err = rft("deploy", "graded", *options)
    assert (code, err) == (0, "")
    assert out.endswith("from the cache; --refresh resolves them again\n" + lines[-1].replace("created", "unchanged\n"))
    code, _, err = rft("deploy", "graded", "--refresh", *options)
    assert (code, err.startswith("✗ tool has no wheel for python3.12 on x86_64 (glibc 2.34 at most).")) == (2, True), (
        err
    )


def test_refresh_without_requirements_is_refused(rft: Run) -> None:
    """There is nothing to install."""
    code, _, err = rft("deploy", "reward", "--refresh")
    assert (code, err.splitlines()[0]) == (2, "✗ --refresh is for requirements, and reward has none to install.")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_ends_the_installer_and_leaves_nothing_in_the_cache(stub_workspace: Path) -> None:
    """An index that never answers would keep the installer for minutes."""
    (stub_workspace / "reward" / "requirements.txt").write_text("tool\n", encoding="utf-8")
    cache = stub_workspace / "cache"
    with socket.create_server(("127.0.0.1", 0)) as index:
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        environment = {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": url,
            "UV_DEFAULT_INDEX": url,
            "UV_NO_CONFIG": "1",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "client", "deploy", "reward"],
            env={**inherited, **environment, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        connection, _ = index.accept()
        with connection:
            assert connection.recv(65536).startswith(b"GET ")
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
            assert connection.recv(65536) == b""  # the installer is gone
    assert (process.returncode, output.endswith(b"Stopped.\n")) == (130, True), output
    entries = list((cache / "bedrock-rft-testbed" / "dependencies").iterdir())
    assert [path.suffix for path in entries] == [".lock"]


@pytest.mark.slow
def test_a_large_zip_goes_through_s3(rft: Run, stub_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket is in the plan, and the function gets its code and its layer from there."""
    for module in ("code_bucket", "deployment"):
        monkeypatch.setattr(f"client.{module}.MAX_REQUEST_ZIP_BYTES", 10)
    write_reward(stub_workspace / "large")
    (stub_workspace / "tools" / "python").mkdir(parents=True)
    (stub_workspace / "tools" / "python" / "tool.py").write_text("X = 1\n", encoding="utf-8")
    code, out, err = rft("deploy", "large", "--layer", "tools")
    assert (code, err) == (0, "")
    bucket = "s3://rft-deploy-123456789012-us-west-2"
    uploads = [line.split()[2] for line in out.splitlines() if line.startswith("✓ uploaded")]
    assert f"  code        {bucket}  this bucket is created; for zips above 50 MB; S3 bills what it stores\n" in out
    assert [upload.rpartition("/")[0] for upload in uploads] == [
        f"{bucket}/rft-deploy/rft-large-tools",
        f"{bucket}/rft-deploy/rft-large",
    ]
    assert out.endswith("function:rft-large  created\n")
    (stub_workspace / "large" / "more.py").write_text("X = 2\n", encoding="utf-8")
    assert rft("deploy", "large")[1].endswith("function:rft-large  updated\n")
