"""Decides what an IAM identity may do, and says why not in AWS's words.

Messages: "Troubleshoot access denied error messages" in the IAM user guide (DOCUMENTED).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.identity.policy_conditions import ConditionContext, MalformedPolicy
from simulator.identity.policy_evaluation import Effect, PolicyDocument, Principal, evaluate_policies


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
    """Return why `identity` may not do `action` on a `resource` of `account`, or None when it may.

    The rules are those of "Policy evaluation logic" (DOCUMENTED). Within one account, either an identity policy or the
    resource policy must allow the action; across accounts, both must. A permissions boundary does not limit what a
    resource policy grants to a user, but it does limit what the policy grants to a role.
    """
    try:
        reason = _find_denial(identity, action, resource, account, condition_context or {}, tuple(resource_policies))
    except MalformedPolicy as error:  # IAM would have rejected such a policy; moto stores it
        reason = f"because a policy cannot be evaluated: {error}"
    if reason is None:
        return None
    return f"User: {identity.arn} is not authorized to perform: {action} on resource: {resource} {reason}"


def _find_denial(
    identity: Identity,
    action: str,
    resource: str,
    account: str,
    request_context: ConditionContext,
    resource_policies: tuple[PolicyDocument, ...],
) -> str | None:
    context = {**dict(identity.condition_context), **request_context}
    principal = Principal(arns=identity.principal_arns, account=identity.account)
    by_resource = evaluate_policies(
        resource_policies, action=action, resource=resource, context=context, principal=principal
    ).effect
    if by_resource is Effect.DENY:
        return "with an explicit deny in a resource-based policy"
    if identity.is_root and identity.account == account:
        return None
    by_identity = evaluate_policies(
        identity.identity_policies, action=action, resource=resource, context=context
    ).effect
    if by_identity is Effect.DENY:
        return "with an explicit deny in an identity-based policy"
    by_limit = {
        name: evaluate_policies([document], action=action, resource=resource, context=context).effect
        for name, document in (
            ("permissions boundary", identity.permissions_boundary),
            ("session policy", identity.session_policy),
        )
        if document is not None
    }
    if denying_policy := _find_policy(by_limit, Effect.DENY):
        return f"with an explicit deny in a {denying_policy}"
    missing_limit = _find_policy(by_limit, Effect.IMPLICIT_DENY)
    same_account = identity.account == account
    if same_account and by_resource is Effect.ALLOW and (identity.is_user or not missing_limit):
        return None
    missing = "identity-based policy" if by_identity is not Effect.ALLOW else missing_limit
    if not (missing or same_account or _allows_principal(resource_policies, action, resource, context, principal)):
        missing = "resource-based policy"
    return f"because no {missing} allows the {action} action" if missing else None


def _find_policy(effects: Mapping[str, Effect], effect: Effect) -> str | None:
    return next((name for name, value in effects.items() if value is effect), None)


def _allows_principal(
    policies: tuple[PolicyDocument, ...], action: str, resource: str, context: ConditionContext, principal: Principal
) -> bool:
    """Whether resource policies allow the action to the principal itself or to its whole account."""
    arns = (*principal.arns, principal.account, root_arn(principal.account))
    principal_or_account = Principal(arns=arns, account=principal.account)
    decision = evaluate_policies(
        policies, action=action, resource=resource, context=context, principal=principal_or_account
    )
    return decision.effect is Effect.ALLOW
