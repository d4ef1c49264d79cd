"""Read and write files on this machine or in S3. A location is a path or `s3://bucket/key`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from client.errors import Incomplete, UsageError, to_client_error
from client.interrupts import clean_up_on_signal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3_SCHEME = "s3://"
S3ClientFactory = Callable[[], "S3Client"]


def is_s3_uri(location: str) -> bool:
    """True for `s3://...`."""
    return location.startswith(S3_SCHEME)


def split_s3_uri(location: str) -> tuple[str, str]:
    """Return the bucket and the key (or prefix) of `s3://bucket/key`.

    Raises:
        UsageError: there is no bucket.
    """
    bucket, _, key = location.removeprefix(S3_SCHEME).partition("/")
    if not bucket:
        raise UsageError(f"{location} has no bucket name.", next_step="Write s3://bucket/key.")
    return bucket, key


def download(location: str, *, folder: Path, s3_factory: S3ClientFactory) -> Path:
    """Return the local file of `location`. An object in S3 is downloaded into `folder` under its own name.

    Raises:
        UsageError: the location has no object name, or S3 refused the download.
    """
    if not is_s3_uri(location):
        return Path(location)
    bucket, key = split_s3_uri(location)
    name = PurePosixPath(key).name
    if not name or key.endswith("/"):
        raise UsageError(f"{location} has no object name.", next_step="Write s3://bucket/key.")
    path = folder / name
    try:
        s3_factory().download_file(bucket, key, str(path))
    except Exception as error:
        client_error = to_client_error(error)
        if client_error is None:
            raise
        raise UsageError(
            f"{location} could not be downloaded. {client_error.message}", next_step=client_error.next_step
        ) from error
    return path


def require_writable(location: str, *, s3_factory: S3ClientFactory) -> None:
    """Check that results can be written at `location`, before a job starts and is billed.

    Raises:
        UsageError: the bucket cannot be reached, or the folder cannot be created.
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
        client_error = to_client_error(error)
        if client_error is None:
            raise
        raise UsageError(
            f"The bucket of {location} cannot be used. {client_error.message}",
            next_step=f"Create it: aws s3 mb s3://{bucket}",
        ) from error


def store_artifacts(
    artifacts: Mapping[str, bytes], *, location: str, fallback: Path, s3_factory: S3ClientFactory
) -> tuple[str, ...]:
    """Write each named artifact at `location` and return their locations, in order.

    Raises:
        Incomplete: S3 refused them; they are in the folder `fallback` instead.
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
        client_error = to_client_error(error)
        if client_error is None:
            raise
        fallback_paths = ", ".join(_write_files(artifacts, fallback))
        raise Incomplete(
            f"The job has ended, but its results could not be stored at {location}. {client_error.message}",
            next_step=f"Find the results in {fallback_paths}",
        ) from error
    return tuple(f"{S3_SCHEME}{bucket}/{key}" for key in keys.values())


def _write_files(artifacts: Mapping[str, bytes], folder: Path) -> tuple[str, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in artifacts.items():
        (folder / name).write_bytes(content)
    return tuple(str(folder / name) for name in artifacts)


@contextmanager
def open_download_folder() -> Iterator[Path]:
    """Yield a folder for downloads from S3, and remove it at the end."""
    folders: list[str] = []

    def remove() -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    with clean_up_on_signal(remove), tempfile.TemporaryDirectory(prefix="rft-") as folder:
        folders.append(folder)
        yield Path(folder)
