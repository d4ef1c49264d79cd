"""Loads IAM identities from moto: the policies of a user, a role, a role session, a federated user or the root.

Only `record_federated_user` changes moto's state.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from simulator.aws.role_sessions import find_session_by_arn
from simulator.identity.iam_evaluation import Identity, denial_reason, root_arn
from simulator.identity.policy_conditions import ConditionContext, MalformedPolicy
from simulator.identity.policy_evaluation import Effect, PolicyDocument, Principal, evaluate_policies
from simulator.identity.policy_simulation import NamedPolicy

if TYPE_CHECKING:
    from moto.iam.models import Group, IAMBackend, ManagedPolicy, Role, User

_CALLER = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:iam|sts)::(?P<account>\d{12}):"
    r"(?:(?P<root>root)|user/(?:.*/)?(?P<user>[^/]+)|role/(?:.*/)?(?P<role>[^/]+)"
    r"|assumed-role/(?P<session_role>[^/]+)/(?P<session>.+)|federated-user/(?P<federated>.+))"
)
_POLICY_HOLDER = re.compile(
    r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):(?P<kind>user|group|role)/(?:.*/)?(?P<name>[^/]+)"
)
_INVOKE = "lambda:InvokeFunction"
_ALLOW_ALL: tuple[PolicyDocument, ...] = ({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},)
_ALLOW_NOTHING: PolicyDocument = {"Statement": []}
_FEDERATED_USERS = "federated_users"  # attribute of moto's IAM backend: the federated users of an account
_ROLE_IDS = "ids_of_roles"  # attribute of moto's IAM backend: role ids by name; the role may be deleted


def load_identity(caller_arn: str) -> Identity:
    """Return the caller with its inline, attached and group policies and its boundary.

    A user or role that does not exist, or an ARN of another kind, has no policies and may do nothing.
    """
    match = _CALLER.fullmatch(caller_arn)
    if match is None:
        return Identity(arn=caller_arn, account="")
    account = match["account"]
    if match["root"]:
        return Identity(arn=caller_arn, account=account, is_root=True, principal_arns=(caller_arn,))
    if match["user"]:
        return _load_user(caller_arn, account=account, name=match["user"])
    if match["federated"]:
        return _load_federated_user(caller_arn, account=account, name=match["federated"])
    return _load_role(
        caller_arn, account=account, name=match["role"] or match["session_role"], session=match["session"]
    )


def invoke_denial_reason(
    *,
    caller_arn: str | None,
    function_arn: str,
    statements: Iterable[Mapping[str, Any]] = (),
    condition_context: ConditionContext | None = None,
    treat_unknown_as_root: bool = True,
) -> str | None:
    """Return why a caller may not invoke the function at `function_arn`, qualifier included; None when it may.

    `statements` are those of the function's resource policy. `caller_arn` is None for a caller that IAM does not know,
    as every caller is in a new simulator. With `treat_unknown_as_root`, such a caller counts as the account's root;
    otherwise it may do nothing.
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


def named_policies(arn: str) -> tuple[NamedPolicy, ...] | None:
    """Return the policies of a user with those of its groups, of a role or of a group; None if it does not exist.

    The id of a managed policy is its name. That of an inline policy also names its holder (OBSERVED for roles).
    """
    match = _POLICY_HOLDER.fullmatch(arn)
    if match is None:
        return None
    backend, name = _backend(match["account"]), match["name"]
    holder: User | Group | Role | None
    if match["kind"] == "role":
        holder = _find_role(backend, name)
    else:
        holder = backend.users.get(name) if match["kind"] == "user" else backend.groups.get(name)
    if holder is None or holder.arn != arn:
        return None
    holders = [(match["kind"], holder)]
    if match["kind"] == "user":
        holders += [("group", group) for group in _groups_of(backend, backend.users[name])]
    return tuple(
        NamedPolicy(id=policy_id, document=document)
        for kind, each in holders
        for policy_id, document in (
            *((f"{kind}_{each.name}_{policy}", document) for policy, document in each.policies.items()),
            *((policy.name, _default_document(policy)) for policy in each.managed_policies.values()),
        )
    )


def service_may_assume(role_arn: str, *, service: str) -> bool:
    """Whether a role exists and its trust policy lets an AWS service, such as lambda.amazonaws.com, assume it.

    The condition keys are those of the service's request (INFERRED: which ones Lambda sends).
    """
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    role = _find_role(_backend(account), name)
    if role is None or role.arn != role_arn:
        return False
    try:
        decision = evaluate_policies(
            [role.assume_role_policy_document],
            action="sts:AssumeRole",
            resource=role_arn,
            context={"aws:SourceAccount": account},
            principal=Principal(service=service),
        )
    except MalformedPolicy:  # moto accepts any text as a policy
        return False
    return decision.effect is Effect.ALLOW


