"""Who calls, and what they may do: moto's IAM as a store of documents, AWS's rules over them.

Nothing here changes moto's state. Messages: "Troubleshoot access denied error messages" in the IAM user guide
(DOCUMENTED).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.aws.conditions import Context
from simulator.aws.policy import Document, Effect, Principal, decide

if TYPE_CHECKING:
    from moto.iam.models import Group, IAMBackend, ManagedPolicy, Role, User

_CALLER = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:iam|sts)::(?P<account>\d{12}):"
    r"(?:(?P<root>root)|user/(?:.*/)?(?P<user>[^/]+)|role/(?:.*/)?(?P<role>[^/]+)"
    r"|assumed-role/(?P<session_role>[^/]+)/(?P<session>.+))"
)
_INVOKE = "lambda:InvokeFunction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A caller and all that decides what it may do. `boundary` None means that there is no permissions boundary."""

    arn: str
    account: str
    is_root: bool = False
    is_user: bool = False
    arns: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()
    boundary: Document | None = None
    context: tuple[tuple[str, str], ...] = ()


def root_arn(account: str) -> str:
    """Give the ARN of an account's root user, who may do everything that no resource policy denies."""
    return f"arn:aws:iam::{account}:root"


def caller_of_access_key(access_key_id: str) -> str | None:
    """Give the ARN of the IAM user or role session that an access key stands for, None when moto has no such key."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    for account in list(iam_backends):
        backend = iam_backends[account]["aws"]
        for user in list(backend.users.values()):
            if any(key.access_key_id == access_key_id and key.status == "Active" for key in user.access_keys):
                return user.arn
    for account in list(sts_backends):
        assumed = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key_id)
        if assumed is not None:
            return assumed.arn
    return None


def arn_of_user(name: str, *, account: str) -> str | None:
    """Give the ARN of an IAM user; None when moto has no such user."""
    user = _backend(account).users.get(name)
    return user.arn if user else None


def account_of_access_key(access_key_id: str) -> str:
    """Give the account that an access key belongs to; moto's default account for a key that it does not know."""
    from moto.iam.models import get_account_id_from  # noqa: PLC0415 - moto is slow to import

    return get_account_id_from(access_key_id)


def identity_of(caller_arn: str) -> Identity:
    """Collect what decides on a caller: inline, attached and group policies, and the boundary.

    A user or a role that does not exist, or an ARN of another kind, has no policies, so it may do nothing.
    """
    read = _CALLER.fullmatch(caller_arn)
    if read is None:
        return Identity(arn=caller_arn, account="")
    account = read["account"]
    if read["root"]:
        return Identity(arn=caller_arn, account=account, is_root=True, arns=(caller_arn,))
    if read["user"]:
        return _user(caller_arn, account=account, name=read["user"])
    return _role(caller_arn, account=account, name=read["role"] or read["session_role"], session=read["session"])


def refusal(
    *,
    identity: Identity,
    action: str,
    resource: str,
    account: str,
    context: Context | None = None,
    resource_policy: Iterable[Document] = (),
) -> str | None:
    """Say in AWS's words why `identity` may not do `action` on a `resource` of `account`; None when it may.

    Identity policies, the permissions boundary and the resource's own policy are weighed as "Policy
    evaluation logic" says (DOCUMENTED): within one account either side may allow; across accounts both must.
    What a resource policy grants to a user is not limited by the user's boundary; what it grants to a role
    is. Session policies are not known here.
    """
    asked = {**dict(identity.context), **(context or {})}
    documents = tuple(resource_policy)
    principal = Principal(arns=identity.arns, account=identity.account)
    by_resource = decide(documents, action=action, resource=resource, context=asked, principal=principal).effect
    if by_resource is Effect.DENY:
        return _denied(identity, action, resource, "with an explicit deny in a resource-based policy")
    if identity.is_root and identity.account == account:
        return None
    by_identity = decide(identity.documents, action=action, resource=resource, context=asked).effect
    if by_identity is Effect.DENY:
        return _denied(identity, action, resource, "with an explicit deny in an identity-based policy")
    by_boundary = Effect.ALLOW
    if identity.boundary is not None:
        by_boundary = decide([identity.boundary], action=action, resource=resource, context=asked).effect
    if by_boundary is Effect.DENY:
        return _denied(identity, action, resource, "with an explicit deny in a permissions boundary")
    at_home = identity.account == account
    if at_home and by_resource is Effect.ALLOW and (identity.is_user or by_boundary is Effect.ALLOW):
        return None
    if by_identity is not Effect.ALLOW:
        return _denied(identity, action, resource, f"because no identity-based policy allows the {action} action")
    if by_boundary is not Effect.ALLOW:
        return _denied(identity, action, resource, f"because no permissions boundary allows the {action} action")
    if not at_home and not _account_or_direct(documents, action, resource, asked, principal):
        return _denied(identity, action, resource, f"because no resource-based policy allows the {action} action")
    return None


