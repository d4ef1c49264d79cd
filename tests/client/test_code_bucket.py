"""The bucket for large zips, in moto."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from client.code_bucket import CodeBucket, find_code_bucket, upload_code
from client.deployment_package import DeploymentPackage, build_package
from client.errors import UsageError
from client.function_options import FunctionOptions
from client.sdk_clients import AwsClients
from tests.client.conftest import write_reward

DEFAULT_NAME = "rft-deploy-123456789012-us-west-2"


@pytest.fixture
def aws_clients(moto_clients: AwsClients, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    """An account in which each zip is too large for a request."""
    monkeypatch.setattr("client.code_bucket.MAX_REQUEST_ZIP_BYTES", 10)
    with mock_aws():
        yield moto_clients


@pytest.fixture
def package(tmp_path: Path) -> DeploymentPackage:
    """A package."""
    return build_package(write_reward(tmp_path / "reward"))


def create_bucket(aws_clients: AwsClients, name: str) -> None:
    """Create a bucket in the region of the target."""
    aws_clients.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})


def test_a_small_zip_needs_no_bucket(aws_clients: AwsClients, package: DeploymentPackage) -> None:
    """It is sent in the request, so S3 is not even asked."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("client.code_bucket.MAX_REQUEST_ZIP_BYTES", len(package.zip_bytes))
        assert find_code_bucket(package, FunctionOptions(), aws_clients=aws_clients) is None


@pytest.mark.slow
def test_the_default_bucket_is_named_before_it_is_created(aws_clients: AwsClients, package: DeploymentPackage) -> None:
    """So the user can confirm it."""
    expected = CodeBucket(name=DEFAULT_NAME, region="us-west-2", owner="123456789012", exists=False)
    assert find_code_bucket(package, FunctionOptions(), aws_clients=aws_clients) == expected
    assert aws_clients.s3.list_buckets()["Buckets"] == []


@pytest.mark.parametrize("text", ["mine", "s3://mine", "s3://mine/"])
def test_a_named_bucket_is_used(aws_clients: AwsClients, package: DeploymentPackage, text: str) -> None:
    """It may be another account's."""
    create_bucket(aws_clients, "mine")
    bucket = find_code_bucket(package, FunctionOptions(code_bucket=text), aws_clients=aws_clients)
    assert bucket == CodeBucket(name="mine", region="us-west-2", owner=None, exists=True)


def test_a_named_bucket_that_is_missing_is_a_usage_error(aws_clients: AwsClients, package: DeploymentPackage) -> None:
    """It is not created."""
    with pytest.raises(UsageError) as exc_info:
        find_code_bucket(package, FunctionOptions(code_bucket="none"), aws_clients=aws_clients)
    assert (exc_info.value.message, exc_info.value.next_step) == (
        "The bucket none of --code-bucket does not exist.",
        "Create it: aws s3 mb s3://none --region us-west-2",
    )


def test_a_bucket_of_another_account_is_refused(aws_clients: AwsClients, package: DeploymentPackage) -> None:
    """Its owner could replace the code."""
    create_bucket(aws_clients, DEFAULT_NAME)
    error = aws_clients.s3.exceptions.ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")

    def refuse(**_: str) -> None:
        raise error

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(aws_clients.s3, "head_bucket", refuse)
        with pytest.raises(UsageError, match=f"The bucket {DEFAULT_NAME} cannot be used. AWS refused HeadBucket: 403"):
            find_code_bucket(package, FunctionOptions(), aws_clients=aws_clients)


def test_a_zip_is_uploaded_once_under_its_hash(aws_clients: AwsClients, package: DeploymentPackage) -> None:
    """The missing bucket is created, and the progress ends at the size."""
    bucket = find_code_bucket(package, FunctionOptions(), aws_clients=aws_clients)
    assert bucket is not None
    reports: list[tuple[int, int]] = []

    def upload(content: bytes) -> str:
        return upload_code(
            content,
            bucket=bucket,
            name="rft-reward",
            digest=hashlib.sha256(content).hexdigest(),
            s3=aws_clients.s3,
            advance=lambda done, total: reports.append((done, total)),
        )

    key = upload(b"zip" * 100)
    assert key == f"rft-deploy/rft-reward/{hashlib.sha256(b'zip' * 100).hexdigest()}.zip"
    assert aws_clients.s3.get_object(Bucket=DEFAULT_NAME, Key=key)["Body"].read() == b"zip" * 100
    assert reports[-1] == (300, 300)
    count = len(reports)
    assert (upload(b"zip" * 100), len(reports)) == (key, count)
