"""The credentials of access keys in moto: those of users and of sessions."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from simulator.aws.access_keys import account_for_access_key, find_credential
from simulator.aws.moto_state import ACCOUNT_CREATION_TIME, MotoState
from simulator.identity.credentials import Credential

ACCOUNT = "123456789012"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/trainer/s1"


@pytest.fixture
def store(moto_state: MotoState) -> Any:
    """Moto's IAM with a user alice."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    backend: Any = iam_backends[ACCOUNT]["aws"]
    backend.create_user("us-west-2", "alice")
    return backend


def assume() -> Any:
    """Assume the role trainer as session s1."""
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    role = f"arn:aws:iam::{ACCOUNT}:role/trainer"
    return sts_backends[ACCOUNT]["aws"].assume_role("us-west-2", "s1", role, "", 3600, "")


def test_a_users_access_key_has_the_users_credential(store: Any) -> None:
    """With its secret and status."""
    key = store.create_access_key("alice")
    active = find_credential(key.access_key_id)
    store.update_access_key("alice", key.access_key_id, "Inactive")
    credential = Credential(secret=key.secret_access_key, arn=ALICE, account=ACCOUNT)
    assert (active, find_credential(key.access_key_id)) == (credential, replace(credential, active=False))


def test_the_key_of_a_deleted_user_is_unknown(store: Any) -> None:
    """Moto keeps it; a new user with the same name does not get it."""
    key = store.create_access_key("alice")
    store.delete_user("alice")
    store.create_user("us-west-2", "alice")
    assert find_credential(key.access_key_id) is None


def test_the_key_of_a_session_has_the_sessions_credential(moto_state: MotoState) -> None:
    """With a token and an expiry. Each session keeps its key, also when a later one has the same ARN."""
    sessions = [assume() for _ in range(2)]
    assert [find_credential(session.access_key_id) for session in sessions] == [
        Credential(
            secret=session.secret_access_key,
            arn=SESSION,
            account=ACCOUNT,
            session_token=session.session_token,
            expires_at=session.expiration.replace(tzinfo=UTC).timestamp(),
        )
        for session in sessions
    ]


def test_an_unknown_key_has_no_credential_and_the_default_account(moto_state: MotoState) -> None:
    """As the session's own key, which IAM does not know."""
    assert (find_credential("testing"), account_for_access_key("testing")) == (None, ACCOUNT)


def test_a_session_belongs_to_one_state(moto_state: MotoState) -> None:
    """A closed state keeps it while a context is active; another state of the same seed never has it."""
    session = assume()
    moto_state.close()
    credential = find_credential(session.access_key_id)
    with MotoState(seed=moto_state.seed).activate(ACCOUNT_CREATION_TIME, "test"):
        in_another_state = find_credential(session.access_key_id)
    assert (credential is None, bool(moto_state.stores), in_another_state) == (False, True, None)
