"""`rollouts`: jobs train on a real model's recorded outputs, and chats are answered with them."""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from simulator.settings import Settings
from tests.simulators import BASE, World, inner_world, served_world
from tests.training.recorded_responses import recordings
from tests.training.training_files import jsonl, record
from tests.upstream.response_folders import OPENING, keep, keep_simulated, records_in

ROOT = Path(__file__).parents[2]
CONTENT = jsonl(200)
HELD_OUT = range(180, 200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen responses to each of 200 records."""
    made = tmp_path_factory.mktemp("rollouts")
    keep_simulated(made, CONTENT)
    return made


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[World]:
    """A simulator that trains on them."""
    with served_world(Settings(port=0, rollouts=folder)) as made:
        yield made


@pytest.fixture(scope="module")
def job(world: World) -> Any:
    """A finished job: 45 steps on real Lambda answers."""
    return world.run(CONTENT, function=world.deploy(ROOT / "reward_lambda"))


def kept(folder: Path, number: int) -> list[str]:
    """Return the texts that the folder holds of a record."""
    prompt = record(number)["messages"]
    (held,) = (file for file in map(_read, folder.iterdir()) if file["messages"] == prompt)
    return [response["text"] for response in held["responses"]]


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def said(world: World, model: str, number: int, *, temperature: float = 0.0) -> str:
    """Return what a model answers to a record's prompt."""
    body = {"model": model, "messages": record(number)["messages"], "temperature": temperature}
    return str(world.http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"])


def right(world: World, model: str) -> int:
    """Return how many held-out prompts a model answers right and in the asked format."""
    return sum(
        said(world, model, number).rsplit("\n", 1)[-1] == f"#### {record(number)['reference_answer']['answer']}"
        for number in HELD_OUT
    )


def test_a_job_learns_from_recorded_outputs(world: World, job: Any) -> None:
    """A sound reward rises within an epoch, and nothing is made up: the curve is of these responses."""
    curve = [event["data"]["critic_rewards_mean"] for event in world.events(job["id"]) if event["type"] == "metrics"]
    assert (job["status"], len(curve)) == ("succeeded", 45)
    assert fmean(curve[-10:]) > fmean(curve[:10]) + 0.15


def test_every_rollout_of_a_job_is_a_recorded_one(world: World, job: Any) -> None:
    """Told again from the log, they are still the folder's."""
    lines = world.http.get(f"/_simulator/jobs/{job['id']}/rollouts").text.splitlines()
    assert len(lines) == 45 * 32 + 4 * 20
    assert [line for line in lines if not json.loads(line)["response"].startswith(OPENING)] == []


def test_a_tuned_model_chats_in_the_format_that_it_learned(world: World, job: Any) -> None:
    """On prompts that were held out, greedily: what `rft train` compares."""
    assert right(world, job["fine_tuned_model"]) >= right(world, BASE) + 4


def test_both_models_say_only_what_was_recorded(world: World, job: Any, folder: Path) -> None:
    """Greedily and drawn."""
    answers = {
        said(world, model, 190, temperature=temperature)
        for model in (BASE, job["fine_tuned_model"])
        for temperature in (0.0, 1.0)
    }
    assert answers <= set(kept(folder, 190))


def test_another_prompt_is_answered_as_ever(world: World) -> None:
    """In the very words of a simulator without recorded outputs."""
    with inner_world() as other:
        for each in (world, other):
            each.upload(jsonl(1, first=900))
        assert said(world, BASE, 900) == said(other, BASE, 900)


def failure(folder: Path, content: bytes, **fields: bytes) -> tuple[str, str, str]:
    """Run a job that gets no further than its files; return code, param and message."""
    with inner_world(Settings(rollouts=folder)) as made:
        error = made.run(content, **{name: made.upload(file) for name, file in fields.items()})["error"]
    return error["code"], error["param"], error["message"]


@pytest.mark.parametrize("param", ["training_file", "validation_file"])
def test_a_record_that_is_not_recorded_fails_the_job_with_its_line(tmp_path: Path, param: str) -> None:
    """And with what to do: nothing is trained on simulated outputs among real ones."""
    files = {"training_file": jsonl(100), "validation_file": jsonl(20, first=100)}
    for name, content in files.items():
        records = records_in(content)
        responses = recordings(records, count=2)
        if name == param:
            responses[7] = responses[7][:1]
        keep(tmp_path, records, responses)
    code, at_fault, message = failure(tmp_path, files["training_file"], validation_file=files["validation_file"])
    assert (code, at_fault) == (f"invalid_{param}", param)
    assert f"line 7: {tmp_path} holds 1 of the 2 responses of {BASE}" in message
    assert "`rft-sim doctor REWARD --data FILE --rollouts URL" in message


def test_a_folder_that_is_spoiled_fails_the_job_and_a_chat_with_the_reason(folder: Path, tmp_path: Path) -> None:
    """Which file, and what to do about it; chats do not go on with something else."""
    keep_simulated(tmp_path, jsonl(100), count=2)
    with inner_world(Settings(rollouts=tmp_path)) as made:
        made.upload(jsonl(100))
        spoiled = min(tmp_path.iterdir())
        spoiled.write_text("{")
        (tmp_path / "touched").touch()
        error = made.run(jsonl(100))["error"]
        body = {"model": BASE, "messages": record(1)["messages"]}
        answer = made.http.post("/v1/chat/completions", json=body)
    assert error["code"] == "invalid_training_file"
    assert f"{spoiled} cannot be read" in error["message"]
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_server_error")
    assert f"{spoiled} cannot be read" in answer.headers["x-simulator-hint"]
