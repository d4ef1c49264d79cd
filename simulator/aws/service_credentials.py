"""Service-specific credentials of IAM users, which moto lacks. They are attributes of moto's users.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html (DOCUMENTED).
"""

import re
from base64 import b32encode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from simulator.identity.bedrock_keys import LONG_TERM_PREFIX
from simulator.ids import digest

if TYPE_CHECKING:
    from moto.iam.models import User

BEDROCK_SERVICE_NAME: Final = "bedrock.amazonaws.com"

_ALIAS: Final = re.compile(r"(?P<user>.+)\+\d+-at-(?P<account>\d{12})", re.ASCII)
_CREDENTIALS_ATTRIBUTE: Final = "service_specific_credentials"
_COUNT_ATTRIBUTE: Final = "service_specific_credentials_made"
_SECRET_BYTES: Final = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCredential:
    """One credential. `ordinal` is its number among the user's, from 1; `reset_count` counts resets of the secret.

    Times are in moto's form: UTC without a time zone.
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
        """The public part. DOCUMENTED: it starts with the user's name. INFERRED: the rest of its form."""
        return f"{self.user}+{self.ordinal}-at-{self.account}"

    @property
    def secret(self) -> str:
        """The secret part: base64 as on AWS, derived from the seed."""
        secret = digest(self.seed, "bedrock-api-key", self.id, self.reset_count, size=_SECRET_BYTES)
        return b64encode(secret).decode()

    @property
    def api_key(self) -> str:
        """The key that a client sends: `ABSK` + base64 of alias and secret (layout: public client code)."""
        return LONG_TERM_PREFIX + b64encode(f"{self.alias}:{self.secret}".encode()).decode()

    @property
    def expires_at(self) -> float | None:
        """The expiry in seconds since the Unix epoch."""
        return self.expires.replace(tzinfo=UTC).timestamp() if self.expires else None

    def status(self, now: datetime) -> str:
        """Return IAM's status of the credential."""
        if self.expires and now >= self.expires:
            return "Expired"
        return "Active" if self.active else "Inactive"

    def with_new_secret(self) -> "ServiceCredential":
        """Return the credential with another secret."""
        return replace(self, reset_count=self.reset_count + 1)


def list_credentials(user: "User") -> tuple[ServiceCredential, ...]:
    """Return a user's credentials, oldest first."""
    credentials: tuple[ServiceCredential, ...] = vars(user).get(_CREDENTIALS_ATTRIBUTE, ())
    return credentials


def set_credentials(user: "User", credentials: Iterable[ServiceCredential]) -> None:
    """Replace a user's credentials."""
    vars(user)[_CREDENTIALS_ATTRIBUTE] = tuple(credentials)


def create_credential(user: "User", *, days: int | None, now: datetime, seed: int) -> ServiceCredential:
    """Create a credential of a user; with `days` None it never expires."""
    # Numbers are never reused: the key of a deleted credential must stay invalid.
    ordinal = vars(user)[_COUNT_ATTRIBUTE] = vars(user).get(_COUNT_ATTRIBUTE, 0) + 1
    id_digest = b32encode(digest(seed, "service-specific-credential", user.id, ordinal)).decode()
    credential = ServiceCredential(
        id=f"ACCA{id_digest[:17]}",
        user=user.name,
        account=user.account_id,
        ordinal=ordinal,
        created=now,
        expires=now + timedelta(days=days) if days is not None else None,
        seed=seed,
    )
    set_credentials(user, (*list_credentials(user), credential))
    return credential


def parse_alias(alias: str) -> tuple[str, str] | None:
    """Return the user name and the account in an alias; None for a malformed alias."""
    match = _ALIAS.fullmatch(alias)
    return (match["user"], match["account"]) if match else None
