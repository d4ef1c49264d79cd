"""The setting `rollouts`: jobs train on a real model's recorded responses, and chats are answered with them."""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from simulator.settings import Settings
from tests.simulators import BASE_MODEL, RunningSimulator, serve_simulator, simulator_in_process
from tests.training.recorded_responses import record_responses
from tests.training.training_files import make_record, make_training_file
from tests.upstream.response_folders import RECORDED_PREFIX, parse_records, write_responses, write_simulated_responses

ROOT = Path(__file__).parents[2]
CONTENT = make_training_file(200)
HELD_OUT = range(180, 200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sixteen responses to each of 200 records."""
    responses_folder = tmp_path_factory.mktemp("rollouts")
    write_simulated_responses(responses_folder, CONTENT)
    return responses_folder


@pytest.fixture(scope="module")
def simulator(folder: Path) -> Iterator[RunningSimulator]:
    """A simulator that trains on the recorded responses."""
    with serve_simulator(Settings(port=0, rollouts=folder)) as running_simulator:
        yield running_simulator


@pytest.fixture(scope="module")
def job(simulator: RunningSimulator) -> Any:
    """A finished job: it trained for 45 steps with rewards of a real Lambda process."""
    return simulator.run_job(CONTENT, function=simulator.deploy(ROOT / "reward_lambda"))


def recorded_texts(folder: Path, number: int) -> list[str]:
    """Return the recorded texts of a record."""
    prompt = make_record(number)["messages"]
    (stored_file,) = (file for file in map(_read, folder.iterdir()) if file["messages"] == prompt)
    return [response["text"] for response in stored_file["responses"]]


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def answer_text(simulator: RunningSimulator, model: str, number: int, *, temperature: float = 0.0) -> str:
    """Return a model's answer to a record's prompt."""
    body = {"model": model, "messages": make_record(number)["messages"], "temperature": temperature}
    return str(simulator.http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"])


def correct_count(simulator: RunningSimulator, model: str) -> int:
    """Return how many held-out prompts a model answers correctly in the requested format."""
    return sum(
        answer_text(simulator, model, number).rsplit("\n", 1)[-1]
        == f"#### {make_record(number)['reference_answer']['answer']}"
        for number in HELD_OUT
    )


@pytest.mark.slow
def test_a_job_learns_from_recorded_responses(simulator: RunningSimulator, job: Any) -> None:
    """If the reward function is valid, the mean reward rises within an epoch."""
    curve = [
        event["data"]["critic_rewards_mean"] for event in simulator.list_events(job["id"]) if event["type"] == "metrics"
    ]
    assert (job["status"], len(curve)) == ("succeeded", 45)
    assert fmean(curve[-10:]) > fmean(curve[:10]) + 0.15


@pytest.mark.slow
def test_every_rollout_of_a_job_is_a_recorded_one(simulator: RunningSimulator, job: Any) -> None:
    """The rollouts are read from a replay of the job's log."""
    lines = simulator.http.get(f"/_simulator/jobs/{job['id']}/rollouts").text.splitlines()
    assert len(lines) == 45 * 32 + 4 * 20
    assert [line for line in lines if not json.loads(line)["response"].startswith(RECORDED_PREFIX)] == []


@pytest.mark.slow
def test_a_tuned_model_answers_in_the_learned_format(simulator: RunningSimulator, job: Any) -> None:
    """`rft train` makes the same comparison: held-out prompts at temperature 0."""
    assert correct_count(simulator, job["fine_tuned_model"]) >= correct_count(simulator, BASE_MODEL) + 4


@pytest.mark.slow
def test_both_models_answer_only_with_recorded_texts(simulator: RunningSimulator, job: Any, folder: Path) -> None:
    """The texts are recorded ones both at temperature 0 and at temperature 1."""
    answers = {
        answer_text(simulator, model, 190, temperature=temperature)
        for model in (BASE_MODEL, job["fine_tuned_model"])
        for temperature in (0.0, 1.0)
    }
    assert answers <= set(recorded_texts(folder, 190))


def test_another_prompt_is_answered_by_the_simulated_policy(simulator: RunningSimulator) -> None:
    """The text is that of a simulator without recorded responses."""
    with simulator_in_process() as other:
        for server in (simulator, other):
            server.upload(make_training_file(1, first=900))
        assert answer_text(simulator, BASE_MODEL, 900) == answer_text(other, BASE_MODEL, 900)


def failure(folder: Path, content: bytes, **fields: bytes) -> tuple[str, str, str]:
    """Run a job whose files are refused; return code, param and message of the error."""
    with simulator_in_process(Settings(rollouts=folder)) as simulator:
        error = simulator.run_job(content, **{name: simulator.upload(file) for name, file in fields.items()})["error"]
    return error["code"], error["param"], error["message"]


@pytest.mark.parametrize("param", ["training_file", "validation_file"])
def test_a_job_fails_if_a_record_lacks_responses(tmp_path: Path, param: str) -> None:
    """The message has the line and the next step. Simulated and real responses are never mixed."""
    files = {"training_file": make_training_file(100), "validation_file": make_training_file(20, first=100)}
    for name, content in files.items():
        records = parse_records(content)
        responses = record_responses(records, count=2)
        if name == param:
            responses[7] = responses[7][:1]
        write_responses(tmp_path, records, responses)
    code, refused_param, message = failure(tmp_path, files["training_file"], validation_file=files["validation_file"])
    assert (code, refused_param) == (f"invalid_{param}", param)
    assert f"line 7: {tmp_path} holds 1 of the 2 responses of {BASE_MODEL}" in message
    assert "`rft-sim doctor REWARD --data FILE --rollouts URL" in message


def test_jobs_and_chats_fail_if_the_folder_is_damaged(folder: Path, tmp_path: Path) -> None:
    """The message names the file. Chats do not use other texts instead."""
    write_simulated_responses(tmp_path, make_training_file(100), count=2)
    with simulator_in_process(Settings(rollouts=tmp_path)) as simulator:
        simulator.upload(make_training_file(100))
        damaged_file = min(tmp_path.iterdir())
        damaged_file.write_text("{")
        (tmp_path / "new-file").touch()  # changes the folder, so that it is read again
        error = simulator.run_job(make_training_file(100))["error"]
        body = {"model": BASE_MODEL, "messages": make_record(1)["messages"]}
        answer = simulator.http.post("/v1/chat/completions", json=body)
    assert error["code"] == "invalid_training_file"
    assert f"{damaged_file} cannot be read" in error["message"]
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_server_error")
    assert f"{damaged_file} cannot be read" in answer.headers["x-simulator-hint"]


@pytest.mark.slow
def test_a_model_tuned_without_the_folder_does_not_use_recorded_texts(tmp_path: Path) -> None:
    """The weights of such a model do not apply to recorded responses."""
    data, folder, content = tmp_path / "data", tmp_path / "rollouts", make_training_file(100)
    write_simulated_responses(folder, content)
    with serve_simulator(Settings(port=0, data=data)) as first_simulator:
        job = first_simulator.run_job(content, function=first_simulator.deploy(ROOT / "reward_lambda"))
        tuned_text = answer_text(first_simulator, job["fine_tuned_model"], 95)
    with simulator_in_process(Settings(data=data, rollouts=folder)) as restarted_simulator:
        assert answer_text(restarted_simulator, job["fine_tuned_model"], 95) == tuned_text
        assert answer_text(restarted_simulator, BASE_MODEL, 95).startswith(RECORDED_PREFIX)
