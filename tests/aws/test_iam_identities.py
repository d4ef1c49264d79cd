"""Loading identities from moto: the policies of users, roles, sessions and groups, and their condition keys."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulator.aws.iam_identities import invoke_denial_reason, load_identity
from simulator.aws.moto_state import MotoState
from simulator.identity.iam_evaluation import Identity

ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:grader"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/trainer"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/trainer/s1"
INVOKE = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": FUNCTION}
DENY = {**INVOKE, "Effect": "Deny"}


def document(*statements: dict[str, Any]) -> str:
    """Return a policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def store(moto_state: MotoState) -> Any:
    """Moto's IAM with a user alice, a group graders and a role trainer without policies."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    backend: Any = iam_backends[ACCOUNT]["aws"]
    backend.create_user("us-west-2", "alice")
    backend.create_group("graders")
    backend.create_role("trainer", document(), "/", None, "", [], None)
    return backend


def create_policy(store: Any, *statements: dict[str, Any]) -> str:
    """Create a managed policy; return its ARN."""
    return str(store.create_policy("", "/", document(*statements), "policy", []).arn)


def assume(*, policy: str = "") -> Any:
    """Assume the role trainer as session s1."""
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    return sts_backends[ACCOUNT]["aws"].assume_role("us-west-2", "s1", ROLE, policy, 3600, "")


def policies(identity: Identity) -> list[str]:
    """Return the identity policies as JSON."""
    return [str(policy) for policy in identity.identity_policies]


def test_a_user_has_inline_attached_and_group_policies(store: Any) -> None:
    """An attached one in its default version."""
    before = load_identity(ALICE)
    store.put_user_policy("alice", "inline", document(INVOKE))
    attached = create_policy(store, INVOKE)
    store.attach_user_policy(attached, "alice")
    store.create_policy_version(attached, document(DENY), "true")
    store.put_group_policy("graders", "group", document(INVOKE, DENY))
    store.add_user_to_group("graders", "alice")
    assert (policies(before), policies(load_identity(ALICE))) == (
        [],
        [document(INVOKE), document(DENY), document(INVOKE, DENY)],
    )


def test_a_users_condition_keys(store: Any) -> None:
    """With its tags."""
    store.tag_user("alice", [{"Key": "team", "Value": "maths"}])
    assert dict(load_identity(ALICE).condition_context) == {
        "aws:PrincipalArn": ALICE,
        "aws:PrincipalAccount": ACCOUNT,
        "aws:PrincipalType": "User",
        "aws:username": "alice",
        "aws:userid": store.users["alice"].id,
        "aws:PrincipalTag/team": "maths",
    }


def test_a_session_has_its_roles_policies_boundary_and_condition_keys(store: Any) -> None:
    """It is a principal by its own ARN and by the role's."""
    store.put_role_policy("trainer", "inline", document(INVOKE))
    store.put_role_permissions_boundary("trainer", create_policy(store, DENY))
    role = store.get_role("trainer")
    store.tag_role("trainer", [{"Key": "team", "Value": "maths"}])
    assert load_identity(SESSION) == Identity(
        arn=SESSION,
        account=ACCOUNT,
        principal_arns=(SESSION, ROLE),
        identity_policies=(document(INVOKE),),
        permissions_boundary=document(DENY),
        condition_context=(
            ("aws:PrincipalArn", ROLE),
            ("aws:PrincipalAccount", ACCOUNT),
            ("aws:PrincipalType", "AssumedRole"),
            ("aws:userid", f"{role.id}:s1"),
            ("aws:PrincipalTag/team", "maths"),
        ),
    )


def test_a_users_boundary_is_loaded(store: Any) -> None:
    """As `iam_operations` stores it. A deleted policy allows nothing."""
    boundaries = []
    for arn in (create_policy(store, INVOKE), f"arn:aws:iam::{ACCOUNT}:policy/deleted"):
        vars(store.users["alice"])["permissions_boundary"] = {"PermissionsBoundaryArn": arn}
        boundaries.append(load_identity(ALICE).permissions_boundary)
    assert boundaries == [document(INVOKE), {"Statement": []}]


def test_a_session_has_the_policy_of_the_latest_assume_role(store: Any) -> None:
    """Of several sessions with the same ARN. The role itself has none."""
    assume(policy=document(DENY))
    first = load_identity(SESSION).session_policy
    assume()
    assert (first, load_identity(SESSION).session_policy, load_identity(ROLE).session_policy) == (
        document(DENY),
        None,
        None,
    )


@pytest.mark.parametrize(
    "arn",
    [f"arn:aws:iam::{ACCOUNT}:user/bob", f"arn:aws:iam::{ACCOUNT}:role/other", "arn:aws:s3:::bucket", "anonymous"],
)
def test_an_unknown_caller_has_no_policies(store: Any, arn: str) -> None:
    """It may do nothing."""
    identity = load_identity(arn)
    assert (policies(identity), identity.is_root, invoke_denial_reason(caller_arn=arn, function_arn=FUNCTION)) == (
        [],
        False,
        (
            f"User: {arn} is not authorized to perform: lambda:InvokeFunction on resource: {FUNCTION}"
            " because no identity-based policy allows the lambda:InvokeFunction action"
        ),
    )


def test_a_new_role_with_the_same_name_is_another_role(store: Any) -> None:
    """The cached id of the deleted role is not used."""
    store.put_role_policy("trainer", "inline", document(INVOKE))
    before = policies(load_identity(SESSION))
    store.delete_role_policy("trainer", "inline")
    store.delete_role("trainer")
    deleted = policies(load_identity(SESSION))
    store.create_role("trainer", document(), "/", None, "", [], None)
    store.put_role_policy("trainer", "inline", document(DENY))
    assert (before, deleted, policies(load_identity(SESSION))) == ([document(INVOKE)], [], [document(DENY)])


def test_a_caller_without_a_known_key_is_root_or_anonymous(store: Any) -> None:
    """As `treat_unknown_as_root` says."""
    assert (
        invoke_denial_reason(caller_arn=None, function_arn=FUNCTION),
        invoke_denial_reason(caller_arn=None, function_arn=FUNCTION, treat_unknown_as_root=False) is None,
    ) == (None, False)


def test_invoking_is_checked_against_the_functions_resource_policy(store: Any) -> None:
    """`statements` are those of add_permission."""
    statement = {**INVOKE, "Principal": {"AWS": ALICE}}
    policies: list[list[dict[str, Any]]] = [[], [statement], [statement, {**DENY, "Principal": "*"}]]
    assert [
        invoke_denial_reason(caller_arn=ALICE, function_arn=FUNCTION, statements=statements) is None
        for statements in policies
    ] == [False, True, False]


class UniterableList(list[Any]):
    """A list that may be sliced but not iterated over."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("all sessions were searched")


class UnsearchableDict(dict[str, Any]):
    """A dictionary that may be accessed by key but not iterated over."""

    def values(self) -> Any:
        """Fail."""
        raise AssertionError("all roles were searched")


def test_a_session_and_its_role_are_found_without_a_search(store: Any) -> None:
    """Each request of a role needs both, and there may be thousands."""
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    store.put_role_policy("trainer", "inline", document(INVOKE))
    assume(policy=document(DENY))
    before = load_identity(SESSION)
    backend = sts_backends[ACCOUNT]["aws"]
    backend.assumed_roles, store.roles = UniterableList(backend.assumed_roles), UnsearchableDict(store.roles)
    assert load_identity(SESSION) == before
