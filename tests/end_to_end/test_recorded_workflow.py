"""The whole road on recorded outputs: `rft train` beside a simulator that has a folder of them."""

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
    made = tmp_path_factory.mktemp("rollouts")
    write_simulated_responses(made, (ROOT / "fixtures" / "prompts" / "train.jsonl").read_bytes(), model="qwen2.5:7b")
    return made


def run_train(folder: Path, output: Path, *, hash_seed: str) -> str:
    """Run `rft-sim exec -- rft train` on a folder; return what it wrote on standard error."""
    command = rft_command("train", "--output", str(output))
    done = rft_sim("exec", "--set", f"rollouts={folder}", "--", *command, PYTHONHASHSEED=hash_seed)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run on it: where its report is, and what it wrote on standard error."""
    output = tmp_path_factory.mktemp("run")
    return output / "run.json", run_train(folder, output, hash_seed="1")


def test_train_learns_from_recorded_outputs_and_compares_with_them(run: tuple[Path, str]) -> None:
    """The curve rises, and the tuned model is right visibly more often."""
    report = json.loads(run[0].read_text())
    curve = [step["critic_rewards_mean"] for step in report["metrics"]]
    assert fmean(curve[-10:]) > fmean(curve[:10]) + 0.12
    assert report["comparison"]["tuned"]["right"] >= report["comparison"]["base"]["right"] + 4


def test_it_is_said_whose_outputs_are_trained_on(folder: Path, run: tuple[Path, str]) -> None:
    """Where they are another model's."""
    assert f"{folder}: using the responses of qwen2.5:7b for openai.gpt-oss-20b\n" in run[1]


def test_two_runs_on_one_folder_write_the_same_bytes(folder: Path, run: tuple[Path, str], tmp_path: Path) -> None:
    """From fresh processes with different PYTHONHASHSEED."""
    run_train(folder, tmp_path, hash_seed="2")
    assert (tmp_path / "run.json").read_bytes() == run[0].read_bytes()


def test_outputs_of_too_few_records_fail_the_job_with_the_line_and_the_remedy(tmp_path: Path) -> None:
    """As `rft train` tells it."""
    lines = (ROOT / "fixtures" / "prompts" / "train.jsonl").read_bytes().splitlines(keepends=True)
    write_simulated_responses(tmp_path / "kept", b"".join(lines[:50]), count=2)
    command = rft_command("train", "--output", str(tmp_path / "run"))
    done = rft_sim("exec", "--rollouts", str(tmp_path / "kept"), "--", *command)
    assert done.returncode == 1
    told = " ".join((done.stdout + done.stderr).split())
    assert "line 51: " in told
    assert "too few for 250 of 300 records" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("option", ["--rollouts={}", "--set=rollouts={}"])
def test_a_folder_that_is_not_there_is_one_line_and_exit_code_2(option: str, tmp_path: Path) -> None:
    """Before anything is served."""
    done = rft_sim("exec", option.format(tmp_path / "nowhere"), "--", "true")
    assert (done.returncode, done.stderr) == (2, f"rft-sim: {tmp_path / 'nowhere'} is not a folder of responses\n")
