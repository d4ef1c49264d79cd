"""Adds AWS managed policies to a simulated account: a few from the start, any other when a request first names it.

moto loads either all 1,582, which takes 0.2 s and 50 MB at the first IAM call, or none, and then `attach_role_policy`
of AWSLambdaBasicExecutionRole fails. The documents are AWS's own, as moto ships them.
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
"""The policies that `list_policies(Scope="AWS")` lists from the start: those that RFT users attach."""

_ARN = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/(?:[\w+=,.@-]+/)*([\w+=,.@-]+)")


def add_preloaded_policies(backend: "IAMBackend") -> None:
    """Add `PRELOADED_POLICIES` to a new IAM backend."""
    for name in PRELOADED_POLICIES:
        _add(backend, name)


def add_referenced_policies(body: str, *, account: str) -> None:
    """Add the existing AWS managed policies that the form body of an IAM request names.

    A context must be active. The added policy does not depend on the request that names it first.
    """
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    for match in _ARN.finditer(unquote_plus(body)):
        backend, context = iam_backends[account]["aws"], current_context()
        if context is not None and match[0] not in backend.managed_policies:
            with context.state.activate(ACCOUNT_CREATION_TIME, "managed policy", account, match[1]):
                _add(backend, match[1])


def _add(backend: "IAMBackend", name: str) -> None:
    from moto.iam.models import AWSManagedPolicy  # noqa: PLC0415 - moto is slow to import

    if (data := _load_policy(name)) is not None:
        policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
        backend.managed_policies[policy.arn] = policy
        backend.aws_managed_policies.append(policy)


@lru_cache(maxsize=256)
def _load_policy(name: str) -> dict[str, Any] | None:
    """Parse one policy out of moto's JSON of all policies, without parsing the rest of its 4.7 MB."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data as policies_json  # noqa: PLC0415 - moto is slow to import

    start = policies_json.find(f'\n "{name}":')
    if start < 0:
        return None
    policy, _ = json.JSONDecoder().raw_decode(policies_json, policies_json.index("{", start))
    return dict(policy)
