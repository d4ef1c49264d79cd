"""What a route is: an operation with its path, handler, IAM action and evidence."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import BaseModel

from simulator.parity.evidence import Evidence
from simulator.routes.request_context import RequestContext
from simulator.wire.json_response import Json

Handler: TypeAlias = Callable[[RequestContext], Awaitable[Json]]

# DOCUMENTED: only the first has fine-tuning and files. OBSERVED: the second has models and inference. The Bedrock
# clients of the OpenAI SDK use the second.
V1_PREFIX: Final = "/v1"
OPENAI_V1_PREFIX: Final = "/openai/v1"
CONTROL_PREFIX: Final = "/_simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation.

    Attributes:
        path: the path under each of the `prefixes`.
        handler: returns a JSON value, or a response.
        action: the IAM action; without one the route needs no key.
        conditions: the action's condition keys (DOCUMENTED: Service Authorization Reference).
        body: the model of the JSON body.
        query_parameters: the query parameters that the handler reads.
        accepts_file: the body is a form with a file.
    """

    method: str
    path: str
    handler: Handler
    action: str | None
    evidence: Evidence
    conditions: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = (V1_PREFIX,)
    body: type[BaseModel] | None = None
    query_parameters: tuple[str, ...] = ()
    accepts_file: bool = False
