"""A simulator restarted on its data folder has the same AWS account."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from simulator.settings import Settings
from simulator.simulator import Simulator
from simulator.store.aws_requests import AwsRequestStore, StoredAwsRequest
from simulator.store.data_folder import DataFolderError
from simulator.store.database import Database
from tests.lambdas.zips import zip_files
from tests.principals import TRUST, create_bedrock_key, create_managed_policy, create_user_key, policy_document
from tests.simulators import REGION, RunningSimulator, database_path, serve_simulator, simulator_in_process

ALLOW: Final = {"Effect": "Allow", "Action": "bedrock-mantle:*", "Resource": "*"}
PART: Final = 5 * 1024 * 1024
CONTENT: Final = bytes(range(256)) * (PART // 256)
SCOPE: Final = f"AWS4-HMAC-SHA256 Credential=testing/20260101/{REGION}/s3/aws4_request"
OBJECTS: Final = {
    "small": b"value",
    "a%2Fb/ü +": b"other value",
    "large": CONTENT[:200_000],
    "in-parts": CONTENT + b"the last part",
    "aws-chunked": b"Hello, chunks!",
    "chunked": CONTENT[:100_000],
}
CODE: Final = "import os, shared\ndef handler(event, context):\n    return [os.environ['MODE'], shared.NAME, NUMBER]\n"


def client(simulator: RunningSimulator, service: str) -> Any:
    """Return a client that is closed with its simulator."""
    boto3_client: Any = simulator.boto3_session.client(service, endpoint_url=simulator.url)  # type: ignore[call-overload]  # overloaded by name
    simulator.exit_stack.callback(boto3_client.close)
    return boto3_client


@dataclass(frozen=True, slots=True, kw_only=True)
class StateBeforeRestart:
    """The keys, responses and objects before the restart."""

    keys: dict[str, str]
    statuses: dict[str, int]
    upload: dict[str, Any]
    responses: dict[str, tuple[Any, bytes]]


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of both simulators."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def before_restart(data_folder: Path) -> StateBeforeRestart:
    """Create all resources in a simulator, and stop it."""
    with serve_simulator(Settings(port=0, data=data_folder)) as simulator:
        deploy(simulator)
        keys, upload = create_keys(simulator), put_objects(simulator)
        return StateBeforeRestart(
            keys=keys, statuses=statuses(simulator, keys), upload=upload, responses=get_objects(simulator)
        )


@pytest.fixture(scope="module")
def restarted(data_folder: Path, before_restart: StateBeforeRestart) -> Iterator[RunningSimulator]:
    """A second simulator on the same folder."""
    with serve_simulator(Settings(port=0, data=data_folder)) as simulator:
        yield simulator


def create_keys(simulator: RunningSimulator) -> dict[str, str]:
    """Create users and a role with keys of all kinds and permissions of all kinds."""
    keys = {"of a user": create_user_key(simulator, "ann"), "switched off": create_user_key(simulator, "off")}
    (key,) = simulator.iam_client.list_access_keys(UserName="off")["AccessKeyMetadata"]
    simulator.iam_client.update_access_key(UserName="off", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    keys["long-term"] = simulator.iam_client.create_service_specific_credential(
        UserName="ann", ServiceName="bedrock.amazonaws.com", CredentialAgeDays=30
    )["ServiceSpecificCredential"]["ServiceCredentialSecret"]
    role = simulator.iam_client.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    simulator.iam_client.put_role_policy(RoleName="trainer", PolicyName="all", PolicyDocument=policy_document(ALLOW))
    session = client(simulator, "sts").assume_role(RoleArn=role, RoleSessionName="s1")["Credentials"]
    keys["of a session"] = create_bedrock_key(session)
    simulator.iam_client.create_group(GroupName="readers")
    simulator.iam_client.attach_group_policy(
        GroupName="readers", PolicyArn=create_managed_policy(simulator, "all", ALLOW)
    )
    for name in ("of a group", "bounded", "without a policy"):
        user = name.replace(" ", "-")
        keys[name] = create_user_key(simulator, user, policy=None)
        if name != "without a policy":
            simulator.iam_client.add_user_to_group(GroupName="readers", UserName=user)
    narrow = create_managed_policy(simulator, "narrow", ALLOW | {"Action": "bedrock-mantle:ListFiles"})
    simulator.iam_client.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=narrow)
    return keys


def statuses(simulator: RunningSimulator, keys: dict[str, str]) -> dict[str, int]:
    """List the models with each key; return the statuses."""
    return {
        name: simulator.http.get("/v1/models", headers={"authorization": f"Bearer {key}"}).status_code
        for name, key in keys.items()
    }


def deploy(simulator: RunningSimulator) -> None:
    """Deploy a function with a layer, a version, an alias and environment variables."""
    layer = simulator.lambda_client.publish_layer_version(
        LayerName="shared", Content={"ZipFile": zip_files({"python/shared.py": "NAME = 'layer'"})}
    )["LayerVersionArn"]
    for name in ("reward", "stopped"):
        simulator.lambda_client.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=simulator.execution_role,
            Handler="lambda_function.handler",
            Code={"ZipFile": zip_files({"lambda_function.py": f"NUMBER = 1\n{CODE}"})},
            Environment={"Variables": {"MODE": "strict"}},
            Layers=[layer],
        )
    simulator.lambda_client.publish_version(FunctionName="reward")
    simulator.lambda_client.create_alias(FunctionName="reward", Name="live", FunctionVersion="1")
    code = zip_files({"lambda_function.py": f"NUMBER = 2\n{CODE}"})
    simulator.lambda_client.update_function_code(FunctionName="reward", ZipFile=code)
    simulator.lambda_client.put_function_concurrency(FunctionName="stopped", ReservedConcurrentExecutions=0)


def put_objects(simulator: RunningSimulator) -> dict[str, Any]:
    """Put objects in all ways; return an unfinished multipart upload."""
    s3 = client(simulator, "s3")
    s3.create_bucket(Bucket="runs", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("small", "a%2Fb/ü +", "large", "deleted"):
        body = OBJECTS.get(key, b"gone")
        s3.put_object(Bucket="runs", Key=key, Body=body, Metadata={"made_by": "ann", "of-Job": "7"})
    s3.delete_object(Bucket="runs", Key="deleted")
    parts = TransferConfig(multipart_threshold=PART, max_concurrency=2)
    s3.upload_fileobj(io.BytesIO(OBJECTS["in-parts"]), "runs", "in-parts", Config=parts)
    put(simulator, "aws-chunked", AWS_CHUNKED, lambda _: aws_chunked(OBJECTS["aws-chunked"]))
    put(simulator, "chunked", {"transfer-encoding": "chunked"}, lambda _: iter([CONTENT[:1000], CONTENT[1000:100_000]]))
    upload_target = {"Bucket": "runs", "Key": "begun"}
    upload = upload_target | {"UploadId": s3.create_multipart_upload(**upload_target)["UploadId"]}
    return {**upload, "ETag": s3.upload_part(**upload, PartNumber=1, Body=CONTENT)["ETag"]}


AWS_CHUNKED: Final = {
    "content-encoding": "aws-chunked",
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-trailer": "x-amz-checksum-crc32",
    "x-amz-decoded-content-length": "14",
}


def aws_chunked(body: bytes) -> bytes:
    """Encode a body as SDKs stream it."""
    return b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n" % (len(body), body)


def put(simulator: RunningSimulator, key: str, headers: dict[str, str], body: Callable[[str], Any]) -> None:
    """Put an object with a raw request, as some SDKs send it."""
    connection = HTTPConnection(urlsplit(simulator.url).netloc, timeout=30)
    connection.request(
        "PUT",
        f"/runs/{key}",
        body=body(key),
        headers={"authorization": SCOPE, "expect": "100-continue", **headers},
        encode_chunked="transfer-encoding" in headers,
    )
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert response.status == 200, content


def get_objects(simulator: RunningSimulator) -> dict[str, tuple[Any, bytes]]:
    """Return every object with its metadata."""
    s3, objects = client(simulator, "s3"), {}
    for listed in s3.list_objects_v2(Bucket="runs")["Contents"]:
        response = s3.get_object(Bucket="runs", Key=listed["Key"])
        body = response.pop("Body").read()
        del response["ResponseMetadata"]
        objects[listed["Key"]] = ([listed, response], body)
    return objects


@pytest.mark.slow
def test_functions_run_after_a_restart(restarted: RunningSimulator) -> None:
    """With their code, versions, aliases, layers and variables."""
    answers = [
        json.loads(restarted.lambda_client.invoke(FunctionName="reward", Qualifier=qualifier)["Payload"].read())
        for qualifier in ("$LATEST", "live")
    ]
    assert answers == [["strict", "layer", 2], ["strict", "layer", 1]]


def test_reserved_concurrency_survives_a_restart(restarted: RunningSimulator) -> None:
    """A function with none stays stopped."""
    once = Config(retries={"max_attempts": 0})
    functions = restarted.boto3_session.client("lambda", endpoint_url=restarted.url, config=once)
    with pytest.raises(ClientError) as exc_info, closing(functions):
        functions.invoke(FunctionName="stopped")
    assert exc_info.value.response["Error"]["Code"] == "TooManyRequestsException"


def test_objects_are_the_same_after_a_restart(restarted: RunningSimulator, before_restart: StateBeforeRestart) -> None:
    """With metadata and times. Deleted objects are not there."""
    assert {key: body for key, (_, body) in before_restart.responses.items()} == OBJECTS
    assert get_objects(restarted) == before_restart.responses


def test_a_multipart_upload_can_be_completed_after_a_restart(
    restarted: RunningSimulator, before_restart: StateBeforeRestart
) -> None:
    """Its id and its parts are known."""
    s3 = client(restarted, "s3")
    upload = {name: before_restart.upload[name] for name in ("Bucket", "Key", "UploadId")}
    second = s3.upload_part(**upload, PartNumber=2, Body=b"end")["ETag"]
    parts = [
        {"PartNumber": number, "ETag": etag}
        for number, etag in enumerate((before_restart.upload["ETag"], second), start=1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="runs", Key="begun")["Body"].read() == CONTENT + b"end"


@pytest.mark.slow
def test_keys_are_valid_after_a_restart_until_they_expire(
    restarted: RunningSimulator, before_restart: StateBeforeRestart
) -> None:
    """A session expires after an hour."""
    expected = {
        "of a user": 200,
        "switched off": 401,
        "long-term": 200,
        "of a session": 200,
        "of a group": 200,
        "bounded": 403,
        "without a policy": 403,
    }
    assert (before_restart.statuses, statuses(restarted, before_restart.keys)) == (expected, expected)
    restarted.http.post("/_simulator/clock", json={"advance": "61m"}).raise_for_status()
    assert statuses(restarted, before_restart.keys) == expected | {"of a session": 401}


@pytest.mark.slow
def test_a_reset_account_is_empty_after_a_restart(tmp_path: Path) -> None:
    """A new user gets the first user's id again."""
    users = []
    for reset in (True, False):
        with serve_simulator(Settings(port=0, data=tmp_path)) as simulator:
            users.append(simulator.iam_client.list_users()["Users"])
            if reset:
                first = simulator.iam_client.create_user(UserName="ann")["User"]
                simulator.instance.reset()
            else:
                users.append([simulator.iam_client.create_user(UserName="ann")["User"]])
    assert users == [[], [], [first]]


def test_a_damaged_account_is_reported_and_unchanged(tmp_path: Path) -> None:
    """A body file is missing, so the account cannot be rebuilt."""
    settings = Settings(data=tmp_path)
    with simulator_in_process(settings):
        pass
    database = Database(database_path(tmp_path))
    AwsRequestStore(database).append(
        StoredAwsRequest(
            ordinal=0,
            seed="0",
            simulated_us=0,
            caller_seconds=0.0,
            method="PUT",
            target="/",
            headers="[]",
            body=None,
            sha256="0af",
            status=200,
        )
    )
    database.close()
    with pytest.raises(DataFolderError, match="it is damaged: the AWS request body requests/0af is missing"):
        Simulator(settings, url="http://testserver")
