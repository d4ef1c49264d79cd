"""Who may pass: a request to its caller and the project it is about, or the service's own 401, 403 or 404."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from simulator.auth import Authenticator, Caller

DEFAULT_PROJECT = "default"  # DOCUMENTED: its id is literally this


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A request that was let in: who calls, and the ARN of the project that it is about."""

    caller: Caller
    project: str


class Gate:
    """Lets requests in."""

    def __init__(self, *, authenticator: Authenticator, region: str) -> None:
        self._authenticator = authenticator
        self._region = region

    def admitted(self, request: Request, action: str, conditions: Sequence[str]) -> Admission:  # noqa: ARG002
        """Return who calls and what about.

        Raises:
            ApiError: nobody may call like this, or not this.
        """
        caller = self._authenticator.caller(request.headers)
        return Admission(
            caller=caller, project=f"arn:aws:bedrock-mantle:{self._region}:{caller.account}:project/{DEFAULT_PROJECT}"
        )
