"""A simulator that is killed while its AWS account changes: what it acknowledged still exists."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from subprocess import Popen
from threading import Timer
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from botocore.exceptions import HTTPClientError as Lost
from botocore.parsers import ResponseParserError

from tests.end_to_end.server_process import run_server
from tests.lambdas.zips import zip_files
from tests.simulators import REGION, SimulatorClient

pytestmark = pytest.mark.slow

KILLS = 3
CODE = "def handler(event, context):\n    return {number}\n"
TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}'


@dataclass
class Acknowledged:
    """What the simulator acknowledged."""

    objects: dict[str, bytes] = field(default_factory=dict)
    users: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    attempts: int = 0  # what was not acknowledged may exist too


class ResourceCreator:
    """Creates resources, and notes what was acknowledged."""

    def __init__(self, simulator: SimulatorClient, acknowledged: Acknowledged, random: Random) -> None:
        self.acknowledged = acknowledged
        self._random = random
        self._iam, self._s3, self._functions = (client(simulator, name) for name in ("iam", "s3", "lambda"))

    def create(self) -> None:
        """Create a random resource."""
        self.acknowledged.attempts += 1
        self._random.choice([self._object, self._user, self._role, self._function])(
            f"number-{self.acknowledged.attempts}"
        )

    def _object(self, name: str) -> None:
        body = self._random.randbytes(self._random.choice((10, 70_000, 2_000_000)))
        self._s3.put_object(Bucket="runs", Key=name, Body=body)
        self.acknowledged.objects[name] = body

    def _user(self, name: str) -> None:
        self.acknowledged.users[name] = self._iam.create_user(UserName=name)["User"]

    def _role(self, name: str) -> None:
        self.acknowledged.roles[name] = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]

    def _function(self, name: str) -> None:
        function = self._functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=self._iam.get_role(RoleName="first")["Role"]["Arn"],
            Handler="lambda_function.handler",
            Code={"ZipFile": zip_files({"lambda_function.py": CODE.format(number=len(self.acknowledged.codes))})},
        )
        self.acknowledged.codes[name] = function["CodeSha256"]

    def create_first(self) -> None:
        """Create what the others need, and one resource of each kind."""
        self._s3.create_bucket(Bucket="runs", CreateBucketConfiguration={"LocationConstraint": REGION})
        for create in (self._role, self._object, self._user, self._function):
            create("first")

    def losses(self) -> list[str]:
        """Return what is missing or differs from what was acknowledged."""
        readers: dict[str, Callable[[str], Any]] = {
            "objects": lambda name: self._s3.get_object(Bucket="runs", Key=name)["Body"].read(),
            "users": lambda name: self._iam.get_user(UserName=name)["User"],
            "roles": lambda name: self._iam.get_role(RoleName=name)["Role"],
            "codes": lambda name: self._functions.get_function(FunctionName=name)["Configuration"]["CodeSha256"],
        }
        return [
            f"{name} of {kind}"
            for kind, read in readers.items()
            for name, value in vars(self.acknowledged)[kind].items()
            if _read(read, name) != value
        ]


def _read(read: Callable[[str], Any], name: str) -> Any:
    try:
        return read(name)
    except ClientError:
        return None


def client(simulator: SimulatorClient, service: str) -> Any:
    """Return a client without retries; it is closed with its simulator."""
    once = Config(retries={"max_attempts": 0})
    boto3_client: Any = simulator.boto3_session.client(service, endpoint_url=simulator.url, config=once)  # type: ignore[call-overload]  # a name of many
    simulator.exit_stack.callback(boto3_client.close)
    return boto3_client


def kill_while_creating(process: "Popen[str]", creator: ResourceCreator, *, count: int, seconds: float) -> None:
    """Create some resources, then more until the process is killed after some seconds."""
    for _ in range(count):
        creator.create()
    timer = Timer(seconds, process.kill)
    timer.start()
    try:
        while True:
            creator.create()
    except (ConnectionClosedError, EndpointConnectionError, Lost, ReadTimeoutError, ResponseParserError):
        timer.join()


def test_acknowledged_resources_survive_kill_9(tmp_path: Path) -> None:
    """At random moments on one data folder. The last function that was created runs at the end."""
    random, acknowledged = Random(5), Acknowledged()
    for kill in range(KILLS):
        with run_server(tmp_path) as (simulator, process):
            creator = ResourceCreator(simulator, acknowledged, random)
            if kill == 0:
                creator.create_first()
            assert creator.losses() == []
            kill_while_creating(process, creator, count=random.randrange(8), seconds=random.uniform(0.0, 0.2))
    with run_server(tmp_path) as (simulator, _):
        creator = ResourceCreator(simulator, acknowledged, random)
        assert creator.losses() == []
        answer = simulator.lambda_client.invoke(FunctionName=list(acknowledged.codes)[-1])
        assert json.loads(answer["Payload"].read()) == len(acknowledged.codes) - 1
