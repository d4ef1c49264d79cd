"""Files that may lie on this machine or in S3, by one spelling: a path or `s3://bucket/key`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from client.errors import Incomplete, UsageError, to_client_error

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3_SCHEME = "s3://"
S3ClientFactory = Callable[[], "S3Client"]


def is_s3_uri(location: str) -> bool:
    """True for `s3://...`."""
    return location.startswith(S3_SCHEME)


def split_s3_uri(location: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of `s3://bucket/key`.

    Raises:
        Misuse: there is no bucket.
    """
    bucket, _, key = location.removeprefix(S3_SCHEME).partition("/")
    if not bucket:
        raise UsageError(f"{location} names no bucket.", next_step="Write s3://bucket/key.")
    return bucket, key


def download(location: str, *, folder: Path, s3_factory: S3ClientFactory) -> Path:
    """The local file for `location`; an object in S3 is downloaded into the folder `folder` under its own name.

    Raises:
        Misuse: the location names no object, or S3 does not give it.
    """
    if not is_s3_uri(location):
        return Path(location)
    bucket, key = split_s3_uri(location)
    name = PurePosixPath(key).name
    if not name or key.endswith("/"):
        raise UsageError(f"{location} names no object.", next_step="Write s3://bucket/key.")
    path = folder / name
    try:
        s3_factory().download_file(bucket, key, str(path))
    except Exception as error:
        reason = to_client_error(error)
        if reason is None:
            raise
        raise UsageError(f"{location} could not be downloaded. {reason.message}", next_step=reason.next_step) from error
    return path


def require_writable(location: str, *, s3_factory: S3ClientFactory) -> None:
    """Find out before a job is paid for that its results would have nowhere to go.

    Raises:
        Misuse: the bucket is not there for us, or the folder cannot be made.
    """
    if not is_s3_uri(location):
        try:
            Path(location).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{location} cannot be used as output folder: {error.strerror}.") from error
        return
    bucket, _ = split_s3_uri(location)
    try:
        s3_factory().head_bucket(Bucket=bucket)
    except Exception as error:
        reason = to_client_error(error)
        if reason is None:
            raise
        raise UsageError(
            f"The bucket of {location} cannot be used. {reason.message}", next_step=f"Make it: aws s3 mb s3://{bucket}"
        ) from error


def store_artifacts(
    artifacts: Mapping[str, bytes], *, location: str, fallback: Path, s3_factory: S3ClientFactory
) -> tuple[str, ...]:
    """Write each named artefact at `location`; returns where each now is, in order.

    Raises:
        Incomplete: S3 did not take them; they are in the folder `fallback` instead.
    """
    if not is_s3_uri(location):
        return _write_files(artifacts, Path(location))
    bucket, prefix = split_s3_uri(location)
    prefix = prefix.rstrip("/")
    keys = {name: f"{prefix}/{name}" if prefix else name for name in artifacts}
    try:
        client = s3_factory()
        for name, content in artifacts.items():
            client.put_object(Bucket=bucket, Key=keys[name], Body=content)
    except Exception as error:
        reason = to_client_error(error)
        if reason is None:
            raise
        kept = ", ".join(_write_files(artifacts, fallback))
        raise Incomplete(
            f"The job has ended, but {location} took no results. {reason.message}", next_step=f"Kept: {kept}"
        ) from error
    return tuple(f"{S3_SCHEME}{bucket}/{key}" for key in keys.values())


def delete_artifact(name: str, *, location: str, s3_factory: S3ClientFactory) -> None:
    """Remove an artefact of an earlier run at `location`, if there is one.

    Raises:
        OSError: it cannot be removed.
        botocore.exceptions.ClientError: S3 refused; that it is not there is no error.
    """
    if not is_s3_uri(location):
        (Path(location) / name).unlink(missing_ok=True)
        return
    bucket, prefix = split_s3_uri(location)
    s3_factory().delete_object(Bucket=bucket, Key=f"{prefix.rstrip('/')}/{name}".lstrip("/"))


def _write_files(artefacts: Mapping[str, bytes], folder: Path) -> tuple[str, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in artefacts.items():
        (folder / name).write_bytes(content)
    return tuple(str(folder / name) for name in artefacts)
