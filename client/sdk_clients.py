"""Clients of the two SDKs for a target."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from client.errors import missing_credentials_error
from client.target import Target

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient
    from openai import OpenAI

# boto3's own read timeout is 60 s. A reward function may run for 900 s (DOCUMENTED: the longest Timeout).
_READ_SECONDS, _INVOKE_SECONDS = 330, 930


def create_openai_client(target: Target) -> OpenAI:
    """Return the SDK's client for `target`. It does not retry: `client.retry_policy` does, and reports it."""
    import openai  # noqa: PLC0415 - 0.8 s to load; `rft --help` and `rft check` do without

    # Requests to this machine must not use the user's proxy. HTTP needs no certificates (50 ms to load).
    http_client = (
        openai.DefaultHttpxClient(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        if target.config.is_local
        else None
    )
    return openai.OpenAI(
        base_url=target.api_url,
        timeout=openai.Timeout(target.config.timeout, connect=5.0),
        max_retries=0,
        api_key=target.api_key or _api_key_minter(target),
        http_client=http_client,
    )


def _api_key_minter(target: Target) -> Callable[[], str]:
    # The SDK calls this for every request, so a watch can last longer than the 12 hours of a key.
    def mint() -> str:
        from aws_bedrock_token_generator import provide_token  # noqa: PLC0415 - loads botocore, 0.2 s
        from botocore.credentials import EnvProvider  # noqa: PLC0415 - see above

        provider = EnvProvider() if target.config.is_local else None
        try:
            return str(provide_token(region=target.region, aws_credentials_provider=provider))
        except RuntimeError as error:  # this package raises it when there are no credentials
            raise missing_credentials_error(error) from error

    return mint


class AwsClients:
    """boto3 clients for one target, each created on first access. Create them on one thread; use them on any."""

    def __init__(self, session: boto3.Session, *, target: Target) -> None:
        self.session = session
        self.target = target
        self.exit_stack = ExitStack()

    @cached_property
    def iam(self) -> IAMClient:
        """A client for IAM."""
        client = self.session.client("iam", endpoint_url=self.target.aws_url, config=_botocore_config(self.target))
        self.exit_stack.callback(client.close)
        return client

    @cached_property
    def lambda_client(self) -> LambdaClient:
        """A client for Lambda."""
        client = self.session.client(
            "lambda",
            endpoint_url=self.target.aws_url,
            config=_botocore_config(self.target, read_timeout=_INVOKE_SECONDS),
        )
        self.exit_stack.callback(client.close)
        return client

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """A client for CloudWatch Logs."""
        client = self.session.client("logs", endpoint_url=self.target.aws_url, config=_botocore_config(self.target))
        self.exit_stack.callback(client.close)
        return client

    @cached_property
    def s3(self) -> S3Client:
        """A client for S3."""
        client = self.session.client("s3", endpoint_url=self.target.aws_url, config=_botocore_config(self.target))
        self.exit_stack.callback(client.close)
        return client

    @cached_property
    def sts(self) -> STSClient:
        """A client for STS."""
        client = self.session.client("sts", endpoint_url=self.target.aws_url, config=_botocore_config(self.target))
        self.exit_stack.callback(client.close)
        return client


@contextmanager
def open_aws_clients(target: Target) -> Iterator[AwsClients]:
    """Open boto3 clients for `target` for the block."""
    import boto3  # noqa: PLC0415 - 0.2 s to load; most commands do without

    access_key, secret, token = target.credentials or (None, None, None)
    session = boto3.Session(
        region_name=target.region, aws_access_key_id=access_key, aws_secret_access_key=secret, aws_session_token=token
    )
    aws_clients = AwsClients(session, target=target)
    with aws_clients.exit_stack:
        yield aws_clients


def _botocore_config(target: Target, *, read_timeout: int = _READ_SECONDS) -> Config:
    from botocore.config import Config  # noqa: PLC0415 - see open_aws_clients()

    config = Config(read_timeout=read_timeout, retries={"mode": "standard", "max_attempts": 4})
    if target.config.is_local:
        # No proxy; `bucket.localhost` does not resolve; a closed port stays closed, so one retry is enough.
        config = config.merge(
            Config(proxies={}, s3={"addressing_style": "path"}, retries={"mode": "standard", "max_attempts": 2})
        )
    return config
