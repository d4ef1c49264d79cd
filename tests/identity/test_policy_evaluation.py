"""The evaluation of policy documents, case by case."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from simulator.identity.policy_conditions import ConditionContext, MalformedPolicy
from simulator.identity.policy_evaluation import (
    Decision,
    Effect,
    Principal,
    StatementReference,
    evaluate_policies,
    list_context_keys,
)

FUNCTION = "arn:aws:lambda:us-west-2:123456789012:function:grader"
ALLOW = Effect.ALLOW
DENY = Effect.DENY
IMPLICIT_DENY = Effect.IMPLICIT_DENY


def allow(**parts: Any) -> dict[str, Any]:
    """Return a statement that allows lambda:InvokeFunction on everything, changed by `parts`."""
    return {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*", **parts}


def deny(**parts: Any) -> dict[str, Any]:
    """Return the same statement with the effect Deny."""
    return allow(**{**parts, "Effect": "Deny"})


def without(statement: Mapping[str, Any], *parts: str) -> dict[str, Any]:
    """Return a statement without these elements."""
    return {name: value for name, value in statement.items() if name not in parts}


def with_condition(operator: str, key: str, *values: object) -> dict[str, Any]:
    """Return a statement that allows under one condition."""
    return allow(Condition={operator: {key: values[0] if len(values) == 1 else list(values)}})


@dataclass(frozen=True)
class Case:
    """Statements, a request, and the expected effect."""

    name: str
    statements: tuple[Mapping[str, Any], ...]
    expected: Effect
    context: ConditionContext = field(default_factory=dict)
    resource: str = FUNCTION
    version: str = "2012-10-17"


CASES = (
    Case("no statement", (), IMPLICIT_DENY),
    Case("plain allow", (allow(),), ALLOW),
    Case("deny wins over allow", (allow(), deny()), DENY),
    Case("another action", (allow(Action="lambda:GetFunction"),), IMPLICIT_DENY),
    Case("action in another case", (allow(Action="LAMBDA:invokefunction"),), ALLOW),
    Case("action with *", (allow(Action="lambda:*"),), ALLOW),
    Case("action with ?", (allow(Action="lambda:InvokeFunctio?"),), ALLOW),
    Case("action of a list", (allow(Action=["s3:GetObject", "lambda:Invoke*"]),), ALLOW),
    Case("a dot is a dot", (allow(Action="lambda.InvokeFunction"),), IMPLICIT_DENY),
    Case("resource named", (allow(Resource=FUNCTION),), ALLOW),
    Case("resource of another region", (allow(Resource=FUNCTION.replace("us-west-2", "us-east-1")),), IMPLICIT_DENY),
    Case("resource with * in the middle", (allow(Resource="arn:aws:lambda:*:*:function:grader"),), ALLOW),
    Case("resource in another case", (allow(Resource=FUNCTION.upper()),), IMPLICIT_DENY),
    Case(
        "qualified resource, unqualified policy",
        (allow(Resource=FUNCTION),),
        IMPLICIT_DENY,
        resource=FUNCTION + ":live",
    ),
    Case("NotAction names it", (without(allow(NotAction="lambda:*"), "Action"),), IMPLICIT_DENY),
    Case("NotAction names another", (without(allow(NotAction="s3:*"), "Action"),), ALLOW),
    Case("NotResource names it", (without(allow(NotResource=FUNCTION), "Resource"),), IMPLICIT_DENY),
    Case("NotResource names another", (without(allow(NotResource="arn:aws:s3:::*"), "Resource"),), ALLOW),
    Case("deny by NotResource", (allow(), without(deny(NotResource=FUNCTION + "2"), "Resource")), DENY),
    Case("unmet condition allows nothing", (with_condition("StringEquals", "k", "a"),), IMPLICIT_DENY, {"k": "b"}),
    Case(
        "unmet condition denies nothing",
        (allow(), deny(Condition={"StringEquals": {"k": "a"}})),
        ALLOW,
        {"k": "b"},
    ),
    Case(
        "condition key in another case",
        (with_condition("StringEquals", "AWS:SourceAccount", "1"),),
        ALLOW,
        {"aws:sourceaccount": "1"},
    ),
    Case("missing key", (with_condition("StringEquals", "k", "a"),), IMPLICIT_DENY),
    Case("missing key, IfExists", (with_condition("StringEqualsIfExists", "k", "a"),), ALLOW),
    Case("other value, IfExists", (with_condition("StringEqualsIfExists", "k", "a"),), IMPLICIT_DENY, {"k": "b"}),
    Case("missing key, negated", (with_condition("StringNotEquals", "k", "a"),), ALLOW),
    Case("one of several values", (with_condition("StringEquals", "k", "a", "b"),), ALLOW, {"k": "b"}),
    Case(
        "negated, one of several values", (with_condition("StringNotEquals", "k", "a", "b"),), IMPLICIT_DENY, {"k": "b"}
    ),
    Case(
        "all keys of a condition",
        (allow(Condition={"StringEquals": {"k": "a", "l": "a"}}),),
        IMPLICIT_DENY,
        {"k": "a", "l": "b"},
    ),
    Case(
        "all conditions",
        (allow(Condition={"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}),),
        IMPLICIT_DENY,
        {"k": "a", "l": "false"},
    ),
    Case("StringLike", (with_condition("StringLike", "k", "ftjob-*"),), ALLOW, {"k": "ftjob-1"}),
    Case("StringLike, two *", (with_condition("StringLike", "k", "*a*b"),), ALLOW, {"k": "xaaxab"}),
    Case(
        "StringLike, pieces that would overlap",
        (with_condition("StringLike", "k", "*ab*b"),),
        IMPLICIT_DENY,
        {"k": "ab"},
    ),
    Case("StringLike, ? after *", (with_condition("StringLike", "k", "*?b*"),), ALLOW, {"k": "bb"}),
    Case(
        "a variable between two *",
        (with_condition("StringLike", "k", "*${aws:username}*x"),),
        ALLOW,
        {"k": "is*ann*x", "aws:username": "*ann*"},
    ),
    Case(
        "many *, and a long text that does not fit",
        (with_condition("StringLike", "k", "*a*a*a*a*a*a*a*a*b"),),
        IMPLICIT_DENY,
        {"k": "a" * 5_000},
    ),
    Case("StringNotLike", (with_condition("StringNotLike", "k", "ftjob-*"),), IMPLICIT_DENY, {"k": "ftjob-1"}),
    Case(
        "StringEquals takes * literally",
        (with_condition("StringEquals", "k", "ftjob-*"),),
        IMPLICIT_DENY,
        {"k": "ftjob-1"},
    ),
    Case("StringEqualsIgnoreCase", (with_condition("StringEqualsIgnoreCase", "k", "Grüße"),), ALLOW, {"k": "grüße"}),
    Case("Bool", (with_condition("Bool", "aws:SecureTransport", True),), ALLOW, {"aws:SecureTransport": "true"}),
    Case("Null, key absent", (with_condition("Null", "k", "true"),), ALLOW),
    Case("Null, key present", (with_condition("Null", "k", "true"),), IMPLICIT_DENY, {"k": "a"}),
    Case("Null false, key present", (with_condition("Null", "k", False),), ALLOW, {"k": "a"}),
    Case(
        "ArnLike",
        (with_condition("ArnLike", "aws:SourceArn", "arn:aws:bedrock:*:1:job/*"),),
        ALLOW,
        {"aws:SourceArn": "arn:aws:bedrock:us-west-2:1:job/x"},
    ),
    Case(
        "ArnLike does not reach over colons",
        (with_condition("ArnLike", "k", "arn:aws:bedrock:*:job/x"),),
        IMPLICIT_DENY,
        {"k": "arn:aws:bedrock:us-west-2:1:job/x"},
    ),
    Case(
        "ArnNotEquals", (with_condition("ArnNotEquals", "k", "arn:aws:s3:::a"),), IMPLICIT_DENY, {"k": "arn:aws:s3:::a"}
    ),
    Case("NumericLessThanEquals", (with_condition("NumericLessThanEquals", "k", "10"),), ALLOW, {"k": "10"}),
    Case("NumericGreaterThan", (with_condition("NumericGreaterThan", "k", "10"),), IMPLICIT_DENY, {"k": "9.5"}),
    Case("NumericNotEquals", (with_condition("NumericNotEquals", "k", "10"),), IMPLICIT_DENY, {"k": "10.0"}),
    Case(
        "DateLessThan",
        (with_condition("DateLessThan", "aws:CurrentTime", "2026-01-02T00:00:00Z"),),
        ALLOW,
        {"aws:CurrentTime": "2026-01-01T23:59:59Z"},
    ),
    Case(
        "DateGreaterThan in epoch seconds",
        (with_condition("DateGreaterThan", "aws:EpochTime", "1700000000"),),
        IMPLICIT_DENY,
        {"aws:EpochTime": "1600000000"},
    ),
    Case(
        "IpAddress",
        (with_condition("IpAddress", "aws:SourceIp", "10.0.0.0/8", "192.0.2.0/24"),),
        ALLOW,
        {"aws:SourceIp": "192.0.2.7"},
    ),
    Case(
        "NotIpAddress",
        (with_condition("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"),),
        IMPLICIT_DENY,
        {"aws:SourceIp": "10.1.1.1"},
    ),
    Case("ForAnyValue", (with_condition("ForAnyValue:StringEquals", "k", "a", "b"),), ALLOW, {"k": ["b", "c"]}),
    Case(
        "ForAnyValue, none", (with_condition("ForAnyValue:StringEquals", "k", "a"),), IMPLICIT_DENY, {"k": ["b", "c"]}
    ),
    Case("ForAnyValue, key absent", (with_condition("ForAnyValue:StringNotEquals", "k", "a"),), IMPLICIT_DENY),
    Case("ForAllValues", (with_condition("ForAllValues:StringEquals", "k", "a", "b"),), ALLOW, {"k": ["b", "a"]}),
    Case(
        "ForAllValues, one unlisted value",
        (with_condition("ForAllValues:StringEquals", "k", "a", "b"),),
        IMPLICIT_DENY,
        {"k": ["b", "c"]},
    ),
    Case("ForAllValues, key absent", (with_condition("ForAllValues:StringEquals", "k", "a"),), ALLOW),
    Case(
        "ForAllValues, negated",
        (with_condition("ForAllValues:StringNotEquals", "k", "a"),),
        IMPLICIT_DENY,
        {"k": ["a", "b"]},
    ),
    Case(
        "variable in a resource",
        (allow(Resource="arn:aws:lambda:*:*:function:${aws:username}"),),
        ALLOW,
        {"aws:username": "grader"},
    ),
    Case("variable without a value", (allow(Resource="arn:aws:lambda:*:*:function:${aws:username}"),), IMPLICIT_DENY),
    Case("variable with a default", (allow(Resource="arn:aws:lambda:*:*:function:${aws:username, 'grader'}"),), ALLOW),
    Case(
        "variable's value is literal",
        (allow(Resource="arn:aws:lambda:*:*:function:${aws:username}"),),
        IMPLICIT_DENY,
        {"aws:username": "*"},
    ),
    Case("escaped star", (allow(Resource="arn:aws:lambda:*:*:function:${*}"),), IMPLICIT_DENY),
    Case(
        "variable in a condition",
        (with_condition("StringEquals", "k", "${aws:username}"),),
        ALLOW,
        {"aws:username": "alice", "k": "alice"},
    ),
    Case(
        "variable in a policy of 2008",
        (allow(Resource="${aws:username}"),),
        IMPLICIT_DENY,
        {"aws:username": FUNCTION},
        version="2008-10-17",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_effect_is_iams(case: Case) -> None:
    """Each element of a statement has IAM's meaning."""
    document = json.dumps({"Version": case.version, "Statement": list(case.statements)})

    decision = evaluate_policies(
        [document], action="lambda:InvokeFunction", resource=case.resource, context=case.context
    )

    assert decision.effect == case.expected


