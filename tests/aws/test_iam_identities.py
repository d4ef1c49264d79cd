"""Who may invoke: users, groups, roles, boundaries and resource policies as moto keeps them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from simulator.aws import access_keys, iam_identities
from simulator.aws.moto_state import ACCOUNT_CREATION_TIME, MotoState
from simulator.identity.credentials import Credential

ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:grader"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/trainer/s1"
INVOKE = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": FUNCTION}
DENIED = {**INVOKE, "Effect": "Deny"}


def document(*statements: dict[str, Any]) -> str:
    """Make a policy of statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def store(moto_state: MotoState) -> Any:
    """Give moto's IAM with a user alice, a group graders and a role trainer, none of which may do anything."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    backend: Any = iam_backends[ACCOUNT]["aws"]
    backend.create_user("us-west-2", "alice")
    backend.create_group("graders")
    backend.create_role("trainer", document(), "/", None, "", [], None)
    return backend


def set_boundary(store: Any, arn: str) -> None:
    """Give alice a permissions boundary, as `iam_operations` keeps it."""
    vars(store.users["alice"])["permissions_boundary"] = {"PermissionsBoundaryArn": arn}


def assume(*, policy: str = "") -> Any:
    """Assume the role trainer as session s1."""
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    role = f"arn:aws:iam::{ACCOUNT}:role/trainer"
    return sts_backends[ACCOUNT]["aws"].assume_role("us-west-2", "s1", role, policy, 3600, "")


def invoke_denial_reason(caller: str | None, function: str = FUNCTION, **more: Any) -> str | None:
    """Ask whether `caller` may invoke."""
    return iam_identities.invoke_denial_reason(caller_arn=caller, function_arn=function, **more)


def denial_message(caller: str, why: str) -> str:
    """Give AWS's text of a refusal."""
    return f"User: {caller} is not authorized to perform: lambda:InvokeFunction on resource: {FUNCTION} {why}"


def test_user_without_policies_may_not(store: Any) -> None:
    """What nobody allowed is denied."""
    assert invoke_denial_reason(ALICE) == denial_message(
        ALICE, "because no identity-based policy allows the lambda:InvokeFunction action"
    )


def test_inline_policy_allows(store: Any) -> None:
    """A user's own policy counts."""
    store.put_user_policy("alice", "invoke", document(INVOKE))

    assert invoke_denial_reason(ALICE) is None


def test_attached_policy_allows_by_its_default_version(store: Any) -> None:
    """A managed policy counts in the version that is its default."""
    policy = store.create_policy("", "/", document(INVOKE), "invoke", [])
    store.attach_user_policy(policy.arn, "alice")
    before = invoke_denial_reason(ALICE)
    store.create_policy_version(policy.arn, document(DENIED), "true")

    assert (before, invoke_denial_reason(ALICE)) == (
        None,
        denial_message(ALICE, "with an explicit deny in an identity-based policy"),
    )


def test_group_policy_allows(store: Any) -> None:
    """A user has what its groups have."""
    store.put_group_policy("graders", "invoke", document(INVOKE))
    store.add_user_to_group("graders", "alice")

    assert invoke_denial_reason(ALICE) is None


def test_explicit_deny_wins(store: Any) -> None:
    """One deny outweighs every allow, and AWS says that it was explicit."""
    store.put_user_policy("alice", "invoke", document(INVOKE))
    store.put_group_policy("graders", "no", document(DENIED))
    store.add_user_to_group("graders", "alice")

    assert invoke_denial_reason(ALICE) == denial_message(ALICE, "with an explicit deny in an identity-based policy")


def test_session_has_its_roles_policies(store: Any) -> None:
    """An assumed role is judged by the role, and named by its session."""
    before = invoke_denial_reason(SESSION)
    store.put_role_policy("trainer", "invoke", document(INVOKE))

    assert (before, invoke_denial_reason(SESSION)) == (
        denial_message(SESSION, "because no identity-based policy allows the lambda:InvokeFunction action"),
        None,
    )


