"""A reward function that is already deployed, by its name or ARN. It is used as it is."""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from client.errors import ServiceError, UsageError, to_client_error

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_NAME: Final = re.compile(
    r"(?:(?:arn:aws[a-zA-Z-]*:lambda:)?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_\-.]{1,140})(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_\-]{1,128}))?"
)
"""FunctionName in the Lambda API reference (DOCUMENTED): name, partial or full ARN, with or without a qualifier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedFunction:
    """A function that is ready to be called.

    Attributes:
        arn: its ARN, with the version or alias that the user named.
        code_size: the size of its zip in bytes, as Lambda says.
        sha256: of its zip, hexadecimal.
    """

    arn: str
    role_arn: str
    handler: str
    runtime: str
    architecture: str
    timeout: int
    memory_mb: int
    code_size: int
    sha256: str
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def run_digest(self) -> str:
        """What identifies the code of a run."""
        return self.sha256


def looks_like_a_path(text: str) -> bool:
    """True for a text that names a file or a folder, even if there is none."""
    return os.sep in text or text.startswith((".", "~")) or text.endswith((".py", ".zip"))


def find_deployed_function(text: str, *, region: str, lambda_client: LambdaClient) -> DeployedFunction:
    """Return the function that a name or an ARN names.

    Raises:
        UsageError: the text is neither, the function is in another region, or there is no such function.
        ServiceError: the function is not active.
        botocore.exceptions.ClientError: AWS refused the call for another reason.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text} is not a file or folder here, and not the name or ARN of a Lambda function.",
            next_step="Give a folder, a .py file, a zip, or a function's ARN or name.",
        )
    if match["region"] not in {None, region}:
        raise UsageError(
            f"{text} is in {match['region']}, but the target's region is {region}.",
            next_step=f"Give a function in {region}, or set AWS_REGION.",
        )
    qualifier = match["qualifier"]
    # The whole ARN and a qualifier of its own: not every server reads partial ARNs, or a qualifier in a name.
    name = match["name"]
    if match["account"]:
        partition = text.split(":")[1] if text.startswith("arn:") else "aws"
        name = f"arn:{partition}:lambda:{region}:{match['account']}:function:{name}"
    try:
        configuration = (
            lambda_client.get_function_configuration(FunctionName=name, Qualifier=qualifier)
            if qualifier
            else lambda_client.get_function_configuration(FunctionName=name)
        )
    except lambda_client.exceptions.ResourceNotFoundException as error:
        client_error = to_client_error(error)
        detail = f" {client_error.message}" if client_error else ""
        raise UsageError(
            f"{text} is not a file or folder here, and there is no such function in {region}.{detail}",
            next_step="Correct the name. `rft deploy FOLDER` deploys a folder.",
        ) from error
    state = configuration.get("State", "Active")
    if state not in {"Active", "Inactive"}:  # an inactive function becomes active when it is called
        raise ServiceError(
            f"{text} is {state}: {configuration.get('StateReason', 'Lambda gives no reason')}.",
            next_step="Wait until it is Active, or correct it.",
        )
    # The ARN of an alias may be returned as that of its version.
    unqualified_arn = ":".join(configuration["FunctionArn"].split(":")[:7])
    return DeployedFunction(
        arn=f"{unqualified_arn}:{qualifier}" if qualifier else unqualified_arn,
        role_arn=configuration.get("Role", ""),
        handler=configuration.get("Handler", ""),
        runtime=configuration.get("Runtime", ""),
        architecture=configuration.get("Architectures", ["x86_64"])[0],
        timeout=configuration.get("Timeout", 0),
        memory_mb=configuration.get("MemorySize", 0),
        code_size=configuration.get("CodeSize", 0),
        sha256=base64.b64decode(configuration.get("CodeSha256", "")).hex(),
    )
