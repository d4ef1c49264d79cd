"""Finds sessions of assumed roles by access key or ARN. moto keeps them in a list, which it searches linearly."""

from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from moto.sts.models import AssumedRole

_LOCK: Final = Lock()
_INDEX_ATTRIBUTE: Final = "index_of_sessions"  # attribute of moto's STS backend


class _SessionIndex:
    """An index of one account's list of sessions. moto only appends to that list."""

    def __init__(self, sessions: "list[AssumedRole]") -> None:
        self._sessions = sessions
        self._indexed_count = 0
        self.by_key: dict[str, AssumedRole] = {}
        self.by_arn: dict[str, AssumedRole] = {}

    def update(self) -> None:
        """Index the sessions added since the last update. Of several sessions with one ARN, the latest counts."""
        for session in self._sessions[self._indexed_count :]:
            self.by_key[session.access_key_id] = session
            self.by_arn[session.arn] = session
            self._indexed_count += 1


def find_session_by_key(access_key_id: str, account: str) -> "AssumedRole | None":
    """Return the session with an access key, or None."""
    return _index(account).by_key.get(access_key_id)


def find_session_by_arn(arn: str, account: str) -> "AssumedRole | None":
    """Return the latest session with an ARN, or None."""
    return _index(account).by_arn.get(arn)


def _index(account: str) -> _SessionIndex:
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    backend = sts_backends[account]["aws"]
    with _LOCK:
        index: _SessionIndex = vars(backend).setdefault(_INDEX_ATTRIBUTE, _SessionIndex(backend.assumed_roles))
        index.update()
        return index