def test_boundary_limits_a_role(store: Any) -> None:
    """Both the role's policies and its boundary must allow."""
    boundary = store.create_policy("", "/", document({**INVOKE, "Action": "s3:*"}), "boundary", [])
    store.put_role_policy("trainer", "invoke", document(INVOKE))
    store.put_role_permissions_boundary("trainer", boundary.arn)

    assert invoke_denial_reason(SESSION) == denial_message(
        SESSION, "because no permissions boundary allows the lambda:InvokeFunction action"
    )


def test_explicit_deny_of_a_boundary_is_told(store: Any) -> None:
    """A boundary may deny outright."""
    boundary = store.create_policy("", "/", document(DENIED), "boundary", [])
    store.put_role_policy("trainer", "invoke", document(INVOKE))
    store.put_role_permissions_boundary("trainer", boundary.arn)

    assert invoke_denial_reason(SESSION) == denial_message(SESSION, "with an explicit deny in a permissions boundary")


def test_resource_policy_allows_by_itself_within_the_account(store: Any) -> None:
    """A function's own policy that names the user is enough."""
    assert invoke_denial_reason(ALICE, statements=[{**INVOKE, "Principal": {"AWS": ALICE}}]) is None


def test_resource_policy_names_a_role_for_its_sessions(store: Any) -> None:
    """Naming a role lets its sessions in."""
    role = f"arn:aws:iam::{ACCOUNT}:role/trainer"

    assert invoke_denial_reason(SESSION, statements=[{**INVOKE, "Principal": {"AWS": role}}]) is None


def test_resource_policy_denies_even_root(store: Any) -> None:
    """The account's root may do all that no resource policy denies."""
    root = f"arn:aws:iam::{ACCOUNT}:root"
    statements = [{**DENIED, "Principal": "*"}]

    assert (invoke_denial_reason(root), invoke_denial_reason(root, statements=statements)) == (
        None,
        denial_message(root, "with an explicit deny in a resource-based policy"),
    )


def test_another_account_needs_both_sides(store: Any) -> None:
    """Across accounts the caller's policies and the function's own must allow."""
    theirs = FUNCTION.replace(ACCOUNT, "999999999999")
    store.put_user_policy("alice", "invoke", document({**INVOKE, "Resource": "*"}))
    statements = [{**INVOKE, "Resource": theirs, "Principal": {"AWS": ACCOUNT}}]

    refused = invoke_denial_reason(ALICE, theirs)

    assert (refused, invoke_denial_reason(ALICE, theirs, statements=statements)) == (
        denial_message(ALICE, "because no resource-based policy allows the lambda:InvokeFunction action").replace(
            FUNCTION, theirs
        ),
        None,
    )


def test_unknown_caller_is_administrator_by_choice(store: Any) -> None:
    """Whoever IAM does not know is let in, or nobody, as the caller of the rule decides."""
    assert (invoke_denial_reason(None), invoke_denial_reason(None, treat_unknown_as_root=False)) == (
        None,
        denial_message("anonymous", "because no identity-based policy allows the lambda:InvokeFunction action"),
    )


def test_context_names_the_user(store: Any) -> None:
    """Policy variables stand for the caller."""
    pattern = FUNCTION.replace("grader", "${aws:username}-*")
    store.put_user_policy("alice", "own", document({**INVOKE, "Resource": pattern}))

    assert (
        invoke_denial_reason(ALICE, FUNCTION.replace("grader", "alice-1")),
        invoke_denial_reason(ALICE) is None,
    ) == (None, False)


def test_user_that_does_not_exist_may_do_nothing(store: Any) -> None:
    """An ARN without an entity behind it has no policies."""
    bob = f"arn:aws:iam::{ACCOUNT}:user/bob"

    assert invoke_denial_reason(bob) == denial_message(
        bob, "because no identity-based policy allows the lambda:InvokeFunction action"
    )


def test_access_key_stands_for_its_user(store: Any) -> None:
    """With its secret, and with whether it is switched on."""
    key = store.create_access_key("alice")
    before = access_keys.find_credential(key.access_key_id)
    store.update_access_key("alice", key.access_key_id, "Inactive")

    told = Credential(secret=key.secret_access_key, arn=ALICE, account=ACCOUNT)
    assert (before, access_keys.find_credential(key.access_key_id)) == (told, replace(told, active=False))


