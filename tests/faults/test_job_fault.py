"""Job faults end to end: running jobs and functions that really fail."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simulator.settings import Auth, Pace, Settings
from tests.faults.test_script_examples import EXAMPLES, FIXTURES, faults, is_of_jobs, read
from tests.simulators import RunningSimulator, SimulatorClient, serve_simulator, simulator_in_process
from tests.training.training_files import make_training_file

ROOT = Path(__file__).parents[2]
HOUR = 3_600
DELETING = {"service": "lambda", "operation": "DeleteFunction"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """A simulator with the functions that the scripts name."""
    with serve_simulator() as credential:
        yield credential


def control_clock(simulator: SimulatorClient, **command: Any) -> None:
    """Send a clock command."""
    assert simulator.http.post("/_simulator/clock", json=command).status_code == 200


def run_job_with_faults(
    simulator: RunningSimulator,
    script: Any,
    *functions: str,
    records: int = 100,
    caller: SimulatorClient | None = None,
    refused: bool = False,
) -> list[Any]:
    """Create one job per fault, each with its function; return the jobs after their ends.

    Each fault was applied or, with `refused`, its operation failed.
    """
    entries = faults(script)
    control_clock(simulator, freeze=True)
    file = (caller or simulator).upload(make_training_file(records))
    jobs = [(caller or simulator).create_job(file, function=function)["id"] for function in functions]
    fault_ids = simulator.instance.context.fault_registry.add(
        [entry | {"job": job} for entry, job in zip(entries, jobs, strict=True)]
    )
    control_clock(simulator, freeze=False)
    ends = [simulator.wait_for_job(job) for job in jobs]
    statuses = [status for status in simulator.instance.context.fault_registry.statuses() if status.id in fault_ids]
    expected = [(1, 0 if refused else 1, refused)] * len(entries)
    assert [(status.matched, status.applied, bool(status.refused)) for status in statuses] == expected
    simulator.instance.context.fault_registry.clear()
    return ends


def event_kinds(simulator: RunningSimulator, job: Any) -> list[str]:
    """Return the kinds of the entries in a job's log."""
    lines = simulator.http.get(f"/_simulator/jobs/{job['id']}/log").text.splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_a_job_fault_can_name_a_job_by_its_number() -> None:
    """Before the job exists. The first job only lacks its function."""
    with simulator_in_process() as simulator:
        simulator.instance.context.fault_registry.add({"job": 2, "fail": {}})
        jobs = [simulator.run_job(make_training_file(100)) for _ in range(2)]
    assert [job["error"]["code"] for job in jobs] == ["grader_error", "internal_server_error"]


@pytest.mark.slow
def test_the_job_faults_of_the_page_are_applied(simulator: RunningSimulator) -> None:
    """Each by its own job."""
    (script,) = [script for script in EXAMPLES if is_of_jobs(script)]
    sound, throttled = (simulator.deploy(ROOT / "reward_lambda", name=name) for name in ("sound", "reward"))
    jobs = run_job_with_faults(simulator, script, sound, sound, sound, sound, throttled)
    ends = [job["error"]["code"] if job["error"] else job["status"] for job in jobs]
    assert ends == ["succeeded", "invalid_training_file", "internal_server_error", "cancelled", "grader_error"]
    _, invalid, _, cancelled, _ = jobs
    assert (invalid["error"]["message"], invalid["error"]["param"]) == ("The file is gone.", "training_file")
    assert event_kinds(simulator, cancelled)[-2:] == ["RolloutsGraded", "JobCancelled"]


EXPECTED = {
    "queued_for_hours": "succeeded",
    "failed_validation": "invalid_training_file: The training file could not be read.",
    "internal_error": "internal_server_error: The server had an error while processing your request",
    "cancelled_in_mid_step": "cancelled",
    "deleted_function": "grader_error: .*: Function not found",
    "no_concurrency": "grader_error: .*: the invocation was throttled: .*, 4 times in a row",
    "slow_function": "grader_error: .*: the invocation timed out: .*after 1.00 seconds, 4 times in a row",
    "revoked_permission": "grader_error: .*User: .*user/trainer is not authorized to perform: lambda:InvokeFunction",
}


