"""IAM users and roles of a simulated account, and the Bedrock keys of theirs."""

import json
from typing import Any, cast

from aws_bedrock_token_generator import provide_token
from botocore.credentials import CredentialProvider, Credentials

from tests.world import REGION, World

MANTLE = "arn:aws:iam::aws:policy/AmazonBedrockMantleFullAccess"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)


class Held:
    """Credentials, as the generator asks for them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load(self) -> Credentials:
        """Give them."""
        return self._credentials


def credentials(made: Any) -> Credentials:
    """Give what IAM or STS made in the form that botocore signs with."""
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made.get("SessionToken"))


def key_of(served: World, user: str, *, policy: str | None = MANTLE) -> str:
    """Make an IAM user who may call Mantle, and an access key; mint a Bedrock key from it."""
    served.iam.create_user(UserName=user)
    if policy:
        served.iam.attach_user_policy(UserName=user, PolicyArn=policy)
    return minted(served.iam.create_access_key(UserName=user)["AccessKey"])


def minted(key: Any) -> str:
    """Mint a Bedrock key from what IAM or STS made."""
    return str(
        provide_token(region=REGION, aws_credentials_provider=cast("CredentialProvider", Held(credentials(key))))
    )


def document(*statements: dict[str, Any]) -> str:
    """Make a policy of statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def policy(served: World, name: str, *statements: dict[str, Any]) -> str:
    """Make a managed policy; return its ARN."""
    return served.iam.create_policy(PolicyName=name, PolicyDocument=document(*statements))["Policy"]["Arn"]


def put(served: World, user: str, *statements: dict[str, Any]) -> None:
    """Give a user an inline policy."""
    served.iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=document(*statements))


def trainer(served: World, role: str, *statements: dict[str, Any], limit: str | None = None) -> str:
    """Make a role of statements, assume it, `limit`ed by a session policy, and mint a Bedrock key of the session."""
    arn = served.iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    served.iam.attach_role_policy(RoleName=role, PolicyArn=MANTLE)
    if statements:
        served.iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=document(*statements))
    sts = served.session.client("sts", endpoint_url=served.url)
    limited: dict[str, Any] = {"Policy": limit} if limit else {}
    session = sts.assume_role(RoleArn=arn, RoleSessionName="s1", **limited)["Credentials"]
    sts.close()
    return minted(session)