def test_access_key_goes_with_its_user(store: Any) -> None:
    """Moto keeps the key of a user who was deleted; a user of the same name does not inherit it."""
    key = store.create_access_key("alice")
    store.delete_user("alice")
    store.create_user("us-west-2", "alice")

    assert access_keys.find_credential(key.access_key_id) is None


def test_temporary_key_stands_for_its_session(store: Any) -> None:
    """A key from AssumeRole is the role's session; it has a token and an end."""
    assumed = assume()

    assert access_keys.find_credential(assumed.access_key_id) == Credential(
        secret=assumed.secret_access_key,
        arn=SESSION,
        account=ACCOUNT,
        session_token=assumed.session_token,
        expires_at=assumed.expiration.replace(tzinfo=UTC).timestamp(),
    )


def test_key_that_nobody_made_is_unknown(store: Any) -> None:
    """The credentials of a fresh simulator stand for nobody in IAM."""
    assert (access_keys.find_credential("testing"), access_keys.account_for_access_key("testing")) == (None, ACCOUNT)


def test_boundary_limits_a_user(store: Any) -> None:
    """As it limits a role."""
    boundary = store.create_policy("", "/", document({**INVOKE, "Action": "s3:*"}), "boundary", [])
    store.put_user_policy("alice", "invoke", document(INVOKE))
    set_boundary(store, boundary.arn)

    assert invoke_denial_reason(ALICE) == denial_message(
        ALICE, "because no permissions boundary allows the lambda:InvokeFunction action"
    )


def test_boundary_does_not_limit_what_a_resource_policy_grants_to_a_user(store: Any) -> None:
    """Unlike a role (DOCUMENTED: policy evaluation logic)."""
    boundary = store.create_policy("", "/", document({**INVOKE, "Action": "s3:*"}), "boundary", [])
    set_boundary(store, boundary.arn)
    store.put_role_permissions_boundary("trainer", boundary.arn)
    role = f"arn:aws:iam::{ACCOUNT}:role/trainer"
    statements = [{**INVOKE, "Principal": {"AWS": [ALICE, role]}}]

    assert (
        invoke_denial_reason(ALICE, statements=statements),
        invoke_denial_reason(SESSION, statements=statements),
    ) == (
        None,
        denial_message(SESSION, "because no identity-based policy allows the lambda:InvokeFunction action"),
    )


def test_boundary_that_is_not_there_allows_nothing(store: Any) -> None:
    """A policy can be deleted while it bounds somebody."""
    store.put_user_policy("alice", "invoke", document(INVOKE))
    set_boundary(store, f"arn:aws:iam::{ACCOUNT}:policy/gone")

    assert invoke_denial_reason(ALICE) == denial_message(
        ALICE, "because no permissions boundary allows the lambda:InvokeFunction action"
    )


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (INVOKE, None),
        ({**INVOKE, "Action": "s3:*"}, "because no session policy allows the lambda:InvokeFunction action"),
        (DENIED, "with an explicit deny in a session policy"),
    ],
    ids=["allows", "is silent", "denies"],
)
def test_session_policy_limits_the_session(store: Any, statement: dict[str, Any], why: str | None) -> None:
    """What AssumeRole was given as `Policy` is weighed besides the role's own."""
    store.put_role_policy("trainer", "invoke", document(INVOKE))
    assume(policy=document(statement))

    assert invoke_denial_reason(SESSION) == (denial_message(SESSION, why) if why else None)


def test_tags_of_the_caller_are_condition_keys(store: Any) -> None:
    """`aws:PrincipalTag/...` of a user and of a role."""
    condition = {"StringEquals": {"aws:PrincipalTag/team": "maths"}}
    store.put_user_policy("alice", "invoke", document({**INVOKE, "Condition": condition}))
    before = invoke_denial_reason(ALICE)
    store.tag_user("alice", [{"Key": "team", "Value": "maths"}])

    assert (before is None, invoke_denial_reason(ALICE)) == (False, None)


