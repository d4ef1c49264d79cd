"""Bedrock API keys for the simulator's own session, minted by AWS's own generator from worthless credentials."""

from typing import cast

from aws_bedrock_token_generator import provide_token
from botocore.credentials import CredentialProvider, Credentials

from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY


class _SessionCredentials:
    """The provider interface that the generator asks for: `load`."""

    def load(self) -> Credentials:
        return Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)


def create_session_key(region: str) -> str:
    """Return a short-term key that this machine's clock says is good for twelve hours, for one region."""
    key = provide_token(region=region, aws_credentials_provider=cast("CredentialProvider", _SessionCredentials()))
    return str(key)
