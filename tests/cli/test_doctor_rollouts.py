"""`rft-sim doctor --rollouts`: real model outputs instead of the simulated policy's, from a server or a folder."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.upstream import sampling
from tests.simulators import RunningSimulator
from tests.training.training_runs import GPT
from tests.upstream.conftest import CLOSED_URL
from tests.upstream.response_folders import write_simulated_responses

ROOT = Path(__file__).parents[2]
DATA = ROOT / "fixtures" / "prompts" / "train.jsonl"
REWARD_LAMBDA = ROOT / "reward_lambda"
KEY = "RFT_TEST_KEY"
SOURCE = f"3 responses of {GPT} to each of 40 records, the other 260 left out"


def doctor(*arguments: str | Path, **variables: str | None) -> Result:
    """Run the command in this process on the project's own reward function."""
    environment = {"COLUMNS": "120", "RFT_TARGET": "simulator", "AWS_ENDPOINT_URL": "", **variables}
    command = ["doctor", str(REWARD_LAMBDA), "--data", str(DATA), *map(str, arguments)]
    return CliRunner(env=environment).invoke(app, command, catch_exceptions=False)


def comparable_report(result: Result) -> dict[str, Any]:
    """Return the JSON report without what depends on real time."""
    report: dict[str, Any] = json.loads(result.stdout)
    del report["calls"]  # a call that seems slow on a busy machine is measured again
    report["findings"] = [finding for finding in report["findings"] if finding["probe"] not in {"S15", "S16"}]
    return report


def findings(report: dict[str, Any], probe: str) -> list[tuple[str, str]]:
    """Return the findings of a probe: severity and message."""
    return [(finding["severity"], finding["what"]) for finding in report["findings"] if finding["probe"] == probe]


@pytest.mark.slow
def test_outputs_of_a_server_are_examined_and_kept(served_simulator: RunningSimulator, tmp_path: Path) -> None:
    """The server is this simulator, which is OpenAI-compatible. The folder gives the same report without a server.

    Recorded outputs contain no exploits, so a simulated policy searches for them, and the findings say so.
    """
    served_simulator.upload(DATA.read_bytes())
    sampled = doctor(
        *("--rollouts", f"{served_simulator.url}/v1", "--rollouts-model", GPT, "--rollouts-key-env", KEY),
        *("--rollouts-folder", tmp_path, "--rollouts-per-prompt", "3", "--rollouts-records", "40", "--json", "-"),
        **{KEY: served_simulator.key},
    )
    assert sampled.exit_code == 0, sampled.output
    report = comparable_report(sampled)
    assert (report["questions"]["rollouts"], report["data"]["records"]) == (SOURCE, 40)
    assert [run["name"] for run in report["courses"]] == [
        *("as it is", "red team, simulated", "learning rate x0.3", "learning rate x3")
    ]
    ((t9_severity, t9_message),) = findings(report, "T9")
    ((t13_severity, t13_message),) = findings(report, "T13")
    assert (t9_severity, t13_severity) == ("ok", "ok")
    assert "simulated" in t9_message
    assert "simulated" in t13_message
    replayed = doctor("--rollouts", tmp_path, "--rollouts-per-prompt", "3", "--json", "-")
    assert comparable_report(replayed) == report


@pytest.mark.slow
def test_every_report_says_whose_outputs_they_are(tmp_path: Path) -> None:
    """The head of the table, JUnit's properties, the HTML page and the golden file."""
    content = b"".join(DATA.read_bytes().splitlines(keepends=True)[:40])
    write_simulated_responses(tmp_path / "rollouts", content, model=GPT, count=3)
    files = {name: tmp_path / name for name in ("junit", "html", "golden")}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    result = doctor("--rollouts", tmp_path / "rollouts", "--rollouts-per-prompt", "3", "--only", "S6", *options)
    texts = {"table": result.stdout} | {name: path.read_text() for name, path in files.items()}
    assert {name: SOURCE in " ".join(text.split()) for name, text in texts.items()} == dict.fromkeys(texts, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rollouts", "nowhere"], "--rollouts: nowhere is not a folder of responses"),
        (
            ["--rollouts", CLOSED_URL],
            f"--rollouts {CLOSED_URL} needs --rollouts-model: the name of the model on that server",
        ),
        (
            ["--rollouts", CLOSED_URL, "--rollouts-model", "m", "--rollouts-key-env", "RFT_NONE"],
            "--rollouts-key-env RFT_NONE: this variable is not set",
        ),
        (["--rollouts", CLOSED_URL, "--rollouts-model", "m"], f"--rollouts: {CLOSED_URL} cannot be reached ("),
    ],
)
def test_a_usage_error_is_one_line(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder, no model, no key, no server: exit code 2, before the function starts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sampling, "ModelServer", partial(sampling.ModelServer, retries=0))
    result = doctor(*options)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(f"rft-sim: {message}"), result.stderr
