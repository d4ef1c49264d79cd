"""Files on this machine and in S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from client.errors import Incomplete, UsageError
from client.sdk_clients import AwsClients
from client.storage import download, require_writable, store_artifacts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def bucket(moto_clients: AwsClients) -> Iterator[S3Client]:
    """A bucket `runs` in moto with one object."""
    with mock_aws():
        client = moto_clients.s3
        client.create_bucket(Bucket="runs", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        client.put_object(Bucket="runs", Key="in/train.jsonl", Body=b"rows")
        yield client


def unused_s3_client() -> S3Client:
    """Fail: the test must not use S3."""
    raise AssertionError


def test_a_local_path_is_used_unchanged(tmp_path: Path) -> None:
    """Without boto3."""
    assert download("fixtures/train.jsonl", folder=tmp_path, s3_factory=unused_s3_client) == Path(
        "fixtures/train.jsonl"
    )


def test_an_object_is_downloaded_under_its_name(bucket: S3Client, tmp_path: Path) -> None:
    """The later upload uses this name."""
    path = download("s3://runs/in/train.jsonl", folder=tmp_path, s3_factory=lambda: bucket)
    assert (path, path.read_bytes()) == (tmp_path / "train.jsonl", b"rows")


@pytest.mark.parametrize(
    "location", ["s3://runs/in/none.jsonl", "s3://runs/in/", "s3://runs", "s3:///x", "s3://missing/x"]
)
def test_a_missing_object_is_a_usage_error(bucket: S3Client, tmp_path: Path, location: str) -> None:
    """The error names the location."""
    with pytest.raises(UsageError, match=location):
        download(location, folder=tmp_path, s3_factory=lambda: bucket)


def test_results_are_written_to_a_folder(tmp_path: Path) -> None:
    """The folder is created."""
    locations = store_artifacts(
        {"run.json": b"{}"}, location=str(tmp_path / "a" / "b"), fallback=tmp_path, s3_factory=unused_s3_client
    )
    assert locations == (str(tmp_path / "a" / "b" / "run.json"),)
    assert Path(locations[0]).read_bytes() == b"{}"


@pytest.mark.parametrize(("location", "key"), [("s3://runs", "run.json"), ("s3://runs/a/b/", "a/b/run.json")])
def test_results_are_written_under_an_s3_prefix(bucket: S3Client, tmp_path: Path, location: str, key: str) -> None:
    """With or without a slash at the end."""
    locations = store_artifacts({"run.json": b"{}"}, location=location, fallback=tmp_path, s3_factory=lambda: bucket)
    assert locations == (f"s3://runs/{key}",)
    assert bucket.get_object(Bucket="runs", Key=key)["Body"].read() == b"{}"


def test_results_are_kept_if_the_bucket_is_gone(bucket: S3Client, tmp_path: Path) -> None:
    """They are written to a local folder instead."""
    with pytest.raises(Incomplete) as exc_info:
        store_artifacts(
            {"run.json": b"{}"}, location="s3://gone/x", fallback=tmp_path / "spare", s3_factory=lambda: bucket
        )
    assert exc_info.value.next_step == f"Find the results in {tmp_path / 'spare' / 'run.json'}"
    assert (tmp_path / "spare" / "run.json").read_bytes() == b"{}"


def test_a_missing_bucket_is_a_usage_error(bucket: S3Client) -> None:
    """With the command that creates it."""
    with pytest.raises(UsageError) as exc_info:
        require_writable("s3://gone/x", s3_factory=lambda: bucket)
    assert exc_info.value.next_step == "Create it: aws s3 mb s3://gone"


def test_an_output_that_is_a_file_is_a_usage_error(tmp_path: Path) -> None:
    """Instead of a folder."""
    (tmp_path / "out").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be used as output folder"):
        require_writable(str(tmp_path / "out"), s3_factory=unused_s3_client)
