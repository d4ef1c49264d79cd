"""What a handler is given: the request, the house it came to, and who sent it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from simulator.errors import NOT_FOUND, ApiError
from simulator.identity.authentication import Caller
from simulator.identity.authorization import AuthorizedRequest
from simulator.routes.context import AppContext
from simulator.wire.requests import parse_body

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")

# Handing work to a thread takes longer than most requests. A schema of so many bytes is some tens of milliseconds.
_SMALL: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """One request. `authorization` is None on the control plane, which asks for no key."""

    request: Request
    app: AppContext
    authorization: AuthorizedRequest | None

    @property
    def caller(self) -> Caller:
        """Who calls, on a route that asks for a key."""
        return self._admitted.caller

    @property
    def project(self) -> str:
        """The ARN of the project that the request is about, on a route that asks for a key."""
        return self._admitted.project

    @property
    def _admitted(self) -> AuthorizedRequest:
        if self.authorization is None:
            raise TypeError("a route without an action lets anybody in")
        return self.authorization

    @property
    def query(self) -> Mapping[str, str]:
        """The query string."""
        return self.request.query_params

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by lower-case name."""
        return self.request.headers

    async def read_body(self, model: type[Model], *, ignored_fields: Collection[str] = ()) -> Model:
        """Read the JSON body as `model`; the root fields named in `ignored_fields` are taken and dropped.

        Raises:
            ApiError: it is too large, not declared to be JSON, not JSON, or does not fit.
        """
        body = await self.request.body()
        return await self.run(lambda: parse_body(model, body, self.headers, ignored_fields=ignored_fields))

    async def run(self, work: Callable[[], Result], *, is_long: bool = False) -> Result:
        """Do what the request asks for: at once, or in a thread when its body is large or the work `is_long`.

        The event loop goes on with other requests meanwhile.
        """
        if is_long or len(await self.request.body()) > _SMALL:
            return await run_in_threadpool(work)
        return work()

    def not_found(self, noun: str, name: str) -> ApiError:
        """Return the error for what is not in the project that the request is about."""
        if self.authorization is None:  # the control plane sees all projects
            return NOT_FOUND(noun=noun, name=name)
        project = self.project.rpartition("/")[2]
        hint = f"none of that id in project '{project}'; the OpenAI-Project header selects another project"
        return NOT_FOUND(noun=noun, name=name, hint=hint)

    def path_parameter(self, name: str) -> str:
        """Return a part of the path by its name in the route."""
        return str(self.request.path_params[name])
