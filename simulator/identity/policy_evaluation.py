"""Evaluates IAM policy documents: what a set of them says to one action on one resource.

The order is IAM's: an explicit deny wins, then an allow, else an implicit deny ("Policy evaluation logic",
DOCUMENTED). moto's own evaluator takes `.` for any letter, ignores ArnLike, and reads an unmet condition as a
deny, so it is not used.
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
)

PolicyDocument = str | Mapping[str, Any]
"""A policy as JSON text, percent-encoded or not, or already read."""


class Effect(StrEnum):
    """What came of an evaluation."""

    ALLOW = "Allow"
    DENY = "Deny"
    IMPLICIT_DENY = "ImplicitDeny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the documents say, and by which statement."""

    effect: Effect
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, as resource policies name it: the ARNs that stand for the caller, its account, or an AWS service."""

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
    """Say what `documents` together decide on `action` ("lambda:InvokeFunction") on `resource` (an ARN or "*").

    With a `principal` they are resource policies, and a statement counts only when it names it. Naming a
    whole account allows nothing by itself: it leaves the matter to that account's identity policies
    (DOCUMENTED); but it does deny.

    Raises:
        MalformedPolicy: a document, a statement or a condition cannot be read.
    """
    allowed: Decision | None = None
    for document in documents:
        policy = _read(document) if isinstance(document, str) else document
        variables = policy.get("Version") == "2012-10-17"
        for statement in _statements(policy):
            try:
                if not _applies(
                    statement, action=action, resource=resource, context=context or {}, variables=variables
                ):
                    continue
                effect = Effect(statement["Effect"])
                if principal is not None and not _names(statement, principal, accounts=effect is Effect.DENY):
                    continue
            except MalformedPolicy:
                raise
            except (AttributeError, KeyError, TypeError, ValueError) as fault:  # moto takes any text for a session's
                raise MalformedPolicy("a statement is not formed as IAM's are") from fault
            name = f"statement {statement['Sid']}" if statement.get("Sid") else "a statement without a Sid"
            if effect is Effect.DENY:
                return Decision(effect=effect, reason=f"denied by {name}")
            allowed = allowed or Decision(effect=effect, reason=f"allowed by {name}")
    return allowed or Decision(effect=Effect.IMPLICIT_DENY, reason=f"no statement allows {action} on {resource}")


@lru_cache(maxsize=512)
def _read(text: str) -> Mapping[str, Any]:
    """Read a policy's JSON, once a text."""
    try:
        read = json.loads(unquote(text) if text.lstrip().startswith("%") else text)
    except (ValueError, RecursionError) as fault:
        raise MalformedPolicy("it is no JSON") from fault
    return read if isinstance(read, Mapping) else {}


def _statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = policy.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _applies(
    statement: Mapping[str, Any], *, action: str, resource: str, context: ConditionContext, variables: bool
) -> bool:
    def matches(patterns: object, text: str, *, ignore_case: bool) -> bool:
        compiled = (
            compile_pattern(pattern, context=context, expand_variables=variables, ignore_case=ignore_case)
            for pattern in as_string_list(patterns)
        )
        return any(pattern is not None and pattern.fullmatch(text) is not None for pattern in compiled)

    if "Action" in statement:
        if not matches(statement["Action"], action, ignore_case=True):
            return False
    elif matches(statement.get("NotAction", "*"), action, ignore_case=True):
        return False
    if "Resource" in statement and not matches(statement["Resource"], resource, ignore_case=False):
        return False
    if "NotResource" in statement and matches(statement["NotResource"], resource, ignore_case=False):
        return False
    return evaluate_conditions(statement.get("Condition"), context=context, expand_variables=variables)


def _names(statement: Mapping[str, Any], principal: Principal, *, accounts: bool) -> bool:
    if "NotPrincipal" in statement:
        return not _is_among(statement["NotPrincipal"], principal, accounts=True)
    return _is_among(statement.get("Principal"), principal, accounts=accounts)


def _is_among(named: object, principal: Principal, *, accounts: bool) -> bool:
    if named is None:
        return False
    if not isinstance(named, Mapping):
        # moto keeps a role's ARN from `add_permission` bare, where AWS makes {"AWS": arn} of it.
        named = {"AWS": named}
    everyone = as_string_list(named.get("AWS", []))
    root = f"arn:aws:iam::{principal.account}:root"
    if principal.service is not None and principal.service in as_string_list(named.get("Service", [])):
        return True
    return any(
        name == "*" or name in principal.arns or (accounts and name in {principal.account, root}) for name in everyone
    )
