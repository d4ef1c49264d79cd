"""moto behind a real socket, with the Invoke API and a small front door; emptied before each test."""

import itertools
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config

from simulator.aws import access_keys, iam, mount
from simulator.aws.functions import find_function, policy_statements
from simulator.aws.logs import InvocationLogs
from simulator.lambdas.invoke_app import InvokeApp, is_invoke
from simulator.lambdas.pool import Pool
from simulator.lambdas.reference import reference_of

ACCOUNT = "123456789012"
REGION = "us-west-2"
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
    ' "Principal": {"Service": "lambda.amazonaws.com"}}]}'
)


@dataclass(frozen=True)
class Cloud:
    """The running services: `client` makes boto3 clients for them."""

    url: str
    pool: Pool
    logs: InvocationLogs

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


def _refusal(key: str | None, arn: str) -> str | None:
    reference = reference_of(arn, qualifier=None, account=ACCOUNT, region=REGION)
    holder = access_keys.credential_of(key) if key else None
    return iam.authorize_invoke(
        caller_arn=holder.arn if holder else None,
        function_arn=arn,
        statements=policy_statements(reference),
    )


@pytest.fixture(scope="session")
def running_cloud() -> Iterator[Cloud]:
    """Start the services once for all tests."""
    numbers = itertools.count(1)

    def new_request_id() -> str:
        return f"00000000-0000-4000-8000-{next(numbers):012d}"

    logs = InvocationLogs()
    pool = Pool(
        new_request_id=new_request_id,
        now=lambda: 1_000_000_000.0,
        wall=time.time,
        max_environments=2,
        record=logs.record,
    )
    services = mount.mount()
    invoke = InvokeApp(
        pool=pool,
        find_function=find_function,
        account_of=lambda key: access_keys.account_of_access_key(key or ""),
        refusal=_refusal,
        new_request_id=new_request_id,
        default_region=REGION,
    )

    async def front_door(scope: Any, receive: Any, send: Any) -> None:
        if is_invoke(scope):
            await invoke(scope, receive, send)
            return
        if re.search(rb"/logs/aws4_request", dict(scope["headers"]).get(b"authorization", b"")):
            logs.flush()
        await services(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(front_door, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Cloud(url=f"http://127.0.0.1:{listener.getsockname()[1]}", pool=pool, logs=logs)
    server.should_exit = True
    thread.join()
    listener.close()
    pool.close()
    invoke.close()
    services.close()
    mount.reset()


@pytest.fixture
def cloud(running_cloud: Cloud) -> Cloud:
    """Give the services, empty."""
    running_cloud.pool.reset()
    running_cloud.logs.clear()
    mount.reset()
    return running_cloud
