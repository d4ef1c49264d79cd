"""Carries out operations in the simulated AWS account as its root user, by boto3 over the simulator's own port."""

from collections.abc import Mapping
from typing import Any

from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY


class RootClient:
    """The root user of the account of the simulator at `url`."""

    def __init__(self, *, url: str, region: str) -> None:
        self._url = url
        self._region = region

    def execute(self, service: str, operation: str, parameters: Mapping[str, Any]) -> str | None:
        """Carry out an operation by its AWS name, without retries; return the error or None. It blocks the thread."""
        import boto3  # noqa: PLC0415 - 0.2 s to load; few simulators need it
        from botocore.config import Config  # noqa: PLC0415 - as above
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

        session = boto3.Session(
            region_name=self._region, aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY
        )
        # Without a proxy and without retries: the operation happens at one time or not at all.
        config = Config(
            proxies={}, connect_timeout=5, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
        )
        client: Any = session.client(service, endpoint_url=self._url, config=config)  # type: ignore[call-overload]  # any
        methods = {name: method for method, name in client.meta.method_to_api_mapping.items()}
        try:
            getattr(client, methods[operation])(**parameters)
        except (BotoCoreError, ClientError) as error:
            return str(error)
        finally:
            client.close()
        return None
