"""Operations in the simulated AWS account, carried out as its root: by boto3, over this simulator's own port."""

from collections.abc import Mapping
from typing import Any

from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY


class RootClient:
    """The root of the account that the simulator at `url` has."""

    def __init__(self, *, url: str, region: str) -> None:
        self._url = url
        self._region = region

    def execute(self, service: str, operation: str, parameters: Mapping[str, Any]) -> str | None:
        """Carry out an operation by its AWS name, once; return why it could not be, or None. Not for the event loop."""
        import boto3  # noqa: PLC0415 - 0.2 s to load; few simulators need it
        from botocore.config import Config  # noqa: PLC0415 - as above
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

        session = boto3.Session(
            region_name=self._region, aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY
        )
        # No proxy is asked, and nothing is tried again: it happens at one moment or not at all.
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