def authorize_invoke(
    *,
    caller_arn: str | None,
    function_arn: str,
    statements: Iterable[Mapping[str, Any]] = (),
    context: Context | None = None,
    unknown_is_administrator: bool = True,
) -> str | None:
    """Say why a caller may not invoke the function at `function_arn`, qualifier included; None when it may.

    `statements` are those of the function's resource policy. `caller_arn` None is a caller whom IAM does not
    know, as everybody is in a fresh simulator; `unknown_is_administrator` says whether that one counts as the
    account's root or as nobody.
    """
    account = function_arn.split(":")[4]
    if caller_arn is None and unknown_is_administrator:
        caller_arn = root_arn(account)
    return refusal(
        identity=identity_of(caller_arn or "anonymous"),
        action=_INVOKE,
        resource=function_arn,
        account=account,
        context=context,
        resource_policy=[{"Version": "2012-10-17", "Statement": list(statements)}],
    )


def _denied(identity: Identity, action: str, resource: str, why: str) -> str:
    return f"User: {identity.arn} is not authorized to perform: {action} on resource: {resource} {why}"


def _account_or_direct(
    documents: tuple[Document, ...], action: str, resource: str, context: Context, principal: Principal
) -> bool:
    named = Principal(arns=(*principal.arns, principal.account, root_arn(principal.account)), account=principal.account)
    return decide(documents, action=action, resource=resource, context=context, principal=named).effect is Effect.ALLOW


def _backend(account: str) -> "IAMBackend":
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    return iam_backends[account]["aws"]


def _user(arn: str, *, account: str, name: str) -> Identity:
    backend = _backend(account)
    user = backend.users.get(name)
    if user is None:
        return Identity(arn=arn, account=account, is_user=True, arns=(arn,))
    groups = [group for group in backend.groups.values() if user in group.users]
    holders: list[User | Group] = [user, *groups]
    return Identity(
        arn=arn,
        account=account,
        is_user=True,
        arns=(arn,),
        documents=tuple(document for holder in holders for document in _documents(holder)),
        context=(
            ("aws:PrincipalArn", arn),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalType", "User"),
            ("aws:username", name),
            ("aws:userid", user.id),
        ),
    )


def _role(arn: str, *, account: str, name: str, session: str | None) -> Identity:
    backend = _backend(account)
    role = next((role for role in backend.roles.values() if role.name == name), None)
    if role is None:
        return Identity(arn=arn, account=account, arns=(arn,))
    boundary = None
    if role.permissions_boundary_arn is not None:
        policy = backend.managed_policies.get(role.permissions_boundary_arn)
        # A boundary that is not there allows nothing.
        boundary = _default_document(policy) if policy is not None else {"Statement": []}
    return Identity(
        arn=arn,
        account=account,
        arns=(arn, role.arn),
        documents=tuple(_documents(role)),
        boundary=boundary,
        context=(
            ("aws:PrincipalArn", role.arn),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalType", "AssumedRole"),
            ("aws:userid", f"{role.id}:{session}" if session else role.id),
        ),
    )


def _documents(holder: "User | Group | Role") -> list[Document]:
    return [*holder.policies.values(), *map(_default_document, holder.managed_policies.values())]


def _default_document(policy: "ManagedPolicy") -> Document:
    return next(version.document for version in policy.versions if version.is_default)
