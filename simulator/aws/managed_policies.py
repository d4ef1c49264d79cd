"""AWS managed policies in a simulated account: a few from the start, any other when a request first names it.

moto can load all of AWS's 1,582, which costs some 0.2 s and 50 MB at the first IAM call, or none, and then
`attach_role_policy` of AWSLambdaBasicExecutionRole fails. The documents are AWS's own, as moto ships them.
"""

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from simulator.aws.moto_state import ACCOUNT_CREATION_TIME, current_context

if TYPE_CHECKING:
    from moto.iam.models import IAMBackend

PRELOADED_POLICIES = (
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


def add_preloaded_policies(backend: "IAMBackend") -> None:
    """Let an account's IAM, which knows no policy yet, know those of `LISTED`."""
    for name in PRELOADED_POLICIES:
        _add(backend, name)


def add_referenced_policies(body: str, *, account: str) -> None:
    """Add the AWS managed policies that an IAM request's form body names, where they exist and are not there yet.

    A turn must be taken. What is added does not depend on which request is the first to name it.
    """
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    for found in _ARN.finditer(unquote_plus(body)):
        backend, turn = iam_backends[account]["aws"], current_context()
        if turn is not None and found[0] not in backend.managed_policies:
            with turn.state.activate(ACCOUNT_CREATION_TIME, "managed policy", account, found[1]):
                _add(backend, found[1])


def _add(backend: "IAMBackend", name: str) -> None:
    from moto.iam.models import AWSManagedPolicy  # noqa: PLC0415 - moto is slow to import

    if (data := _found(name)) is not None:
        policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
        backend.managed_policies[policy.arn] = policy
        backend.aws_managed_policies.append(policy)


@lru_cache(maxsize=256)
def _found(name: str) -> dict[str, Any] | None:
    """Read one policy out of moto's text of all, without reading the rest: it is 4.7 MB."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data as text  # noqa: PLC0415 - moto is slow to import

    start = text.find(f'\n "{name}":')
    if start < 0:
        return None
    policy, _ = json.JSONDecoder().raw_decode(text, text.index("{", start))
    return dict(policy)
