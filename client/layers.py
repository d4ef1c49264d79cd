"""The layers of a function: ARNs of layer versions, and zips or folders that are published as versions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from client.errors import UsageError
from client.function_options import MAX_LAYERS
from client.package_archive import digest_files, open_user_zip, zip_files
from client.package_files import list_files

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import LayerVersionContentInputTypeDef

# DOCUMENTED: LayerVersionArn, Lambda API reference.
_LAYER_ARN: Final = re.compile(r"arn:[a-zA-Z0-9-]+:lambda:[a-z0-9-]+:\d{12}:layer:[a-zA-Z0-9_-]+(?P<version>:\d+)?")
_PYTHON_FOLDER: Final = "python/"
_MAX_NAME_LENGTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPackage:
    """A zip that becomes a layer version. `content_digest` identifies it on every machine."""

    stem: str
    zip_bytes: bytes
    content_digest: str
    unpacked_size: int


Layer = str | LayerPackage
"""The ARN of a layer version, or a layer to publish."""


def read_layers(texts: Sequence[str]) -> tuple[Layer, ...]:
    """Return the layers that `--layer` options name, in order.

    Raises:
        UsageError: there are too many, an ARN has no version, or a zip or folder is no layer of Python modules.
    """
    if len(texts) > MAX_LAYERS:
        raise UsageError(f"There are {len(texts)} layers; Lambda takes {MAX_LAYERS}.", next_step="Put them together.")
    return tuple(_read_layer(text) for text in texts)


def find_published_version(layer: LayerPackage, *, name: str, lambda_client: LambdaClient) -> str | None:
    """Return the ARN of a version that holds the same files, or None."""
    try:
        pages = lambda_client.get_paginator("list_layer_versions").paginate(LayerName=name)
        versions = [version for page in pages for version in page["LayerVersions"]]
    except lambda_client.exceptions.ResourceNotFoundException:
        return None
    return next(
        (version["LayerVersionArn"] for version in versions if layer.content_digest in version.get("Description", "")),
        None,
    )


def publish_layer(
    layer: LayerPackage, content: LayerVersionContentInputTypeDef, *, name: str, lambda_client: LambdaClient
) -> str:
    """Publish a layer and return the ARN of its version."""
    response = lambda_client.publish_layer_version(
        LayerName=name, Description=f"Made by rft deploy; contents {layer.content_digest}.", Content=content
    )
    return response["LayerVersionArn"]


def layer_name(layer: LayerPackage, *, function_name: str) -> str:
    """Return the name under which a function's layer is published."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", layer.stem).strip("-").lower() or "layer"
    return f"{function_name}-{stem}"[:_MAX_NAME_LENGTH]


def _read_layer(text: str) -> Layer:
    if text.startswith("arn:"):
        match = _LAYER_ARN.fullmatch(text)
        if match is None or match["version"] is None:
            raise UsageError(
                f"--layer {text} is not the ARN of a layer version.",
                next_step="Give arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION, a zip or a folder.",
            )
        return text
    path = Path(text).expanduser()
    if path.is_dir():
        files = list_files(path)
        names, size = [file.name for file in files], sum(file.size for file in files)
        _require_python_folder(text, names)
        zip_bytes = zip_files(files, is_compressed=True)
        digest = digest_files((file.name, file.is_executable, file.sha256()) for file in files)
    elif path.is_file():
        zip_bytes = path.read_bytes()
        with open_user_zip(path, zip_bytes) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            names, size = [entry.filename for entry in entries], sum(entry.file_size for entry in entries)
            _require_python_folder(text, names)
            digest = digest_files(
                (entry.filename, False, hashlib.sha256(archive.read(entry)).hexdigest()) for entry in entries
            )
    else:
        raise UsageError(
            f"--layer {text} does not exist.", next_step="Give the ARN of a layer version, a zip or a folder."
        )
    return LayerPackage(stem=path.resolve().stem, zip_bytes=zip_bytes, content_digest=digest, unpacked_size=size)


def _require_python_folder(text: str, names: Sequence[str]) -> None:
    # DOCUMENTED: Python finds the modules of a layer in python/ and python/lib/python3.X/site-packages.
    if not any(name.startswith(_PYTHON_FOLDER) for name in names):
        raise UsageError(
            f"--layer {text} has no folder {_PYTHON_FOLDER}, so Python would find none of its modules.",
            next_step=f"Put them into {_PYTHON_FOLDER}, for example with pip install --target {text}/python.",
        )
