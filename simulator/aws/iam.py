"""Who calls, and what they may do: moto's IAM as a store of documents, AWS's rules over them.

Nothing but `federate` changes moto's state. Messages: "Troubleshoot access denied error messages" in the IAM user guide
(DOCUMENTED).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.aws.role_sessions import find_session_by_arn
from simulator.identity.policy_conditions import ConditionContext, MalformedPolicy
from simulator.identity.policy_evaluation import Effect, PolicyDocument, Principal, evaluate_policies

if TYPE_CHECKING:
    from moto.iam.models import Group, IAMBackend, ManagedPolicy, Role, User

_CALLER = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:iam|sts)::(?P<account>\d{12}):"
    r"(?:(?P<root>root)|user/(?:.*/)?(?P<user>[^/]+)|role/(?:.*/)?(?P<role>[^/]+)"
    r"|assumed-role/(?P<session_role>[^/]+)/(?P<session>.+)|federated-user/(?P<federated>.+))"
)
_INVOKE = "lambda:InvokeFunction"
_EVERYTHING: tuple[PolicyDocument, ...] = ({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},)
_FEDERATED = "federated_users"  # where moto's IAM keeps those of an account
_ROLE_IDS = "ids_of_roles"  # and where it keeps those of its roles by their names; a role may be gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A caller and all that decides what it may do.

    `permissions_boundary` None means that there is none; `session_policy` likewise.
    """

    arn: str
    account: str
    is_root: bool = False
    is_user: bool = False
    principal_arns: tuple[str, ...] = ()
    identity_policies: tuple[PolicyDocument, ...] = ()
    permissions_boundary: PolicyDocument | None = None
    session_policy: PolicyDocument | None = None
    condition_context: tuple[tuple[str, str], ...] = ()


def root_arn(account: str) -> str:
    """Give the ARN of an account's root user, who may do everything that no resource policy denies."""
    return f"arn:aws:iam::{account}:root"


def load_identity(caller_arn: str) -> Identity:
    """Collect what decides on a caller: inline, attached and group policies, and the boundary.

    A user or a role that does not exist, or an ARN of another kind, has no policies, so it may do nothing.
    """
    read = _CALLER.fullmatch(caller_arn)
    if read is None:
        return Identity(arn=caller_arn, account="")
    account = read["account"]
    if read["root"]:
        return Identity(arn=caller_arn, account=account, is_root=True, principal_arns=(caller_arn,))
    if read["user"]:
        return _user(caller_arn, account=account, name=read["user"])
    if read["federated"]:
        return _federated(caller_arn, account=account, name=read["federated"])
    return _role(caller_arn, account=account, name=read["role"] or read["session_role"], session=read["session"])


def denial_reason(
    *,
    identity: Identity,
    action: str,
    resource: str,
    account: str,
    condition_context: ConditionContext | None = None,
    resource_policies: Iterable[PolicyDocument] = (),
) -> str | None:
    """Say in AWS's words why `identity` may not do `action` on a `resource` of `account`; None when it may.

    Identity policies, the permissions boundary, the session policy and the resource's own policy are weighed as
    "Policy evaluation logic" says (DOCUMENTED): within one account either side may allow; across accounts both must.
    What a resource policy grants to a user is not limited by the user's boundary; what it grants to a role is.
    """
    try:
        return _weighed(identity, action, resource, account, condition_context or {}, tuple(resource_policies))
    except MalformedPolicy as fault:  # IAM would not have taken such a policy; moto may
        return _denied(identity, action, resource, f"because a policy cannot be evaluated: {fault}")


def _weighed(
    identity: Identity,
    action: str,
    resource: str,
    account: str,
    context: ConditionContext,
    documents: tuple[PolicyDocument, ...],
) -> str | None:
    asked = {**dict(identity.condition_context), **context}
    principal = Principal(arns=identity.principal_arns, account=identity.account)
    by_resource = evaluate_policies(
        documents, action=action, resource=resource, context=asked, principal=principal
    ).effect
    if by_resource is Effect.DENY:
        return _denied(identity, action, resource, "with an explicit deny in a resource-based policy")
    if identity.is_root and identity.account == account:
        return None
    by_identity = evaluate_policies(identity.identity_policies, action=action, resource=resource, context=asked).effect
    if by_identity is Effect.DENY:
        return _denied(identity, action, resource, "with an explicit deny in an identity-based policy")
    by_limit = {
        name: evaluate_policies([document], action=action, resource=resource, context=asked).effect
        for name, document in (
            ("permissions boundary", identity.permissions_boundary),
            ("session policy", identity.session_policy),
        )
        if document is not None
    }
    if forbidding := _first(by_limit, Effect.DENY):
        return _denied(identity, action, resource, f"with an explicit deny in a {forbidding}")
    silent = _first(by_limit, Effect.IMPLICIT_DENY)
    at_home = identity.account == account
    if at_home and by_resource is Effect.ALLOW and (identity.is_user or not silent):
        return None
    missing = "identity-based policy" if by_identity is not Effect.ALLOW else silent
    if not (missing or at_home or _account_or_direct(documents, action, resource, asked, principal)):
        missing = "resource-based policy"
    return _denied(identity, action, resource, f"because no {missing} allows the {action} action") if missing else None


def _first(effects: Mapping[str, Effect], wanted: Effect) -> str | None:
    return next((name for name, effect in effects.items() if effect is wanted), None)


