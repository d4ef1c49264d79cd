"""Measures execution environments: `python -m tests.bench.bench_environments [--before PYTHON]` prints a table.

PYTHON is the interpreter of a virtual environment with another build of this project, such as the one before a change.
The two builds take turns, so that both see the same machine; read the ratio of the medians.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import boto3
from openai import OpenAI
from rich.console import Console
from rich.table import Table

from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.memory import descendants
from simulator.lambdas.pool import EnvironmentPool
from tests.simulators import reinforcement_method
from tests.training.training_files import make_training_file

ROOT = Path(__file__).parents[2]
RUNS = 9
WARM_CALLS, COLD_STARTS, JOBS = 150, 8, 3
ENVIRONMENTS = 64
RUNTIME = f"python3.{sys.version_info.minor}"

HANDLER = """
def lambda_handler(event, context):
    return [{"id": one["id"], "aggregate_reward_score": len(one["messages"][-1]["content"]) % 2} for one in event]
"""
SLEEPING = "import time\ndef lambda_handler(event, context):\n    time.sleep(5)\n"
EVENT = json.dumps(
    [{"id": f"r{index}", "messages": [{"role": "assistant", "content": "#### 7 " * 40}]} for index in range(8)]
).encode()

# Runs in the other build too, so it uses only what both have.
POOL = """
import hashlib, json, sys, time
from dataclasses import replace
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.pool import EnvironmentPool
runtime, warm_calls, cold_starts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
code, event = bytes.fromhex(sys.stdin.readline()), bytes.fromhex(sys.stdin.readline())
spec = FunctionSpec(
    name="f", arn="f", version="1", account="1", region="us-west-2", handler="lambda_function.lambda_handler",
    runtime=runtime, code=code, code_sha256=hashlib.sha256(code).hexdigest(), timeout=20,
)
with EnvironmentPool(new_request_id=lambda: "r", now=time.time, wall=time.time, max_environments=4) as pool:
    def seconds(spec):
        started = time.perf_counter()
        assert pool.invoke(spec, event).function_error is None
        return time.perf_counter() - started
    seconds(spec)
    warm = [seconds(spec) for _ in range(warm_calls)]
    cold = [seconds(replace(spec, version=str(index + 2))) for index in range(cold_starts)]
