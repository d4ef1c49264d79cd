"""The configuration of a deployed function, and what its description records about its code."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, NotRequired, TypedDict

from client.deployment_package import DeploymentPackage
from client.function_options import DEFAULT_MEMORY_MB, DEFAULT_RUNTIME, DEFAULT_TIMEOUT_SECONDS, FunctionOptions

if TYPE_CHECKING:
    from mypy_boto3_lambda.literals import RuntimeType
    from mypy_boto3_lambda.type_defs import EnvironmentTypeDef, FunctionConfigurationResponseTypeDef

_SOURCE_PATTERN = re.compile(r"made by rft deploy from ([0-9a-f]{16})\.")


# A compressed zip differs between machines. Its files are compared, if the function still has the zip of that line.
_CONTENTS_PATTERN = re.compile(r"Contents ([0-9a-f]{64}) in zip ([0-9a-f]{16})\.")


def _description(package: DeploymentPackage) -> str:
    # Not a tag: reading and writing tags takes two more permissions. At most 256 characters.
    text = f"Reward function for Bedrock reinforcement fine-tuning; made by rft deploy from {package.folder_digest}."
    if package.is_compressed:
        text += f" Contents {package.content_digest} in zip {package.sha256[:16]}."
    return text


class FunctionConfiguration(TypedDict):
    """The settings of the function, in Lambda's own names."""

    Runtime: RuntimeType
    Handler: str
    Role: str
    Timeout: int
    MemorySize: int
    Description: str
    Environment: NotRequired[EnvironmentTypeDef]
    Layers: NotRequired[list[str]]


def build_configuration(
    package: DeploymentPackage, options: FunctionOptions, *, role_arn: str, layer_arns: tuple[str, ...]
) -> FunctionConfiguration:
    """Return the settings of a function. Variables and layers are only in it if the user named them."""
    configuration: FunctionConfiguration = {
        "Runtime": options.runtime or DEFAULT_RUNTIME,
        "Handler": package.handler,
        "Role": role_arn,
        "Timeout": options.timeout or DEFAULT_TIMEOUT_SECONDS,
        "MemorySize": options.memory_mb or DEFAULT_MEMORY_MB,
        "Description": _description(package),
    }
    if options.environment is not None:
        configuration["Environment"] = {"Variables": dict(options.environment)}
    if layer_arns:
        configuration["Layers"] = list(layer_arns)
    return configuration


def has_same_contents(package: DeploymentPackage, current: FunctionConfigurationResponseTypeDef) -> bool:
    """True if the function has a zip of another machine with the same files."""
    recorded = _CONTENTS_PATTERN.search(current.get("Description", ""))
    deployed_sha256 = base64.b64decode(current.get("CodeSha256", "")).hex()
    return bool(
        package.is_compressed
        and recorded
        and recorded[1] == package.content_digest
        and deployed_sha256.startswith(recorded[2])
    )


def is_from_another_folder(package: DeploymentPackage, current: FunctionConfigurationResponseTypeDef) -> bool:
    """True if the function was deployed from another folder, whose name gives the same function."""
    source = _SOURCE_PATTERN.search(current.get("Description", ""))
    return bool(source and source[1] != package.folder_digest)
