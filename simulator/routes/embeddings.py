"""`/v1/embeddings` (DOCUMENTED route). OBSERVED: no model that makes embeddings is offered, so nothing answers here."""

from simulator.errors import WRONG_API
from simulator.routes.request_context import RequestContext
from simulator.wire.chat_requests import Embeddings
from simulator.wire.json_response import Json


async def create(context: RequestContext) -> Json:
    """Refuse: a known model is of another kind, and an unknown one does not exist."""
    wanted = await context.read_body(Embeddings)
    context.app.inference.check_access(wanted.model, account=context.caller.account)
    raise WRONG_API(
        model=wanted.model,
        api=context.request.url.path,
        hint="no model here makes embeddings (OBSERVED: none is offered)",
    )
