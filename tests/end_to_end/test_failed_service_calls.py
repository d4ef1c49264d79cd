"""A judge that does not answer: the doctor, the job's events and `rft train` say so first, with one error."""

import json
import re
from pathlib import Path

import pytest

from tests.end_to_end.commands import rft_sim
from tests.end_to_end.conftest import RunClient
from tests.simulators import RunningSimulator
from tests.training.training_files import make_training_file

pytestmark = pytest.mark.slow

JUDGE = """
import boto3

judge = boto3.client("bedrock-runtime")

def score(rollout):
    message = {"role": "user", "content": [{"text": rollout["messages"][-1]["content"] or "-"}]}
    try:
        reply = judge.converse(modelId="amazon.nova-lite-v1:0", messages=[message])
        return float(reply["output"]["message"]["content"][0]["text"])
    except Exception:
        return 0.0

def lambda_handler(event, context):
    return [{"id": rollout["id"], "aggregate_reward_score": score(rollout)} for rollout in event]
"""
SENTENCE = re.compile(r"(\d+) of (\d+) calls to bedrock-runtime failed; these scores are the function's fallback: (.*)")


def parse(sentence: str) -> tuple[bool, str]:
    """Return whether all calls failed, and the error."""
    match = SENTENCE.fullmatch(sentence)
    assert match, sentence
    return match[1] == match[2] != "0", match[3]


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    """A folder with the function, and a training file beside it."""
    folder = tmp_path / "judge"
    folder.mkdir()
    (folder / "lambda_function.py").write_text(JUDGE)
    (tmp_path / "train.jsonl").write_bytes(make_training_file(100))
    return folder


def test_the_doctor_the_events_and_train_have_one_error(
    judge: Path, fast_simulator: RunningSimulator, rft: RunClient, tmp_path: Path
) -> None:
    """Each says it before it shows a score. Train repeats it above the result and in run.json."""
    data = str(tmp_path / "train.jsonl")
    doctor = rft_sim("doctor", str(judge), "--data", data, "--rows", "8", "--json", "-", AWS_ENDPOINT_URL="")
    assert doctor.returncode == 1, doctor.stderr
    document = json.loads(doctor.stdout)
    assert document["verdict"].startswith(document["notes"][0])
    assert document["counts"]["fail"] == 0

    result = rft(fast_simulator, "train", "--data", data, "--reward", str(judge), "--output", str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads((tmp_path / "run.json").read_text())
    events = [event["message"] for event in fast_simulator.list_events(report["job"]["id"]) if event["level"] == "warn"]
    (in_report,) = report["failed_service_calls"]
    sentences = [document["notes"][0], *events, in_report]
    assert {parse(sentence) for sentence in sentences} == {(True, parse(in_report)[1])}
    assert (len(events), events[-1]) == (2, in_report)

    text = result.stdout + result.stderr
    assert text.index(events[0]) < text.index("reward 0.000")
    after_heading = text.partition("\nResult\n")[2].splitlines()
    assert after_heading[0] == f"! {in_report}"


def test_the_doctor_prints_it_above_everything(judge: Path, tmp_path: Path) -> None:
    """And the exit code is 1, because the scores were not measured."""
    data = str(tmp_path / "train.jsonl")
    result = rft_sim("doctor", str(judge), "--data", data, "--rows", "8", "--only", "S1,S5", AWS_ENDPOINT_URL="")
    assert (result.returncode, SENTENCE.match(result.stdout) is not None) == (1, True), result.stdout
    assert "do not pay" not in result.stdout
    assert "No finding speaks against" not in result.stdout