def _backend(account: str) -> "IAMBackend":
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    return iam_backends[account]["aws"]


def _load_user(arn: str, *, account: str, name: str) -> Identity:
    backend = _backend(account)
    user = backend.users.get(name)
    if user is None:
        return Identity(arn=arn, account=account, is_user=True, principal_arns=(arn,))
    policy_holders: list[User | Group] = [user, *_groups_of(backend, user)]
    boundary: Mapping[str, str] = vars(user).get("permissions_boundary", {})
    return Identity(
        arn=arn,
        account=account,
        is_user=True,
        principal_arns=(arn,),
        identity_policies=tuple(document for holder in policy_holders for document in _documents(holder)),
        permissions_boundary=_load_boundary(backend, boundary.get("PermissionsBoundaryArn")),
        condition_context=(
            ("aws:PrincipalArn", arn),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalType", "User"),
            ("aws:username", name),
            ("aws:userid", user.id),
            *_tag_keys(user.tags),
        ),
    )


def _groups_of(backend: "IAMBackend", user: "User") -> "list[Group]":
    return [group for group in list(backend.groups.values()) if user in group.users]


def record_federated_user(arn: str, *, account: str, issuer_arn: str, policy: str | None) -> None:
    """Record which caller (an ARN) issued the latest credentials of a federated user, and with which policy."""
    vars(_backend(account)).setdefault(_FEDERATED_USERS, {})[arn] = (issuer_arn, policy)


def _load_federated_user(arn: str, *, account: str, name: str) -> Identity:
    federated_users: dict[str, tuple[str, str | None]] = vars(_backend(account)).get(_FEDERATED_USERS, {})
    if arn not in federated_users:
        return Identity(arn=arn, account=account, principal_arns=(arn,))
    issuer_arn, policy = federated_users[arn]
    issuer = load_identity(issuer_arn)
    return Identity(
        arn=arn,
        account=account,
        principal_arns=(arn,),
        identity_policies=_ALLOW_ALL if issuer.is_root else issuer.identity_policies,
        permissions_boundary=issuer.permissions_boundary,
        session_policy=policy or _ALLOW_NOTHING,
        condition_context=(
            ("aws:PrincipalArn", arn),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalType", "FederatedUser"),
            ("aws:userid", f"{account}:{name}"),
        ),
    )


def _load_role(arn: str, *, account: str, name: str, session: str | None) -> Identity:
    backend = _backend(account)
    role = _find_role(backend, name)
    if role is None:
        return Identity(arn=arn, account=account, principal_arns=(arn,))
    return Identity(
        arn=arn,
        account=account,
        principal_arns=(arn, role.arn),
        identity_policies=tuple(_documents(role)),
        permissions_boundary=_load_boundary(backend, role.permissions_boundary_arn),
        session_policy=_load_session_policy(arn, account) if session else None,
        condition_context=(
            ("aws:PrincipalArn", role.arn),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalType", "AssumedRole"),
            ("aws:userid", f"{role.id}:{session}" if session else role.id),
            *_tag_keys(role.tags),
        ),
    )


def _find_role(backend: "IAMBackend", name: str) -> "Role | None":
    """Find a role by name. moto stores roles by id, so the id is searched for once, cached and checked."""
    ids: dict[str, str] = vars(backend).setdefault(_ROLE_IDS, {})
    role = backend.roles.get(ids.get(name, ""))
    if role is None or role.name != name:
        role = next((role for role in list(backend.roles.values()) if role.name == name), None)
        if role is not None:
            ids[name] = role.id
    return role


def _load_boundary(backend: "IAMBackend", arn: str | None) -> PolicyDocument | None:
    if not arn:
        return None
    policy = backend.managed_policies.get(arn)
    return _default_document(policy) if policy is not None else _ALLOW_NOTHING  # a deleted boundary allows nothing


def _load_session_policy(arn: str, account: str) -> PolicyDocument | None:
    """Return the session policy of the latest session with this ARN."""
    session = find_session_by_arn(arn, account)
    return session.policy or None if session else None


def _tag_keys(tags: list[dict[str, str]] | None) -> list[tuple[str, str]]:
    return [(f"aws:PrincipalTag/{tag['Key']}", tag["Value"]) for tag in tags or []]


def _documents(holder: "User | Group | Role") -> list[PolicyDocument]:
    return [*holder.policies.values(), *map(_default_document, holder.managed_policies.values())]


def _default_document(policy: "ManagedPolicy") -> PolicyDocument:
    return next(version.document for version in policy.versions if version.is_default)
