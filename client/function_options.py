"""The options of a function that `rft train` and `rft deploy` deploy, checked before anything is created."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from client.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_lambda.literals import ArchitectureType, RuntimeType

_OLDEST_MINOR, _NEWEST_MINOR = 10, 14  # DOCUMENTED: Lambda has Python 3.10 to 3.14

RUNTIMES: Final = tuple(f"python3.{minor}" for minor in range(_OLDEST_MINOR, _NEWEST_MINOR + 1))

DEFAULT_RUNTIME: Final = cast("RuntimeType", f"python3.{min(sys.version_info.minor, _NEWEST_MINOR)}")
"""The Python of this process, because the user has run the function with it."""

ARCHITECTURES: Final = ("x86_64", "arm64")

DEFAULT_ARCHITECTURE: Final[ArchitectureType] = (
    "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
)
"""The architecture of this machine, for the same reason. A function without compiled modules runs on both."""

# SAMPLE: Lambda's default of 3 s is too short for a batch of rollouts; AWS's notebook uses 300 s and 512 MB.
DEFAULT_TIMEOUT_SECONDS, DEFAULT_MEMORY_MB = 300, 512

MAX_LAYERS: Final = 5  # DOCUMENTED: Lambda quotas
_MAX_VARIABLES_BYTES: Final = 4_096  # DOCUMENTED: Lambda quotas, "4 KB, for all environment variables"
_VARIABLE_NAME: Final = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")  # DOCUMENTED: Environment, Lambda API reference

_RESERVED_VARIABLES: Final = frozenset(
    {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    }
)
"""Variables that Lambda sets itself ("Working with Lambda environment variables", DOCUMENTED)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOptions:
    """How a function is deployed. None, or no layer, means that the user did not name it.

    Attributes:
        environment: the function's variables. Their values may be secrets: print only their names.
        timeout: in seconds.
        layers: each the ARN of a layer version, or the path of a zip or a folder.
        code_bucket: the S3 bucket for a zip that is too large for a request.
        refreshes: the requirements are resolved again, although the cache has them.
    """

    handler: str | None = None
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    timeout: int | None = None
    memory_mb: int | None = None
    layers: tuple[str, ...] = ()
    runtime: RuntimeType | None = None
    architecture: ArchitectureType | None = None
    code_bucket: str | None = None
    refreshes: bool = False

    def used_options(self) -> tuple[str, ...]:
        """Return the names of the options that the user gave."""
        values = {
            "--handler": self.handler,
            "--timeout": self.timeout,
            "--memory": self.memory_mb,
            "--env": self.environment,
            "--layer": self.layers,
            "--runtime": self.runtime,
            "--architecture": self.architecture,
            "--code-bucket": self.code_bucket,
            "--refresh": self.refreshes,
        }
        return tuple(name for name, value in values.items() if value)


def parse_variables(texts: Sequence[str] | None) -> dict[str, str] | None:
    """Return the variables of `--env NAME=VALUE` options, or None without any. No error contains a value.

    Raises:
        UsageError: a name is missing, invalid, reserved or given twice, or they are too large together.
    """
    if not texts:
        return None
    variables: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--env {name}: there is no name and value.", next_step="Write --env NAME=VALUE.")
        if name in variables:
            raise UsageError(f"--env {name} is given twice.", next_step="Give it once.")
        if name in _RESERVED_VARIABLES:
            raise UsageError(
                f"--env {name}: Lambda sets this variable itself and refuses a function that names it.",
                next_step="Use another name.",
            )
        if not _VARIABLE_NAME.fullmatch(name):
            raise UsageError(
                f"--env {name}: Lambda refuses this name.",
                next_step="Use a letter, then one or more letters, digits or underscores.",
            )
        variables[name] = value
    size = sum(len(name.encode()) + len(value.encode("utf-8", "surrogateescape")) for name, value in variables.items())
    if size > _MAX_VARIABLES_BYTES:
        raise UsageError(
            f"--env: the variables have {size:,} bytes; Lambda takes {_MAX_VARIABLES_BYTES:,}.",
            next_step="Put large values into a file of the package.",
        )
    return variables


def parse_runtime(text: str | None) -> RuntimeType | None:
    """Return a runtime that Lambda has.

    Raises:
        UsageError: Lambda has no such Python.
    """
    if text is not None and text not in RUNTIMES:
        raise UsageError(
            f"--runtime {text}: Lambda has no such Python.", next_step=f"Give one of {', '.join(RUNTIMES)}."
        )
    return cast("RuntimeType | None", text)


def parse_architecture(text: str | None) -> ArchitectureType | None:
    """Return an architecture that Lambda has.

    Raises:
        UsageError: it has no such architecture.
    """
    if text is not None and text not in ARCHITECTURES:
        raise UsageError(
            f"--architecture {text}: Lambda has no such architecture.",
            next_step=f"Give {' or '.join(ARCHITECTURES)}.",
        )
    return cast("ArchitectureType | None", text)
