"""The two targets, simulator and Bedrock. Only this module of the client reads the environment."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from client.addresses import is_loopback
from client.errors import UsageError
from client.poll_interval import PollInterval
from client.retry_policy import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetConfig:
    """What differs between the targets.

    Attributes:
        is_local: every address must be on this machine.
        api_url: the base of the OpenAI-compatible API, with `{region}`; None means the value of OPENAI_BASE_URL.
        timeout: seconds to wait for an answer, or for the next part of one.
        poll_interval: delays between reads of a job.
        retry_policy: delays after failed calls, and when to give up.
        is_billed: runs cost money, so `rft train` asks first.
        note: one line about costs for `rft target`.
    """

    name: str
    is_local: bool
    api_url: str | None
    timeout: float
    poll_interval: PollInterval
    retry_policy: RetryPolicy
    is_billed: bool
    note: str


TARGETS: Mapping[str, TargetConfig] = {
    config.name: config
    for config in (
        TargetConfig(
            name="simulator",
            is_local=True,
            api_url=None,
            timeout=30.0,
            poll_interval=PollInterval(shortest=0.05, longest=1.0),
            retry_policy=RetryPolicy(first_delay=0.1, longest_delay=2.0, give_up_after=60.0, give_up_after_refused=2.0),
            is_billed=False,
            note="nothing is billed: everything runs on this machine",
        ),
        TargetConfig(
            name="bedrock",
            is_local=False,
            # DOCUMENTED: fine-tuning and files live under /v1, not under the SDK provider's default /openai/v1.
            api_url="https://bedrock-mantle.{region}.api.aws/v1",
            # OBSERVED: a wrong path can hang instead of failing, so the limit is well below the SDK's 10 minutes.
            timeout=120.0,
            poll_interval=PollInterval(shortest=5.0, longest=60.0),
            retry_policy=RetryPolicy(first_delay=1.0, longest_delay=60.0, give_up_after=600.0),
            is_billed=True,
            note="billed by AWS: the training run, Lambda invocations, inference",
        ),
    )
}

# DOCUMENTED: reinforcement fine-tuning of open-weight models is offered in us-west-2 only.
DEFAULT_REGION = "us-west-2"
_REGION_PATTERN = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")

# DOCUMENTED: short-term keys carry the first prefix, long-term keys the second.
_SHORT_TERM_KEY_PREFIX, _LONG_TERM_KEY_PREFIX = "bedrock-api-key-", "ABSK"

# The access key ids of `rft-sim` begin with this; AWS's do not contain it.
_SIMULATED_KEY_PREFIX = "AKIASIMULATOR"

_START_SIMULATOR = (
    "Run the command inside a simulator: `rft-sim exec -- rft train`. "
    'Or, with `rft-sim serve` running elsewhere: `eval "$(rft-sim env)"`.'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target with the addresses and the credentials of this process.

    Attributes:
        api_url: base URL of the OpenAI-compatible API.
        aws_url: the endpoint for IAM, Lambda and S3; None means AWS's own.
        api_key: a key, or None when one is minted per request from AWS credentials.
        key_source: the source of the key, for `rft target`.
        credentials: access key, secret and session token for the simulator; None means the default AWS chain.
        warnings: settings that are allowed but may cause trouble.
        ephemeral: the simulator of `rft-sim exec` ends with this command, and every job with it.
    """

    config: TargetConfig
    region: str
    api_url: str
    aws_url: str | None
    api_key: str | None
    key_source: str
    credentials: tuple[str, str, str | None] | None
    warnings: tuple[str, ...]
    ephemeral: bool = False


def target_from_environment() -> Target:
    """Return the target that the environment of this process selects.

    Raises:
        UsageError: as `select_target`.
    """
    return select_target(os.environ)


