"""Measures whole workflows side by side: `python -m tests.bench.bench_end_to_end` prints a table.

Figures are medians, because machines are shared and noisy. Where another program is listed beside the simulator, read
the ratio.
"""

import http.client
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from openai import OpenAI
from rich.console import Console
from rich.table import Table

from reward_lambda.lambda_function import lambda_handler
from simulator.identity.session_key import create_session_key
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.pool import EnvironmentPool
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY

ROOT = Path(__file__).parents[2]
TRAIN = ROOT / "fixtures" / "prompts" / "train.jsonl"
REGION = "us-west-2"
RUNS = 5
CALLS = 200
SECONDS = 2.0

Figure = tuple[str, str, str]


def main() -> None:
    """Measure everything and print one table."""
    table = Table(title="End to end", title_justify="left", box=None, header_style="bold")
    for column in ("what", "measured", "beside it"):
        table.add_column(column, no_wrap=True)
    for figure in (*measure_start(), *measure_exec(), *measure_lambda_calls(), *measure_requests_and_jobs()):
        table.add_row(*figure)
    Console(width=130).print(table)


def time_call(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# Processes


@contextmanager
def run_process(*command: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a server for the length of the block."""
    with tempfile.TemporaryDirectory() as folder:
        running = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield running
        finally:
            running.terminate()
            running.wait()


@contextmanager
def simulator() -> Iterator[tuple[str, int]]:
    """Serve a simulator; give its URL and its process id."""
    with run_process("-m", "simulator", "serve", "--port", "0") as running:
        assert running.stdout
        yield running.stdout.readline().split()[2], running.pid


def wait_until_ready(host: str, port: int, path: str) -> None:
    """Wait until a server answers."""
    while True:
        connection = http.client.HTTPConnection(host, port)
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except OSError:
            time.sleep(0.002)
        else:
            return
        finally:
            connection.close()


def peak_memory(pid: int) -> str:
    """Return a process's peak resident memory."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return f"{int(match[1]) / 1024:.0f} MB" if match else "unknown here"


def measure_start() -> Iterator[Figure]:
    """From nothing to the first answer, beside moto's own server."""

    def started(*command: str, port: int, path: str) -> float:
        start = time.perf_counter()
        with run_process(*command):
            wait_until_ready("127.0.0.1", port, path)
            return time.perf_counter() - start

    pairs = [
        (
            started("-m", "simulator", "serve", "--port", "18723", port=18723, path="/_simulator/health"),
            started("-m", "moto.server", "-p", "18724", port=18724, path="/moto-api/"),
        )
        for _ in range(RUNS)
    ]
    yield (
        "server start to first 200",
        f"{median(pair[0] for pair in pairs):.2f} s",
        f"moto_server {median(pair[1] for pair in pairs):.2f} s",
    )


def measure_exec() -> Iterator[Figure]:
    """`rft-sim exec -- rft train` on the 300 rows."""
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "simulator", "exec", "--", sys.executable, "-m", "client", "train"]

        def run() -> None:
            subprocess.run([*command, "--output", output], cwd=ROOT, check=True, capture_output=True)

        yield "rft-sim exec -- rft train, 300 rows", f"{median(time_call(run) for _ in range(RUNS)):.2f} s", ""


# Lambda


def make_rollouts(count: int) -> list[dict[str, Any]]:
    """Return an event of `count` rollouts, about 1.5 kB each."""
    text = "First I add what is known. " * 50
    return [
        {
            "id": f"rollout-{number}",
            "messages": [
                {"role": "user", "content": "How many is that?"},
                {"role": "assistant", "content": f"{text}\n#### {number}"},
            ],
            "reference_answer": {"answer": str(number)},
        }
        for number in range(count)
    ]


def zip_reward_function() -> bytes:
    """Return the reward function's zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(ROOT / "reward_lambda" / "lambda_function.py", "lambda_function.py")
    return packed.getvalue()


def deploy_function(url: str) -> tuple[Any, str]:
    """Deploy the reward function; return a Lambda client and its ARN."""
    access = {
        "region_name": REGION,
        "endpoint_url": url,
        "aws_access_key_id": ACCESS_KEY_ID,
        "aws_secret_access_key": SECRET_ACCESS_KEY,
    }
    functions = boto3.client("lambda", **access)  # type: ignore[call-overload]  # the stubs want literal keywords
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = boto3.client("iam", **access).create_role(RoleName="reward", AssumeRolePolicyDocument=trust)  # type: ignore[call-overload]  # as above
    created = functions.create_function(
        FunctionName="reward",
        Runtime=f"python3.{sys.version_info.minor}",
        Role=role["Role"]["Arn"],
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": zip_reward_function()},
        Timeout=30,
        MemorySize=256,
    )
    return functions, created["FunctionArn"]


def measure_lambda_calls() -> Iterator[Figure]:
    """A warm call in process, through the trainer's pool, and through boto3."""
    spec = FunctionSpec(
        name="reward",
        arn=f"arn:aws:lambda:{REGION}:123456789012:function:reward",
        version="$LATEST",
        account="123456789012",
        region=REGION,
        handler="lambda_function.lambda_handler",
        runtime=f"python3.{sys.version_info.minor}",
        code=zip_reward_function(),
        code_sha256="bench",
        timeout=30,
        memory_mb=256,
    )
    ids = iter(range(10**9))
    pool = EnvironmentPool(
        new_request_id=lambda: f"{next(ids):036d}", now=time.time, wall=time.time, max_environments=2
    )
    with pool, simulator() as (url, _), open(os.devnull, "w") as silence:  # noqa: PTH123  the null device is no file
        functions, arn = deploy_function(url)
        for count in (8, 32):
            event = make_rollouts(count)
            payload = json.dumps(event).encode()

            def in_process(event: list[dict[str, Any]] = event, payload: bytes = payload) -> None:
                sys.stdout, stdout = silence, sys.stdout
                try:
                    json.dumps(lambda_handler(json.loads(payload), None))
                finally:
                    sys.stdout = stdout

            def by_trainer(payload: bytes = payload) -> None:
                assert pool.invoke(spec, payload).function_error is None

            def by_boto3(payload: bytes = payload) -> None:
                functions.invoke(FunctionName=arn, Payload=payload)["Payload"].read()

            for work in (in_process, by_trainer, by_boto3):
                work()
            times = [(time_call(in_process), time_call(by_trainer), time_call(by_boto3)) for _ in range(CALLS)]
            inside, trainer, boto = (median(column) * 1000 for column in zip(*times, strict=True))
            yield f"warm Lambda call, {count} rollouts, trainer", f"{trainer:.2f} ms", f"in process {inside:.2f} ms"
            yield f"warm Lambda call, {count} rollouts, boto3", f"{boto:.2f} ms", f"in process {inside:.2f} ms"


# The server


def measure_rate(url: str, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> float:
    """Return requests a second over one kept connection."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port)
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < SECONDS:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)
        done += 1
    connection.close()
    return done / elapsed


def sign_request(url: str, path: str) -> dict[str, str]:
    """Return the headers of a signed Lambda request."""
    request = AWSRequest(method="GET", url=url + path)
    SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "lambda", REGION).add_auth(request)
    return dict(request.headers.items())


def measure_requests_and_jobs() -> Iterator[Figure]:
    """The job alone, the request rates beside moto's server, and the memory after all of it."""
    with simulator() as (url, pid), run_process("-m", "moto.server", "-p", "18725"):
        key = create_session_key(REGION)
        client = OpenAI(base_url=f"{url}/v1", api_key=key)
        _, arn = deploy_function(url)
        file = client.files.create(file=TRAIN.open("rb"), purpose="fine-tune")
        body = {"method": {"type": "reinforcement", "reinforcement": {"grader": grader_method(arn)}}}
        ids: list[str] = []

        def job() -> None:
            created = client.fine_tuning.jobs.create(model="openai.gpt-oss-20b", training_file=file.id, extra_body=body)
            ids.append(created.id)
            while client.fine_tuning.jobs.retrieve(created.id).status not in {"succeeded", "failed"}:
                time.sleep(0.01)

        yield "the job alone: 67 steps, 2,144 rollouts", f"{median(time_call(job) for _ in range(RUNS)):.2f} s", ""

        moto = "http://127.0.0.1:18725"
        wait_until_ready("127.0.0.1", 18725, "/moto-api/")
        deploy_function(moto)
        bearer = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        chat = {
            "model": client.fine_tuning.jobs.retrieve(ids[0]).fine_tuned_model,
            "messages": json.loads(TRAIN.read_text().splitlines()[0])["messages"],
            "temperature": 0,
        }
        one, some = "/2015-03-31/functions/reward", "/2015-03-31/functions/"
        theirs_one = measure_rate(moto, "GET", one, sign_request(moto, one))
        theirs_some = measure_rate(moto, "GET", some, sign_request(moto, some))
        jobs = f"/v1/fine_tuning/jobs/{ids[0]}"
        for name, ours, what, theirs in (
            ("retrieve a job", measure_rate(url, "GET", jobs, bearer), "GetFunction", theirs_one),
            ("list jobs", measure_rate(url, "GET", "/v1/fine_tuning/jobs", bearer), "ListFunctions", theirs_some),
            (
                "chat with a tuned model",
                measure_rate(url, "POST", "/v1/chat/completions", bearer, json.dumps(chat).encode()),
                "GetFunction",
                theirs_one,
            ),
        ):
            beside = f"moto_server {what} {theirs:,.0f}/s: x{ours / theirs:.1f}"
            yield name, f"{ours:,.0f} requests/s", beside
        yield "peak memory of the server", peak_memory(pid), ""


def grader_method(arn: str) -> dict[str, Any]:
    """Return the grader that a create request names."""
    return {"type": "lambda", "lambda": {"function": arn}}


if __name__ == "__main__":
    main()
