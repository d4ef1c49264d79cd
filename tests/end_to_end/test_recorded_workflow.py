"""The whole workflow on recorded outputs: `rft train` and a simulator with a folder of them."""

import json
from pathlib import Path
from statistics import fmean

import pytest

from tests.end_to_end.commands import ROOT, rft_command, rft_sim
from tests.upstream.response_folders import write_simulated_responses

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen outputs for each of our 300 prompts, under the name of a small local model."""
    folder = tmp_path_factory.mktemp("rollouts")
    write_simulated_responses(folder, (ROOT / "fixtures" / "prompts" / "train.jsonl").read_bytes(), model="qwen2.5:7b")
    return folder


def run_train(folder: Path, output: Path, *, hash_seed: str) -> str:
    """Run `rft-sim exec -- rft train` on a folder; return its standard error."""
    command = rft_command("train", "--output", str(output))
    result = rft_sim("exec", "--set", f"rollouts={folder}", "--", *command, PYTHONHASHSEED=hash_seed)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stderr


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One run on the folder: the path of its report, and its standard error."""
    output = tmp_path_factory.mktemp("run")
    return output / "run.json", run_train(folder, output, hash_seed="1")


def test_train_learns_from_recorded_outputs_and_compares_with_them(run: tuple[Path, str]) -> None:
    """The rewards rise, and the tuned model has more right answers."""
    report = json.loads(run[0].read_text())
    curve = [step["critic_rewards_mean"] for step in report["metrics"]]
    assert fmean(curve[-10:]) > fmean(curve[:10]) + 0.12
    assert report["comparison"]["tuned"]["right"] >= report["comparison"]["base"]["right"] + 4


def test_another_models_outputs_are_reported(folder: Path, run: tuple[Path, str]) -> None:
    """With both model names."""
    assert f"{folder}: using the responses of qwen2.5:7b for openai.gpt-oss-20b\n" in run[1]


def test_two_runs_on_one_folder_write_the_same_bytes(folder: Path, run: tuple[Path, str], tmp_path: Path) -> None:
    """From fresh processes with different PYTHONHASHSEED."""
    run_train(folder, tmp_path, hash_seed="2")
    assert (tmp_path / "run.json").read_bytes() == run[0].read_bytes()


def test_outputs_for_too_few_records_fail_the_job(tmp_path: Path) -> None:
    """`rft train` prints the line and what to do."""
    lines = (ROOT / "fixtures" / "prompts" / "train.jsonl").read_bytes().splitlines(keepends=True)
    write_simulated_responses(tmp_path / "kept", b"".join(lines[:50]), count=2)
    command = rft_command("train", "--output", str(tmp_path / "run"))
    result = rft_sim("exec", "--rollouts", str(tmp_path / "kept"), "--", *command)
    assert result.returncode == 1
    output = " ".join((result.stdout + result.stderr).split())
    assert "line 51: " in output
    assert "too few for 250 of 300 records" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("option", ["--rollouts={}", "--set=rollouts={}"])
def test_a_missing_folder_of_outputs_is_a_one_line_error(option: str, tmp_path: Path) -> None:
    """With exit code 2, before the simulator starts."""
    result = rft_sim("exec", option.format(tmp_path / "nowhere"), "--", "true")
    assert (result.returncode, result.stderr) == (2, f"rft-sim: {tmp_path / 'nowhere'} is not a folder of responses\n")
