"""`rft-sim doctor --rollouts`: a real model's responses in place of the simulated policy's, by a server or a folder."""

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

ROOT = Path(__file__).parents[2]
DATA = ROOT / "fixtures" / "prompts" / "train.jsonl"
REWARD_LAMBDA = ROOT / "reward_lambda"
KEY = "RFT_TEST_KEY"
SOURCE = f"3 responses of {GPT} to each of 40 records, the other 260 left out"


def doctor(*arguments: str | Path, **variables: str | None) -> Result:
    """Run the command in this process on our own reward function."""
    environment = {"COLUMNS": "120", "RFT_TARGET": "simulator", "AWS_ENDPOINT_URL": "", **variables}
    command = ["doctor", str(REWARD_LAMBDA), "--data", str(DATA), *map(str, arguments)]
    return CliRunner(env=environment).invoke(app, command, catch_exceptions=False)


def comparable_report(done: Result) -> dict[str, Any]:
    """Return what a visit told as JSON, without what was measured by a clock."""
    told: dict[str, Any] = json.loads(done.stdout)
    del told["calls"]  # a growth that looks steep on a busy machine is measured again
    told["findings"] = [finding for finding in told["findings"] if finding["probe"] not in {"S15", "S16"}]
    return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that what is sampled is kept in."""
    return tmp_path_factory.mktemp("rollouts")


@pytest.fixture(scope="module")
def first_report(served_simulator: RunningSimulator, folder: Path) -> dict[str, Any]:
    """Visit with what this project's own simulator answers, which is an OpenAI-compatible server."""
    served_simulator.upload(DATA.read_bytes())
    done = doctor(
        *(
            "--rollouts",
            f"{served_simulator.url}/v1",
            "--rollouts-model",
            GPT,
            "--rollouts-key-env",
            KEY,
            "--json",
            "-",
        ),
        *("--rollouts-folder", folder, "--rollouts-per-prompt", "3", "--rollouts-records", "40"),
        **{KEY: served_simulator.key},
    )
    assert done.exit_code == 0, done.output
    return comparable_report(done)


def findings(told: dict[str, Any], probe: str) -> list[tuple[str, str]]:
    """Return what a probe found: severity and words."""
    return [(finding["severity"], finding["what"]) for finding in told["findings"] if finding["probe"] == probe]


def test_what_a_server_answered_is_what_was_examined(first_report: dict[str, Any]) -> None:
    """The report says whose rollouts they were, how many, and what was left out."""
    assert (first_report["questions"]["rollouts"], first_report["data"]["records"]) == (SOURCE, 40)


def test_what_is_kept_gives_the_same_findings_with_no_server(first_report: dict[str, Any], folder: Path) -> None:
    """A key is not needed either."""
    again = doctor("--rollouts", folder, "--rollouts-per-prompt", "3", "--json", "-")
    assert comparable_report(again) == first_report


def test_the_loopholes_are_looked_for_by_a_simulated_policy(first_report: dict[str, Any]) -> None:
    """Nobody recorded them; the run's name says so, and so do the findings on exploits and hackability."""
    assert [course["name"] for course in first_report["courses"]] == [
        *("as it is", "red team, simulated", "learning rate x0.3", "learning rate x3")
    ]
    unmarked = "Of recorded responses nobody knows which game the reward."
    assert findings(first_report, "T9") == [
        ("ok", f"Responses that game the reward do not become frequent, where the policy is simulated. {unmarked}")
    ]
    policy = "A simulated policy (nobody recorded the loopholes)"
    assert findings(first_report, "T13") == [("ok", f"{policy} that looks for loopholes learns the task instead.")]


def test_every_report_says_whose_rollouts_they_were(folder: Path, tmp_path: Path) -> None:
    """The table's head, JUnit's properties, the HTML page and the golden file."""
    files = {name: tmp_path / name for name in ("junit", "html", "golden")}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    done = doctor("--rollouts", folder, "--rollouts-per-prompt", "3", "--only", "S6", *options)
    texts = {"table": done.stdout} | {name: path.read_text() for name, path in files.items()}
    assert {name: SOURCE in " ".join(text.split()) for name, text in texts.items()} == dict.fromkeys(texts, True)


@pytest.mark.parametrize(
    ("options", "said"),
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
def test_what_cannot_be_is_told_in_a_line(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder, no model, no key, no server: exit code 2, before the function is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sampling, "ModelServer", partial(sampling.ModelServer, retries=0))
    done = doctor(*options)
    told = (done.exit_code, done.stdout, done.stderr.startswith(f"rft-sim: {said}"), done.stderr.count("\n"))
    assert told == (2, "", True, 1), done.stderr