print(json.dumps([warm, cold]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A running simulator of one build, and a function in it."""

    python: str
    lambda_client: Any
    openai: OpenAI
    function: str
    file: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", metavar="PYTHON", help="the interpreter of another build")
    before = parser.parse_args().before
    table = Table(title="Execution environments", title_justify="left", box=None, header_style="bold")
    for column in ("what", "this build", "the build before", "ratio"):
        table.add_column(column, no_wrap=True)
    with ExitStack() as stack:
        builds = [stack.enter_context(run_build(python)) for python in (sys.executable, before) if python]
        for name, measure in (
            ("warm call, boto3", warm_call),
            ("cold start, boto3", cold_start),
            ("warm call, pool", lambda build: pool_call(build)[0]),
            ("cold start, pool", lambda build: pool_call(build)[1]),
            ("job alone", job_alone),
        ):
            table.add_row(name, *compare(builds, measure))
    table.add_row(*measure_many())
    Console(width=120).print(table)


def compare(builds: list[Build], measure: Callable[[Build], float]) -> tuple[str, str, str]:
    """Return the medians in ms and their ratio. The builds take turns."""
    results: list[list[float]] = [[] for _ in builds]
    for _ in range(RUNS):
        for build, seconds in zip(builds, results, strict=True):
            seconds.append(measure(build))
    medians = [median(seconds) for seconds in results]
    texts = [f"{seconds * 1e3:.2f} ms" for seconds in medians]
    return (texts[0], texts[1], f"x{medians[0] / medians[1]:.2f}") if len(texts) > 1 else (texts[0], "", "")


def warm_call(build: Build) -> float:
    """Return the median time of a warm call."""
    return median(invoke_seconds(build) for _ in range(WARM_CALLS))


def cold_start(build: Build) -> float:
    """Return the median time of the first call of a new environment."""
    seconds = []
    for _ in range(COLD_STARTS):
        change_function(build)
        seconds.append(invoke_seconds(build))
    return median(seconds)


def change_function(build: Build) -> None:
    """End the warm environments of the function."""
    build.lambda_client.update_function_configuration(
        FunctionName=build.function, Environment={"Variables": {"CHANGED_AT": str(time.monotonic_ns())}}
    )


def invoke_seconds(build: Build) -> float:
    """Invoke the function once."""
    started = time.perf_counter()
    answer = build.lambda_client.invoke(FunctionName=build.function, Payload=EVENT)
    answer["Payload"].read()
    seconds = time.perf_counter() - started
    assert "FunctionError" not in answer, answer
    return seconds


def pool_call(build: Build) -> tuple[float, float]:
    """Return the median times of a warm call and a cold start as the trainer makes them: without HTTP."""
    lines = f"{package(HANDLER).hex()}\n{EVENT.hex()}\n"
    command = [build.python, "-c", POOL, RUNTIME, str(WARM_CALLS), str(COLD_STARTS)]
    folder = ROOT if build.python == sys.executable else None
    answer = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, cwd=folder)
    warm, cold = json.loads(answer.stdout)
    return median(warm), median(cold)


def job_alone(build: Build) -> float:
    """Return the median time of a job with a new version of its function, from its creation to its end."""
    seconds = []
    for _ in range(JOBS):
        change_function(build)
        started = time.perf_counter()
        job = build.openai.fine_tuning.jobs.create(
            model="openai.gpt-oss-20b",
            training_file=build.file,
            method=reinforcement_method(build.function),  # type: ignore[arg-type]  # OpenAI does not know Bedrock's
        )
        seconds.append(time.perf_counter() - started)
        assert build.openai.fine_tuning.jobs.retrieve(job.id).status == "succeeded", job
    return median(seconds)


def measure_many() -> tuple[str, str, str, str]:
    """Start 64 environments at once; return the time until all run, and the memory of each."""
    code = package(SLEEPING)
    with EnvironmentPool(
        new_request_id=lambda: "r", now=time.time, wall=time.time, max_environments=ENVIRONMENTS
    ) as pool:
        pool.prepare()
        with ThreadPoolExecutor(ENVIRONMENTS) as threads:
            started = time.perf_counter()
            calls = [
                threads.submit(pool.invoke, function(code, version=str(index)), b"{}") for index in range(ENVIRONMENTS)
            ]
            time.sleep(4)
            pids = descendants(os.getpid())
            total_mb = sum(_proportional_mb(pid) for pid in pids)
            failed = [call.result().payload for call in calls if call.result().function_error]
            seconds = time.perf_counter() - started
    memory = f"{total_mb / ENVIRONMENTS:.1f} MB each ({len(pids)} processes)"
    return f"{ENVIRONMENTS} environments at once", memory, f"{seconds:.1f} s with calls of 5 s", f"{len(failed)} failed"


def _proportional_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def function(code: bytes, *, version: str) -> FunctionSpec:
    """Return a function whose versions have environments of their own."""
    return FunctionSpec(
        name="f",
        arn="f",
        version=version,
        account="1",
        region="us-west-2",
        handler="lambda_function.lambda_handler",
        runtime=RUNTIME,
        code=code,
        code_sha256="f",
        timeout=60,
    )


def package(source: str) -> bytes:
    """Return a zip with one module."""
    entry = zipfile.ZipInfo("lambda_function.py")
    entry.external_attr = 0o100644 << 16
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr(entry, source)
    return archive.getvalue()


@contextmanager
def run_build(python: str) -> Iterator[Build]:
    """Serve a build for the length of the block, with a function and a training file."""
    with tempfile.TemporaryDirectory() as folder:
        served = subprocess.Popen(
            [python, "-m", "simulator", "serve", "--port", "0", "--pace", "finished", "--auth", "any"],
            cwd=ROOT if python == sys.executable else folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert served.stdout is not None
        try:
            url = served.stdout.readline().split()[2]
            session = boto3.Session("test", "test", region_name="us-west-2")
            lambda_client = session.client("lambda", endpoint_url=url)
            role = session.client("iam", endpoint_url=url).create_role(
                RoleName="role",
                AssumeRolePolicyDocument=json.dumps(
                    {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"Service": "lambda.amazonaws.com"},
                                "Action": "sts:AssumeRole",
                            }
                        ],
                    }
                ),
            )["Role"]["Arn"]
            openai = OpenAI(base_url=f"{url}/v1", api_key="any", timeout=120)
            yield Build(
                python=python,
                lambda_client=lambda_client,
                openai=openai,
                function=lambda_client.create_function(
                    FunctionName="f",
                    Runtime=RUNTIME,  # type: ignore[arg-type]  # a literal type
                    Role=role,
                    Handler="lambda_function.lambda_handler",
                    Code={"ZipFile": package(HANDLER)},
                    Timeout=20,
                )["FunctionArn"],
                file=openai.files.create(file=make_training_file(300), purpose="fine-tune").id,
            )
        finally:
            served.terminate()
            served.wait()


if __name__ == "__main__":
    main()
