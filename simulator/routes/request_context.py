"""The argument of every handler: the request, the application context, and the caller."""

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
from simulator.wire.request_body import parse_body

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")

# Passing work to a thread takes longer than most requests. A JSON schema of this size takes tens of milliseconds.
_MAX_INLINE_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """One request. `authorization` is None on the control plane, which needs no key."""

    request: Request
    app: AppContext
    authorization: AuthorizedRequest | None

    @property
    def caller(self) -> Caller:
        """The caller, on a route that needs a key."""
        return self._required_authorization.caller

    @property
    def project(self) -> str:
        """The ARN of the request's project, on a route that needs a key."""
        return self._required_authorization.project

    @property
    def _required_authorization(self) -> AuthorizedRequest:
        if self.authorization is None:
            raise TypeError("a route without an action has no caller")
        return self.authorization

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters."""
        return self.request.query_params

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by name in any case."""
        return self.request.headers

    async def read_body(self, model: type[Model], *, ignored_fields: Collection[str] = ()) -> Model:
        """Parse the JSON body as `model`. Top-level fields named in `ignored_fields` are dropped.

        Raises:
            ApiError: the body is too large, is not declared as JSON, is not JSON, or does not fit the model.
        """
        body = await self.request.body()
        return await self.run(lambda: parse_body(model, body, self.headers, ignored_fields=ignored_fields))

    async def run(self, work: Callable[[], Result], *, is_long: bool = False) -> Result:
        """Run the work of the request: directly, or in a thread if the body is large or the work `is_long`.

        In a thread it does not block other requests.
        """
        if is_long or len(await self.request.body()) > _MAX_INLINE_BYTES:
            return await run_in_threadpool(work)
        return work()

    def not_found(self, noun: str, name: str) -> ApiError:
        """Return the error for a resource that the request's project does not have."""
        if self.authorization is None:  # the control plane finds all projects
            return NOT_FOUND(noun=noun, name=name)
        project = self.project.rpartition("/")[2]
        hint = f"no such id in project '{project}'; the OpenAI-Project header selects another project"
        return NOT_FOUND(noun=noun, name=name, hint=hint)

    def path_parameter(self, name: str) -> str:
        """Return a parameter of the path by its name in the route."""
        return str(self.request.path_params[name])
