"""A folder of recorded outputs that a simulator is given after it has already tuned a model without one."""

from pathlib import Path

from simulator.settings import Settings
from tests.simulators import BASE, World, inner_world, served_world
from tests.training.training_files import jsonl, record
from tests.upstream.response_folders import OPENING, keep_simulated

ROOT = Path(__file__).parents[2]
CONTENT = jsonl(100)


def said(world: World, model: str, number: int) -> str:
    """Return what a model answers to a record's prompt, greedily."""
    body = {"model": model, "messages": record(number)["messages"], "temperature": 0}
    return str(world.http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"])


def test_a_model_of_the_simulated_policy_goes_on_in_its_own_words(tmp_path: Path) -> None:
    """What it learned before there was such a folder cannot choose among responses."""
    data, folder = tmp_path / "data", tmp_path / "rollouts"
    keep_simulated(folder, CONTENT)
    with served_world(Settings(port=0, data=data)) as before:
        job = before.run(CONTENT, function=before.deploy(ROOT / "reward_lambda"))
        tuned = said(before, job["fine_tuned_model"], 95)
    with inner_world(Settings(data=data, rollouts=folder)) as after:
        assert said(after, job["fine_tuned_model"], 95) == tuned
        assert said(after, BASE, 95).startswith(OPENING)
