"""A credential of IAM or STS: an access key, a role session's key or a long-term Bedrock API key."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A secret and its owner: `arn` is an IAM user, a role session or the account's root.

    Only temporary credentials have a `session_token`. `expires_at` is in seconds since the Unix epoch, in the callers'
    time.
    """

    secret: str = field(repr=False)
    arn: str
    account: str
    active: bool = True
    session_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None
