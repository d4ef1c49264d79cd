"""A simulator that is killed again and again: its jobs, and whoever uses it meanwhile, must not notice.

The same jobs are made twice, on two data folders, with the clock frozen, so that all are created at one time. One
simulator is left alone. The other is killed with kill -9 at moments that a seed draws, and started again, until all
jobs have ended. Meanwhile somebody uploads files, stores objects and makes functions; what was acknowledged is written
down, and must be there after each start. At the end each job's log must be that of the simulator that was left alone,
byte for byte.
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

# A sound grader that writes down what it is asked: one line an invocation, in a file that its environment names.
GRADER = """
import os

def right(rollout):
    last = rollout["messages"][-1]["content"].rsplit("\\n", 1)[-1]
    return last == "#### " + rollout["reference_answer"]["answer"]

def lambda_handler(event, context):
    with open(os.environ["ASKED"], "a") as asked:
        asked.write(event[0]["id"] + "\\n")
    return [{"id": rollout["id"], "aggregate_reward_score": float(right(rollout))} for rollout in event]
"""
BUCKET = "artefacts"
EPOCH = ("--epoch", "1767225600")
TIMEOUT_SECONDS = 60.0  # seconds until a start that does not answer is a failure


@dataclass
class Acknowledged:
    """What was answered with yes, and must be there ever after."""

    files: dict[str, bytes] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)  # by name: the SHA-256 of the code


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashReport:
    """What came of it.

    Attributes:
        kill_count: how often the simulator was killed.
        job_count: how many jobs there were.
        differing: the jobs whose log is not that of the simulator that was left alone.
        lost: what had been acknowledged and was not there later.
        regraded_steps: steps that the grader had answered, and the log held, and that it was asked for again.
        acknowledged_count: how many files, objects and functions were acknowledged.
        seconds: how long it took.
    """

    kill_count: int
    job_count: int
    differing: tuple[str, ...]
    lost: tuple[str, ...]
    regraded_steps: tuple[str, ...]
    acknowledged_count: int
    seconds: float


def update_clock(api: SimulatorClient, **wanted: Any) -> None:
    """Steer the clock."""
    answer = api.http.post("/_simulator/clock", json=wanted, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200, answer.text


def build_zip(source: str) -> bytes:
    """Return a package with one module."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("lambda_function.py"), source)
    return packed.getvalue()


def deploy_grader(api: SimulatorClient, name: str, *, asked: Path | None = None) -> str:
    """Make a function that writes down what it is asked; return its ARN."""
    made = api.lambda_client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=api.execution_role,
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": build_zip(GRADER)},
        Timeout=30,
        MemorySize=256,
        Environment={"Variables": {"ASKED": str(asked or os.devnull)}},
    )
    return made["FunctionArn"]


def create_jobs(api: SimulatorClient, folder: Path, *, jobs: int, records: int) -> list[str]:
    """Freeze the clock, make the jobs, each with a function of its own; let them go. Return their ids."""
    update_clock(api, freeze=True)
    ids = []
    for number in range(jobs):
        function = deploy_grader(api, f"reward-{number}", asked=folder / f"asked-{number}")
        file = api.upload(make_training_file(records, first=number * records))
        ids.append(str(api.create_job(file, function=function)["id"]))
    update_clock(api, freeze=False)
    return ids


def all_ended(api: SimulatorClient, jobs: Sequence[str]) -> bool:
    """Whether all jobs have come to their end."""
    return all(api.retrieve_job(job)["status"] in TERMINAL_STATUSES for job in jobs)


def wait_for_jobs(api: SimulatorClient, jobs: Sequence[str]) -> None:
    """Wait until they have."""
    deadline = time.monotonic() + 600
    while not all_ended(api, jobs):
        assert time.monotonic() < deadline, "the jobs do not end"
        time.sleep(0.05)


def s3_client(api: SimulatorClient) -> "S3Client":
    """Return S3."""
    client = api.boto3_session.client("s3", endpoint_url=api.url)
    api.exit_stack.callback(client.close)
    return client


def make_changes(api: SimulatorClient, acknowledged: Acknowledged, stop: Event, random: Random) -> None:
    """Upload, store and make functions until the simulator is gone; note what was acknowledged."""
    s3 = s3_client(api)
    while not stop.is_set():
        content = random.randbytes(random.randrange(1, 20_000))
        name = f"{random.randrange(1 << 62):x}"
        acts: list[Callable[[], None]] = [
            lambda content=content: acknowledged.files.update({api.upload(content): content}),  # type: ignore[misc]  # bound now
            lambda content=content, name=name: _put_object(s3, acknowledged, name, content),  # type: ignore[misc]  # likewise
            lambda name=name: _create_function(api, acknowledged, f"f-{name}"),  # type: ignore[misc]  # likewise
        ]
        try:
            random.choice(acts)()
        except Exception:  # noqa: BLE001  the simulator was killed under it: nothing was acknowledged
            return


