"""Simulators for tests, and clients that call them: the OpenAI SDK, plain HTTP and boto3."""

import io
import json
import ssl
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import httpx2
from openai import OpenAI
from starlette.testclient import TestClient

from simulator.identity.session_key import create_session_key
from simulator.lambdas.interpreters import own_interpreter
from simulator.server import serve_in_thread
from simulator.services import DATABASE_NAME
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY, TUNING_REGION, Settings
from simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.literals import RuntimeType

REGION = TUNING_REGION
BASE_MODEL = "openai.gpt-oss-20b"
MISSING_FUNCTION_ARN = "arn:aws:lambda:us-west-2:123456789012:function:nowhere"
TERMINAL_STATUSES = ("succeeded", "failed", "cancelled")

_PATIENCE = 60.0  # seconds of real time until a job that does not end is a failure
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def reinforcement_method(function_arn: str = MISSING_FUNCTION_ARN, **hyperparameters: Any) -> dict[str, Any]:
    """Return the `method` of a job request in the documented form."""
    reinforcement: dict[str, Any] = {"grader": {"type": "lambda", "lambda": {"function": function_arn}}}
    if hyperparameters:
        reinforcement["hyperparameters"] = hyperparameters
    return {"type": "reinforcement", "reinforcement": reinforcement}


@cache
def shared_tls_context() -> ssl.SSLContext:
    """Return one TLS context for all clients. No simulator uses TLS, but to create a context takes 50 ms."""
    return ssl.create_default_context()


class SimulatorClient:
    """A client of a simulator: its URL, a key, an HTTP client, and methods for common requests."""

    def __init__(self, url: str, http: httpx2.Client) -> None:
        self.url = url
        self.key = create_session_key(REGION)
        self.http = http
        http.headers["authorization"] = f"Bearer {self.key}"
        self.exit_stack = ExitStack()  # closed with the simulator: an open socket is a warning, and a warning an error

    def openai_client(self, *, key: str | None = None, strict: bool = False) -> OpenAI:
        """Return the real SDK; it uses a socket if the simulator has one. `strict` makes it validate answers."""
        client = OpenAI(
            api_key=key or self.key,
            base_url=f"{self.url}/v1",
            http_client=self.http if isinstance(self.http, TestClient) else None,
            max_retries=0,
            _strict_response_validation=strict,
        )
        self.exit_stack.callback(client.close)
        return client

    @cached_property
    def boto3_session(self) -> boto3.Session:
        """boto3 with the session's worthless credentials."""
        return boto3.Session(
            region_name=REGION, aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY
        )

    @cached_property
    def iam_client(self) -> "IAMClient":
        """IAM."""
        client = self.boto3_session.client("iam", endpoint_url=self.url)
        self.exit_stack.callback(client.close)
        return client

    @cached_property
    def lambda_client(self) -> "LambdaClient":
        """Lambda."""
        client = self.boto3_session.client("lambda", endpoint_url=self.url)
        self.exit_stack.callback(client.close)
        return client

    @cached_property
    def execution_role(self) -> str:
        """The ARN of an execution role, made if it is not there since an earlier start."""
        name, document = "reward-role", json.dumps(_TRUST)
        try:
            return self.iam_client.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        except self.iam_client.exceptions.EntityAlreadyExistsException:
            return self.iam_client.get_role(RoleName=name)["Role"]["Arn"]

    def deploy(
        self,
        folder: Path,
        *,
        name: str | None = None,
        timeout: int = 30,
        memory: int = 256,
        runtime: str = own_interpreter().runtime,
    ) -> str:
        """Zip a folder and create a function of it; return its ARN."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            for path in sorted(folder.glob("*.py")):
                package.write(path, path.name)
        created = self.lambda_client.create_function(
            FunctionName=name or folder.name.replace("_", "-"),
            Runtime=cast("RuntimeType", runtime),
            Role=self.execution_role,
            Handler="lambda_function.lambda_handler",
            Code={"ZipFile": archive.getvalue()},
            Timeout=timeout,
            MemorySize=memory,
        )
        return created["FunctionArn"]

    def upload(self, content: bytes, *, name: str = "train.jsonl") -> str:
        """Upload a training file; return its id."""
        answer = self.http.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": (name, content)})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def create_job(self, file_id: str, *, function: str = MISSING_FUNCTION_ARN, **fields: Any) -> Any:
        """Create a job; return the raw answer's JSON."""
        body = {"model": BASE_MODEL, "training_file": file_id, "method": reinforcement_method(function), **fields}
        answer = self.http.post("/v1/fine_tuning/jobs", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def retrieve_job(self, job_id: str) -> Any:
        """Retrieve a job as raw JSON."""
        return self.http.get(f"/v1/fine_tuning/jobs/{job_id}").json()

    def wait_for_job(self, job_id: str) -> Any:
        """Wait for a job's end; return it as raw JSON."""
        deadline = time.monotonic() + _PATIENCE
        while (job := self.retrieve_job(job_id))["status"] not in TERMINAL_STATUSES:
            assert time.monotonic() < deadline, job
            time.sleep(0.01)
        return job

    def run_job(self, content: bytes, *, function: str = MISSING_FUNCTION_ARN, **fields: Any) -> Any:
        """Upload, create and wait; return the job at its end."""
        return self.wait_for_job(self.create_job(self.upload(content), function=function, **fields)["id"])

    def list_events(self, job_id: str) -> list[Any]:
        """Return all events of a job, oldest first."""
        listed = self.http.get(f"/v1/fine_tuning/jobs/{job_id}/events", params={"limit": 1000}).json()
        return cast("list[Any]", listed["data"][::-1])


class RunningSimulator(SimulatorClient):
    """The same for a simulator in this process, with the simulator as `instance`."""

    def __init__(self, simulator: Simulator, url: str, http: httpx2.Client) -> None:
        super().__init__(url, http)
        self.instance = simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedJob:
    """A job that ran with our reward function on 120 records, with its inputs."""

    job: Any
    function: str
    content: bytes

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.job["id"])

    @property
    def model(self) -> str:
        """The tuned model's id."""
        return str(self.job["fine_tuned_model"])


@contextmanager
def serve_simulator(settings: Settings | None = None) -> Iterator[RunningSimulator]:
    """Serve a simulator on a free port until the end of the block."""
    with (
        serve_in_thread(settings or Settings(port=0), prepare_functions=False) as (simulator, url),
        httpx2.Client(base_url=url, timeout=30, verify=shared_tls_context()) as http,
    ):
        running = RunningSimulator(simulator, url, http)
        with running.exit_stack:
            yield running


@contextmanager
def simulator_in_process(settings: Settings | None = None) -> Iterator[RunningSimulator]:
    """Call a simulator without a socket until the end of the block: its OpenAI-compatible API only, no AWS."""
    url = "http://testserver"
    with Simulator(settings or Settings(), url=url) as simulator, TestClient(simulator.api) as http:
        running = RunningSimulator(simulator, url, http)
        with running.exit_stack:
            yield running


def database_path(data: Path) -> Path:
    """Return the path of the database in a used data folder."""
    (events,) = data.glob(f"state-*/{DATABASE_NAME}")
    return events


@contextmanager
def connect_simulator(url: str) -> Iterator[SimulatorClient]:
    """Connect to a simulator that runs elsewhere."""
    with httpx2.Client(base_url=url, timeout=30, verify=shared_tls_context()) as http:
        client = SimulatorClient(url, http)
        with client.exit_stack:
            yield client
