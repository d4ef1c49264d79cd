"""Decides what an IAM identity may do, and says why not in AWS's words.

Messages: "Troubleshoot access denied error messages" in the IAM user guide (DOCUMENTED).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.identity.policy_conditions import ConditionContext, MalformedPolicy
from simulator.identity.policy_evaluation import Decision, Effect, PolicyDocument, Principal, evaluate_policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A caller with the policies that apply to it.

    `permissions_boundary` and `session_policy` are None when there is none.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The decision on one action and resource, and what each kind of policy says.

    `denial` is None if the identity may do it, else the end of AWS's message. `by_boundary` is None without a boundary.
    """

    denial: str | None
    by_identity: Decision
    by_resource: Decision
    by_boundary: Decision | None
    by_session: Decision | None

    @property
    def effect(self) -> Effect:
        """Allowed, denied by a statement, or denied because no statement allows it."""
        if self.denial is None:
            return Effect.ALLOW
        decisions = (self.by_identity, self.by_resource, self.by_boundary, self.by_session)
        is_explicit = any(decision is not None and decision.effect is Effect.DENY for decision in decisions)
        return Effect.DENY if is_explicit else Effect.IMPLICIT_DENY


def root_arn(account: str) -> str:
    """Return the ARN of an account's root user, who may do everything that no resource policy denies."""
    return f"arn:aws:iam::{account}:root"


def denial_reason(
    *,
    identity: Identity,
    action: str,
    resource: str,
    account: str,
    condition_context: ConditionContext | None = None,
    resource_policies: Iterable[PolicyDocument] = (),
) -> str | None:
    """Return why `identity` may not do `action` on a `resource` of `account`, or None when it may: see `evaluate`."""
    try:
        reason = evaluate(
            identity=identity,
            action=action,
            resource=resource,
            account=account,
            condition_context=condition_context,
            resource_policies=resource_policies,
        ).denial
    except MalformedPolicy as error:  # IAM would have rejected such a policy; moto stores it
        reason = f"because a policy cannot be evaluated: {error}"
    if reason is None:
        return None
    return f"User: {identity.arn} is not authorized to perform: {action} on resource: {resource} {reason}"


def evaluate(
    *,
    identity: Identity,
    action: str,
    resource: str,
    account: str,
    condition_context: ConditionContext | None = None,
    resource_policies: Iterable[PolicyDocument] = (),
) -> Evaluation:
    """Decide whether `identity` may do `action` on a `resource` of `account`.

    The rules are those of "Policy evaluation logic" (DOCUMENTED). Within one account, either an identity policy or the
    resource policy must allow the action; across accounts, both must. A permissions boundary does not limit what a
    resource policy grants to a user, but it does limit what the policy grants to a role.

    Raises:
        MalformedPolicy: a policy cannot be evaluated.
    """
    context = {**dict(identity.condition_context), **(condition_context or {})}
    principal = Principal(arns=identity.principal_arns, account=identity.account)
    documents = tuple(resource_policies)

    def decide(policies: Iterable[PolicyDocument], principal: Principal | None = None) -> Decision:
        return evaluate_policies(policies, action=action, resource=resource, context=context, principal=principal)

    boundary, session = identity.permissions_boundary, identity.session_policy
    by_resource = decide(documents, principal)
    by_identity = decide(identity.identity_policies)
    by_boundary = None if boundary is None else decide([boundary])
    by_session = None if session is None else decide([session])
    by_limit = {
        name: decision.effect
        for name, decision in (("permissions boundary", by_boundary), ("session policy", by_session))
        if decision is not None
    }

    def find_denial() -> str | None:
        if by_resource.effect is Effect.DENY:
            return "with an explicit deny in a resource-based policy"
        if identity.is_root and identity.account == account:
            return None
        if by_identity.effect is Effect.DENY:
            return "with an explicit deny in an identity-based policy"
        if denying_policy := _find_policy(by_limit, Effect.DENY):
            return f"with an explicit deny in a {denying_policy}"
        missing_limit = _find_policy(by_limit, Effect.IMPLICIT_DENY)
        same_account = identity.account == account
        if same_account and by_resource.effect is Effect.ALLOW and (identity.is_user or not missing_limit):
            return None
        missing = "identity-based policy" if by_identity.effect is not Effect.ALLOW else missing_limit
        if not (missing or same_account or decide(documents, _with_account(principal)).effect is Effect.ALLOW):
            missing = "resource-based policy"
        return f"because no {missing} allows the {action} action" if missing else None

    return Evaluation(
        denial=find_denial(),
        by_identity=by_identity,
        by_resource=by_resource,
        by_boundary=by_boundary,
        by_session=by_session,
    )


def _find_policy(effects: Mapping[str, Effect], effect: Effect) -> str | None:
    return next((name for name, value in effects.items() if value is effect), None)


def _with_account(principal: Principal) -> Principal:
    """Return a principal that a policy also names by its whole account."""
    arns = (*principal.arns, principal.account, root_arn(principal.account))
    return Principal(arns=arns, account=principal.account)
