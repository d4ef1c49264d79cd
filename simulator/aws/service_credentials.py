"""Service-specific credentials of IAM users, which moto does not know: kept on its users, so that they go together.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html (DOCUMENTED).
"""

import re
from base64 import b32encode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from simulator.ids import digest

if TYPE_CHECKING:
    from moto.iam.models import User

BEDROCK_SERVICE_NAME: Final = "bedrock.amazonaws.com"
LONG_TERM_PREFIX: Final = "ABSK"  # DOCUMENTED: CloudTrail's bearerTokenType

_ALIAS: Final = re.compile(r"(?P<user>.+)\+\d+-at-(?P<account>\d{12})", re.ASCII)
_ATTRIBUTE: Final = "service_specific_credentials"
_MADE: Final = "service_specific_credentials_made"
_SECRET_BYTES: Final = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCredential:
    """One credential. `ordinal` counts the user's from 1, `reset_count` how often the secret was reset.

    Times are moto's: in UTC and without a zone.
    """

    id: str
    user: str
    account: str
    ordinal: int
    created: datetime
    expires: datetime | None
    seed: int = field(repr=False)
    reset_count: int = 0
    active: bool = True

    @property
    def alias(self) -> str:
        """The public part. That it starts with the user's name is DOCUMENTED, the rest of its form INFERRED."""
        return f"{self.user}+{self.ordinal}-at-{self.account}"

    @property
    def secret(self) -> str:
        """The secret part: base64, as in real ones, and a function of the seed."""
        made = digest(self.seed, "bedrock-api-key", self.id, self.reset_count, size=_SECRET_BYTES)
        return b64encode(made).decode()

    @property
    def api_key(self) -> str:
        """What a client sends: `ABSK` and base64 of alias and secret (layout from public client code)."""
        return LONG_TERM_PREFIX + b64encode(f"{self.alias}:{self.secret}".encode()).decode()

    @property
    def expires_at(self) -> float | None:
        """The end in seconds since the Unix epoch."""
        return self.expires.replace(tzinfo=UTC).timestamp() if self.expires else None

    def status(self, now: datetime) -> str:
        """Return IAM's word for what it can be used for."""
        if self.expires and now >= self.expires:
            return "Expired"
        return "Active" if self.active else "Inactive"

    def with_new_secret(self) -> "ServiceCredential":
        """Return it with another secret."""
        return replace(self, reset_count=self.reset_count + 1)


def list_credentials(user: "User") -> tuple[ServiceCredential, ...]:
    """Return a user's credentials, the oldest first."""
    kept: tuple[ServiceCredential, ...] = vars(user).get(_ATTRIBUTE, ())
    return kept


def set_credentials(user: "User", credentials: Iterable[ServiceCredential]) -> None:
    """Replace a user's credentials."""
    vars(user)[_ATTRIBUTE] = tuple(credentials)


def create_credential(user: "User", *, days: int | None, now: datetime, seed: int) -> ServiceCredential:
    """Give a user a new credential; `days` None never ends."""
    # Counted and never reused: the key of a deleted credential must not come to life again.
    ordinal = vars(user)[_MADE] = vars(user).get(_MADE, 0) + 1
    name = b32encode(digest(seed, "service-specific-credential", user.id, ordinal)).decode()
    made = ServiceCredential(
        id=f"ACCA{name[:17]}",
        user=user.name,
        account=user.account_id,
        ordinal=ordinal,
        created=now,
        expires=now + timedelta(days=days) if days is not None else None,
        seed=seed,
    )
    set_credentials(user, (*list_credentials(user), made))
    return made


def parse_alias(alias: str) -> tuple[str, str] | None:
    """Return whose credential an alias names; None when it has not the form of one."""
    read = _ALIAS.fullmatch(alias)
    return (read["user"], read["account"]) if read else None
