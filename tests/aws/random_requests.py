"""A user who sends random requests to an account; the same seed gives the same requests."""

import io
import json
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from tests.aws.account_client import AccountClient

NAMES = ("ann", "bob", "eve")
BUCKETS = ("reports", "runs")
KEYS = ("a", "a/b", "a b+c%d", "ü")
TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}'


class RandomUser:
    """Sends one random request after another. About half of them succeed."""

    def __init__(self, asked: AccountClient, seed: int) -> None:
        self._asked = asked
        self._chance = Random(seed)
        self._iam, self._sts = asked.client("iam"), asked.client("sts")
        self._s3, self._functions = asked.client("s3"), asked.client("lambda")
        self._logs = asked.client("logs")
        self.granted = 0

    def act(self, times: int) -> None:
        """Send some requests; now and then, time passes."""
        doing: list[Callable[[], Any]] = [
            *(self._make_user, self._make_key, self._make_bedrock_key, self._change_bedrock_key, self._drop_user),
            *(self._make_role, self._make_policy, self._attach, self._group, self._assume, self._bound),
            *(self._make_function, self._change_function, self._publish, self._alias, self._permit, self._reserve),
            *(self._layer, self._drop_function, self._make_bucket, self._put, self._put, self._tag, self._drop_object),
            *(self._upload, self._version, self._copy, self._group_logs, self._put_logs, self._session),
        ]
        for _ in range(times):
            self._asked.clocks.simulated += self._chance.choice((0, 0, 0, 1, 3600))
            self._asked.clocks.caller += self._chance.choice((0, 0.5, 60))
            try:
                self._chance.choice(doing)()
                self.granted += 1
            except (ClientError, LookupError):
                pass  # of what is not there, or there already

    def _one(self, *of: Any) -> Any:
        return self._chance.choice(of)

    def _code(self) -> bytes:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            info = zipfile.ZipInfo("lambda_function.py", (2026, 1, 1, 0, 0, 0))
            package.writestr(info, f"# {self._chance.random()}")
        return archive.getvalue()

    def _document(self) -> str:
        statement = {"Effect": "Allow", "Action": f"s3:{self._one('Get*', 'Put*')}", "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def _make_user(self) -> None:
        self._iam.create_user(UserName=self._one(*NAMES), Tags=[{"Key": "team", "Value": self._one("x", "y")}])

    def _drop_user(self) -> None:
        self._iam.delete_user(UserName=self._one(*NAMES))

    def _make_key(self) -> None:
        key = self._iam.create_access_key(UserName=self._one(*NAMES))["AccessKey"]
        own = self._asked.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        own.tag_user(UserName=key["UserName"], Tags=[{"Key": "seen", "Value": "yes"}])

    def _make_bedrock_key(self) -> None:
        self._iam.create_service_specific_credential(
            UserName=self._one(*NAMES), ServiceName="bedrock.amazonaws.com", CredentialAgeDays=self._one(1, 30)
        )

    def _change_bedrock_key(self) -> None:
        listed = self._iam.list_service_specific_credentials(UserName=self._one(*NAMES))
        found = self._one(*listed["ServiceSpecificCredentials"])
        named = {"UserName": found["UserName"], "ServiceSpecificCredentialId": found["ServiceSpecificCredentialId"]}
        change = self._one("reset", "delete", "update")
        more = {"Status": "Inactive"} if change == "update" else {}
        getattr(self._iam, f"{change}_service_specific_credential")(**named, **more)

    def _make_role(self) -> None:
        self._iam.create_role(RoleName=self._one(*NAMES), AssumeRolePolicyDocument=TRUST, Path=self._one("/", "/ml/"))

    def _make_policy(self) -> None:
        self._iam.create_policy(PolicyName=self._one(*NAMES), PolicyDocument=self._document())

    def _attach(self) -> None:
        arn = self._one("arn:aws:iam::123456789012:policy/ann", "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess")
        if self._one(True, False):
            self._iam.attach_role_policy(RoleName=self._one(*NAMES), PolicyArn=arn)
        else:
            self._iam.attach_user_policy(UserName=self._one(*NAMES), PolicyArn=arn)

    def _bound(self) -> None:
        arn = "arn:aws:iam::123456789012:policy/bob"
        self._iam.put_user_permissions_boundary(UserName=self._one(*NAMES), PermissionsBoundary=arn)

    def _group(self) -> None:
        if self._one(True, False):
            self._iam.create_group(GroupName=self._one(*NAMES))
        else:
            self._iam.add_user_to_group(GroupName=self._one(*NAMES), UserName=self._one(*NAMES))

    def _assume(self) -> None:
        role = self._one(*self._iam.list_roles()["Roles"])["Arn"]
        self._sts.assume_role(RoleArn=role, RoleSessionName=self._one(*NAMES))

    def _session(self) -> None:
        self._sts.get_federation_token(Name=self._one(*NAMES), Policy=self._document())

    def _make_function(self) -> None:
        self._functions.create_function(
            FunctionName=self._one(*NAMES),
            Runtime="python3.12",
            Handler="lambda_function.lambda_handler",
            Role=self._one(*self._iam.list_roles()["Roles"])["Arn"],
            Code={"ZipFile": self._code()},
            Environment={"Variables": {"SECRET": self._one("x", "y")}},
        )

    def _change_function(self) -> None:
        name = self._one(*NAMES)
        self._functions.update_function_code(FunctionName=name, ZipFile=self._code())
        self._functions.update_function_configuration(FunctionName=name, Timeout=self._one(5, 50))

    def _drop_function(self) -> None:
        self._functions.delete_function(FunctionName=self._one(*NAMES))

    def _publish(self) -> None:
        self._functions.publish_version(FunctionName=self._one(*NAMES))

    def _alias(self) -> None:
        self._functions.create_alias(
            FunctionName=self._one(*NAMES), Name=self._one("live", "next"), FunctionVersion=self._one("1", "2")
        )

    def _permit(self) -> None:
        self._functions.add_permission(
            FunctionName=self._one(*NAMES),
            StatementId=self._one("one", "two"),
            Action="lambda:InvokeFunction",
            Principal="123456789012",
        )

    def _reserve(self) -> None:
        self._functions.put_function_concurrency(
            FunctionName=self._one(*NAMES), ReservedConcurrentExecutions=self._one(0, 5)
        )

    def _layer(self) -> None:
        self._functions.publish_layer_version(LayerName=self._one("lib", "data"), Content={"ZipFile": self._code()})

    def _make_bucket(self) -> None:
        where = {"LocationConstraint": "us-west-2"}
        self._s3.create_bucket(Bucket=self._one(*BUCKETS), CreateBucketConfiguration=where)

    def _version(self) -> None:
        wanted = {"Status": self._one("Enabled", "Suspended")}
        self._s3.put_bucket_versioning(Bucket=self._one(*BUCKETS), VersioningConfiguration=wanted)

    def _put(self) -> None:
        size = self._one(0, 10, 70_000)
        self._s3.put_object(
            Bucket=self._one(*BUCKETS),
            Key=self._one(*KEYS),
            Body=self._chance.randbytes(size),
            Metadata={"made-by": self._one(*NAMES), "my_note": "x"},
            ContentType=self._one("text/plain", "application/json"),
        )

    def _tag(self) -> None:
        tags = {"TagSet": [{"Key": "kind", "Value": self._one("x", "y")}]}
        self._s3.put_object_tagging(Bucket=self._one(*BUCKETS), Key=self._one(*KEYS), Tagging=tags)

    def _drop_object(self) -> None:
        self._s3.delete_object(Bucket=self._one(*BUCKETS), Key=self._one(*KEYS))

    def _copy(self) -> None:
        source = {"Bucket": self._one(*BUCKETS), "Key": self._one(*KEYS)}
        self._s3.copy_object(Bucket=self._one(*BUCKETS), Key=self._one(*KEYS), CopySource=source)

    def _upload(self) -> None:
        named = {"Bucket": self._one(*BUCKETS), "Key": self._one(*KEYS)}
        upload = {**named, "UploadId": self._s3.create_multipart_upload(**named)["UploadId"]}
        part = self._s3.upload_part(**upload, PartNumber=1, Body=self._chance.randbytes(1000))
        match self._one("complete", "abort", "leave"):
            case "complete":
                done = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
                self._s3.complete_multipart_upload(**upload, MultipartUpload=done)
            case "abort":
                self._s3.abort_multipart_upload(**upload)

    def _group_logs(self) -> None:
        self._logs.create_log_group(logGroupName=self._one(*NAMES))

    def _put_logs(self) -> None:
        group, stream = self._one(*NAMES), self._one(*NAMES)
        self._logs.create_log_stream(logGroupName=group, logStreamName=stream)
        at = int(self._asked.clocks.caller * 1000)
        events = [{"timestamp": at, "message": self._one("hello", "bye")}]
        self._logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
