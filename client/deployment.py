"""A folder becomes a Lambda function that Bedrock may call: role, zip, create or update, wait.

The permissions, end to end. The *function's* role is assumed by `lambda.amazonaws.com` and may write its logs; nothing
else. The *caller* of `rft train` needs `lambda:InvokeFunction` on the function, because the service calls it in the
caller's name (DOCUMENTED: the create call takes no role; the caller's identity carries AmazonBedrockMantleFullAccess
and lambda:InvokeFunction). No resource policy is added and no version is published.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import json
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, cast

from client.errors import ServiceError, UsageError
from client.retry_policy import Clock, Notify

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.literals import RuntimeType
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef

HANDLER_MODULE, HANDLER_FUNCTION = "lambda_function", "lambda_handler"
HANDLER: Final = f"{HANDLER_MODULE}.{HANDLER_FUNCTION}"
# The Python that this runs under is the one that the function was tried with; Lambda has 3.10 to 3.14 (DOCUMENTED).
RUNTIME: Final = cast("RuntimeType", f"python3.{min(sys.version_info.minor, 14)}")
# SAMPLE: Lambda's default of 3 s is too short for a batch of rollouts; AWS's notebook deploys with 300 s and 512 MB.
TIMEOUT_SECONDS, MEMORY_MB = 300, 512
# DOCUMENTED by Lambda: a zip sent inside the request holds at most 50 MB.
_LARGEST_ZIP = 50 * 1024 * 1024
_BASIC_EXECUTION = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
# AWS's own words while a new role travels to where Lambda can see it, commonly some ten seconds.
_ROLE_UNDERWAY = "The role defined for the function cannot be assumed by Lambda"
_ROLE_PATIENCE_SECONDS, _ROLE_PAUSE_SECONDS = 60.0, 2.0
_ORIGIN = re.compile(r"made by rft deploy from ([0-9a-f]{16})\.")
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentPackage:
    """A zip whose bytes depend on the files alone.

    Attributes:
        name: the function's name, from the folder's.
        zip_bytes: the zip.
        sha256: of the zip, hexadecimal.
        files: the paths inside, sorted.
        folder_digest: stands for the folder's place on this machine.
    """

    name: str
    zip_bytes: bytes
    sha256: str
    files: tuple[str, ...]
    folder_digest: str

    @property
    def role_name(self) -> str:
        """The name of the function's role."""
        return f"{self.name}-role"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A function that is ready. `outcome` is created, updated or unchanged."""

    arn: str
    outcome: str
    role_arn: str


def build_package(folder: Path) -> DeploymentPackage:
    """Zip the files of `folder`, leaving out caches and hidden files.

    Entries are sorted, dated 1980 and stored uncompressed: zlib's output differs between builds, and the service
    compares hashes.

    Raises:
        Misuse: no folder, no `lambda_function.py`, no handler in it, too large, or a link that leads out of it.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is not a folder.", next_step=f"Give the folder that holds {HANDLER_MODULE}.py (--reward DIR)."
        )
    _require_inside(folder)
    _require_handler(folder / f"{HANDLER_MODULE}.py")
    paths = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.is_file() and not _is_excluded(path.relative_to(folder))
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, path in paths:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = _REGULAR_FILE
            entry.create_system = _UNIX
            archive.writestr(entry, path.read_bytes())
    content = buffer.getvalue()
    if len(content) > _LARGEST_ZIP:
        raise UsageError(
            f"{folder} makes a zip of {len(content) / 2**20:.0f} MB; Lambda takes 50 MB in a request.",
            next_step="Move large dependencies into a Lambda layer.",
        )
    return DeploymentPackage(
        name=function_name_for(folder),
        zip_bytes=content,
        sha256=hashlib.sha256(content).hexdigest(),
        files=tuple(name for name, _ in paths),
        folder_digest=hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16],
    )


def deploy_function(
    package: DeploymentPackage, *, iam: IAMClient, lambda_client: LambdaClient, clock: Clock, notify: Notify
) -> Deployment:
    """Make the function in the account equal to `package`, and wait until it is ready.

    Raises:
        Misuse: the role of that name exists and Lambda may not assume it.
        Refused: the new role stayed unusable, or the function did not become active.
        botocore.exceptions.ClientError: AWS refused a call.
    """
    role_arn = _ensure_role(package.role_name, iam=iam)
    try:
        present = lambda_client.get_function_configuration(FunctionName=package.name)
    except lambda_client.exceptions.ResourceNotFoundException:
        arn = _create_function(package, role_arn=role_arn, functions=lambda_client, stopwatch=clock, say=notify)
        outcome = "created"
    else:
        arn = present["FunctionArn"]
        origin = _ORIGIN.search(present.get("Description", ""))
        if origin and origin[1] != package.folder_digest:
            notify(f"{package.name} was deployed from another folder; it now gets the files of this one.")
        _wait_until_ready(package.name, functions=lambda_client)
        changed = _update_function(package, present=present, role_arn=role_arn, functions=lambda_client)
        outcome = "updated" if changed else "unchanged"
    _wait_until_ready(package.name, functions=lambda_client)
    return Deployment(arn=arn, outcome=outcome, role_arn=role_arn)


