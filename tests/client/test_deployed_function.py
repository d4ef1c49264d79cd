"""Functions that are deployed already, in moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from client.deployed_function import find_deployed_function
from client.deployment_package import build_package
from client.errors import UsageError
from client.sdk_clients import AwsClients
from tests.client.conftest import write_reward

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ARN = "arn:aws:lambda:us-west-2:123456789012:function:mine"


@pytest.fixture
def lambda_client(moto_clients: AwsClients, tmp_path: Path) -> Iterator[LambdaClient]:
    """An account with the function `mine`, a version and an alias of it."""
    package = build_package(write_reward(tmp_path / "reward"))
    with mock_aws(config={"lambda": {"use_docker": False}}):
        role = moto_clients.iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
        client = moto_clients.lambda_client
        client.create_function(
            FunctionName="mine",
            Runtime="python3.12",
            Role=role["Role"]["Arn"],
            Handler="a.b",
            Code={"ZipFile": package.zip_bytes},
            Timeout=7,
            MemorySize=256,
            Architectures=["arm64"],
        )
        client.publish_version(FunctionName="mine")
        client.create_alias(FunctionName="mine", Name="live", FunctionVersion="1")
        yield client


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        ("mine", ARN),
        (ARN, ARN),
        ("123456789012:function:mine", ARN),
        ("mine:1", f"{ARN}:1"),
        (f"{ARN}:1", f"{ARN}:1"),
        ("mine:live", f"{ARN}:live"),
        (f"{ARN}:live", f"{ARN}:live"),
    ],
)
def test_a_function_is_found_by_every_form_of_its_name(lambda_client: LambdaClient, text: str, arn: str) -> None:
    """A version or alias stays in its ARN."""
    function = find_deployed_function(text, region="us-west-2", lambda_client=lambda_client)
    assert function.arn == arn
    assert (function.runtime, function.architecture, function.handler, function.timeout, function.memory_mb) == (
        *("python3.12", "arm64", "a.b"),
        *(7, 256),
    )


@pytest.mark.parametrize("text", ["none", "mine:9", f"{ARN}:none"])
def test_a_missing_function_is_a_usage_error(lambda_client: LambdaClient, text: str) -> None:
    """It names the region, in which the function may be missing only."""
    with pytest.raises(
        UsageError, match=f"{text} is not a file or folder here, and there is no such function in us-west"
    ):
        find_deployed_function(text, region="us-west-2", lambda_client=lambda_client)
