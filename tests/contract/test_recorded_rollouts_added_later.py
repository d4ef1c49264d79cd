"""A folder of recorded outputs that a simulator is given after it has already tuned a model without one."""

from pathlib import Path

from simulator.settings import Settings
from tests.simulators import BASE_MODEL, RunningSimulator, serve_simulator, simulator_in_process
from tests.training.training_files import make_record, make_training_file
from tests.upstream.response_folders import RECORDED_PREFIX, write_simulated_responses

ROOT = Path(__file__).parents[2]
CONTENT = make_training_file(100)


def answer_text(world: RunningSimulator, model: str, number: int) -> str:
    """Return what a model answers to a record's prompt, greedily."""
    body = {"model": model, "messages": make_record(number)["messages"], "temperature": 0}
    return str(world.http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"])


def test_a_model_of_the_simulated_policy_goes_on_in_its_own_words(tmp_path: Path) -> None:
    """What it learned before there was such a folder cannot choose among responses."""
    data, folder = tmp_path / "data", tmp_path / "rollouts"
    write_simulated_responses(folder, CONTENT)
    with serve_simulator(Settings(port=0, data=data)) as before:
        job = before.run_job(CONTENT, function=before.deploy(ROOT / "reward_lambda"))
        tuned = answer_text(before, job["fine_tuned_model"], 95)
    with simulator_in_process(Settings(data=data, rollouts=folder)) as after:
        assert answer_text(after, job["fine_tuned_model"], 95) == tuned
        assert answer_text(after, BASE_MODEL, 95).startswith(RECORDED_PREFIX)
