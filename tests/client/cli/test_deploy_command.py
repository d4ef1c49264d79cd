"""`rft deploy`."""

from __future__ import annotations

import pytest

from tests.client.cli.rft_runner import Run


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


def test_a_deployed_function_is_found_and_not_deployed(rft: Run) -> None:
    """By its name, as the doctor finds it."""
    rft("deploy", "reward")
    code, out, err = rft("deploy", "rft-reward")
    assert (code, err) == (0, "")
    assert out.endswith("✓ found       arn:aws:lambda:us-west-2:123456789012:function:rft-reward  already deployed\n")


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
