"""`/v1/embeddings` (DOCUMENTED route). OBSERVED: no embedding model is offered, so every request is refused."""

from simulator.errors import WRONG_API
from simulator.routes.request_context import RequestContext
from simulator.wire.chat_requests import Embeddings
from simulator.wire.json_response import Json


async def create(context: RequestContext) -> Json:
    """Refuse: an existing model does not support embeddings."""
    request = await context.read_body(Embeddings)
    context.app.inference.check_access(request.model, account=context.caller.account)
    raise WRONG_API(
        model=request.model,
        api=context.request.url.path,
        hint="no model here supports embeddings (OBSERVED: none is offered)",
    )
