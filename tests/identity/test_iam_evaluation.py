"""What an identity may do: the evaluation of its policies and AWS's messages."""

from typing import Any, NamedTuple

import pytest

from simulator.identity.iam_evaluation import Identity, denial_reason

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "999999999999"
ACTION = "lambda:InvokeFunction"
FUNCTION = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:grader"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/trainer"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/trainer/s1"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def policy(effect: str = "Allow", action: str = ACTION, **elements: Any) -> dict[str, Any]:
    """Return a policy of one statement about the function."""
    statement = {"Effect": effect, "Action": action, "Resource": "*", **elements}
    return {"Version": "2012-10-17", "Statement": [statement]}


ALLOW, DENY, OTHER = policy(), policy("Deny"), policy(action="s3:*")


def user(*policies: dict[str, Any], **fields: Any) -> Identity:
    """Return the user alice."""
    return Identity(
        arn=ALICE, account=ACCOUNT, is_user=True, principal_arns=(ALICE,), identity_policies=policies, **fields
    )


def session(*policies: dict[str, Any], **fields: Any) -> Identity:
    """Return a session of the role trainer."""
    return Identity(arn=SESSION, account=ACCOUNT, principal_arns=(SESSION, ROLE), identity_policies=policies, **fields)


def root() -> Identity:
    """Return the root user."""
    return Identity(arn=ROOT, account=ACCOUNT, is_root=True, principal_arns=(ROOT,))


class Case(NamedTuple):
    """An identity, the policy of the function, the account of the function, and the end of the message or None."""

    name: str
    identity: Identity
    reason: str | None
    resource_policy: dict[str, Any] | None = None
    account: str = ACCOUNT


NOT_ALLOWED = f"because no {{}} allows the {ACTION} action"
NO_IDENTITY_POLICY = NOT_ALLOWED.format("identity-based policy")
NO_BOUNDARY = NOT_ALLOWED.format("permissions boundary")
FOR_ALICE, FOR_ROLE, FOR_SESSION, FOR_ACCOUNT, FOR_ALL = (
    policy(Principal=principal)
    for principal in ({"AWS": ALICE}, {"AWS": ROLE}, {"AWS": SESSION}, {"AWS": ACCOUNT}, "*")
)
DENY_ALL = policy("Deny", Principal="*")

CASES = (
    Case("no policy", user(), NO_IDENTITY_POLICY),
    Case("identity policy", user(ALLOW), None),
    Case("another action", user(OTHER), NO_IDENTITY_POLICY),
    Case("a deny overrides an allow", user(ALLOW, DENY), "with an explicit deny in an identity-based policy"),
    Case("boundary allows", user(ALLOW, permissions_boundary=ALLOW), None),
    Case("boundary alone allows nothing", user(permissions_boundary=ALLOW), NO_IDENTITY_POLICY),
    Case("boundary of a user", user(ALLOW, permissions_boundary=OTHER), NO_BOUNDARY),
    Case("boundary of a role", session(ALLOW, permissions_boundary=OTHER), NO_BOUNDARY),
    Case(
        "boundary denies",
        user(ALLOW, permissions_boundary=DENY),
        "with an explicit deny in a permissions boundary",
    ),
    Case("session policy allows", session(ALLOW, session_policy=ALLOW), None),
    Case("session policy", session(ALLOW, session_policy=OTHER), NOT_ALLOWED.format("session policy")),
    Case("session policy denies", session(ALLOW, session_policy=DENY), "with an explicit deny in a session policy"),
    Case("resource policy names the user", user(), None, FOR_ALICE),
    Case("resource policy names the role", session(), None, FOR_ROLE),
    Case("resource policy names the session", session(), None, FOR_SESSION),
    Case("resource policy names another", session(), NO_IDENTITY_POLICY, FOR_ALICE),
    Case("resource policy names the account", user(), NO_IDENTITY_POLICY, FOR_ACCOUNT),
    Case("resource policy despite a user's boundary", user(permissions_boundary=OTHER), None, FOR_ALICE),
    Case("resource policy within a role's boundary", session(permissions_boundary=OTHER), NO_IDENTITY_POLICY, FOR_ROLE),
    Case("resource policy denies", user(ALLOW), "with an explicit deny in a resource-based policy", DENY_ALL),
    Case("root", root(), None),
    Case("resource policy denies root", root(), "with an explicit deny in a resource-based policy", DENY_ALL),
    Case(
        *("another account without its policy", user(ALLOW), NOT_ALLOWED.format("resource-based policy")),
        account=OTHER_ACCOUNT,
    ),
    Case("another account names the account", user(ALLOW), None, FOR_ACCOUNT, OTHER_ACCOUNT),
    Case("another account names the user", user(ALLOW), None, FOR_ALICE, OTHER_ACCOUNT),
    Case("another account alone", user(), NO_IDENTITY_POLICY, FOR_ALL, OTHER_ACCOUNT),
    Case("root in another account", root(), NO_IDENTITY_POLICY, FOR_ALL, OTHER_ACCOUNT),
    Case(
        "malformed policy",
        user(
            policy(Condition={"NumericEquals": {"aws:username": "many"}}), condition_context=(("aws:username", "ann"),)
        ),
        "because a policy cannot be evaluated: a numeric condition compares 'ann' with 'many'",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_reason_of_a_denial_is_awss(case: Case) -> None:
    """None when the identity may invoke the function."""
    function = FUNCTION.replace(ACCOUNT, case.account)
    reason = denial_reason(
        identity=case.identity,
        action=ACTION,
        resource=function,
        account=case.account,
        resource_policies=[case.resource_policy] if case.resource_policy else [],
    )
    message = f"User: {case.identity.arn} is not authorized to perform: {ACTION} on resource: {function} {case.reason}"
    assert reason == (message if case.reason else None)


def test_condition_keys_are_those_of_the_identity_and_of_the_request() -> None:
    """The request's value overrides the identity's."""
    condition = {"StringEquals": {"aws:username": "alice", "aws:SourceIp": "127.0.0.1"}}
    alice = user(policy(Condition=condition), condition_context=(("aws:username", "alice"),))
    reasons = [
        denial_reason(identity=alice, action=ACTION, resource=FUNCTION, account=ACCOUNT, condition_context=context)
        for context in ({"aws:SourceIp": "127.0.0.1"}, {"aws:SourceIp": "127.0.0.1", "aws:username": "bob"}, {})
    ]
    assert [reason is None for reason in reasons] == [True, False, False]