def invoke_denial_reason(
    *,
    caller_arn: str | None,
    function_arn: str,
    statements: Iterable[Mapping[str, Any]] = (),
    condition_context: ConditionContext | None = None,
    treat_unknown_as_root: bool = True,
) -> str | None:
    """Say why a caller may not invoke the function at `function_arn`, qualifier included; None when it may.

    `statements` are those of the function's resource policy. `caller_arn` None is a caller whom IAM does not
    know, as everybody is in a fresh simulator; `treat_unknown_as_root` says whether that one counts as the
    account's root or as nobody.
    """
    account = function_arn.split(":")[4]
    if caller_arn is None and treat_unknown_as_root:
        caller_arn = root_arn(account)
    return denial_reason(
        identity=load_identity(caller_arn or "anonymous"),
        action=_INVOKE,
        resource=function_arn,
        account=account,
        condition_context=condition_context,
        resource_policies=[{"Version": "2012-10-17", "Statement": list(statements)}],
    )


def _denied(identity: Identity, action: str, resource: str, why: str) -> str:
    return f"User: {identity.arn} is not authorized to perform: {action} on resource: {resource} {why}"


def _account_or_direct(
    documents: tuple[PolicyDocument, ...], action: str, resource: str, context: ConditionContext, principal: Principal
) -> bool:
    named = Principal(arns=(*principal.arns, principal.account, root_arn(principal.account)), account=principal.account)
    return (
        evaluate_policies(documents, action=action, resource=resource, context=context, principal=named).effect
        is Effect.ALLOW
    )


def _backend(account: str) -> "IAMBackend":
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    return iam_backends[account]["aws"]


def _user(arn: str, *, account: str, name: str) -> Identity:
    backend = _backend(account)
    user = backend.users.get(name)
    if user is None:
        return Identity(arn=arn, account=account, is_user=True, principal_arns=(arn,))
    groups = [group for group in list(backend.groups.values()) if user in group.users]
    holders: list[User | Group] = [user, *groups]
    bounded: Mapping[str, str] = vars(user).get("permissions_boundary", {})
    return Identity(
        arn=arn,
        account=account,
        is_user=True,
        principal_arns=(arn,),
        identity_policies=tuple(document for holder in holders for document in _documents(holder)),
        permissions_boundary=_boundary(backend, bounded.get("PermissionsBoundaryArn")),
        condition_context=(
            ("aws:PrincipalArn", arn),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalType", "User"),
            ("aws:username", name),
            ("aws:userid", user.id),
            *_tags(user.tags),
        ),
    )


def record_federated_user(arn: str, *, account: str, issuer_arn: str, policy: str | None) -> None:
    """Keep for whom (an ARN) and with which policy the credentials of a federated user were made last."""
    vars(_backend(account)).setdefault(_FEDERATED, {})[arn] = (issuer_arn, policy)


def _federated(arn: str, *, account: str, name: str) -> Identity:
    kept: dict[str, tuple[str, str | None]] = vars(_backend(account)).get(_FEDERATED, {})
    if arn not in kept:
        return Identity(arn=arn, account=account, principal_arns=(arn,))
    holder, policy = kept[arn]
    of = load_identity(holder)
    return Identity(
        arn=arn,
        account=account,
        principal_arns=(arn,),
        identity_policies=_EVERYTHING if of.is_root else of.identity_policies,
        permissions_boundary=of.permissions_boundary,
        session_policy=policy or {"Statement": []},
        condition_context=(
            ("aws:PrincipalArn", arn),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalType", "FederatedUser"),
            ("aws:userid", f"{account}:{name}"),
        ),
    )


def _role(arn: str, *, account: str, name: str, session: str | None) -> Identity:
    backend = _backend(account)
    role = _role_named(backend, name)
    if role is None:
        return Identity(arn=arn, account=account, principal_arns=(arn,))
    return Identity(
        arn=arn,
        account=account,
        principal_arns=(arn, role.arn),
        identity_policies=tuple(_documents(role)),
        permissions_boundary=_boundary(backend, role.permissions_boundary_arn),
        session_policy=_session_policy(arn, account) if session else None,
        condition_context=(
            ("aws:PrincipalArn", role.arn),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalType", "AssumedRole"),
            ("aws:userid", f"{role.id}:{session}" if session else role.id),
            *_tags(role.tags),
        ),
    )


def _role_named(backend: "IAMBackend", name: str) -> "Role | None":
    """Find a role by its name, which moto keeps by id: its id is looked for once, and what it leads to is checked."""
    ids: dict[str, str] = vars(backend).setdefault(_ROLE_IDS, {})
    role = backend.roles.get(ids.get(name, ""))
    if role is None or role.name != name:
        role = next((role for role in list(backend.roles.values()) if role.name == name), None)
        if role is not None:
            ids[name] = role.id
    return role


def _boundary(backend: "IAMBackend", arn: str | None) -> PolicyDocument | None:
    if not arn:
        return None
    policy = backend.managed_policies.get(arn)
    # A boundary that is not there allows nothing.
    return _default_document(policy) if policy is not None else {"Statement": []}


def _session_policy(arn: str, account: str) -> PolicyDocument | None:
    """Return what the session was limited to when the role was assumed; of several with one name, the last one."""
    assumed = find_session_by_arn(arn, account)
    return assumed.policy or None if assumed else None


def _tags(tags: list[dict[str, str]] | None) -> list[tuple[str, str]]:
    return [(f"aws:PrincipalTag/{tag['Key']}", tag["Value"]) for tag in tags or []]


def _documents(holder: "User | Group | Role") -> list[PolicyDocument]:
    return [*holder.policies.values(), *map(_default_document, holder.managed_policies.values())]


def _default_document(policy: "ManagedPolicy") -> PolicyDocument:
    return next(version.document for version in policy.versions if version.is_default)