@pytest.fixture(scope="module")
def trainer(simulator: RunningSimulator) -> Iterator[SimulatorClient]:
    """A user who may train, and whose permission to invoke functions is a policy of its own."""
    simulator.iam_client.create_user(UserName="trainer")
    simulator.iam_client.attach_user_policy(
        UserName="trainer", PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockMantleFullAccess"
    )
    credential = simulator.iam_client.create_service_specific_credential(
        UserName="trainer", ServiceName="bedrock.amazonaws.com"
    )
    with httpx2.Client(base_url=simulator.url, timeout=30) as http:
        api = SimulatorClient(simulator.url, http)
        http.headers["authorization"] = f"Bearer {credential['ServiceSpecificCredential']['ServiceCredentialSecret']}"
        yield api


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in FIXTURES if is_of_jobs(read(path))], ids=lambda path: path.stem)
def test_a_job_fault_script_is_applied(simulator: RunningSimulator, trainer: SimulatorClient, path: Path) -> None:
    """With the function that it names. The job ends as the script intends, and never with a score of 0."""
    allow = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    simulator.iam_client.put_user_policy(UserName="trainer", PolicyName="may-invoke", PolicyDocument=policy)
    name = "slow_when_told" if path.stem == "slow_function" else "reward_lambda"
    folder = ROOT / "fixtures" / "graders" / name if name == "slow_when_told" else ROOT / name
    functions = {function["FunctionName"] for function in simulator.lambda_client.list_functions()["Functions"]}
    deployed = f"rft-{name.replace('_', '-')}"
    if deployed in functions:
        simulator.lambda_client.delete_function(FunctionName=deployed)
    function = simulator.deploy(folder, name=deployed)
    (job,) = run_job_with_faults(simulator, read(path), function, records=120, caller=trainer)
    end = job["status"] if job["error"] is None else f"{job['error']['code']}: {job['error']['message']}"
    assert re.match(EXPECTED[path.stem], end), end


@pytest.mark.slow
def test_an_operation_that_fails_changes_nothing_and_is_logged(
    simulator: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The job continues."""
    function = simulator.deploy(ROOT / "reward_lambda", name="still-there")
    operation = DELETING | {"parameters": {"FunctionName": "nowhere"}}
    with caplog.at_level("INFO", logger="simulator.refused"):
        (job,) = run_job_with_faults(simulator, {"job": 1, "step": 2, "aws": operation}, function, refused=True)
    error = [line for line in caplog.messages if line.startswith("lambda DeleteFunction was affected by fault-")]
    assert job["status"] == "succeeded"
    assert ["was not carried out: An error occurred (ResourceNotFoundException)" in line for line in error] == [True]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_queue_delay_that_was_applied_survives_a_restart(tmp_path: Path, is_restarted: bool) -> None:
    """The job's log has it."""
    # Without keys an advance does not wait for the end of the current second.
    settings = Settings(data=tmp_path / "data", pace=Pace.MANUAL, auth=Auth.ANY)
    with simulator_in_process(settings) as simulator:
        simulator.instance.context.fault_registry.add({"job": 1, "queue": "1h"})
        job = simulator.create_job(simulator.upload(make_training_file(100)))["id"]
        control_clock(simulator, advance=1_000)
        assert simulator.instance.context.fault_registry.statuses()[0].applied == 1
        if not is_restarted:
            control_clock(simulator, advance="2h")
            end = simulator.retrieve_job(job)
    if is_restarted:
        with simulator_in_process(settings) as simulator:
            control_clock(simulator, advance="2h")
            end = simulator.retrieve_job(job)
    assert end["finished_at"] - end["created_at"] == 45 + HOUR


def test_a_fault_for_a_job_that_has_ended_is_refused(simulator: RunningSimulator) -> None:
    """None of its script is added."""
    job = simulator.run_job(make_training_file(99))
    script = [{"job": 99, "queue": "1h"}, {"job": job["id"], "queue": "1h"}]
    answer = simulator.http.post("/_simulator/faults", json=script)
    message = f"No fault was added: fault 2: job: {job['id']} has ended (failed): the fault has no effect"
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)
    assert simulator.instance.context.fault_registry.statuses() == ()


def test_a_simulator_can_start_with_a_fault_for_a_job_that_has_ended(tmp_path: Path) -> None:
    """The same script works for every start on a data folder."""
    (tmp_path / "faults.json").write_text('{"job": 1, "fail": {}}')
    settings = Settings(data=tmp_path / "data", faults=tmp_path / "faults.json")
    with simulator_in_process(settings) as simulator:
        assert simulator.run_job(make_training_file(100))["status"] == "failed"
    with simulator_in_process(settings) as simulator:
        assert [status.matched for status in simulator.instance.context.fault_registry.statuses()] == [0]
