"""A crash test: a simulator is killed repeatedly, and neither its jobs nor its users may lose anything.

The same jobs are created twice, on two data folders, with the clock frozen, so that all have the same creation time.
One simulator runs undisturbed. The other one is ended with kill -9 at random moments (from a seed) and started again,
until all jobs have ended. Meanwhile a user uploads files, stores objects and creates functions. Whatever was
acknowledged must exist after each start. At the end each log must equal that of the undisturbed simulator byte for
byte.
"""

import io
import json
import os
import signal
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from tests.end_to_end.server_process import fetch_job_log, run_server
from tests.simulators import TERMINAL_STATUSES, SimulatorClient
from tests.training.training_files import make_training_file

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A correct grader that records its invocations: one line each, in the file that its environment names.
GRADER = """
import os

def right(rollout):
    last = rollout["messages"][-1]["content"].rsplit("\\n", 1)[-1]
    return last == "#### " + rollout["reference_answer"]["answer"]

def lambda_handler(event, context):
    with open(os.environ["INVOCATIONS"], "a") as invocations:
        invocations.write(event[0]["id"] + "\\n")
    return [{"id": rollout["id"], "aggregate_reward_score": float(right(rollout))} for rollout in event]
"""
BUCKET = "artefacts"
# The graders record their invocations in files of this machine, which functions with namespaces do not see.
OPTIONS = ("--epoch", "1767225600", "--set", "lambda_isolation=none")
TIMEOUT_SECONDS = 60.0  # for a simulator that does not answer


@dataclass
class Acknowledged:
    """What the simulator acknowledged, and must keep."""

    files: dict[str, bytes] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)  # the SHA-256 of the code by name


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashReport:
    """The result of a crash test.

    Attributes:
        kill_count: how often the simulator was killed.
        job_count: the number of jobs.
        differing: the jobs whose log differs from that of the undisturbed simulator.
        lost: what was acknowledged and missing later.
        regraded_steps: steps whose rewards were in the log and that were graded again.
        acknowledged_count: the number of acknowledged files, objects and functions.
        seconds: how long the test took.
    """

    kill_count: int
    job_count: int
    differing: tuple[str, ...]
    lost: tuple[str, ...]
    regraded_steps: tuple[str, ...]
    acknowledged_count: int
    seconds: float


