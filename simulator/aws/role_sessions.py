"""Sessions of assumed roles, found by access key and by ARN. moto keeps them in a list, which it looks through."""

from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from moto.sts.models import AssumedRole

_LOCK: Final = Lock()
_INDEX: Final = "index_of_sessions"  # where moto's STS keeps an account's


class _SessionIndex:
    """What is in one account's list, which only ever grows."""

    def __init__(self, listed: "list[AssumedRole]") -> None:
        self._listed = listed
        self._read = 0
        self.by_key: dict[str, AssumedRole] = {}
        self.by_arn: dict[str, AssumedRole] = {}

    def catch_up(self) -> None:
        """Take in what was added since the last time; of several sessions with one ARN, the last one counts."""
        for assumed in self._listed[self._read :]:
            self.by_key[assumed.access_key_id] = assumed
            self.by_arn[assumed.arn] = assumed
            self._read += 1


def find_session_by_key(access_key_id: str, account: str) -> "AssumedRole | None":
    """Return the session that has an access key, or None."""
    return _index(account).by_key.get(access_key_id)


def find_session_by_arn(arn: str, account: str) -> "AssumedRole | None":
    """Return the latest session of an ARN, or None."""
    return _index(account).by_arn.get(arn)


def _index(account: str) -> _SessionIndex:
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    backend = sts_backends[account]["aws"]
    with _LOCK:
        index: _SessionIndex = vars(backend).setdefault(_INDEX, _SessionIndex(backend.assumed_roles))
        index.catch_up()
        return index
