"""A judge whose model does not answer: the job says so before it shows the scores."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.settings import Settings
from tests.simulators import RunningSimulator, reinforcement_method, serve_simulator
from tests.training.training_files import make_training_file

ERROR = (
    "UnknownOperationException: the simulator does not serve the AWS service 'bedrock-runtime', so no model answers "
    "here. To measure a function that calls one, deploy the function at AWS and run the doctor there: rft-sim doctor "
    "ARN --target bedrock"
)
JUDGE = """
import boto3
from botocore.config import Config
from concurrent.futures import ThreadPoolExecutor

judge = boto3.client("bedrock-runtime", config=Config(retries={"max_attempts": 3, "mode": "adaptive"}))

def score(rollout):
    try:
        reply = judge.CALL
        return float(reply["output"]["message"]["content"][0]["text"])
    except Exception as error:
        print("the judge failed:", error)
        return 0.0

def lambda_handler(event, context):
    with ThreadPoolExecutor(4) as threads:
        scores = list(threads.map(score, event))
    return [
        {"id": rollout["id"], "aggregate_reward_score": score} for rollout, score in zip(event, scores, strict=True)
    ]
"""
CONVERSE = 'converse(modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": "Score it."}]}])'


def write_judge(folder: Path, call: str = CONVERSE) -> Path:
    """Write a function that asks a model for each score and falls back to 0."""
    folder.mkdir()
    (folder / "lambda_function.py").write_text(JUDGE.replace("CALL", call))
    return folder


def create_job(simulator: RunningSimulator, function: str, *, records: int = 100) -> Any:
    """Create a job with steps of 16 records."""
    method = reinforcement_method(function, batch_size=16)
    return simulator.create_job(simulator.upload(make_training_file(records)), method=method)


def run_judge(simulator: RunningSimulator, function: str) -> list[tuple[str, str]]:
    """Run a job of 5 steps with a function; return level and message of its events from the start on."""
    job = create_job(simulator, function)
    assert simulator.wait_for_job(job["id"])["status"] == "succeeded"
    events = [(event["level"], event["message"]) for event in simulator.list_events(job["id"])]
    return events[events.index(("info", "Fine-tuning job started")) + 1 :]


@pytest.mark.slow
@pytest.mark.shows("failed-service-calls")
def test_a_job_says_first_that_its_judge_did_not_answer(tmp_path: Path) -> None:
    """With exact counts, although the calls are concurrent: 5 steps of 128 rollouts between 2 evaluations of 10."""
    with serve_simulator(Settings(port=0, lambda_workers=2)) as simulator:
        events = run_judge(simulator, simulator.deploy(write_judge(tmp_path / "judge")))
    assert events[:2] == [
        ("warn", f"10 of 10 calls to bedrock-runtime failed; these scores are the function's fallback: {ERROR}"),
        ("info", "Step 1/5: training metrics"),
    ]
    assert events[-3:] == [
        ("warn", f"660 of 660 calls to bedrock-runtime failed; these scores are the function's fallback: {ERROR}"),
        ("info", "New fine-tuned model created"),
        ("info", "The job has successfully completed"),
    ]


@pytest.mark.slow
def test_two_jobs_with_one_function_at_once_count_for_themselves(tmp_path: Path) -> None:
    """They share its environments."""
    with serve_simulator(Settings(port=0, lambda_workers=2)) as simulator:
        function = simulator.deploy(write_judge(tmp_path / "judge"))
        jobs = [create_job(simulator, function, records=records) for records in (100, 120)]
        totals = []
        for job in jobs:
            assert simulator.wait_for_job(job["id"])["status"] == "succeeded"
            warnings = [event["message"] for event in simulator.list_events(job["id"]) if event["level"] == "warn"]
            totals.append(warnings[-1].partition(" calls")[0])
    assert totals == ["660 of 660", "792 of 792"]


@pytest.mark.slow
def test_a_function_whose_calls_succeed_has_no_warning(tmp_path: Path) -> None:
    """Neither in the events nor in the log."""
    source = JUDGE.replace("bedrock-runtime", "sts").replace("CALL", "get_caller_identity()")
    folder = tmp_path / "caller"
    folder.mkdir()
    (folder / "lambda_function.py").write_text(source)
    with serve_simulator(Settings(port=0, lambda_workers=2)) as simulator:
        job = simulator.wait_for_job(create_job(simulator, simulator.deploy(folder))["id"])
        log = simulator.http.get(f"/_simulator/jobs/{job['id']}/log").text
        levels = {event["level"] for event in simulator.list_events(job["id"])}
    fields = {field for line in log.splitlines() for field in json.loads(line)}
    assert (job["status"], levels, "service_calls" in fields) == ("succeeded", {"info"}, False)


@pytest.mark.slow
def test_a_job_says_first_that_its_function_lacks_a_permission(tmp_path: Path) -> None:
    """Here the judge is another function, which the role of the first may not invoke."""
    source = JUDGE.replace("bedrock-runtime", "lambda").replace("CALL", 'invoke(FunctionName="model")')
    folder = tmp_path / "asking"
    folder.mkdir()
    (folder / "lambda_function.py").write_text(source)
    with serve_simulator(Settings(port=0, lambda_workers=2)) as simulator:
        model = simulator.deploy(folder, name="model")
        events = run_judge(simulator, simulator.deploy(folder))
    message = (
        "10 of 10 calls to lambda failed; these scores are the function's fallback: AccessDeniedException: "
        "User: arn:aws:sts::123456789012:assumed-role/reward-role/asking is not authorized to perform: "
        f"lambda:InvokeFunction on resource: {model} because no identity-based policy allows the "
        "lambda:InvokeFunction action"
    )
    assert events[0] == ("warn", message)
