"""A simulator's AWS side behind a real socket, and moto in a world of its own without one."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from simulator.aws.moto_app import mounted
from simulator.aws.moto_state import Moment
from simulator.aws.moto_state import World as AwsWorld
from simulator.aws.simulated_aws import Cloud as SimulatorCloud
from simulator.settings import Settings
from tests.world import World, served_world

ACCOUNT = "123456789012"
REGION = "us-west-2"
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
    ' "Principal": {"Service": "lambda.amazonaws.com"}}]}'
)
MOMENT = Moment(at=1_767_225_600_000_000, callers=1_800_000_000.0)


@dataclass(frozen=True)
class Cloud:
    """The running services: `client` makes boto3 clients for them."""

    world: World

    @property
    def url(self) -> str:
        """Where they are."""
        return self.world.url

    def client(self, service: str, *, key: str = "testing", secret: str = "testing", token: str | None = None) -> Any:
        """Make a boto3 client, by default with a key that IAM does not know."""
        return boto3.client(  # type: ignore[call-overload]  # the stubs overload by a literal service name
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 0}),
        )

    @property
    def kept(self) -> SimulatorCloud:
        """What the rest of the simulator sees of them."""
        return self.world.simulator._rooms._cloud

    def inside(self) -> AbstractContextManager[None]:
        """Let moto's state be the simulator's for the length of the block."""
        return self.kept._reading()


@pytest.fixture(scope="session")
def running_cloud() -> Iterator[Cloud]:
    """Start a simulator once for all tests."""
    with served_world(Settings(port=0, lambda_workers=2)) as world:
        yield Cloud(world)


@pytest.fixture
def cloud(running_cloud: Cloud) -> Cloud:
    """Give the services, empty."""
    running_cloud.world.simulator.reset()
    return running_cloud


@pytest.fixture
def moto() -> Iterator[AwsWorld]:
    """Have what moto is asked in the test be asked of an empty world, without a socket."""
    mounted()
    world = AwsWorld(seed=0)
    with world.turn(MOMENT, "test"):
        yield world
    world.close()
