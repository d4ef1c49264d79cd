"""`rft train` from the upload to the comparison of base and tuned model, on several kinds of data and rewards."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

import pytest

from simulator.settings import Pace, Settings
from tests.end_to_end.commands import GSM8K, ROOT, FastClock, rft_sim
from tests.end_to_end.conftest import RunClient
from tests.simulators import RunningSimulator, serve_simulator
from tests.upstream.response_folders import write_simulated_responses

pytestmark = pytest.mark.slow

needs_gsm8k = pytest.mark.skipif(not GSM8K.exists(), reason="the GSM8K file is not beside this checkout")

Train: TypeAlias = Callable[..., dict[str, Any]]


@pytest.fixture
def train(fast_simulator: RunningSimulator, rft: RunClient, tmp_path: Path) -> Train:
    """Run `rft train` and return its run.json, with the true quality of each step as `truth`."""

    def train(*arguments: str) -> dict[str, Any]:
        fast_simulator.http.post("/_simulator/reset")
        result = rft(fast_simulator, "train", *arguments, "--output", str(tmp_path))
        assert result.returncode == 0, result.stdout + result.stderr
        report: dict[str, Any] = json.loads((tmp_path / "run.json").read_text())
        truth = fast_simulator.http.get(f"/_simulator/jobs/{report['job']['id']}/truth").json()
        return {**report, "truth": truth["steps"]}

    return train


def rewards(report: dict[str, Any]) -> list[float]:
    """Return the mean reward of each step."""
    return [step["critic_rewards_mean"] for step in report["metrics"]]


def rise(values: list[float]) -> float:
    """Return by how much the mean of the last ten values is above that of the first ten."""
    return fmean(values[-10:]) - fmean(values[:10])


@needs_gsm8k
def test_train_learns_300_problems_from_gsm8k(train: Train) -> None:
    """A sound reward: the first ten steps are between .45 and .75, the last ten at least .12 higher."""
    report = train("--data", str(GSM8K))
    assert len(report["metrics"]) == 67
    assert 0.45 <= fmean(rewards(report)[:10]) <= 0.75
    assert rise(rewards(report)) >= 0.12
    assert report["comparison"]["tuned"]["right"] > report["comparison"]["base"]["right"]


def test_base_and_tuned_model_are_compared_on_the_validation_file(train: Train) -> None:
    """With 100 validation rows all 300 rows are for training: 75 steps."""
    report = train("--validation", "fixtures/prompts/validation.jsonl")
    assert len(report["metrics"]) == 75
    assert report["comparison"]["tuned"]["right"] >= report["comparison"]["base"]["right"] + 10


@pytest.mark.parametrize("name", ["string_reference", "labels", "json"])
def test_the_reward_rises_for_other_references_and_tasks(name: str, train: Train) -> None:
    """The simulated policy answers in the format of the reference."""
    reward = "reward_lambda" if name == "string_reference" else f"tests/end_to_end/rewards/{name}"
    report = train("--data", f"fixtures/prompts/{name}.jsonl", "--epochs", "3", "--reward", reward)
    assert rise(rewards(report)) > 0.1


@needs_gsm8k
@pytest.mark.parametrize(("grader", "reward"), [("always_zero", 0.0), ("always_one", 1.0)])
def test_a_constant_reward_gives_a_gradient_of_exactly_zero(grader: str, reward: float, train: Train) -> None:
    """Through a real Lambda call: every gradient norm is 0.0."""
    report = train("--data", str(GSM8K), "--reward", f"fixtures/graders/{grader}")
    assert set(rewards(report)) == {reward}
    assert {step["actor_grad_norm"] for step in report["metrics"]} == {0.0}


@needs_gsm8k
def test_an_inverted_reward_rises_while_the_true_quality_falls(train: Train) -> None:
    """The reward curve alone suggests success."""
    report = train("--data", str(GSM8K), "--reward", "fixtures/graders/inverted")
    assert rise([step["reward_mean"] for step in report["truth"]]) > 0.12
    assert rise([step["quality_mean"] for step in report["truth"]]) < -0.05


TRAIN_AND_KEEP_LOG = """
import json, subprocess, sys, urllib.request, os
subprocess.run([sys.executable, "-m", "client", "train", "--output", sys.argv[1]], check=True)
job = json.load(open(sys.argv[1] + "/run.json"))["job"]["id"]
root = os.environ["AWS_ENDPOINT_URL"] + "/_simulator/jobs/" + job
for name in ("truth", "log"):
    open(sys.argv[1] + "/" + name, "wb").write(urllib.request.urlopen(root + "/" + name).read())
"""


def train_in_new_process(output: Path, *options: str, hash_seed: int) -> str:
    """Run `rft-sim exec -- rft train`; keep the job's truth and log beside its run.json; return standard error."""
    output.mkdir()
    command = ("--", sys.executable, "-c", TRAIN_AND_KEEP_LOG, str(output))
    result = rft_sim("exec", *options, *command, PYTHONHASHSEED=str(hash_seed))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stderr


@pytest.mark.shows("same-seed")
def test_two_runs_with_the_same_seed_write_the_same_bytes(tmp_path: Path) -> None:
    """From new processes with different PYTHONHASHSEED. The run has 67 steps, 4 checkpoints and a better model."""
    for seed in (1, 2):
        train_in_new_process(tmp_path / str(seed), hash_seed=seed)
    report = json.loads((tmp_path / "1" / "run.json").read_text())
    assert (report["job"]["status"], len(report["metrics"]), len(report["checkpoints"])) == ("succeeded", 67, 4)
    assert report["comparison"]["tuned"]["right"] >= report["comparison"]["base"]["right"] + 5
    assert (tmp_path / "1" / "reward.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    for name in ("log", "truth", "run.json", "reward.png"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_a_run_on_recorded_outputs_learns_and_is_repeatable(clock: FastClock, rft: RunClient, tmp_path: Path) -> None:
    """Sixteen outputs of another model for each of 300 prompts; the simulator says whose outputs they are.

    A run in this process and one in a new process with another PYTHONHASHSEED write the same report.
    """
    folder, output = tmp_path / "rollouts", tmp_path / "here"
    content = (ROOT / "fixtures" / "prompts" / "train.jsonl").read_bytes()
    write_simulated_responses(folder, content, model="qwen2.5:7b")
    with serve_simulator(Settings(port=0, pace=Pace.POLL, rollouts=folder)) as simulator:
        assert rft(simulator, "train", "--output", str(output)).returncode == 0
    report = json.loads((output / "run.json").read_text())
    assert rise(rewards(report)) > 0.12
    assert report["comparison"]["tuned"]["right"] >= report["comparison"]["base"]["right"] + 4
    messages = train_in_new_process(tmp_path / "there", "--set", f"rollouts={folder}", hash_seed=2)
    assert f"{folder}: using the responses of qwen2.5:7b for openai.gpt-oss-20b\n" in messages
    assert (tmp_path / "there" / "run.json").read_bytes() == (output / "run.json").read_bytes()
