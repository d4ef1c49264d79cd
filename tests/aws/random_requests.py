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

    def __init__(self, account: AccountClient, seed: int) -> None:
        self._account = account
        self._random = Random(seed)
        self._iam, self._sts = account.client("iam"), account.client("sts")
        self._s3, self._functions = account.client("s3"), account.client("lambda")
        self._logs = account.client("logs")
        self.succeeded = 0

    def act(self, times: int) -> None:
        """Send some requests; now and then, time passes."""
        actions: list[Callable[[], Any]] = [
            *(
                self._create_user,
                self._create_key,
                self._create_bedrock_key,
                self._change_bedrock_key,
                self._delete_user,
            ),
            *(self._create_role, self._create_policy, self._attach, self._group, self._assume, self._put_boundary),
            *(
                self._create_function,
                self._change_function,
                self._publish,
                self._alias,
                self._add_permission,
                self._reserve,
            ),
            *(
                self._layer,
                self._delete_function,
                self._create_bucket,
                self._put,
                self._put,
                self._tag,
                self._delete_object,
            ),
            *(self._upload, self._version, self._copy, self._group_logs, self._put_logs, self._federate),
        ]
        for _ in range(times):
            self._account.clocks.simulated += self._random.choice((0, 0, 0, 1, 3600))
            self._account.clocks.caller += self._random.choice((0, 0.5, 60))
            try:
                self._random.choice(actions)()
                self.succeeded += 1
            except (ClientError, LookupError):
                pass  # the resource does not exist, or already exists

    def _choose(self, *of: Any) -> Any:
        return self._random.choice(of)

    def _code(self) -> bytes:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            info = zipfile.ZipInfo("lambda_function.py", (2026, 1, 1, 0, 0, 0))
            package.writestr(info, f"# {self._random.random()}")
        return archive.getvalue()

    def _document(self) -> str:
        statement = {"Effect": "Allow", "Action": f"s3:{self._choose('Get*', 'Put*')}", "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def _create_user(self) -> None:
        self._iam.create_user(UserName=self._choose(*NAMES), Tags=[{"Key": "team", "Value": self._choose("x", "y")}])

    def _delete_user(self) -> None:
        self._iam.delete_user(UserName=self._choose(*NAMES))

    def _create_key(self) -> None:
        key = self._iam.create_access_key(UserName=self._choose(*NAMES))["AccessKey"]
        own = self._account.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
        own.tag_user(UserName=key["UserName"], Tags=[{"Key": "seen", "Value": "yes"}])

    def _create_bedrock_key(self) -> None:
        self._iam.create_service_specific_credential(
            UserName=self._choose(*NAMES), ServiceName="bedrock.amazonaws.com", CredentialAgeDays=self._choose(1, 30)
        )

    def _change_bedrock_key(self) -> None:
        listed = self._iam.list_service_specific_credentials(UserName=self._choose(*NAMES))
        credential = self._choose(*listed["ServiceSpecificCredentials"])
        parameters = {
            "UserName": credential["UserName"],
            "ServiceSpecificCredentialId": credential["ServiceSpecificCredentialId"],
        }
        change = self._choose("reset", "delete", "update")
        more = {"Status": "Inactive"} if change == "update" else {}
        getattr(self._iam, f"{change}_service_specific_credential")(**parameters, **more)

    def _create_role(self) -> None:
        self._iam.create_role(
            RoleName=self._choose(*NAMES), AssumeRolePolicyDocument=TRUST, Path=self._choose("/", "/ml/")
        )

    def _create_policy(self) -> None:
        self._iam.create_policy(PolicyName=self._choose(*NAMES), PolicyDocument=self._document())

    def _attach(self) -> None:
        arn = self._choose("arn:aws:iam::123456789012:policy/ann", "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess")
        if self._choose(True, False):
            self._iam.attach_role_policy(RoleName=self._choose(*NAMES), PolicyArn=arn)
        else:
            self._iam.attach_user_policy(UserName=self._choose(*NAMES), PolicyArn=arn)

    def _put_boundary(self) -> None:
        arn = "arn:aws:iam::123456789012:policy/bob"
        self._iam.put_user_permissions_boundary(UserName=self._choose(*NAMES), PermissionsBoundary=arn)

    def _group(self) -> None:
        if self._choose(True, False):
            self._iam.create_group(GroupName=self._choose(*NAMES))
        else:
            self._iam.add_user_to_group(GroupName=self._choose(*NAMES), UserName=self._choose(*NAMES))

    def _assume(self) -> None:
        role = self._choose(*self._iam.list_roles()["Roles"])["Arn"]
        self._sts.assume_role(RoleArn=role, RoleSessionName=self._choose(*NAMES))

    def _federate(self) -> None:
        self._sts.get_federation_token(Name=self._choose(*NAMES), Policy=self._document())

    def _create_function(self) -> None:
        self._functions.create_function(
            FunctionName=self._choose(*NAMES),
            Runtime="python3.12",
            Handler="lambda_function.lambda_handler",
            Role=self._choose(*self._iam.list_roles()["Roles"])["Arn"],
            Code={"ZipFile": self._code()},
            Environment={"Variables": {"SECRET": self._choose("x", "y")}},
        )

    def _change_function(self) -> None:
        name = self._choose(*NAMES)
        self._functions.update_function_code(FunctionName=name, ZipFile=self._code())
        self._functions.update_function_configuration(FunctionName=name, Timeout=self._choose(5, 50))

    def _delete_function(self) -> None:
        self._functions.delete_function(FunctionName=self._choose(*NAMES))

    def _publish(self) -> None:
        self._functions.publish_version(FunctionName=self._choose(*NAMES))

    def _alias(self) -> None:
        self._functions.create_alias(
            FunctionName=self._choose(*NAMES), Name=self._choose("live", "next"), FunctionVersion=self._choose("1", "2")
        )

    def _add_permission(self) -> None:
        self._functions.add_permission(
            FunctionName=self._choose(*NAMES),
            StatementId=self._choose("one", "two"),
            Action="lambda:InvokeFunction",
            Principal="123456789012",
        )

    def _reserve(self) -> None:
        self._functions.put_function_concurrency(
            FunctionName=self._choose(*NAMES), ReservedConcurrentExecutions=self._choose(0, 5)
        )

    def _layer(self) -> None:
        self._functions.publish_layer_version(LayerName=self._choose("lib", "data"), Content={"ZipFile": self._code()})

    def _create_bucket(self) -> None:
        where = {"LocationConstraint": "us-west-2"}
        self._s3.create_bucket(Bucket=self._choose(*BUCKETS), CreateBucketConfiguration=where)

    def _version(self) -> None:
        configuration = {"Status": self._choose("Enabled", "Suspended")}
        self._s3.put_bucket_versioning(Bucket=self._choose(*BUCKETS), VersioningConfiguration=configuration)

    def _put(self) -> None:
        size = self._choose(0, 10, 70_000)
        self._s3.put_object(
            Bucket=self._choose(*BUCKETS),
            Key=self._choose(*KEYS),
            Body=self._random.randbytes(size),
            Metadata={"made-by": self._choose(*NAMES), "my_note": "x"},
            ContentType=self._choose("text/plain", "application/json"),
        )

    def _tag(self) -> None:
        tags = {"TagSet": [{"Key": "kind", "Value": self._choose("x", "y")}]}
        self._s3.put_object_tagging(Bucket=self._choose(*BUCKETS), Key=self._choose(*KEYS), Tagging=tags)

    def _delete_object(self) -> None:
        self._s3.delete_object(Bucket=self._choose(*BUCKETS), Key=self._choose(*KEYS))

    def _copy(self) -> None:
        source = {"Bucket": self._choose(*BUCKETS), "Key": self._choose(*KEYS)}
        self._s3.copy_object(Bucket=self._choose(*BUCKETS), Key=self._choose(*KEYS), CopySource=source)

    def _upload(self) -> None:
        parameters = {"Bucket": self._choose(*BUCKETS), "Key": self._choose(*KEYS)}
        upload = {**parameters, "UploadId": self._s3.create_multipart_upload(**parameters)["UploadId"]}
        part = self._s3.upload_part(**upload, PartNumber=1, Body=self._random.randbytes(1000))
        match self._choose("complete", "abort", "leave"):
            case "complete":
                done = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
                self._s3.complete_multipart_upload(**upload, MultipartUpload=done)
            case "abort":
                self._s3.abort_multipart_upload(**upload)

    def _group_logs(self) -> None:
        self._logs.create_log_group(logGroupName=self._choose(*NAMES))

    def _put_logs(self) -> None:
        group, stream = self._choose(*NAMES), self._choose(*NAMES)
        self._logs.create_log_stream(logGroupName=group, logStreamName=stream)
        time_ms = int(self._account.clocks.caller * 1000)
        events = [{"timestamp": time_ms, "message": self._choose("hello", "bye")}]
        self._logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
