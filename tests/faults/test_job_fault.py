"""Faults of jobs: each met once, where the script says, by really running jobs and really misbehaving functions."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simulator.faults.job_fault import AwsOperationEffect, CancelJobEffect, FailJobEffect, JobFault, QueueDelayEffect
from simulator.faults.request_fault import ScriptError
from simulator.faults.script import parse_faults
from simulator.settings import Pace, Settings
from tests.faults.test_script_examples import EXAMPLES, FIXTURES, faults, is_of_jobs, read
from tests.simulators import RunningSimulator, SimulatorClient, serve_simulator, simulator_in_process
from tests.training.training_files import make_training_file

ROOT = Path(__file__).parents[2]
HOUR = 3_600
DELETING = {"service": "lambda", "operation": "DeleteFunction"}


@pytest.fixture(scope="module")
def world() -> Iterator[RunningSimulator]:
    """A simulator in which the functions are deployed that the scripts are about."""
    with serve_simulator() as made:
        yield made


def control_clock(world: SimulatorClient, **wanted: Any) -> None:
    """Steer the clock."""
    assert world.http.post("/_simulator/clock", json=wanted).status_code == 200


def run_job_with_faults(
    world: RunningSimulator,
    script: Any,
    *functions: str,
    records: int = 100,
    caller: SimulatorClient | None = None,
    refused: bool = False,
) -> list[Any]:
    """Make a job for each one that a script is about, each with its function; return them at their ends.

    Each has met its fault, and what that should do was `refused` or was done.
    """
    entries = faults(script)
    control_clock(world, freeze=True)
    file = (caller or world).upload(make_training_file(records))
    jobs = [(caller or world).create_job(file, function=function)["id"] for function in functions]
    names = world.instance.context.fault_registry.add(
        [entry | {"job": job} for entry, job in zip(entries, jobs, strict=True)]
    )
    control_clock(world, freeze=False)
    ends = [world.wait_for_job(job) for job in jobs]
    standings = [standing for standing in world.instance.context.fault_registry.statuses() if standing.id in names]
    expected = [(1, 0 if refused else 1, refused)] * len(entries)
    assert [(standing.matched, standing.applied, bool(standing.refused)) for standing in standings] == expected
    world.instance.context.fault_registry.clear()
    return ends


def event_kinds(world: RunningSimulator, job: Any) -> list[str]:
    """Return the kinds of a job's log."""
    lines = world.http.get(f"/_simulator/jobs/{job['id']}/log").text.splitlines()
    return [json.loads(line)["event"] for line in lines]


@pytest.mark.parametrize(
    ("fields", "step", "effect"),
    [
        ({"queue": "1h"}, None, QueueDelayEffect(seconds=HOUR)),
        ({"queue": 5}, None, QueueDelayEffect(seconds=5)),
        (
            {"fail": {}},
            None,
            FailJobEffect(
                code="internal_server_error",
                message="The server had an error while processing your request",
                param=None,
            ),
        ),
        (
            {"step": 3, "fail": {"code": "c", "message": "m", "param": "p"}},
            3,
            FailJobEffect(code="c", message="m", param="p"),
        ),
        ({"step": 3, "cancel": True}, 3, CancelJobEffect()),
        (
            {
                "step": 3,
                "aws": {"service": "lambda", "operation": "DeleteFunction", "parameters": {"FunctionName": "f"}},
            },
            3,
            AwsOperationEffect(service="lambda", name="DeleteFunction", parameters={"FunctionName": "f"}),
        ),
    ],
)
def test_a_fault_of_a_job_is_read(fields: dict[str, Any], step: int | None, effect: Any) -> None:
    """One of four effects, and where."""
    written = {"job": 2} | fields
    assert parse_faults(written) == (JobFault(job=2, step=step, effect=effect, source=written),)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "it takes exactly one of 'aws', 'cancel', 'fail', 'queue'; it has none"),
        ({"fail": {}, "queue": 1}, "it takes exactly one of 'aws', 'cancel', 'fail', 'queue'; it has 'fail', 'queue'"),
        ({"cancel": True}, "'cancel' happens during a step: name it in 'step'"),
        ({"step": 2, "queue": 1}, "'queue' happens before the first step: leave out 'step'"),
        ({"queue": "soon"}, 'queue: it takes seconds or a duration such as 90s, 1h30m or 2d; got "soon"'),
        ({"queue": -1}, "queue: it takes from 0 to 4102444800 seconds"),
        ({"step": 0, "cancel": True}, "step: it takes a whole number from 1; got 0"),
        ({"step": 1, "cancel": False}, "cancel: it takes true; got false"),
        ({"fail": {"why": "?"}}, "fail.why: there is no such field; there are 'code', 'message', 'param'"),
        (
            {"step": 1, "aws": {"service": "lambada", "operation": "X"}},
            "aws: service: boto3 knows no service 'lambada'",
        ),
        ({"step": 1, "aws": {"service": "lambda", "operation": "X"}}, "aws: operation: lambda has no operation 'X'"),
        (
            {"step": 1, "aws": {"service": "lambda", "operation": "DeleteFunction"}},
            'aws: parameters: Missing required parameter in input: "FunctionName"',
        ),
    ],
)
def test_what_is_wrong_with_a_fault_of_a_job_is_said_in_a_line(fields: dict[str, Any], message: str) -> None:
    """With the entry, the field and what it takes."""
    with pytest.raises(ScriptError) as refused:
        parse_faults({"job": 1} | fields)
    assert str(refused.value) == f"fault 1: {message}"


