"""AWS managed policies in moto: a few at once, any other when a request first names it.

moto can load all of AWS's 1,582, which costs some 0.2 s and 50 MB at the first IAM call, or none, and then
`attach_role_policy` of AWSLambdaBasicExecutionRole fails. The documents are AWS's own, as moto ships them.
"""

import json
import re
from typing import Any
from urllib.parse import unquote_plus

LISTED = (
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaExecute",
    "AWSLambdaRole",
    "AWSLambda_FullAccess",
    "AWSLambda_ReadOnlyAccess",
    "AdministratorAccess",
    "AmazonBedrockFullAccess",
    "AmazonBedrockLimitedAccess",
    "AmazonBedrockMantleFullAccess",
    "AmazonBedrockMantleInferenceAccess",
    "AmazonBedrockMantleReadOnly",
    "AmazonBedrockReadOnly",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "CloudWatchFullAccess",
    "CloudWatchLogsFullAccess",
    "CloudWatchLogsReadOnlyAccess",
    "IAMFullAccess",
    "IAMReadOnlyAccess",
    "PowerUserAccess",
)
"""Those that `list_policies(Scope="AWS")` shows from the start: what an RFT walkthrough attaches."""

_ARN = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/(?:[\w+=,.@-]+/)*([\w+=,.@-]+)")
_all_policies: str | None = None


def load_listed() -> None:
    """Let moto know the policies of `LISTED` and no others; to be called once, before IAM is first used."""
    global _all_policies  # noqa: PLW0603 - a 4.7 MB constant, wanted only once moto is
    from moto.core.config import default_user_config  # noqa: PLC0415 - moto is slow to import
    from moto.iam import models  # noqa: PLC0415 - moto is slow to import
    from moto.iam.aws_managed_policies import aws_managed_policies_data  # noqa: PLC0415 - moto is slow to import

    _all_policies = aws_managed_policies_data
    vars(models)["aws_managed_policies_data"] = json.dumps({name: _found(name) for name in LISTED})
    default_user_config["iam"]["load_aws_managed_policies"] = True


def load_named(body: str, *, account: str) -> None:
    """Load the AWS managed policies that an IAM request's form body names, where they exist and are not loaded yet."""
    from moto.iam.models import AWSManagedPolicy, iam_backends  # noqa: PLC0415 - moto is slow to import

    for found in _ARN.finditer(unquote_plus(body)):
        backend = iam_backends[account]["aws"]
        if found[0] in backend.managed_policies or (data := _found(found[1])) is None:
            continue
        policy = AWSManagedPolicy.from_data(found[1], account, "aws", data)
        backend.managed_policies[policy.arn] = policy
        backend.aws_managed_policies.append(policy)


def _found(name: str) -> dict[str, Any] | None:
    """Read one policy out of moto's text of all, without reading the rest: it is 4.7 MB."""
    text = _all_policies or ""
    start = text.find(f'\n "{name}":')
    if start < 0:
        return None
    policy, _ = json.JSONDecoder().raw_decode(text, text.index("{", start))
    return dict(policy)
