"""`/v1/embeddings` (DOCUMENTED route). OBSERVED: no model that makes embeddings is offered, so nothing answers here."""

from simulator.errors import WRONG_API
from simulator.routes.request_context import Call
from simulator.wire.chat_requests import Embeddings
from simulator.wire.json_response import Json


async def create(call: Call) -> Json:
    """Refuse: a known model is of another kind, and an unknown one does not exist."""
    wanted = await call.read(Embeddings)
    call.house.inference.check_offered(wanted.model, account=call.caller.account)
    raise WRONG_API(
        model=wanted.model,
        api=call.request.url.path,
        hint="no model here makes embeddings (OBSERVED: none is offered)",
    )
