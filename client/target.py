"""Where the bytes go: a table of two rows, and the one place of this room that reads the environment."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from client.addresses import is_loopback
from client.errors import UsageError
from client.retry_policy import PollInterval, RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetConfig:
    """What differs between the targets.

    Attributes:
        is_local: every address must be on this machine.
        api_url: the OpenAI-compatible base with `{region}`; None means OPENAI_BASE_URL says it.
        timeout: seconds until an answer, or the next part of one, is no longer waited for.
        poll_interval: pauses between looks at a job.
        retry_policy: how failures that may pass are waited out.
        is_billed: runs cost money, so `rft train` wants a yes.
        note: one line about money for `rft target`.
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
    row.name: row
    for row in (
        TargetConfig(
            name="simulator",
            is_local=True,
            api_url=None,
            timeout=30.0,
            poll_interval=PollInterval(shortest=0.05, longest=1.0),
            retry_policy=RetryPolicy(first_delay=0.1, longest_delay=2.0, give_up_after=60.0, give_up_after_refused=2.0),
            is_billed=False,
            note="nothing is billed: it all runs on this machine",
        ),
        TargetConfig(
            name="bedrock",
            is_local=False,
            # DOCUMENTED: fine-tuning and files live under /v1, not under the SDK provider's default /openai/v1.
            api_url="https://bedrock-mantle.{region}.api.aws/v1",
            # OBSERVED: a wrong path can stall instead of erring, hence a limit well under the SDK's 10 minutes.
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
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")

# DOCUMENTED: short-term keys carry the first prefix, long-term keys the second.
_SHORT_TERM, _LONG_TERM = "bedrock-api-key-", "ABSK"

# The access key ids that `rft-sim` hands out begin like this; AWS's have no such word.
_SIMULATED_KEY_PREFIX = "AKIASIMULATOR"

_START_SIMULATOR = (
    "Run the command inside a simulator: `rft-sim exec -- rft train`. "
    'Or, with `rft-sim serve` running elsewhere: `eval "$(rft-sim env)"`.'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A row with its blanks filled in.

    Attributes:
        api_url: base URL of the OpenAI-compatible API.
        aws_url: the endpoint for IAM, Lambda and S3; None means AWS's own.
        api_key: a key, or None when one is minted per request from AWS credentials.
        key_source: where the key comes from, for people.
        credentials: access key, secret and session token for the simulator; None means the usual AWS chain.
        warnings: things that are allowed but may bite.
        ephemeral: the simulator ends with the command that `rft-sim exec` runs, and every job with it.
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
    """The target that the environment of this process chooses.

    Raises:
        Misuse: the variables do not fit together.
    """
    return select_target(os.environ)


def target_name_from_environment() -> str:
    """The value of RFT_TARGET, or its default."""
    return os.environ.get("RFT_TARGET") or "simulator"


def select_target(environ: Mapping[str, str]) -> Target:
    """The target that these variables choose.

    Raises:
        Misuse: unknown target, missing variable, or an address that does not belong to the target.
    """
    name = environ.get("RFT_TARGET") or "simulator"
    row = TARGETS.get(name)
    if row is None:
        raise UsageError(f"RFT_TARGET={name} is not a target.", next_step=f"Set it to one of: {', '.join(TARGETS)}.")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    if not _REGION.fullmatch(region):
        raise UsageError(
            f"{region!r} is not a region name.", next_step=f"Set AWS_REGION, for example to {DEFAULT_REGION}."
        )
    return _local_target(row, region, environ) if row.is_local else _aws_target(row, region, environ)


def _local_target(row: TargetConfig, region: str, environ: Mapping[str, str]) -> Target:
    urls = {name: environ.get(name, "") for name in ("OPENAI_BASE_URL", "AWS_ENDPOINT_URL")}
    missing = [name for name, url in urls.items() if not url]
    if missing:
        raise UsageError(
            f"The target is `{row.name}`, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            next_step=_START_SIMULATOR,
        )
    for name, url in urls.items():
        if not is_loopback(url):
            raise UsageError(
                f"{name}={url} is not on this machine, and the target is `{row.name}`: refused, so that nothing "
                "is sent to a real service by mistake.",
                next_step=f"{_START_SIMULATOR} For the real service, unset {name} and set RFT_TARGET=bedrock.",
            )
    access_key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret:
        raise UsageError(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set. The simulator accepts made-up ones, but the SDKs "
            "cannot sign without any, and a profile of yours is not looked for.",
            next_step=_START_SIMULATOR,
        )
    key = environ.get("OPENAI_API_KEY") or None
    return Target(
        config=row,
        region=region,
        api_url=urls["OPENAI_BASE_URL"].rstrip("/"),
        aws_url=urls["AWS_ENDPOINT_URL"].rstrip("/"),
        api_key=key,
        key_source="OPENAI_API_KEY" if key else "minted per request from AWS_ACCESS_KEY_ID",
        credentials=(access_key, secret, environ.get("AWS_SESSION_TOKEN") or None),
        warnings=(),
        ephemeral=environ.get("RFT_SIM_EXEC") == "1",
    )


def _aws_target(row: TargetConfig, region: str, environ: Mapping[str, str]) -> Target:
    api_url = str(row.api_url).format(region=region)
    base = environ.get("OPENAI_BASE_URL", "").rstrip("/")
    if base and base != api_url:
        raise UsageError(
            f"The target is `{row.name}` at {api_url}, but OPENAI_BASE_URL={base} points elsewhere.",
            next_step="Unset OPENAI_BASE_URL (a fresh shell is the surest), or set AWS_REGION to the region it names.",
        )
    for name, url in environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and url and is_loopback(url):
            raise UsageError(
                f"The target is `{row.name}`, but {name}={url} would send the Lambda function to this machine.",
                next_step=f"Unset {name} (a fresh shell is the surest).",
            )
    if environ.get("AWS_ACCESS_KEY_ID", "").startswith(_SIMULATED_KEY_PREFIX):
        raise _simulated_credentials_error(row, "AWS_ACCESS_KEY_ID")
    key_source, key = _bedrock_key(row, environ)
    warnings = []
    if key is not None and key.startswith(_SHORT_TERM):
        warnings.append(
            f"{key_source} holds a short-term key: it ends after 12 hours at most, so a long watch may stop "
            "with a 401. Unset it and a fresh key is minted for every request."
        )
    if region != DEFAULT_REGION:
        warnings.append(
            f"AWS documents reinforcement fine-tuning of open-weight models in {DEFAULT_REGION} only, not {region}."
        )
    return Target(
        config=row,
        region=region,
        api_url=api_url,
        aws_url=None,
        api_key=key,
        key_source=key_source,
        credentials=None,
        warnings=tuple(warnings),
    )


def _bedrock_key(row: TargetConfig, environ: Mapping[str, str]) -> tuple[str, str | None]:
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "OPENAI_API_KEY"):
        key = environ.get(name)
        if not key:
            continue
        if not key.startswith((_SHORT_TERM, _LONG_TERM)):
            raise UsageError(
                f"{name} does not hold a Bedrock API key ({_SHORT_TERM}... or {_LONG_TERM}...): it is not sent.",
                next_step=f"Unset {name}: a key is then minted from your AWS credentials for every request.",
            )
        if _SIMULATED_KEY_PREFIX in _presigned_url(key):
            raise _simulated_credentials_error(row, name)
        return name, key
    return "minted per request from your AWS credentials", None


def _simulated_credentials_error(row: TargetConfig, name: str) -> UsageError:
    return UsageError(
        f"The target is `{row.name}`, but {name} holds the simulator's made-up credentials.",
        next_step=f"Unset {name} (a fresh shell is the surest), and use your own.",
    )


def _presigned_url(key: str) -> str:
    """The request inside a short-term key (DOCUMENTED: a presigned URL in base64); empty for any other key."""
    if not key.startswith(_SHORT_TERM):
        return ""
    try:
        return unquote(base64.b64decode(key.removeprefix(_SHORT_TERM)).decode("utf-8", "replace"))
    except binascii.Error:
        return ""
