"""Large bodies of rejected requests are stored only if they had an effect; the account is the same either way."""

import base64
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests.aws.account_client import BODIES, AccountClient, open_account
from tests.aws.inventory import take_inventory
from tests.aws.random_requests import TRUST
from tests.aws.test_error_responses import request
from tests.lambdas.zips import zip_files

LARGE = bytes(70_000)
ROLE = "arn:aws:iam::123456789012:role/reward"
LOCATION: Any = {"LocationConstraint": "us-west-2"}
PACKAGE = zip_files({"lambda_function.py": "x = 1\n"})
ENABLED: Any = {"Status": "Enabled"}


class RejectedUpload(NamedTuple):
    """A request with a large body, the status of its response, and whether its body is stored."""

    service: str
    method: str
    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    status: int
    is_body_stored: bool


def put_object(path: str, status: int, *, stored: bool = False, **headers: str) -> RejectedUpload:
    """Return a put of an S3 object."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return RejectedUpload("s3", "PUT", path, LARGE, pairs, status, stored)


def lambda_request(method: str, path: str, status: int, *, stored: bool = False, **fields: Any) -> RejectedUpload:
    """Return a request to Lambda with a large description."""
    body = json.dumps(fields | {"Description": "x" * 70_000}).encode()
    return RejectedUpload("lambda", method, path, body, (), status, stored)


def create_function_fields(role: str, code: bytes) -> dict[str, Any]:
    """Return the fields of create_function."""
    fields = {
        "FunctionName": "reward",
        "Runtime": "python3.12",
        "Handler": "lambda_function.handler",
        "Role": role,
    }
    return fields | {"Code": {"ZipFile": base64.b64encode(code).decode()}}


INVALID_ZIP = base64.b64encode(b"no zip").decode()
REFUSED_UPLOADS = {
    "no bucket": put_object("/nowhere/key", 404),
    "there already": put_object("/runs/there", 412, if_none_match="*"),
    "no such class": put_object("/runs/new", 400, x_amz_storage_class="ODD"),
    "no such part": put_object("/runs/parts?partNumber=20000&uploadId=x", 400),
    "no upload": put_object("/runs/parts?partNumber=1&uploadId=x", 404, stored=True),
    "no bucket for a policy": put_object("/nowhere?policy", 404),
    "no XML": put_object("/runs?cors", 400, stored=True),
    "no such permission": put_object("/runs/new", 400, stored=True, x_amz_acl="odd"),
    "refused when it was made": put_object("/runs/new", 400, stored=True, x_amz_tagging="aws:a=b"),
    "no bucket to copy from": put_object("/runs/new", 404, x_amz_copy_source="/nowhere/key"),
    "logged": put_object("/logged/there", 412, stored=True, if_none_match="*"),
    "function that is there": lambda_request(
        "POST", "/2015-03-31/functions", 409, **create_function_fields(ROLE, PACKAGE)
    ),
    "no function": lambda_request("PUT", "/2015-03-31/functions/missing/code", 404, ZipFile=INVALID_ZIP),
    "no zip for a function": lambda_request("PUT", "/2015-03-31/functions/reward/code", 400, ZipFile=INVALID_ZIP),
    "no zip for a layer": lambda_request(
        "POST", "/2018-10-31/layers/lib/versions", 400, stored=True, Content={"ZipFile": INVALID_ZIP}
    ),
    "no version": lambda_request("POST", "/2015-03-31/functions/missing/aliases", 404, Name="a", FunctionVersion="7"),
}


def create_resources(account: AccountClient) -> None:
    """Create the resources that the requests use."""
    s3, iam, lambda_ = account.client("s3"), account.client("iam"), account.client("lambda")
    for name in ("runs", "logged", "log"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=LOCATION)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=ENABLED)
        s3.put_object(Bucket=name, Key="there", Body=b"x")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::log/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket="log", Policy=policy)
    logging: Any = {"LoggingEnabled": {"TargetBucket": "log", "TargetPrefix": "of-"}}
    s3.put_bucket_logging(Bucket="logged", BucketLoggingStatus=logging)
    iam.create_role(RoleName="reward", AssumeRolePolicyDocument=TRUST)
    lambda_.create_function(**create_function_fields(ROLE, PACKAGE) | {"Code": {"ZipFile": PACKAGE}})


def send(account: AccountClient, rejected: RejectedUpload) -> int:
    """Send a request; return the status."""
    aws_request = request(rejected.service, rejected.method, rejected.path, rejected.body, *rejected.headers)
    return account.account.handle(aws_request, io.BytesIO(rejected.body)).status


def stored_bodies(folder: Path) -> int:
    """Return the number of stored body files."""
    return len(list((folder / BODIES).iterdir()))


@pytest.mark.slow
def test_a_restart_gives_the_same_account_after_rejected_uploads(tmp_path: Path) -> None:
    """A rejected request keeps its place in the order, so later ids are the same."""
    outcomes, states = {}, []
    with open_account(tmp_path) as account:
        create_resources(account)
        for number, (name, rejected) in enumerate(REFUSED_UPLOADS.items()):
            before = stored_bodies(tmp_path)
            own = rejected._replace(
                body=rejected.body + b" " * number
            )  # otherwise two requests would share a body file
            outcomes[name] = (send(account, own), stored_bodies(tmp_path) > before)
        states.append(take_inventory(account))
    with open_account(tmp_path, clocks=account.clocks) as account:
        states.append(take_inventory(account))
        account.client("iam").create_user(UserName="zoe")
        states.append(take_inventory(account))
    with open_account() as account:
        create_resources(account)
        for number, rejected in enumerate(REFUSED_UPLOADS.values()):
            send(account, rejected._replace(body=rejected.body + b" " * number))
        undisturbed = take_inventory(account)
        account.client("iam").create_user(UserName="zoe")
        assert outcomes == {
            name: (rejected.status, rejected.is_body_stored) for name, rejected in REFUSED_UPLOADS.items()
        }
        assert states == [undisturbed, undisturbed, take_inventory(account)]


def test_rejected_uploads_use_no_disk_space(tmp_path: Path) -> None:
    """In any number."""
    with open_account(tmp_path) as account:
        for number in range(20):
            with pytest.raises(ClientError):
                account.client("s3").put_object(Bucket="nowhere", Key="key", Body=b"%d" % number + LARGE)
    assert list((tmp_path / BODIES).iterdir()) == []
