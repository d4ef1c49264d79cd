"""Evaluates IAM policy documents for one action on one resource.

The order is IAM's: an explicit deny, then an allow, else an implicit deny ("Policy evaluation logic", DOCUMENTED).
moto's evaluator is not used: it takes `.` for any character, ignores ArnLike and treats an unmet condition as a deny.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from simulator.identity.policy_conditions import (
    ConditionContext,
    MalformedPolicy,
    as_string_list,
    compile_pattern,
    evaluate_conditions,
    statement_context_keys,
)

PolicyDocument = str | Mapping[str, Any]
"""A policy as JSON text, percent-encoded or not, or parsed."""


class Effect(StrEnum):
    """The result of an evaluation."""

    ALLOW = "Allow"
    DENY = "Deny"
    IMPLICIT_DENY = "ImplicitDeny"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementReference:
    """A statement, by the index of its document and its own index in the document."""

    document: int
    statement: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The effect of the documents, and the statements that decide: the first that denies, or all that allow."""

    effect: Effect
    reason: str
    statements: tuple[StatementReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller as resource policies name it: by one of its ARNs, by its account, or as an AWS service."""

    arns: tuple[str, ...] = ()
    account: str = ""
    service: str | None = None


def evaluate_policies(
    documents: Iterable[PolicyDocument],
    *,
    action: str,
    resource: str,
    context: ConditionContext | None = None,
    principal: Principal | None = None,
) -> Decision:
    """Decide on `action` ("lambda:InvokeFunction") on `resource` (an ARN or "*") by all `documents` together.

    With a `principal`, the documents are resource policies, and only statements that name the principal count. A
    statement that names a whole account denies, but does not allow by itself: it delegates to the identity policies of
    that account (DOCUMENTED).

    Raises:
        MalformedPolicy: a document, a statement or a condition is malformed.
    """
    allow_reason = ""
    allowing: list[StatementReference] = []
    for document_index, document in enumerate(documents):
        policy = parse_document(document)
        variables = _expands_variables(policy)
        for statement_index, statement in enumerate(_statements(policy)):
            try:
                if not _applies(
                    statement, action=action, resource=resource, context=context or {}, variables=variables
                ):
                    continue
                effect = Effect(statement["Effect"])
                if principal is not None and not _names_principal(
                    statement, principal, match_account=effect is Effect.DENY
                ):
                    continue
            except MalformedPolicy:
                raise
            except (
                AttributeError,
                KeyError,
                TypeError,
                ValueError,
            ) as error:  # moto accepts any text as a session policy
                raise MalformedPolicy("a statement is malformed") from error
            name = f"statement {statement['Sid']}" if statement.get("Sid") else "a statement without a Sid"
            reference = StatementReference(document=document_index, statement=statement_index)
            if effect is Effect.DENY:
                return Decision(effect=effect, reason=f"denied by {name}", statements=(reference,))
            allow_reason = allow_reason or f"allowed by {name}"
            allowing.append(reference)
    if allowing:
        return Decision(effect=Effect.ALLOW, reason=allow_reason, statements=tuple(allowing))
    return Decision(effect=Effect.IMPLICIT_DENY, reason=f"no statement allows {action} on {resource}")


def list_context_keys(documents: Iterable[PolicyDocument], *, action: str) -> list[str]:
    """Return the condition keys that the statements about an action need, in the order of their appearance.

    Raises:
        MalformedPolicy: a document is not JSON, or a statement is malformed.
    """
    keys: list[str] = []
    for document in documents:
        policy = parse_document(document)
        for statement in _statements(policy):
            try:
                if _concerns_action(statement, action, context={}, variables=_expands_variables(policy)):
                    keys += statement_context_keys(statement, expand_variables=_expands_variables(policy))
            except (AttributeError, TypeError) as error:
                raise MalformedPolicy("a statement is malformed") from error
    return list(dict.fromkeys(keys))


def parse_document(document: PolicyDocument) -> Mapping[str, Any]:
    """Return a policy as a mapping.

    Raises:
        MalformedPolicy: it is not JSON.
    """
    return _parse_document(document) if isinstance(document, str) else document


@lru_cache(maxsize=512)
def _parse_document(text: str) -> Mapping[str, Any]:
    """Parse a policy's JSON; cached by text."""
    try:
        policy = json.loads(unquote(text) if text.lstrip().startswith("%") else text)
    except (ValueError, RecursionError) as error:
        raise MalformedPolicy("it is not JSON") from error
    return policy if isinstance(policy, Mapping) else {}


def _statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = policy.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _expands_variables(policy: Mapping[str, Any]) -> bool:
    return bool(policy.get("Version") == "2012-10-17")


def _applies(
    statement: Mapping[str, Any], *, action: str, resource: str, context: ConditionContext, variables: bool
) -> bool:
    if not _concerns_action(statement, action, context=context, variables=variables):
        return False

    def matches(patterns: object) -> bool:
        return _matches_any(patterns, resource, context=context, variables=variables, ignore_case=False)

    if "Resource" in statement and not matches(statement["Resource"]):
        return False
    if "NotResource" in statement and matches(statement["NotResource"]):
        return False
    return evaluate_conditions(statement.get("Condition"), context=context, expand_variables=variables)


def _concerns_action(statement: Mapping[str, Any], action: str, *, context: ConditionContext, variables: bool) -> bool:
    def matches(patterns: object) -> bool:
        return _matches_any(patterns, action, context=context, variables=variables, ignore_case=True)

    return matches(statement["Action"]) if "Action" in statement else not matches(statement.get("NotAction", "*"))


def _matches_any(patterns: object, text: str, *, context: ConditionContext, variables: bool, ignore_case: bool) -> bool:
    compiled = (
        compile_pattern(pattern, context=context, expand_variables=variables, ignore_case=ignore_case)
        for pattern in as_string_list(patterns)
    )
    return any(pattern is not None and pattern.fullmatch(text) is not None for pattern in compiled)


def _names_principal(statement: Mapping[str, Any], principal: Principal, *, match_account: bool) -> bool:
    if "NotPrincipal" in statement:
        return not _includes_principal(statement["NotPrincipal"], principal, match_account=True)
    return _includes_principal(statement.get("Principal"), principal, match_account=match_account)


def _includes_principal(element: object, principal: Principal, *, match_account: bool) -> bool:
    if element is None:
        return False
    if not isinstance(element, Mapping):
        # moto stores a role's ARN from `add_permission` bare; AWS stores {"AWS": arn}.
        element = {"AWS": element}
    aws_principals = as_string_list(element.get("AWS", []))
    root = f"arn:aws:iam::{principal.account}:root"
    if principal.service is not None and principal.service in as_string_list(element.get("Service", [])):
        return True
    return any(
        name == "*" or name in principal.arns or (match_account and name in {principal.account, root})
        for name in aws_principals
    )
