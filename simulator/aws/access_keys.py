"""Finds the credentials of access keys, sessions and long-term Bedrock keys in moto's state, without changing it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC
from typing import TYPE_CHECKING, Final

from simulator.aws.role_sessions import find_session_by_key
from simulator.aws.service_credentials import list_credentials, parse_alias
from simulator.identity.credentials import Credential

if TYPE_CHECKING:
    from moto.iam.models import AccessKey, IAMBackend

_FUNCTION_SESSION: Final = ContextVar[tuple[str, Credential] | None]("function_session", default=None)

USER_SESSION_ATTRIBUTE: Final = "session_of_a_user"  # attribute of a temporary access key: its credential


@contextmanager
def use_function_session(access_key_id: str, credential: Credential) -> Iterator[None]:
    """Let `find_credential` find the credential of a function in a block. moto does not know it."""
    token = _FUNCTION_SESSION.set((access_key_id, credential))
    try:
        yield
    finally:
        _FUNCTION_SESSION.reset(token)


def find_credential(access_key_id: str) -> Credential | None:
    """Return the credential of an access key, a user's or a session's; None when moto has no such key."""
    function_session = _FUNCTION_SESSION.get()
    if function_session is not None and function_session[0] == access_key_id:
        return function_session[1]
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    for account in list(iam_backends):
        backend = iam_backends[account]["aws"]
        key = backend.access_keys.get(access_key_id)
        if key is not None:
            return (
                _make_user_credential(backend, key, account)
                if key.user_name
                else _make_session_credential(key, account)
            )
    return None


def find_bedrock_credential(alias: str) -> Credential | None:
    """Return the credential of a user's long-term Bedrock key by its alias; None when moto has no such key."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    owner = parse_alias(alias)
    user = iam_backends[owner[1]]["aws"].users.get(owner[0]) if owner and owner[1] in list(iam_backends) else None
    if user is None:
        return None
    for credential in list_credentials(user):
        if credential.alias == alias:
            return Credential(
                secret=credential.secret,
                arn=user.arn,
                account=credential.account,
                active=credential.active,
                expires_at=credential.expires_at,
            )
    return None


def account_for_access_key(access_key_id: str) -> str:
    """Return the account of an access key; moto's default account for an unknown key."""
    from moto.iam.models import get_account_id_from  # noqa: PLC0415 - moto is slow to import

    return get_account_id_from(access_key_id)


def _make_user_credential(backend: "IAMBackend", key: "AccessKey", account: str) -> Credential | None:
    user = backend.users.get(key.user_name or "")
    if user is None or key not in user.access_keys:  # moto keeps the keys of a deleted user
        return None
    return Credential(secret=key.secret_access_key, arn=user.arn, account=account, active=bool(key.status == "Active"))


def _make_session_credential(key: "AccessKey", account: str) -> Credential | None:
    user_session: Credential | None = vars(key).get(USER_SESSION_ATTRIBUTE)
    if user_session is not None:
        return user_session
    session = find_session_by_key(key.access_key_id, account)
    if session is None:
        return None
    return Credential(
        secret=session.secret_access_key,
        arn=session.arn,
        account=account,
        session_token=session.session_token,
        expires_at=session.expiration.replace(tzinfo=UTC).timestamp(),
    )
