"""The credentials of deployed functions: each version of a function is a session of its role, named like the function.

So a function may do what its role may do, as on AWS ("Lambda execution role", DOCUMENTED; the ARN is OBSERVED).
"""

from base64 import b32encode, b64encode
from collections.abc import Mapping
from typing import Final

from simulator.identity.credentials import Credential
from simulator.ids import digest
from simulator.lambdas.function import FunctionSpec

_KEY_BYTES: Final = 10  # 16 digits in base32
_SECRET_BYTES: Final = 30
_TOKEN_BYTES: Final = 60


class FunctionSessions:
    """Holds the credentials of the functions that have run since the start. They do not expire."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._credentials: dict[str, Credential] = {}

    def variables(self, spec: FunctionSpec) -> Mapping[str, str]:
        """Return the credentials of a function as environment variables. The same function gets the same ones."""
        key = f"ASIA{b32encode(self._digest('key', spec, size=_KEY_BYTES)).decode()}"
        secret, token = (
            b64encode(self._digest(part, spec, size=size)).decode()
            for part, size in (("secret", _SECRET_BYTES), ("token", _TOKEN_BYTES))
        )
        self._credentials[key] = Credential(
            secret=secret,
            arn=f"arn:aws:sts::{spec.account}:assumed-role/{spec.role.rpartition('/')[2]}/{spec.name}",
            account=spec.account,
            session_token=token,
        )
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}

    def find(self, access_key_id: str) -> Credential | None:
        """Return the credential of a function by its access key, or None."""
        return self._credentials.get(access_key_id)

    def _digest(self, part: str, spec: FunctionSpec, *, size: int) -> bytes:
        return digest(self._seed, "function-session", part, spec.arn, spec.version, spec.role, size=size)