def test_the_reason_names_the_deciding_statement() -> None:
    """By its Sid, and by its place."""
    documents: list[dict[str, Any]] = [{"Statement": allow()}, {"Statement": [allow(), deny(Sid="NotTonight")]}]

    assert evaluate_policies(documents, action="lambda:InvokeFunction", resource=FUNCTION) == Decision(
        effect=Effect.DENY,
        reason="denied by statement NotTonight",
        statements=(StatementReference(document=1, statement=1),),
    )


def test_all_statements_that_allow_are_named() -> None:
    """The reason names the first."""
    documents: list[dict[str, Any]] = [{"Statement": [allow(Action="s3:*"), allow(Sid="A")]}, {"Statement": allow()}]

    assert evaluate_policies(documents, action="lambda:InvokeFunction", resource=FUNCTION) == Decision(
        effect=Effect.ALLOW,
        reason="allowed by statement A",
        statements=(StatementReference(document=0, statement=1), StatementReference(document=1, statement=0)),
    )


def test_the_context_keys_of_an_action_are_those_of_its_statements() -> None:
    """In conditions and in variables; a variable with a default needs none, and 2008 knows no variables."""
    condition = {"StringLike": {"aws:SourceIp": "10.*"}, "StringEquals": {"s3:prefix": "${aws:username}/*"}}
    statements = [
        allow(Action="lambda:*", Condition=condition),
        allow(Resource="arn:aws:s3:::${aws:PrincipalTag/team}/${aws:userid, 'none'}/${*}"),
        allow(Action="s3:*", Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ]
    documents: list[dict[str, Any]] = [
        {"Version": "2012-10-17", "Statement": statements},
        {"Version": "2008-10-17", "Statement": allow(Resource="${aws:RequestedRegion}")},
    ]

    assert list_context_keys(documents, action="lambda:InvokeFunction") == [
        *("aws:SourceIp", "s3:prefix", "aws:username", "aws:PrincipalTag/team"),
    ]


def test_a_percent_encoded_document_is_parsed() -> None:
    """IAM returns documents percent-encoded; both forms are accepted."""
    encoded = '%7B"Statement": %7B"Effect": "Allow", "Action": "*", "Resource": "*"%7D%7D'

    assert evaluate_policies([encoded], action="s3:GetObject", resource="*").effect == Effect.ALLOW


ALICE = "arn:aws:iam::123456789012:user/alice"


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("*", ALLOW),
        ({"AWS": "*"}, ALLOW),
        ({"AWS": ALICE}, ALLOW),
        (ALICE, ALLOW),
        ({"AWS": ["arn:aws:iam::1:user/bob", ALICE]}, ALLOW),
        ({"AWS": "arn:aws:iam::123456789012:user/bob"}, IMPLICIT_DENY),
        ({"AWS": "123456789012"}, IMPLICIT_DENY),
        ({"AWS": "arn:aws:iam::123456789012:root"}, IMPLICIT_DENY),
        ({"Service": "bedrock.amazonaws.com"}, IMPLICIT_DENY),
    ],
    ids=str,
)
def test_a_resource_policy_applies_to_the_principals_that_it_names(named: object, expected: Effect) -> None:
    """Naming the account delegates to the account's identity policies."""
    principal = Principal(arns=(ALICE,), account="123456789012")
    policy: dict[str, Any] = {"Statement": [allow(Principal=named)]}

    decision = evaluate_policies([policy], action="lambda:InvokeFunction", resource=FUNCTION, principal=principal)

    assert decision.effect == expected


