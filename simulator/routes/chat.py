"""`/v1/chat/completions`: base, checkpoint and tuned models answer from the same policy with their own weights."""

from typing import Final

from starlette.responses import Response

from simulator.routes.inference_support import (
    check_choices,
    check_model_available,
    hints_for,
    read_request,
    record_usage,
    stream_response,
)
from simulator.routes.request_context import RequestContext
from simulator.wire.chat import Completion, render_completion, stream_completion
from simulator.wire.chat_requests import ChatCompletion
from simulator.wire.json_response import JsonResponse, hint_headers

# OPENAI: the tier that was used. `auto` is the default one.
_TIERS: Final = {"flex": "flex", "priority": "priority"}


async def create(context: RequestContext) -> Response:
    """Answer a conversation, whole or as a stream."""
    house = context.app
    wanted = await read_request(context, ChatCompletion)
    check_choices(wanted.choice_count, house.settings.max_choices)
    await check_model_available(context, wanted.model)
    replies = await context.run(lambda: house.inference.answers(wanted.chat_request, wanted.choice_count))
    record_usage(context, *replies)
    completion = Completion(
        id=house.ids.completion(next(house.completion_ordinals)),
        model=wanted.model,
        created=house.clock.now(),
        replies=replies,
        service_tier=_TIERS.get(wanted.service_tier or "", "default"),
    )
    headers = hint_headers(hints_for(replies[0]))
    if wanted.stream:
        return stream_response(stream_completion(completion, include_usage=wanted.include_usage), headers)
    return JsonResponse(render_completion(completion), headers=headers)
