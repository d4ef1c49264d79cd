"""Creates IAM users and roles in a simulated account, and Bedrock keys for them."""

import json
from typing import Any, cast

from aws_bedrock_token_generator import provide_token
from botocore.credentials import CredentialProvider, Credentials

from tests.simulators import REGION, RunningSimulator

MANTLE = "arn:aws:iam::aws:policy/AmazonBedrockMantleFullAccess"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)


class StaticCredentialProvider:
    """A credential provider for the token generator."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load(self) -> Credentials:
        """Return the credentials."""
        return self._credentials


def credentials_from(created: Any) -> Credentials:
    """Return credentials of IAM or STS in botocore's form."""
    return Credentials(created["AccessKeyId"], created["SecretAccessKey"], created.get("SessionToken"))


def create_user_key(simulator: RunningSimulator, user: str, *, policy: str | None = MANTLE) -> str:
    """Create an IAM user who may call Mantle, and an access key; return a Bedrock key of it."""
    simulator.iam_client.create_user(UserName=user)
    if policy:
        simulator.iam_client.attach_user_policy(UserName=user, PolicyArn=policy)
    return create_bedrock_key(simulator.iam_client.create_access_key(UserName=user)["AccessKey"])


def create_bedrock_key(key: Any) -> str:
    """Create a Bedrock key from credentials of IAM or STS."""
    return str(
        provide_token(
            region=REGION,
            aws_credentials_provider=cast("CredentialProvider", StaticCredentialProvider(credentials_from(key))),
        )
    )


def policy_document(*statements: dict[str, Any]) -> str:
    """Return a policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def create_managed_policy(simulator: RunningSimulator, name: str, *statements: dict[str, Any]) -> str:
    """Create a managed policy; return its ARN."""
    return simulator.iam_client.create_policy(PolicyName=name, PolicyDocument=policy_document(*statements))["Policy"][
        "Arn"
    ]


def put_user_policy(simulator: RunningSimulator, user: str, *statements: dict[str, Any]) -> None:
    """Put an inline policy on a user."""
    simulator.iam_client.put_user_policy(
        UserName=user, PolicyName="inline", PolicyDocument=policy_document(*statements)
    )


def create_role_key(
    simulator: RunningSimulator, role: str, *statements: dict[str, Any], session_policy: str | None = None
) -> str:
    """Create a role with the statements, assume it and create a Bedrock key of the session."""
    arn = simulator.iam_client.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    simulator.iam_client.attach_role_policy(RoleName=role, PolicyArn=MANTLE)
    if statements:
        simulator.iam_client.put_role_policy(
            RoleName=role, PolicyName="inline", PolicyDocument=policy_document(*statements)
        )
    sts = simulator.boto3_session.client("sts", endpoint_url=simulator.url)
    limited: dict[str, Any] = {"Policy": session_policy} if session_policy else {}
    session = sts.assume_role(RoleArn=arn, RoleSessionName="s1", **limited)["Credentials"]
    sts.close()
    return create_bedrock_key(session)