def test_a_fault_may_be_about_a_job_by_its_number() -> None:
    """Before there is a job at all."""
    with serve_simulator() as world:
        world.instance.context.fault_registry.add({"job": 2, "fail": {}})
        codes = [
            (job["error"] or {}).get("code")
            for job in (world.run_job(make_training_file(99)), world.run_job(make_training_file(99)))
        ]
    assert codes == ["invalid_training_file", "invalid_training_file"]


def test_the_examples_of_the_page_are_met(world: RunningSimulator) -> None:
    """Each by a job of its own, beside each other."""
    (script,) = [script for script in EXAMPLES if is_of_jobs(script)]
    sound, throttled = (world.deploy(ROOT / "reward_lambda", name=name) for name in ("sound", "reward"))
    jobs = run_job_with_faults(world, script, sound, sound, sound, sound, throttled)
    ends = [job["error"]["code"] if job["error"] else job["status"] for job in jobs]
    assert ends == ["succeeded", "invalid_training_file", "internal_server_error", "cancelled", "grader_error"]
    _, invalid, _, cancelled, _ = jobs
    assert (invalid["error"]["message"], invalid["error"]["param"]) == ("The file is gone.", "training_file")
    assert event_kinds(world, cancelled)[-2:] == ["RolloutsGraded", "JobCancelled"]


EXPECTED = {
    "queued_for_hours": "succeeded",
    "failed_validation": "invalid_training_file: The training file could not be read.",
    "internal_error": "internal_server_error: The server had an error while processing your request",
    "cancelled_in_mid_step": "cancelled",
    "deleted_function": "grader_error: .*: Function not found",
    "no_concurrency": "grader_error: .*: the invocation was throttled: .*, 3 times in a row",
    "slow_function": "grader_error: .*: the invocation timed out: .*after 1.00 seconds, 3 times in a row",
    "revoked_permission": "grader_error: .*User: .*user/trainer is not authorized to perform: lambda:InvokeFunction",
}


