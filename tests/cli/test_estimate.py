"""`rft-sim estimate`: its options, its output and its exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app

ROOT = Path(__file__).parents[2]
DATA = ROOT / "fixtures" / "prompts" / "train.jsonl"


def estimate(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    environment = {"COLUMNS": "100", "RFT_TARGET": "simulator", "AWS_ENDPOINT_URL": ""}
    return CliRunner(env=environment).invoke(app, ["estimate", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("options", "code", "verdict"),
    [
        ([], 0, "No finding speaks against this run."),
        (["--batch-size", "8"], 0, "1 warning: check before you pay for this run."),
        (["--batch-size", "8", "--strict"], 1, "1 warning: check before you pay for this run."),
        (["--batch-size", "64"], 1, "1 failure, 1 warning: do not pay for this run yet."),
    ],
    ids=["67 steps", "33 steps", "33 steps, strict", "4 steps"],
)
def test_the_exit_code_follows_the_verdict(options: list[str], code: int, verdict: str) -> None:
    """A failure exits with 1, and so does a warning with --strict."""
    result = estimate("--data", DATA, *options)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (code, verdict)


@pytest.mark.slow
def test_a_reward_function_is_timed() -> None:
    """E4 and the durations of calls are measured, and options reach the JSON."""
    result = estimate("--data", DATA, "--reward", ROOT / "reward_lambda", "--json", "-", "--rollouts-per-prompt", "4")
    document = json.loads(result.stdout)
    severities = {finding["probe"]: finding["severity"] for finding in document["findings"]}
    assert (severities["E4"], document["assumptions"]["call_seconds_high"]["mark"]) == ("ok", "MEASURED")
    assert document["assumptions"]["rollouts_per_prompt"]["value"] == 4


def test_a_function_that_fails_is_not_timed(tmp_path: Path) -> None:
    """Exit code 1, and no estimate."""
    (tmp_path / "reward.py").write_text("def lambda_handler(event, context):\n    raise KeyError('x')\n")
    result = estimate("--data", DATA, "--reward", tmp_path / "reward.py")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "reward.py cannot be timed: the function gives no usable score: KeyError: 'x'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--assume", "evaluations=x"], "rft-sim: --assume evaluations=x: 'x' is not a number\n"),
        (["--timeout", "nan"], "rft-sim: --timeout nan: Lambda takes 1 to 900 seconds\n"),
        (["--json", str(DATA)], f"rft-sim: --data and --json both name {DATA}: give one of them another file\n"),
        (["--reward", "./nowhere"], "rft-sim: ./nowhere does not exist. Give a folder, a .py file, a zip, or a"),
    ],
)
def test_a_usage_error_is_one_line(arguments: list[str], message: str) -> None:
    """Exit code 2, and no estimate."""
    result = estimate("--data", DATA, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message)