def _description(package: DeploymentPackage) -> str:
    # Not a tag: to read and write those takes two more permissions.
    return f"Reward function for Bedrock reinforcement fine-tuning; made by rft deploy from {package.folder_digest}."


def function_name_for(folder: Path) -> str:
    """The name of the function that `folder` becomes."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder.resolve().name).strip("-").lower() or "reward"
    # Lambda allows 64 characters; IAM allows the same for the role, which adds five.
    return f"rft-{name}"[:59]


def _is_excluded(path: Path) -> bool:
    return path.suffix == ".pyc" or any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _require_inside(folder: Path) -> None:
    # A link to a file elsewhere would put that file into the zip, and a link to a folder would be left out of it.
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not _is_excluded(path.relative_to(folder)) and not path.resolve().is_relative_to(root):
            raise UsageError(
                f"{path} is a link that leads out of the folder, to {path.resolve()}: it is not packed.",
                next_step="Put a copy in its place if it belongs to the reward function, or remove the link.",
            )


def _require_handler(path: Path) -> None:
    if not path.is_file():
        raise UsageError(
            f"{path} does not exist.",
            next_step=f"The reward folder holds {HANDLER_MODULE}.py with {HANDLER_FUNCTION}(event, context).",
        )
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise UsageError(
            f"{path}, line {line}: {error}", next_step="Python cannot read this file, so Lambda cannot either."
        ) from error
    names = {name for node in tree.body for name in _bound_names(node)}
    if HANDLER_FUNCTION not in names:
        raise UsageError(
            f"{path} defines no {HANDLER_FUNCTION}.", next_step=f"Lambda is told to call {HANDLER}(event, context)."
        )


def _bound_names(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {alias.asname or alias.name for alias in aliases}
        case _:
            return {
                child.id for child in ast.walk(node) if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)
            }


def _ensure_role(name: str, *, iam: IAMClient) -> str:
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(_TRUST),
            Description="Runs a reward function for Bedrock reinforcement fine-tuning; made by rft deploy.",
        )["Role"]
    else:
        trust = role.get("AssumeRolePolicyDocument")
        if "lambda.amazonaws.com" not in json.dumps(trust):
            raise UsageError(
                f"The role {role['Arn']} exists, but Lambda may not assume it.",
                next_step="Delete that role, or allow lambda.amazonaws.com in its trust policy.",
            )
    iam.attach_role_policy(RoleName=name, PolicyArn=_BASIC_EXECUTION)
    return role["Arn"]


class _Configuration(TypedDict):
    """What is set on the function beside its code, in Lambda's own names."""

    Runtime: RuntimeType
    Handler: str
    Role: str
    Timeout: int
    MemorySize: int
    Description: str


def _configuration(package: DeploymentPackage, *, role_arn: str) -> _Configuration:
    return {
        "Runtime": RUNTIME,
        "Handler": HANDLER,
        "Role": role_arn,
        "Timeout": TIMEOUT_SECONDS,
        "MemorySize": MEMORY_MB,
        "Description": _description(package),
    }


def _create_function(
    package: DeploymentPackage, *, role_arn: str, functions: LambdaClient, stopwatch: Clock, say: Notify
) -> str:
    started = stopwatch.now()
    while True:
        try:
            return functions.create_function(
                FunctionName=package.name,
                Code={"ZipFile": package.zip_bytes},
                Publish=False,
                **_configuration(package, role_arn=role_arn),
            )["FunctionArn"]
        except functions.exceptions.InvalidParameterValueException as error:
            if _ROLE_UNDERWAY not in str(error):
                raise
            if stopwatch.now() - started >= _ROLE_PATIENCE_SECONDS:
                raise ServiceError(
                    f"Lambda still cannot assume the new role {role_arn} after {_ROLE_PATIENCE_SECONDS:.0f} s.",
                    next_step="Look at the role's trust policy, then run the same command again.",
                ) from error
            say("the new role is not known to Lambda yet; trying again.")
            stopwatch.sleep(_ROLE_PAUSE_SECONDS)


def _update_function(
    package: DeploymentPackage, *, present: FunctionConfigurationResponseTypeDef, role_arn: str, functions: LambdaClient
) -> bool:
    same_code = present.get("CodeSha256") == base64.b64encode(bytes.fromhex(package.sha256)).decode()
    wanted = _configuration(package, role_arn=role_arn)
    same_settings = all(present.get(name) == value for name, value in wanted.items())
    if not same_settings:
        functions.update_function_configuration(FunctionName=package.name, **wanted)
        # Lambda refuses a second update (ResourceConflictException) while the first is in progress.
        _wait_until_ready(package.name, functions=functions)
    if not same_code:
        functions.update_function_code(FunctionName=package.name, ZipFile=package.zip_bytes, Publish=False)
    return not (same_code and same_settings)


def _wait_until_ready(name: str, *, functions: LambdaClient) -> None:
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
