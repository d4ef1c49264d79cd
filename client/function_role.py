"""The role of a deployed function: Lambda may assume it, and it may only write the function's logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from client.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_LOGGING_POLICY_ARN = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


_TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def ensure_role(name: str, *, iam: IAMClient) -> str:
    """Create the role if it does not exist, and return its ARN.

    Raises:
        UsageError: the role of that name exists and Lambda may not assume it.
    """
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(_TRUST_POLICY),
            Description="Runs a reward function for Bedrock reinforcement fine-tuning; made by rft deploy.",
        )["Role"]
    else:
        trust = role.get("AssumeRolePolicyDocument")
        if "lambda.amazonaws.com" not in json.dumps(trust):
            raise UsageError(
                f"The role {role['Arn']} exists, but Lambda may not assume it.",
                next_step="Delete that role, or allow lambda.amazonaws.com in its trust policy.",
            )
    iam.attach_role_policy(RoleName=name, PolicyArn=_LOGGING_POLICY_ARN)
    return role["Arn"]