def cache_folder_from_environment() -> Path:
    """Return the folder for what can be made again, such as installed requirements."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says to ignore a relative path.
    folder = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return folder / "bedrock-rft-testbed"


def target_name_from_environment() -> str:
    """Return the value of RFT_TARGET, or its default."""
    return os.environ.get("RFT_TARGET") or "simulator"


def select_target(environ: Mapping[str, str]) -> Target:
    """Return the target that these environment variables select.

    Raises:
        UsageError: unknown target, missing variable, or an address that does not belong to the target.
    """
    name = environ.get("RFT_TARGET") or "simulator"
    config = TARGETS.get(name)
    if config is None:
        raise UsageError(f"RFT_TARGET={name} is not a target.", next_step=f"Set it to one of: {', '.join(TARGETS)}.")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    if not _REGION_PATTERN.fullmatch(region):
        raise UsageError(
            f"{region!r} is not a region name.", next_step=f"Set AWS_REGION, for example to {DEFAULT_REGION}."
        )
    return _local_target(config, region, environ) if config.is_local else _aws_target(config, region, environ)


def _local_target(config: TargetConfig, region: str, environ: Mapping[str, str]) -> Target:
    urls = {name: environ.get(name, "") for name in ("OPENAI_BASE_URL", "AWS_ENDPOINT_URL")}
    missing = [name for name, url in urls.items() if not url]
    if missing:
        raise UsageError(
            f"The target is `{config.name}`, but {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set.",
            next_step=_START_SIMULATOR,
        )
    for name, url in urls.items():
        if not is_loopback(url):
            raise UsageError(
                f"{name}={url} is not on this machine, and the target is `{config.name}`: refused, so that nothing "
                "is sent to a real service by mistake.",
                next_step=f"{_START_SIMULATOR} For the real service, unset {name} and set RFT_TARGET=bedrock.",
            )
    access_key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret:
        raise UsageError(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set. The simulator accepts any, but the SDKs "
            "cannot sign without them, and your AWS profiles are not used for it.",
            next_step=_START_SIMULATOR,
        )
    key = environ.get("OPENAI_API_KEY") or None
    return Target(
        config=config,
        region=region,
        api_url=urls["OPENAI_BASE_URL"].rstrip("/"),
        aws_url=urls["AWS_ENDPOINT_URL"].rstrip("/"),
        api_key=key,
        key_source="OPENAI_API_KEY" if key else "minted per request from AWS_ACCESS_KEY_ID",
        credentials=(access_key, secret, environ.get("AWS_SESSION_TOKEN") or None),
        warnings=(),
        ephemeral=environ.get("RFT_SIM_EXEC") == "1",
    )


def _aws_target(config: TargetConfig, region: str, environ: Mapping[str, str]) -> Target:
    api_url = str(config.api_url).format(region=region)
    base = environ.get("OPENAI_BASE_URL", "").rstrip("/")
    if base and base != api_url:
        raise UsageError(
            f"The target is `{config.name}` at {api_url}, but OPENAI_BASE_URL={base} is another address.",
            next_step="Unset OPENAI_BASE_URL (a new shell is the safest), or set AWS_REGION to that address's region.",
        )
    for name, url in environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and url and is_loopback(url):
            raise UsageError(
                f"The target is `{config.name}`, but {name}={url} would send the Lambda function to this machine.",
                next_step=f"Unset {name}. A new shell is the safest.",
            )
    if environ.get("AWS_ACCESS_KEY_ID", "").startswith(_SIMULATED_KEY_PREFIX):
        raise _simulated_credentials_error(config, "AWS_ACCESS_KEY_ID")
    key_source, key = _bedrock_key(config, environ)
    warnings = []
    if key is not None and key.startswith(_SHORT_TERM_KEY_PREFIX):
        warnings.append(
            f"{key_source} holds a short-term key: it expires after 12 hours at most, so a long watch may stop "
            "with a 401. Unset it, and a new key is minted for every request."
        )
    if region != DEFAULT_REGION:
        warnings.append(
            f"AWS documents reinforcement fine-tuning of open-weight models in {DEFAULT_REGION} only, not {region}."
        )
    return Target(
        config=config,
        region=region,
        api_url=api_url,
        aws_url=None,
        api_key=key,
        key_source=key_source,
        credentials=None,
        warnings=tuple(warnings),
    )


def _bedrock_key(config: TargetConfig, environ: Mapping[str, str]) -> tuple[str, str | None]:
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "OPENAI_API_KEY"):
        key = environ.get(name)
        if not key:
            continue
        if not key.startswith((_SHORT_TERM_KEY_PREFIX, _LONG_TERM_KEY_PREFIX)):
            raise UsageError(
                f"{name} does not hold a Bedrock API key ({_SHORT_TERM_KEY_PREFIX}... or "
                f"{_LONG_TERM_KEY_PREFIX}...): it is not sent.",
                next_step=f"Unset {name}: a key is then minted from your AWS credentials for every request.",
            )
        if _SIMULATED_KEY_PREFIX in _presigned_url(key):
            raise _simulated_credentials_error(config, name)
        return name, key
    return "minted per request from your AWS credentials", None


def _simulated_credentials_error(config: TargetConfig, name: str) -> UsageError:
    return UsageError(
        f"The target is `{config.name}`, but {name} holds credentials of the simulator.",
        next_step=f"Unset {name} and use your own credentials. A new shell is the safest.",
    )


def _presigned_url(key: str) -> str:
    """Return the presigned URL that a short-term key holds in base64 (DOCUMENTED); empty for any other key."""
    if not key.startswith(_SHORT_TERM_KEY_PREFIX):
        return ""
    try:
        return unquote(base64.b64decode(key.removeprefix(_SHORT_TERM_KEY_PREFIX)).decode("utf-8", "replace"))
    except binascii.Error:
        return ""