def test_policy_that_cannot_be_evaluated_allows_nothing_and_says_so(store: Any) -> None:
    """IAM would not have taken it; moto may."""
    condition = {"NumericEquals": {"aws:username": "many"}}
    store.put_user_policy("alice", "invoke", document({**INVOKE, "Condition": condition}))

    why = "because a policy cannot be evaluated: a numeric condition compares 'alice' with 'many'"
    assert invoke_denial_reason(ALICE) == denial_message(ALICE, why)


def test_of_several_sessions_with_one_name_the_last_one_counts(store: Any) -> None:
    """Its policy does; each keeps its own key."""
    store.put_role_policy("trainer", "invoke", document(INVOKE))
    first = assume(policy=document(DENIED))
    before = invoke_denial_reason(SESSION)
    second = assume()

    assert (before, invoke_denial_reason(SESSION)) == (
        denial_message(SESSION, "with an explicit deny in a session policy"),
        None,
    )
    for each in (first, second):
        found = access_keys.find_credential(each.access_key_id)
        assert found
        assert (found.arn, found.secret) == (SESSION, each.secret_access_key)


def test_a_role_that_was_made_again_is_another_one(store: Any) -> None:
    """What is remembered of the first one's id does not outlive it."""
    store.put_role_policy("trainer", "invoke", document(INVOKE))
    before = invoke_denial_reason(SESSION)
    store.delete_role_policy("trainer", "invoke")
    store.delete_role("trainer")
    gone = invoke_denial_reason(SESSION)
    store.create_role("trainer", document(), "/", None, "", [], None)
    store.put_role_policy("trainer", "invoke", document(DENIED))

    silent = denial_message(SESSION, "because no identity-based policy allows the lambda:InvokeFunction action")
    denied = denial_message(SESSION, "with an explicit deny in an identity-based policy")
    assert (before, gone, invoke_denial_reason(SESSION)) == (None, silent, denied)


def test_a_session_is_gone_with_its_world(store: Any, moto_state: MotoState) -> None:
    """Nothing of a world's state is kept beside it; what is closed under somebody who looks is there until the end."""
    made = assume()
    moto_state.close()
    held = access_keys.find_credential(made.access_key_id)
    with MotoState(seed=moto_state.seed).activate(ACCOUNT_CREATION_TIME, "test"):
        elsewhere = access_keys.find_credential(made.access_key_id)

    assert (held is None, bool(moto_state.stores), elsewhere) == (False, True, None)


def test_a_world_that_was_closed_is_empty_when_the_last_look_at_it_ends() -> None:
    """Not before, and not later."""
    world = MotoState(seed=0)
    with world.activate(ACCOUNT_CREATION_TIME, "outer"):
        with world.activate(ACCOUNT_CREATION_TIME, "inner"):
            world.stores["some"] = 1
            world.close()
        before = dict(world.stores)
    assert (before, world.stores) == ({"some": 1}, {})


class UniterableList(list[Any]):
    """A list that may be asked for a part, and not be gone through."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("all sessions were gone through")


class UnsearchableDict(dict[str, Any]):
    """A dictionary that may be asked for a key, and not be gone through."""

    def values(self) -> Any:
        """Refuse."""
        raise AssertionError("all roles were gone through")


def test_a_session_and_its_role_are_found_without_a_search(store: Any) -> None:
    """Each request of a role asks for both, and there may be thousands."""
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    store.put_role_policy("trainer", "invoke", document(INVOKE))
    made = [assume() for _ in range(3)]
    before = invoke_denial_reason(SESSION)
    backend = sts_backends[ACCOUNT]["aws"]
    backend.assumed_roles, store.roles = UniterableList(backend.assumed_roles), UnsearchableDict(store.roles)
    found = access_keys.find_credential(made[1].access_key_id)
    assert found
    assert (found.secret, before, invoke_denial_reason(SESSION)) == (made[1].secret_access_key, None, None)
