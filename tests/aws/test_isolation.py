"""Several simulators in one process, and other users of moto in it, are isolated from each other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from simulator.settings import Settings
from tests.principals import MANTLE, TRUST, create_bedrock_key, create_user_key
from tests.simulators import REGION, RunningSimulator, serve_simulator

ROOT = Path(__file__).parents[2]
EVENT = json.dumps([]).encode()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[RunningSimulator, RunningSimulator]]:
    """Two served simulators with the same seed."""
    with serve_simulator(Settings(port=0)) as one, serve_simulator(Settings(port=0)) as other:
        yield one, other


@pytest.fixture
def two_simulators(served: tuple[RunningSimulator, RunningSimulator]) -> tuple[RunningSimulator, RunningSimulator]:
    """Two served simulators with the same seed, reset."""
    for simulator in served:
        simulator.instance.reset()
    return served


def client(simulator: RunningSimulator, service: str) -> Any:
    """Return a client that is closed with its simulator."""
    boto3_client: Any = simulator.boto3_session.client(service, endpoint_url=simulator.url)  # type: ignore[call-overload]  # overloaded by name
    simulator.exit_stack.callback(boto3_client.close)
    return boto3_client


def use_every_service(simulator: RunningSimulator) -> dict[str, Any]:
    """Create a resource in every service; return their ids and secrets."""
    s3, sts, logs = (client(simulator, name) for name in ("s3", "sts", "logs"))
    key = create_user_key(simulator, "ann")
    role = simulator.iam_client.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)["Role"]
    function = simulator.deploy(ROOT / "reward_lambda", name="reward")
    simulator.lambda_client.invoke(FunctionName="reward", Payload=EVENT)
    s3.create_bucket(Bucket="runs", CreateBucketConfiguration={"LocationConstraint": REGION})
    upload = s3.create_multipart_upload(Bucket="runs", Key="key")["UploadId"]
    put = s3.put_object(Bucket="runs", Key="key", Body=simulator.url.encode())
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1")["Credentials"]
    logs.create_log_group(logGroupName="own")
    bedrock = simulator.iam_client.create_service_specific_credential(
        UserName="ann", ServiceName="bedrock.amazonaws.com"
    )
    return {
        "user": simulator.iam_client.get_user(UserName="ann")["User"]["UserId"],
        "access key": simulator.iam_client.list_access_keys(UserName="ann")["AccessKeyMetadata"][0]["AccessKeyId"],
        "role": role["RoleId"],
        "function": function,
        "upload": upload,
        "etag": put["ETag"],
        "session": {name: session[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")},
        "bedrock key": bedrock["ServiceSpecificCredential"]["ServiceCredentialSecret"],
        "of ann": key,
        "of the session": create_bedrock_key(session),
    }


def visible_resources(simulator: RunningSimulator) -> dict[str, Any]:
    """Return the names of all resources."""
    s3, logs = (client(simulator, name) for name in ("s3", "logs"))
    return {
        "users": [user["UserName"] for user in simulator.iam_client.list_users()["Users"]],
        "roles": [role["RoleName"] for role in simulator.iam_client.list_roles()["Roles"]],
        "functions": [function["FunctionName"] for function in simulator.lambda_client.list_functions()["Functions"]],
        "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        "logs": [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]],
    }


EMPTY: dict[str, Any] = {"users": [], "roles": [], "functions": [], "buckets": [], "logs": []}
FULL: dict[str, Any] = {
    "users": ["ann"],
    "roles": ["reward-role", "trainer"],
    "functions": ["reward"],
    "buckets": ["runs"],
    "logs": ["/aws/lambda/reward", "own"],
}


@pytest.mark.slow
def test_two_simulators_share_nothing_and_get_the_same_ids(
    two_simulators: tuple[RunningSimulator, RunningSimulator],
) -> None:
    """The same calls give the same names and secrets in both."""
    one, other = two_simulators
    first = use_every_service(one)
    resources_between = (visible_resources(one), visible_resources(other))
    keys = {name: first.pop(name) for name in ("of ann", "of the session")}  # signed at the machine's time
    statuses = [
        [
            simulator.http.get("/v1/models", headers={"authorization": f"Bearer {key}"}).status_code
            for key in keys.values()
        ]
        for simulator in two_simulators
    ]
    second = use_every_service(other)
    etags = (first.pop("etag"), second.pop("etag"))
    assert resources_between == (FULL, EMPTY)
    assert statuses == [[200, 403], [401, 401]]
    assert first == {name: second[name] for name in first}
    assert etags[0] != etags[1]
    assert visible_resources(other) == FULL


@pytest.mark.slow
def test_a_simulator_and_mock_aws_are_isolated(two_simulators: tuple[RunningSimulator, RunningSimulator]) -> None:
    """A user's test may use mock_aws in the process of a simulator."""
    simulator, other = two_simulators
    simulator.iam_client.create_user(UserName="of-the-simulator")
    with mock_aws():
        mocked = boto3.client("iam", region_name=REGION)
        mocked.create_user(UserName="of-the-mock")
        simulator.iam_client.create_user(UserName="meanwhile")
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket="mocked", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        inside = ([user["UserName"] for user in mocked.list_users()["Users"]], mocked.list_policies()["Policies"])
        policies = [policy["Arn"] for policy in simulator.iam_client.list_policies(Scope="AWS")["Policies"]]
        mocked.close()
        s3.close()
    assert (inside, MANTLE in policies) == ((["of-the-mock"], []), True)
    assert visible_resources(simulator) == EMPTY | {"users": ["of-the-simulator", "meanwhile"]}
    assert visible_resources(other) == EMPTY