def test_a_resource_policy_denies_a_whole_account() -> None:
    """A deny of an account applies to all its principals."""
    principal = Principal(arns=(ALICE,), account="123456789012")
    policy = {"Statement": [allow(Principal="*"), deny(Principal={"AWS": "123456789012"})]}

    assert (
        evaluate_policies([policy], action="lambda:InvokeFunction", resource=FUNCTION, principal=principal).effect
        == DENY
    )


def test_a_resource_policy_may_name_a_service() -> None:
    """As a trust policy does."""
    policy: dict[str, Any] = {
        "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "bedrock.amazonaws.com"}}
    }

    decision = evaluate_policies(
        [policy], action="sts:AssumeRole", resource="*", principal=Principal(service="bedrock.amazonaws.com")
    )

    assert decision.effect == ALLOW


def test_not_principal_excludes_the_principals_that_it_names() -> None:
    """NotPrincipal with Deny applies to all others."""
    policy = {"Statement": [deny(NotPrincipal={"AWS": ALICE})]}

    effects = [
        evaluate_policies(
            [policy], action="lambda:InvokeFunction", resource=FUNCTION, principal=Principal(arns=(arn,))
        ).effect
        for arn in (ALICE, "arn:aws:iam::123456789012:user/bob")
    ]

    assert effects == [IMPLICIT_DENY, DENY]


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("StringSortOf", "a"),
        ("ForSome:StringEquals", "a"),
        ("NumericEquals", "ten"),
        ("IpAddress", "x"),
        ("DateEquals", "soon"),
        ("DateEquals", "999999999999999999"),
        ("DateEquals", "9" * 400),
    ],
)
def test_an_unknown_condition_operator_is_an_error(operator: str, value: str) -> None:
    """It is neither an allow nor a deny."""
    with pytest.raises(MalformedPolicy):
        evaluate_policies(
            [{"Statement": [with_condition(operator, "k", value)]}],
            action="lambda:InvokeFunction",
            resource="*",
            context={"k": "1"},
        )


@pytest.mark.parametrize(
    "policy",
    [
        "[" * 100_000,
        '{"Statement": 5}',
        '{"Statement": ["Allow"]}',
        '{"Statement": {"Action": "*"}}',
        '{"Statement": {"Effect": "allow", "Action": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": "always"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": "true"}}}',
    ],
    ids=lambda policy: policy[:60],
)
def test_a_malformed_policy_is_an_error(policy: str) -> None:
    """Moto accepts any text as a session policy."""
    with pytest.raises(MalformedPolicy):
        evaluate_policies([policy], action="lambda:InvokeFunction", resource="*")
