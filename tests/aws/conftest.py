"""The AWS services of a simulator behind a real socket, and a moto state without one."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from simulator.aws.moto_app import load_moto
from simulator.aws.moto_state import MotoState, OperationTime
from simulator.aws.simulated_aws import SimulatedAws
from simulator.settings import Settings
from tests.simulators import RunningSimulator, serve_simulator

ACCOUNT = "123456789012"
REGION = "us-west-2"
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
    ' "Principal": {"Service": "lambda.amazonaws.com"}}]}'
)
TIME = OperationTime(simulated_us=1_767_225_600_000_000, caller_seconds=1_800_000_000.0)


@dataclass(frozen=True)
class RunningAws:
    """The served AWS services; `client` returns boto3 clients for them."""

    server: RunningSimulator

    @property
    def url(self) -> str:
        """The simulator's URL."""
        return self.server.url

    def client(self, service: str, *, key: str = "testing", secret: str = "testing", token: str | None = None) -> Any:
        """Return a boto3 client, by default with an access key that IAM does not know."""
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
    def simulated_aws(self) -> SimulatedAws:
        """The simulator's AWS account object."""
        return self.server.instance._services._aws

    def activate(self) -> AbstractContextManager[None]:
        """Make moto's state the simulator's within the block."""
        return self.simulated_aws._read_transaction()


@pytest.fixture(scope="session")
def running_aws() -> Iterator[RunningAws]:
    """Serve a simulator for all tests of the session."""
    with serve_simulator(Settings(port=0, lambda_workers=2)) as state:
        yield RunningAws(state)


@pytest.fixture
def aws(running_aws: RunningAws) -> RunningAws:
    """The served services, reset."""
    running_aws.server.instance.reset()
    return running_aws


@pytest.fixture
def moto_state() -> Iterator[MotoState]:
    """Activate an empty state of moto for the test, without a socket."""
    load_moto()
    state = MotoState(seed=0)
    with state.activate(TIME, "test"):
        yield state
    state.close()