def update_clock(api: SimulatorClient, **changes: Any) -> None:
    """Change the clock."""
    answer = api.http.post("/_simulator/clock", json=changes, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200, answer.text


def build_zip(source: str) -> bytes:
    """Return a package with one module, `lambda_function`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        module = zipfile.ZipInfo("lambda_function.py")
        module.external_attr = 0o100644 << 16
        archive.writestr(module, source)
    return packed.getvalue()


def deploy_grader(api: SimulatorClient, name: str, *, invocations: Path | None = None) -> str:
    """Create a function that records its invocations; return its ARN."""
    function = api.lambda_client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=api.execution_role,
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": build_zip(GRADER)},
        Timeout=30,
        MemorySize=256,
        Environment={"Variables": {"INVOCATIONS": str(invocations or os.devnull)}},
    )
    return function["FunctionArn"]


def create_jobs(api: SimulatorClient, folder: Path, *, jobs: int, records: int) -> list[str]:
    """Create jobs at the same time, each with its own function; return their ids."""
    update_clock(api, freeze=True)
    ids = []
    for number in range(jobs):
        function = deploy_grader(api, f"reward-{number}", invocations=folder / f"invocations-{number}")
        file = api.upload(make_training_file(records, first=number * records))
        ids.append(str(api.create_job(file, function=function)["id"]))
    update_clock(api, freeze=False)
    return ids


def all_ended(api: SimulatorClient, jobs: Sequence[str]) -> bool:
    """Return whether all jobs have ended."""
    return all(api.retrieve_job(job)["status"] in TERMINAL_STATUSES for job in jobs)


def wait_for_jobs(api: SimulatorClient, jobs: Sequence[str]) -> None:
    """Wait until all jobs have ended."""
    deadline = time.monotonic() + 600
    while not all_ended(api, jobs):
        assert time.monotonic() < deadline, "the jobs do not end"
        time.sleep(0.05)


def s3_client(api: SimulatorClient) -> "S3Client":
    """Return a client for S3."""
    client = api.boto3_session.client("s3", endpoint_url=api.url)
    api.exit_stack.callback(client.close)
    return client


def make_changes(api: SimulatorClient, acknowledged: Acknowledged, stop: Event, random: Random) -> None:
    """Upload files, store objects and create functions until the simulator is killed; note what was acknowledged."""
    s3 = s3_client(api)
    while not stop.is_set():
        content = random.randbytes(random.randrange(1, 20_000))
        name = f"{random.randrange(1 << 62):x}"
        actions: list[Callable[[], None]] = [
            lambda content=content: acknowledged.files.update({api.upload(content): content}),  # type: ignore[misc]  # bound now
            lambda content=content, name=name: _put_object(s3, acknowledged, name, content),  # type: ignore[misc]  # likewise
            lambda name=name: _create_function(api, acknowledged, f"f-{name}"),  # type: ignore[misc]  # likewise
        ]
        try:
            random.choice(actions)()
        except Exception:  # noqa: BLE001  the simulator was killed: nothing was acknowledged
            return


def _put_object(s3: "S3Client", acknowledged: Acknowledged, key: str, content: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    acknowledged.objects[key] = content


def _create_function(api: SimulatorClient, acknowledged: Acknowledged, name: str) -> None:
    deploy_grader(api, name)
    acknowledged.functions[name] = api.lambda_client.get_function(FunctionName=name)["Configuration"]["CodeSha256"]


def find_losses(api: SimulatorClient, acknowledged: Acknowledged) -> list[str]:
    """Return what was acknowledged and is now missing or different."""
    lost = []
    s3 = s3_client(api)
    for file, content in acknowledged.files.items():
        answer = api.http.get(f"/v1/files/{file}/content")
        if answer.content != content:
            lost.append(f"file {file}")
    stored = {
        entry["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        for entry in page.get("Contents", [])
    }
    for key, content in acknowledged.objects.items():
        if key not in stored or s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() != content:
            lost.append(f"object {key}")
    functions = {
        function["FunctionName"]: function["CodeSha256"]
        for page in api.lambda_client.get_paginator("list_functions").paginate()
        for function in page["Functions"]
    }
    lost += [f"function {name}" for name, sha in acknowledged.functions.items() if functions.get(name) != sha]
    return lost


def logged_steps(log: bytes) -> set[tuple[str, int]]:
    """Return the steps whose rewards are in a log."""
    entries = [json.loads(line) for line in log.splitlines()]
    return {(entry["split"], entry["step"]) for entry in entries if entry["event"] == "RolloutsGraded"}


def invoked_steps(path: Path) -> list[tuple[str, int]]:
    """Return the step of each invocation of a grader."""
    lines = path.read_text().splitlines() if path.exists() else []
    parts = [line.rsplit("-line-", 1)[0].rpartition("-") for line in lines]
    return [(split, int(step)) for split, _, step in parts]


def run_crash_test(folder: Path, *, kills: int, jobs: int, records: int, longest: float, seed: int = 0) -> CrashReport:
    """Run the jobs with and without kills, and compare. The simulator is killed after at most `longest` seconds."""
    started = time.monotonic()
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    for each in (undisturbed, disturbed):
        each.mkdir(parents=True)
    with run_server(undisturbed / "data", *OPTIONS) as (api, _):
        ids = create_jobs(api, undisturbed, jobs=jobs, records=records)
        wait_for_jobs(api, ids)
        assert {api.retrieve_job(job)["status"] for job in ids} == {"succeeded"}
        expected_logs = {job: fetch_job_log(api, job) for job in ids}
    random, acknowledged = Random(seed), Acknowledged()
    lost: list[str] = []
    regraded: set[str] = set()
    with run_server(disturbed / "data", *OPTIONS) as (api, running):
        s3_client(api).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        assert create_jobs(api, disturbed, jobs=jobs, records=records) == ids
        running.send_signal(signal.SIGKILL)
    kill_count = 1
    while True:
        with run_server(disturbed / "data", *OPTIONS) as (api, running):
            graded = {job: logged_steps(fetch_job_log(api, job)) for job in ids}
            invoked = {job: len(invoked_steps(disturbed / f"invocations-{number}")) for number, job in enumerate(ids)}
            lost += find_losses(api, acknowledged)
            if kill_count >= kills:
                wait_for_jobs(api, ids)
                final_logs = {job: fetch_job_log(api, job) for job in ids}
                regraded |= _regraded_steps(disturbed, ids, graded, invoked)
                break
            stop = Event()
            user = Thread(target=make_changes, args=(api, acknowledged, stop, Random(f"{seed}-{kill_count}")))
            user.start()
            time.sleep(random.uniform(0, longest))
            running.send_signal(signal.SIGKILL)
            kill_count += 1
            stop.set()
            user.join()
            regraded |= _regraded_steps(disturbed, ids, graded, invoked)
    return CrashReport(
        kill_count=kill_count,
        job_count=len(ids),
        differing=tuple(job for job in ids if final_logs[job] != expected_logs[job]),
        lost=tuple(sorted(set(lost))),
        regraded_steps=tuple(sorted(regraded)),
        acknowledged_count=len(acknowledged.files) + len(acknowledged.objects) + len(acknowledged.functions),
        seconds=time.monotonic() - started,
    )


def _regraded_steps(
    folder: Path, ids: Sequence[str], graded: dict[str, set[tuple[str, int]]], invoked: dict[str, int]
) -> set[str]:
    """Return the steps whose rewards were in the log at a start and that were graded again after it."""
    return {
        f"{job} {split} {step}"
        for number, job in enumerate(ids)
        for split, step in invoked_steps(folder / f"invocations-{number}")[invoked[job] :]
        if (split, step) in graded[job]
    }
