"""Creates Bedrock API keys of the simulator's session, with AWS's token generator and placeholder credentials."""

from typing import cast

from aws_bedrock_token_generator import provide_token
from botocore.credentials import CredentialProvider, Credentials

from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY


class _SessionCredentials:
    """A credential provider for the token generator."""

    def load(self) -> Credentials:
        return Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)


def create_session_key(region: str) -> str:
    """Return a short-term key for one region. It is valid for twelve hours by this machine's clock."""
    key = provide_token(region=region, aws_credentials_provider=cast("CredentialProvider", _SessionCredentials()))
    return str(key)