@pytest.fixture(scope="module")
def trainer(world: RunningSimulator) -> Iterator[SimulatorClient]:
    """A user who may train, and whose right to invoke functions is a policy of its own."""
    world.iam_client.create_user(UserName="trainer")
    world.iam_client.attach_user_policy(
        UserName="trainer", PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockMantleFullAccess"
    )
    made = world.iam_client.create_service_specific_credential(UserName="trainer", ServiceName="bedrock.amazonaws.com")
    with httpx2.Client(base_url=world.url, timeout=30) as http:
        api = SimulatorClient(world.url, http)
        http.headers["authorization"] = f"Bearer {made['ServiceSpecificCredential']['ServiceCredentialSecret']}"
        yield api


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in FIXTURES if is_of_jobs(read(path))], ids=lambda path: path.stem)
def test_an_example_script_of_jobs_is_met(world: RunningSimulator, trainer: SimulatorClient, path: Path) -> None:
    """By the function that it names; the job ends as the script is for, and never by a score of 0."""
    allow = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    world.iam_client.put_user_policy(UserName="trainer", PolicyName="may-invoke", PolicyDocument=policy)
    name = "slow_when_told" if path.stem == "slow_function" else "reward_lambda"
    folder = ROOT / "fixtures" / "graders" / name if name == "slow_when_told" else ROOT / name
    functions = {function["FunctionName"] for function in world.lambda_client.list_functions()["Functions"]}
    deployed = f"rft-{name.replace('_', '-')}"
    if deployed in functions:
        world.lambda_client.delete_function(FunctionName=deployed)
    function = world.deploy(folder, name=deployed)
    (job,) = run_job_with_faults(world, read(path), function, records=120, caller=trainer)
    end = job["status"] if job["error"] is None else f"{job['error']['code']}: {job['error']['message']}"
    assert re.match(EXPECTED[path.stem], end), end


def test_a_job_is_queued_for_as_long_as_the_script_says(world: RunningSimulator) -> None:
    """In simulated time: an hour of it costs nobody anything."""
    function = world.deploy(ROOT / "reward_lambda", name="patient")
    (job,) = run_job_with_faults(world, {"job": 1, "queue": "1h"}, function)
    started = next(event for event in world.list_events(job["id"]) if event["message"] == "Fine-tuning job started")
    assert started["created_at"] - job["created_at"] == 45 + HOUR


def test_an_operation_that_is_refused_changes_nothing_and_is_told(
    world: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The job goes on; whoever runs the server reads why nothing happened."""
    function = world.deploy(ROOT / "reward_lambda", name="still-there")
    operation = DELETING | {"parameters": {"FunctionName": "nowhere"}}
    with caplog.at_level("INFO", logger="simulator.http.request_log"):
        (job,) = run_job_with_faults(world, {"job": 1, "step": 2, "aws": operation}, function, refused=True)
    told = [line for line in caplog.messages if line.startswith("lambda DeleteFunction met fault-")]
    assert job["status"] == "succeeded"
    assert ["was not carried out: An error occurred (ResourceNotFoundException)" in line for line in told] == [True]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_wait_in_the_queue_holds_after_a_restart(tmp_path: Path, is_restarted: bool) -> None:
    """What a job has met stands in its log: the clock has shown it when it would start."""
    settings = Settings(data=tmp_path / "data", pace=Pace.MANUAL)
    with simulator_in_process(settings) as world:
        world.instance.context.fault_registry.add({"job": 1, "queue": "1h"})
        job = world.create_job(world.upload(make_training_file(100)))["id"]
        control_clock(world, advance=1_000)
        assert world.instance.context.fault_registry.statuses()[0].applied == 1
        if not is_restarted:
            control_clock(world, advance="2h")
            end = world.retrieve_job(job)
    if is_restarted:
        with simulator_in_process(settings) as world:
            control_clock(world, advance="2h")
            end = world.retrieve_job(job)
    assert end["finished_at"] - end["created_at"] == 45 + HOUR


def test_a_fault_of_a_job_that_has_ended_is_refused(world: RunningSimulator) -> None:
    """It would never be met. None of its script is added."""
    job = world.run_job(make_training_file(99))
    script = [{"job": 99, "queue": "1h"}, {"job": job["id"], "queue": "1h"}]
    answer = world.http.post("/_simulator/faults", json=script)
    said = f"No fault was added: fault 2: job: {job['id']} has ended (failed): the fault has no effect"
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, said)
    assert world.instance.context.fault_registry.statuses() == ()


def test_a_simulator_begins_with_a_fault_of_a_job_that_has_ended(tmp_path: Path) -> None:
    """The same script serves for every start on a folder."""
    (tmp_path / "faults.json").write_text('{"job": 1, "fail": {}}')
    settings = Settings(data=tmp_path / "data", faults=tmp_path / "faults.json")
    with simulator_in_process(settings) as world:
        assert world.run_job(make_training_file(100))["status"] == "failed"
    with simulator_in_process(settings) as world:
        assert [standing.matched for standing in world.instance.context.fault_registry.statuses()] == [0]
