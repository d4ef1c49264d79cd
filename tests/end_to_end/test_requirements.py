"""A reward function with requirements: installed, packed, deployed and run by `rft train`."""

import json
from pathlib import Path

import pytest

from tests.client.wheels import offline_environment, write_wheel
from tests.end_to_end.conftest import RunClient
from tests.simulators import RunningSimulator
from tests.training.training_files import make_training_file

pytestmark = pytest.mark.slow

SOURCE = """
from tool import VERSION
from part.answers import SCORES

def lambda_handler(event, context):
    return [
        {"id": rollout["id"], "aggregate_reward_score": SCORES[number % 2] if VERSION == "1.0" else None}
        for number, rollout in enumerate(event)
    ]
"""


def test_a_reward_function_with_requirements_trains(
    fast_simulator: RunningSimulator, rft: RunClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run takes them from the cache, although their wheels are gone; a deployed one needs neither."""
    wheels, folder, data = tmp_path / "wheels", tmp_path / "with_requirements", tmp_path / "train.jsonl"
    write_wheel(wheels, "tool", requires=("part",))
    write_wheel(wheels, "part", files={"part/answers.py": "SCORES = (0.0, 1.0)\n"})
    folder.mkdir()
    (folder / "grade.py").write_text(SOURCE)
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\ndependencies = ["tool"]\n')
    data.write_bytes(make_training_file(100))
    for name, value in {**offline_environment(wheels), "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)

    def train(reward: str) -> tuple[str, dict[str, object]]:
        output = ("--data", str(data), "--output", str(tmp_path), "--compare-rows", "4")
        result = rft(fast_simulator, "train", "--reward", reward, *output)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout, json.loads((tmp_path / "run.json").read_text())["reward"]

    first_output, first = train(str(folder / "grade.py"))
    assert "✓ deployed    arn:aws:lambda:us-west-2:123456789012:function:rft-grade  created\n" in first_output
    assert (first["dependencies"], first["handler"]) == (["part==1.0", "tool==1.0"], "grade.lambda_handler")
    for wheel in wheels.iterdir():
        wheel.unlink()
    second_output, second = train(str(folder / "grade.py"))
    assert ("function:rft-grade  unchanged\n" in second_output, second) == (True, first)
    deployed_output, deployed = train("rft-grade")
    assert "function:rft-grade  already deployed\n" in deployed_output
    assert (deployed["function"], deployed["zip_sha256"]) == (first["function"], first["zip_sha256"])
