"""Identifiers in the formats that Mantle uses. Each is a pure function of the simulator's seed and its arguments.

There is no hidden counter: the caller passes the ordinal, so two runs with the same seed have the same ids.
"""

from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from uuid import UUID

_SEED_RANGE: Final = 2**31


def digest(*parts: object, size: int = 16) -> bytes:
    """Return a hash of `parts` with `size` bytes. Parts are length-prefixed: ("ab", "c") differs from ("a", "bc")."""
    hasher = blake2b(digest_size=size)
    for part in parts:
        text = str(part).encode()
        hasher.update(len(text).to_bytes(4, "big"))
        hasher.update(text)
    return hasher.digest()


def job_seed(
    *, seed: int, model: str, training_sha256: str, hyperparameters: Mapping[str, int | float | str], function: str
) -> int:
    """Return a job's seed, a hash of its inputs without the reward function's code. `seed` is the simulator's.

    After an edit of the reward function, step 1 therefore has the same rollouts, and two runs can be compared.
    """
    inputs = (seed, model, training_sha256, sorted(hyperparameters.items()), function)
    return int.from_bytes(digest("job seed", *inputs, size=8), "big") % _SEED_RANGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The ids of all API objects. `seed` is the simulator's."""

    seed: int

    def _uuid(self, kind: str, *parts: object) -> str:
        return str(UUID(bytes=digest(self.seed, kind, *parts), version=4))

    def project(self, account: str, ordinal: int) -> str:
        """Return `proj_` and 20 lower-case base32 characters (DOCUMENTED by example) for an account's project."""
        return "proj_" + b32encode(digest(self.seed, "project", account, ordinal)).decode()[:20].lower()

    def file(self, ordinal: int) -> str:
        """Return a bare UUID (SAMPLE: the walkthrough's delete call)."""
        return self._uuid("file", ordinal)

    def job(self, ordinal: int) -> str:
        """Return `ftjob-<uuid>` (prefix DOCUMENTED, uuid INFERRED from the event ids)."""
        return "ftjob-" + self._uuid("job", ordinal)

    def event(self, job_id: str, ordinal: int) -> str:
        """Return `ftevent-<uuid>` (SAMPLE) for the `ordinal`-th entry of a job's log."""
        return "ftevent-" + self._uuid("event", job_id, ordinal)

    def checkpoint(self, job_id: str, step: int) -> str:
        """Return `ftckpt-<uuid>` (prefix OPENAI)."""
        return "ftckpt-" + self._uuid("checkpoint", job_id, step)

    def tuned_model(self, job_id: str, base_model: str, account: str) -> str:
        """Return `ft:<base>:<account>::<8 characters>` (INFERRED from OpenAI's form; clients must not parse it)."""
        suffix = b32encode(digest(self.seed, "model", job_id)).decode()[:8].lower()
        return f"ft:{base_model}:{account}::{suffix}"

    def completion(self, ordinal: int | str) -> str:
        """Return `chatcmpl-<uuid>` (OBSERVED for open-weight models)."""
        return "chatcmpl-" + self._uuid("completion", ordinal)

    def response(self, ordinal: int | str) -> str:
        """Return `resp_` and 52 base32 characters (OBSERVED)."""
        return "resp_" + self._base32("response", ordinal)

    def response_item(self, prefix: str, response_id: str, position: int) -> str:
        """Return the id of an output item, such as `msg_…` (prefixes OPENAI, the rest INFERRED)."""
        return f"{prefix}_" + self._base32("item", prefix, response_id, position)

    def _base32(self, *parts: object) -> str:
        return b32encode(digest(self.seed, *parts, size=32)).decode().rstrip("=").lower()

    def request(self, ordinal: int | str) -> str:
        """Return the value of `x-request-id`: `req_` and 32 hexadecimal digits (OPENAI)."""
        return "req_" + digest(self.seed, "request", ordinal).hex()

    def invocation(self, ordinal: int | str) -> str:
        """Return a Lambda request id: a bare UUID, as in AWS's REPORT lines."""
        return self._uuid("invocation", ordinal)
