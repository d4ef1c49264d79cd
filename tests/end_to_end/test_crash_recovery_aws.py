"""A simulator that is killed while it makes things in its AWS account: what it had acknowledged is there."""

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

KILLS = 6
CODE = "def handler(event, context):\n    return {number}\n"
TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}'


@dataclass
class Acknowledged:
    """What the simulator has said that it has."""

    objects: dict[str, bytes] = field(default_factory=dict)
    users: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    tried: int = 0  # also what was not acknowledged may be there, under its name


class ResourceCreator:
    """Makes one thing after another, and notes what was acknowledged."""

    def __init__(self, world: SimulatorClient, kept: Acknowledged, chance: Random) -> None:
        self.kept = kept
        self._chance = chance
        self._iam, self._s3, self._functions = (client(world, name) for name in ("iam", "s3", "lambda"))

    def make(self) -> None:
        """Make one more."""
        self.kept.tried += 1
        self._chance.choice([self._object, self._user, self._role, self._function])(f"number-{self.kept.tried}")

    def _object(self, name: str) -> None:
        body = self._chance.randbytes(self._chance.choice((10, 70_000, 2_000_000)))
        self._s3.put_object(Bucket="runs", Key=name, Body=body)
        self.kept.objects[name] = body

    def _user(self, name: str) -> None:
        self.kept.users[name] = self._iam.create_user(UserName=name)["User"]

    def _role(self, name: str) -> None:
        self.kept.roles[name] = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]

    def _function(self, name: str) -> None:
        made = self._functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=self._iam.get_role(RoleName="first")["Role"]["Arn"],
            Handler="lambda_function.handler",
            Code={"ZipFile": zip_files({"lambda_function.py": CODE.format(number=len(self.kept.codes))})},
        )
        self.kept.codes[name] = made["CodeSha256"]

    def begin(self) -> None:
        """Make what the others need, and one of each kind."""
        self._s3.create_bucket(Bucket="runs", CreateBucketConfiguration={"LocationConstraint": REGION})
        for make in (self._role, self._object, self._user, self._function):
            make("first")

    def lost(self) -> list[str]:
        """Tell what is not there as it was acknowledged."""
        found: dict[str, Callable[[str], Any]] = {
            "objects": lambda name: self._s3.get_object(Bucket="runs", Key=name)["Body"].read(),
            "users": lambda name: self._iam.get_user(UserName=name)["User"],
            "roles": lambda name: self._iam.get_role(RoleName=name)["Role"],
            "codes": lambda name: self._functions.get_function(FunctionName=name)["Configuration"]["CodeSha256"],
        }
        return [
            f"{name} of {kind}"
            for kind, find in found.items()
            for name, made in vars(self.kept)[kind].items()
            if _found(find, name) != made
        ]


def _found(find: Callable[[str], Any], name: str) -> Any:
    try:
        return find(name)
    except ClientError:
        return None


def client(world: SimulatorClient, service: str) -> Any:
    """Return a client that asks once, and is closed with its world."""
    once = Config(retries={"max_attempts": 0})
    made: Any = world.boto3_session.client(service, endpoint_url=world.url, config=once)  # type: ignore[call-overload]  # a name of many
    world.exit_stack.callback(made.close)
    return made


def kill_while_creating(process: "Popen[str]", maker: ResourceCreator, *, things: int, seconds: float) -> None:
    """Make some things, and then one after another until the process is killed, so many seconds later."""
    for _ in range(things):
        maker.make()
    timer = Timer(seconds, process.kill)
    timer.start()
    try:
        while True:
            maker.make()
    except (ConnectionClosedError, EndpointConnectionError, Lost, ReadTimeoutError, ResponseParserError):
        timer.join()


def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    """At random moments, one after the other on one data folder; the last function made runs at the end."""
    chance, kept = Random(5), Acknowledged()
    for kill in range(KILLS):
        with run_server(tmp_path) as (world, process):
            maker = ResourceCreator(world, kept, chance)
            if kill == 0:
                maker.begin()
            assert maker.lost() == []
            kill_while_creating(process, maker, things=chance.randrange(8), seconds=chance.uniform(0.0, 0.2))
    with run_server(tmp_path) as (world, _):
        maker = ResourceCreator(world, kept, chance)
        assert maker.lost() == []
        answer = world.lambda_client.invoke(FunctionName=list(kept.codes)[-1])
        assert json.loads(answer["Payload"].read()) == len(kept.codes) - 1
