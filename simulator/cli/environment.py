"""Environment variables: those that commands read, and those that they set for the SDKs.

No other module of the simulator reads the environment.
"""

import os
from collections.abc import Mapping
from typing import Final

from simulator.lambdas.interpreters import InterpreterFolders
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY

_LOOPBACK: Final = "127.0.0.1,localhost"


def build_client_environment(
    *, url: str, region: str, key: str, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a command that talks to the simulator at `url` only.

    The variables are those that the SDKs read. The AWS profile files point to an empty file and every credential of the
    caller is replaced, so that no real credential can be read or sent. RFT_SIM_EXEC says that the simulator ends with
    the command.
    """
    inherited = os.environ if inherited is None else inherited
    foreign = list_foreign_variables(inherited)
    other_variables = {name: value for name, value in inherited.items() if name not in foreign}
    return other_variables | build_session_variables(url=url, region=region, key=key) | {"RFT_SIM_EXEC": "1"}


def read_variable(name: str) -> str | None:
    """Return a variable of the caller's environment, such as the one that an option names for a key."""
    return os.environ.get(name)


def read_interpreter_folders() -> InterpreterFolders:
    """Return where this user's Python interpreters are: PATH, and the folders of uv and pyenv."""
    return InterpreterFolders.from_environment(os.environ)


def list_foreign_variables(inherited: Mapping[str, str] | None = None) -> list[str]:
    """Return the sorted names of the AWS, OpenAI and target variables in the caller's environment."""
    inherited = os.environ if inherited is None else inherited
    prefixes = ("AWS_", "BEDROCK_MANTLE_", "OPENAI_")
    return sorted(name for name in inherited if name.startswith(prefixes) or name == "RFT_TARGET")


def build_session_variables(*, url: str, region: str, key: str) -> dict[str, str]:
    """Return the variables that point the OpenAI and AWS SDKs at the simulator at `url`."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_BEARER_TOKEN_BEDROCK": key,
        "AWS_BEDROCK_BASE_URL": f"{url}/openai/v1",  # the OpenAI SDK's Bedrock clients use this path at AWS
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "BEDROCK_MANTLE_API_BASE": f"{url}/v1",  # litellm
        "NO_PROXY": _LOOPBACK,
        "OPENAI_API_KEY": key,
        "OPENAI_BASE_URL": f"{url}/v1",
        "RFT_TARGET": "simulator",
        "no_proxy": _LOOPBACK,  # some libraries read only the lower-case name
    }