def _put_object(s3: "S3Client", acknowledged: Acknowledged, key: str, content: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    acknowledged.objects[key] = content


def _create_function(api: SimulatorClient, acknowledged: Acknowledged, name: str) -> None:
    deploy_grader(api, name)
    acknowledged.functions[name] = api.lambda_client.get_function(FunctionName=name)["Configuration"]["CodeSha256"]


def find_losses(api: SimulatorClient, acknowledged: Acknowledged) -> list[str]:
    """Return what had been acknowledged and is not there, or is not what it was."""
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
    there = {
        function["FunctionName"]: function["CodeSha256"]
        for page in api.lambda_client.get_paginator("list_functions").paginate()
        for function in page["Functions"]
    }
    lost += [f"function {name}" for name, sha in acknowledged.functions.items() if there.get(name) != sha]
    return lost


def logged_steps(log: bytes) -> set[tuple[str, int]]:
    """Return what a log holds rewards for."""
    entries = [json.loads(line) for line in log.splitlines()]
    return {(entry["split"], entry["step"]) for entry in entries if entry["event"] == "RolloutsGraded"}


def invoked_steps(path: Path) -> list[tuple[str, int]]:
    """Return what a grader was asked for, an entry an invocation."""
    lines = path.read_text().splitlines() if path.exists() else []
    read = [line.rsplit("-line-", 1)[0].rpartition("-") for line in lines]
    return [(split, int(step)) for split, _, step in read]


def run_crash_test(folder: Path, *, kills: int, jobs: int, records: int, longest: float, seed: int = 0) -> CrashReport:
    """Run the jobs with and without kills, and compare. Each life lasts up to `longest` seconds, as the seed draws."""
    begun = time.monotonic()
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    for place in (undisturbed, disturbed):
        place.mkdir(parents=True)
    with run_server(undisturbed / "data", *EPOCH) as (api, _):
        ids = create_jobs(api, undisturbed, jobs=jobs, records=records)
        wait_for_jobs(api, ids)
        whole = {job: fetch_job_log(api, job) for job in ids}
    random, acknowledged = Random(seed), Acknowledged()
    lost: list[str] = []
    again: set[str] = set()
    with run_server(disturbed / "data", *EPOCH) as (api, running):
        s3_client(api).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        assert create_jobs(api, disturbed, jobs=jobs, records=records) == ids
        running.send_signal(signal.SIGKILL)
    done, rounds = 1, 0
    while True:
        with run_server(disturbed / "data", *EPOCH) as (api, running):
            graded = {job: logged_steps(fetch_job_log(api, job)) for job in ids}
            asked = {job: len(invoked_steps(disturbed / f"asked-{number}")) for number, job in enumerate(ids)}
            lost += find_losses(api, acknowledged)
            if done >= kills:
                wait_for_jobs(api, ids)
                finished = {job: fetch_job_log(api, job) for job in ids}
                again |= _regraded_steps(disturbed, ids, graded, asked)
                break
            rounds += 1
            stop = Event()
            user = Thread(target=make_changes, args=(api, acknowledged, stop, Random(f"{seed}-{rounds}")))
            user.start()
            time.sleep(random.uniform(0, longest))
            running.send_signal(signal.SIGKILL)
            done += 1
            stop.set()
            user.join()
            again |= _regraded_steps(disturbed, ids, graded, asked)
    return CrashReport(
        kill_count=done,
        job_count=len(ids),
        differing=tuple(job for job in ids if finished[job] != whole[job]),
        lost=tuple(sorted(set(lost))),
        regraded_steps=tuple(sorted(again)),
        acknowledged_count=len(acknowledged.files) + len(acknowledged.objects) + len(acknowledged.functions),
        seconds=time.monotonic() - begun,
    )


def _regraded_steps(
    folder: Path, ids: Sequence[str], graded: dict[str, set[tuple[str, int]]], asked: dict[str, int]
) -> set[str]:
    """Return the steps that a log held rewards for at a start and that its grader was asked for after it."""
    return {
        f"{job} {split} {step}"
        for number, job in enumerate(ids)
        for split, step in invoked_steps(folder / f"asked-{number}")[asked[job] :]
        if (split, step) in graded[job]
    }
