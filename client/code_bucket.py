"""The S3 bucket for zips that are too large for a request to Lambda."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from client.deployment_package import DeploymentPackage
from client.errors import UsageError, to_client_error
from client.function_options import FunctionOptions
from client.layers import LayerPackage
from client.package_size import MAX_REQUEST_ZIP_BYTES
from client.reward import Reward
from client.sdk_clients import AwsClients

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEY_PREFIX: Final = "rft-deploy"
_MISSING_CODES: Final = {"404", "NoSuchBucket"}

# S3 creates a bucket there without a LocationConstraint, and refuses this one.
_FIRST_REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBucket:
    """A bucket for zips.

    Attributes:
        region: where a missing bucket is created.
        owner: the account that must own it, or None for a bucket that the user named. Another account may have
            created a bucket of the default name.
        exists: False if the deployment creates it.
    """

    name: str
    region: str
    owner: str | None
    exists: bool


def needs_code_bucket(reward: Reward) -> bool:
    """True if the package or a layer of it is too large for a request."""
    if not isinstance(reward, DeploymentPackage):
        return False
    zips = [reward.zip_bytes, *(layer.zip_bytes for layer in reward.layers if isinstance(layer, LayerPackage))]
    return any(len(zip_bytes) > MAX_REQUEST_ZIP_BYTES for zip_bytes in zips)


def find_code_bucket(reward: Reward, options: FunctionOptions, *, aws_clients: AwsClients) -> CodeBucket | None:
    """Return the bucket for a large package, or None if no zip is large. Nothing is created.

    It is the bucket of `--code-bucket`, or `rft-deploy-ACCOUNT-REGION`, which the deployment creates. The bucket of
    `--output` is not used: it may be in another region, and Lambda reads code from its own region only (DOCUMENTED).

    Raises:
        UsageError: the bucket cannot be used.
        botocore.exceptions.ClientError: AWS does not say who the caller is.
    """
    if not needs_code_bucket(reward):
        return None
    region = aws_clients.target.region
    if options.code_bucket is not None:
        name, owner = options.code_bucket.removeprefix("s3://").rstrip("/"), None
    else:
        owner = aws_clients.sts.get_caller_identity()["Account"]
        name = f"{_KEY_PREFIX}-{owner}-{region}"
    exists = _exists(name, owner=owner, s3=aws_clients.s3)
    if not exists and options.code_bucket is not None:
        raise UsageError(
            f"The bucket {name} of --code-bucket does not exist.",
            next_step=f"Create it: aws s3 mb s3://{name} --region {region}",
        )
    return CodeBucket(name=name, region=region, owner=owner, exists=exists)


def upload_code(
    zip_bytes: bytes,
    *,
    bucket: CodeBucket,
    name: str,
    digest: str,
    s3: S3Client,
    advance: Callable[[int, int], None],
) -> str:
    """Upload a zip, unless the bucket has it, and return its key. A missing bucket is created.

    Args:
        zip_bytes: the zip.
        bucket: where to.
        name: the name of the function or the layer.
        digest: the hash of the zip.
        s3: a client for the bucket.
        advance: called with the number of bytes that are sent, and of all.

    Raises:
        botocore.exceptions.ClientError: S3 refused a call.
    """
    if not bucket.exists and not _exists(bucket.name, owner=bucket.owner, s3=s3):
        if bucket.region == _FIRST_REGION:
            s3.create_bucket(Bucket=bucket.name)
        else:
            # The stubs have a list of regions; S3 has more.
            s3.create_bucket(
                Bucket=bucket.name,
                CreateBucketConfiguration={"LocationConstraint": bucket.region},  # type: ignore[typeddict-item]
            )
    key = f"{_KEY_PREFIX}/{name}/{digest}.zip"
    if not _has_object(key, size=len(zip_bytes), bucket=bucket, s3=s3):
        # One request: an upload in parts that is cut off would leave parts, which S3 bills for.
        body = _ReportingReader(zip_bytes, advance)
        if bucket.owner is None:
            s3.put_object(Bucket=bucket.name, Key=key, Body=body)
        else:
            s3.put_object(Bucket=bucket.name, Key=key, Body=body, ExpectedBucketOwner=bucket.owner)
    return key


class _ReportingReader(io.BytesIO):
    """Bytes that report how far they are read."""

    def __init__(self, content: bytes, advance: Callable[[int, int], None]) -> None:
        super().__init__(content)
        self.total = len(content)
        self.advance = advance

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.advance(self.tell(), self.total)
        return content


def _exists(name: str, *, owner: str | None, s3: S3Client) -> bool:
    try:
        if owner is None:
            s3.head_bucket(Bucket=name)
        else:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=owner)
    except s3.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") in _MISSING_CODES:
            return False
        client_error = to_client_error(error)
        raise UsageError(
            f"The bucket {name} cannot be used. {client_error.message if client_error else error}",
            next_step="It may be another account's. Name a bucket of yours with --code-bucket.",
        ) from error
    return True


def _has_object(key: str, *, size: int, bucket: CodeBucket, s3: S3Client) -> bool:
    try:
        return s3.head_object(Bucket=bucket.name, Key=key)["ContentLength"] == size
    except s3.exceptions.ClientError:  # it is missing, or the caller may not look: then it is uploaded again
        return False
