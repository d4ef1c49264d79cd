"""`rollouts`: jobs train on a real model's recorded outputs, and chats are answered with them."""

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
    """Sixteen responses to each of 200 records."""
    made = tmp_path_factory.mktemp("rollouts")
    write_simulated_responses(made, CONTENT)
    return made


@pytest.fixture(scope="module")
def simulator(folder: Path) -> Iterator[RunningSimulator]:
    """A simulator that trains on them."""
    with serve_simulator(Settings(port=0, rollouts=folder)) as made:
        yield made


@pytest.fixture(scope="module")
def job(simulator: RunningSimulator) -> Any:
    """A finished job: 45 steps on real Lambda answers."""
    return simulator.run_job(CONTENT, function=simulator.deploy(ROOT / "reward_lambda"))


def recorded_texts(folder: Path, number: int) -> list[str]:
    """Return the texts that the folder holds of a record."""
    prompt = make_record(number)["messages"]
    (held,) = (file for file in map(_read, folder.iterdir()) if file["messages"] == prompt)
    return [response["text"] for response in held["responses"]]


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def answer_text(world: RunningSimulator, model: str, number: int, *, temperature: float = 0.0) -> str:
    """Return what a model answers to a record's prompt."""
    body = {"model": model, "messages": make_record(number)["messages"], "temperature": temperature}
    return str(world.http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"])


def correct_count(world: RunningSimulator, model: str) -> int:
    """Return how many held-out prompts a model answers right and in the asked format."""
    return sum(
        answer_text(world, model, number).rsplit("\n", 1)[-1]
        == f"#### {make_record(number)['reference_answer']['answer']}"
        for number in HELD_OUT
    )


def test_a_job_learns_from_recorded_outputs(simulator: RunningSimulator, job: Any) -> None:
    """A sound reward rises within an epoch, and nothing is made up: the curve is of these responses."""
    curve = [
        event["data"]["critic_rewards_mean"] for event in simulator.list_events(job["id"]) if event["type"] == "metrics"
    ]
    assert (job["status"], len(curve)) == ("succeeded", 45)
    assert fmean(curve[-10:]) > fmean(curve[:10]) + 0.15


def test_every_rollout_of_a_job_is_a_recorded_one(simulator: RunningSimulator, job: Any) -> None:
    """Told again from the log, they are still the folder's."""
    lines = simulator.http.get(f"/_simulator/jobs/{job['id']}/rollouts").text.splitlines()
    assert len(lines) == 45 * 32 + 4 * 20
    assert [line for line in lines if not json.loads(line)["response"].startswith(RECORDED_PREFIX)] == []


def test_a_tuned_model_chats_in_the_format_that_it_learned(simulator: RunningSimulator, job: Any) -> None:
    """On prompts that were held out, greedily: what `rft train` compares."""
    assert correct_count(simulator, job["fine_tuned_model"]) >= correct_count(simulator, BASE_MODEL) + 4


def test_both_models_say_only_what_was_recorded(simulator: RunningSimulator, job: Any, folder: Path) -> None:
    """Greedily and drawn."""
    answers = {
        answer_text(simulator, model, 190, temperature=temperature)
        for model in (BASE_MODEL, job["fine_tuned_model"])
        for temperature in (0.0, 1.0)
    }
    assert answers <= set(recorded_texts(folder, 190))


def test_another_prompt_is_answered_as_ever(simulator: RunningSimulator) -> None:
    """In the very words of a simulator without recorded outputs."""
    with simulator_in_process() as other:
        for each in (simulator, other):
            each.upload(make_training_file(1, first=900))
        assert answer_text(simulator, BASE_MODEL, 900) == answer_text(other, BASE_MODEL, 900)


def failure(folder: Path, content: bytes, **fields: bytes) -> tuple[str, str, str]:
    """Run a job that gets no further than its files; return code, param and message."""
    with simulator_in_process(Settings(rollouts=folder)) as made:
        error = made.run_job(content, **{name: made.upload(file) for name, file in fields.items()})["error"]
    return error["code"], error["param"], error["message"]


@pytest.mark.parametrize("param", ["training_file", "validation_file"])
def test_a_record_that_is_not_recorded_fails_the_job_with_its_line(tmp_path: Path, param: str) -> None:
    """And with what to do: nothing is trained on simulated outputs among real ones."""
    files = {"training_file": make_training_file(100), "validation_file": make_training_file(20, first=100)}
    for name, content in files.items():
        records = parse_records(content)
        responses = record_responses(records, count=2)
        if name == param:
            responses[7] = responses[7][:1]
        write_responses(tmp_path, records, responses)
    code, at_fault, message = failure(tmp_path, files["training_file"], validation_file=files["validation_file"])
    assert (code, at_fault) == (f"invalid_{param}", param)
    assert f"line 7: {tmp_path} holds 1 of the 2 responses of {BASE_MODEL}" in message
    assert "`rft-sim doctor REWARD --data FILE --rollouts URL" in message


def test_a_folder_that_is_spoiled_fails_the_job_and_a_chat_with_the_reason(folder: Path, tmp_path: Path) -> None:
    """Which file, and what to do about it; chats do not go on with something else."""
    write_simulated_responses(tmp_path, make_training_file(100), count=2)
    with simulator_in_process(Settings(rollouts=tmp_path)) as made:
        made.upload(make_training_file(100))
        spoiled = min(tmp_path.iterdir())
        spoiled.write_text("{")
        (tmp_path / "touched").touch()
        error = made.run_job(make_training_file(100))["error"]
        body = {"model": BASE_MODEL, "messages": make_record(1)["messages"]}
        answer = made.http.post("/v1/chat/completions", json=body)
    assert error["code"] == "invalid_training_file"
    assert f"{spoiled} cannot be read" in error["message"]
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_server_error")
    assert f"{spoiled} cannot be read" in answer.headers["x-simulator-hint"]
