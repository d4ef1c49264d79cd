"""Large bodies of refused requests: kept only where something came of them, and the account is the same either way."""

import base64
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests.aws.account_client import BODIES, Asked, account
from tests.aws.inventory import inventory
from tests.aws.random_requests import TRUST
from tests.aws.test_error_responses import request
from tests.lambdas.zips import zipped

LARGE = bytes(70_000)
ROLE = "arn:aws:iam::123456789012:role/reward"
LOCATION: Any = {"LocationConstraint": "us-west-2"}
PACKAGE = zipped({"lambda_function.py": "x = 1\n"})
ENABLED: Any = {"Status": "Enabled"}


class Refused(NamedTuple):
    """A request with a large body, how it is answered, and whether its body is kept."""

    service: str
    method: str
    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    status: int
    kept: bool


def put(path: str, status: int, *, kept: bool = False, **headers: str) -> Refused:
    """Put an object of S3's."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Refused("s3", "PUT", path, LARGE, named, status, kept)


def functions(method: str, path: str, status: int, *, kept: bool = False, **fields: Any) -> Refused:
    """Ask Lambda for something, with what makes the body large beside it."""
    body = json.dumps(fields | {"Description": "x" * 70_000}).encode()
    return Refused("lambda", method, path, body, (), status, kept)


def new(role: str, code: bytes) -> dict[str, Any]:
    """Return what a function is made of."""
    made = {"FunctionName": "reward", "Runtime": "python3.12", "Handler": "lambda_function.handler", "Role": role}
    return made | {"Code": {"ZipFile": base64.b64encode(code).decode()}}


NO_ZIP = base64.b64encode(b"no zip").decode()
REFUSED = {
    "no bucket": put("/nowhere/key", 404),
    "there already": put("/runs/there", 412, if_none_match="*"),
    "no such class": put("/runs/new", 400, x_amz_storage_class="ODD"),
    "no such part": put("/runs/parts?partNumber=20000&uploadId=x", 400),
    "no upload": put("/runs/parts?partNumber=1&uploadId=x", 404, kept=True),
    "no bucket for a policy": put("/nowhere?policy", 404),
    "no XML": put("/runs?cors", 400, kept=True),
    "no such permission": put("/runs/new", 400, kept=True, x_amz_acl="odd"),
    "refused when it was made": put("/runs/new", 400, kept=True, x_amz_tagging="aws:a=b"),
    "no bucket to copy from": put("/runs/new", 404, x_amz_copy_source="/nowhere/key"),
    "logged": put("/logged/there", 412, kept=True, if_none_match="*"),
    "function that is there": functions("POST", "/2015-03-31/functions", 409, **new(ROLE, PACKAGE)),
    "no function": functions("PUT", "/2015-03-31/functions/nobody/code", 404, ZipFile=NO_ZIP),
    "no zip for a function": functions("PUT", "/2015-03-31/functions/reward/code", 400, ZipFile=NO_ZIP),
    "no zip for a layer": functions(
        "POST", "/2018-10-31/layers/lib/versions", 400, kept=True, Content={"ZipFile": NO_ZIP}
    ),
    "no version": functions("POST", "/2015-03-31/functions/nobody/aliases", 404, Name="a", FunctionVersion="7"),
}


def furnished(asked: Asked) -> None:
    """Make what the requests are about."""
    s3, iam, lambda_ = asked.client("s3"), asked.client("iam"), asked.client("lambda")
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
    lambda_.create_function(**new(ROLE, PACKAGE) | {"Code": {"ZipFile": PACKAGE}})


def told(asked: Asked, refused: Refused) -> int:
    """Send the request; return how it was answered."""
    made = request(refused.service, refused.method, refused.path, refused.body, *refused.headers)
    return asked.account.answer(made, io.BytesIO(refused.body)).status


def bodies(folder: Path) -> int:
    """Count the large bodies that are kept."""
    return len(list((folder / BODIES).iterdir()))


def test_the_account_is_the_same_whether_or_not_the_body_of_what_was_refused_is_kept(tmp_path: Path) -> None:
    """It counts: what is made after it is called as in an account that goes on without a restart."""
    answered, states = {}, []
    with account(tmp_path) as asked:
        furnished(asked)
        for number, (name, refused) in enumerate(REFUSED.items()):
            before = bodies(tmp_path)
            own = refused._replace(body=refused.body + b" " * number)  # else two would share a file
            answered[name] = (told(asked, own), bodies(tmp_path) > before)
        states.append(inventory(asked))
    with account(tmp_path, times=asked.times) as asked:
        states.append(inventory(asked))
        asked.client("iam").create_user(UserName="zoe")
        states.append(inventory(asked))
    with account() as asked:
        furnished(asked)
        for number, refused in enumerate(REFUSED.values()):
            told(asked, refused._replace(body=refused.body + b" " * number))
        undisturbed = inventory(asked)
        asked.client("iam").create_user(UserName="zoe")
        assert answered == {name: (refused.status, refused.kept) for name, refused in REFUSED.items()}
        assert states == [undisturbed, undisturbed, inventory(asked)]


def test_uploads_that_were_refused_take_no_room(tmp_path: Path) -> None:
    """However many they are."""
    with account(tmp_path) as asked:
        for number in range(20):
            with pytest.raises(ClientError):
                asked.client("s3").put_object(Bucket="nowhere", Key="key", Body=b"%d" % number + LARGE)
    assert list((tmp_path / BODIES).iterdir()) == []
