"""What a route is: an operation with its path, its handler, its IAM action, and what is known of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import BaseModel

from simulator.parity.evidence import Evidence
from simulator.routes.request_context import RequestContext
from simulator.wire.json_response import Json

Handler: TypeAlias = Callable[[RequestContext], Awaitable[Json]]

# DOCUMENTED: fine-tuning and files are under the first only. OBSERVED: the second, which the OpenAI SDK's Bedrock
# clients take by themselves, serves models and inference.
V1_PREFIX: Final = "/v1"
OPENAI_V1_PREFIX: Final = "/openai/v1"
CONTROL_PREFIX: Final = "/_simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation: `path` as it stands under each of the `prefixes`.

    Without an `action` it needs no key. `conditions` are the condition keys (DOCUMENTED: Service Authorization
    Reference) that AWS gives to a policy with it. `handler` gives a JSON value, or a response of its own. Its JSON
    body is read as `body` (with `accepts_file`, a form that brings a file), and `query_parameters` names the parameters it looks at.
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
