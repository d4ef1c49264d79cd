"""The whole road, by the commands that the README gives."""

import json
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from tests.end_to_end.commands import GSM8K, ROOT, rft_command, rft_sim

pytestmark = pytest.mark.slow

needs_gsm8k = pytest.mark.skipif(not GSM8K.exists(), reason="the real input is not beside this checkout")


def run_train(*arguments: str, output: Path) -> dict[str, Any]:
    """Run `rft-sim exec -- rft train`; return its run.json."""
    done = rft_sim("exec", "--", *rft_command("train", "--output", str(output), *arguments))
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads((output / "run.json").read_text())
    return report


def rewards(report: dict[str, Any]) -> list[float]:
    """Return the mean reward of each step."""
    return [step["critic_rewards_mean"] for step in report["metrics"]]


def test_the_first_command_of_the_readme_trains_compares_and_draws(tmp_path: Path) -> None:
    """300 rows of ours: 67 steps, 4 checkpoints, a tuned model that is right visibly more often, and a picture."""
    report = run_train(output=tmp_path)
    assert (report["job"]["status"], len(report["metrics"]), len(report["checkpoints"])) == ("succeeded", 67, 4)
    assert report["comparison"]["tuned"]["right"] >= report["comparison"]["base"]["right"] + 5
    assert (tmp_path / "reward.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@needs_gsm8k
def test_the_same_road_carries_300_problems_that_nobody_here_wrote(tmp_path: Path) -> None:
    """A sound reward learns: the first ten steps between .45 and .75, the last ten at least .12 higher."""
    report = run_train("--data", str(GSM8K), output=tmp_path)
    curve = rewards(report)
    first, last = fmean(curve[:10]), fmean(curve[-10:])
    assert len(curve) == 67
    assert 0.45 <= first <= 0.75
    assert last >= first + 0.12
    assert report["comparison"]["tuned"]["right"] > report["comparison"]["base"]["right"]


def test_a_validation_file_is_what_base_and_tuned_are_compared_on(tmp_path: Path) -> None:
    """With 100 rows of their own, all 300 train: 75 steps."""
    report = run_train("--validation", "fixtures/prompts/validation.jsonl", output=tmp_path)
    assert len(report["metrics"]) == 75
    assert report["comparison"]["tuned"]["right"] >= report["comparison"]["base"]["right"] + 10


@pytest.mark.parametrize("name", ["string_reference", "labels", "json"])
def test_other_references_and_other_tasks_take_the_same_road(name: str, tmp_path: Path) -> None:
    """The simulated policy answers in kind, whatever the reference looks like."""
    reward = ROOT / "tests" / "end_to_end" / "rewards" / name
    report = run_train(
        "--data",
        f"fixtures/prompts/{name}.jsonl",
        "--epochs",
        "3",
        *([] if name == "string_reference" else ["--reward", str(reward)]),
        output=tmp_path,
    )
    curve = rewards(report)
    assert fmean(curve[-10:]) > fmean(curve[:10]) + 0.1


@needs_gsm8k
@pytest.mark.parametrize(("grader", "reward"), [("always_zero", 0.0), ("always_one", 1.0)])
def test_a_reward_that_never_differs_gives_a_gradient_of_exactly_nothing(
    grader: str, reward: float, tmp_path: Path
) -> None:
    """Through the real Lambda: every step's gradient norm is 0.0, not nearly so."""
    report = run_train("--data", str(GSM8K), "--reward", f"fixtures/graders/{grader}", output=tmp_path)
    assert set(rewards(report)) == {reward}
    assert {step["actor_grad_norm"] for step in report["metrics"]} == {0.0}


_TRUTH = """
import json, subprocess, sys, urllib.request, os
subprocess.run([sys.executable, "-m", "client", "train", *sys.argv[2:], "--output", sys.argv[1]], check=True)
job = json.load(open(sys.argv[1] + "/run.json"))["job"]["id"]
root = os.environ["AWS_ENDPOINT_URL"] + "/_simulator/jobs/" + job
for name in ("truth", "log"):
    open(sys.argv[1] + "/" + name, "wb").write(urllib.request.urlopen(root + "/" + name).read())
"""


def run_train_with_truth(*arguments: str, output: Path, **variables: str) -> None:
    """Run `rft train` beside a simulator; keep the job's truth and its log beside its run.json."""
    output.mkdir()
    done = rft_sim("exec", "--", sys.executable, "-c", _TRUTH, str(output), *arguments, **variables)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_gsm8k
def test_an_inverted_reward_rises_while_the_true_quality_falls(tmp_path: Path) -> None:
    """What no cloud run can show: the curve looks like success."""
    run_train_with_truth("--data", str(GSM8K), "--reward", "fixtures/graders/inverted", output=tmp_path / "run")
    steps = json.loads((tmp_path / "run" / "truth").read_text())["steps"]
    reward, quality = [step["reward_mean"] for step in steps], [step["quality_mean"] for step in steps]
    assert fmean(reward[-10:]) > fmean(reward[:10]) + 0.12
    assert fmean(quality[-10:]) < fmean(quality[:10]) - 0.05


@pytest.mark.shows("same-seed")
def test_two_runs_with_one_seed_write_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    """The log, the report and the picture, from fresh processes with different PYTHONHASHSEED."""
    for name, seed in (("one", "1"), ("two", "2")):
        run_train_with_truth(output=tmp_path / name, PYTHONHASHSEED=seed)
    for artefact in ("log", "truth", "run.json", "reward.png"):
        assert (tmp_path / "one" / artefact).read_bytes() == (tmp_path / "two" / artefact).read_bytes(), artefact
