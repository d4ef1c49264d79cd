"""What a handler is given: the request, the house it came to, and who sent it."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from simulator.auth import Caller
from simulator.gate import Admission
from simulator.house import House


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `admission` is None on the control plane, which asks for no key."""

    request: Request
    house: House
    admission: Admission | None

    @property
    def caller(self) -> Caller:
        """Who calls, on a route that asks for a key."""
        return self._admitted.caller

    @property
    def project(self) -> str:
        """The ARN of the project that the request is about, on a route that asks for a key."""
        return self._admitted.project

    @property
    def _admitted(self) -> Admission:
        if self.admission is None:
            raise TypeError("a route without an action lets anybody in")
        return self.admission

    @property
    def query(self) -> Mapping[str, str]:
        """The query string."""
        return self.request.query_params

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by lower-case name."""
        return self.request.headers

    def named(self, name: str) -> str:
        """Return a part of the path by its name in the route."""
        return str(self.request.path_params[name])
