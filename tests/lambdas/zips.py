"""Functions with real zips."""

import hashlib
import io
import zipfile
from dataclasses import replace
from typing import Any

from simulator.lambdas.function import FunctionSpec

ACCOUNT = "123456789012"
REGION = "us-west-2"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:grader"


def zip_entries(*entries: tuple[str, int, str]) -> bytes:
    """Return a zip archive of entries, each with its path, its mode with the kind of file, and its content."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        for path, mode, content in entries:
            entry = zipfile.ZipInfo(path)
            entry.external_attr = mode << 16
            entry.create_system = 3
            package.writestr(entry, content)
    return archive.getvalue()


def zip_files(files: dict[str, str | bytes]) -> bytes:
    """Return a zip archive of `files` by path."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        for path, content in files.items():
            package.writestr(_regular_file(path), content)
    return archive.getvalue()


def _regular_file(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path)
    entry.external_attr = 0o100644 << 16  # by default `writestr` records 0600, which Lambda's user cannot read
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def make_function(source: str, **changes: Any) -> FunctionSpec:
    """Return a function with one file, lambda_function.py, as if it were deployed."""
    return function_from_zip(zip_files({"lambda_function.py": source}), **changes)


def function_from_zip(code: bytes, **changes: Any) -> FunctionSpec:
    """Return a function with a zip archive."""
    spec = FunctionSpec(
        name="grader",
        arn=ARN,
        version="$LATEST",
        account=ACCOUNT,
        region=REGION,
        handler="lambda_function.lambda_handler",
        runtime="python3.11",
        code=code,
        code_sha256=hashlib.sha256(code).hexdigest(),
        log_group="/aws/lambda/grader",
    )
    return replace(spec, **changes)
