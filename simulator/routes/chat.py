"""`/v1/chat/completions`. Base models, checkpoints and tuned models use the same policy with different weights."""

from typing import Final

from starlette.responses import Response

from simulator.routes.inference_support import (
    check_choices,
    hints_for,
    prepare_model,
    read_request,
    record_usage,
    stream_response,
)
from simulator.routes.request_context import RequestContext
from simulator.wire.chat import Completion, render_completion, stream_completion
from simulator.wire.chat_requests import ChatCompletion
from simulator.wire.json_response import JsonResponse, hint_headers

# OPENAI: the tier in the answer. `auto` selects the default one.
_SERVICE_TIERS: Final = {"flex": "flex", "priority": "priority"}


async def create(context: RequestContext) -> Response:
    """Answer a conversation, completely or as a stream."""
    app = context.app
    request = await read_request(context, ChatCompletion)
    check_choices(request.choice_count, app.settings.max_choices)
    await prepare_model(context, request.model)
    replies = await context.run(lambda: app.inference.answers(request.chat_request, request.choice_count))
    record_usage(context, *replies)
    completion = Completion(
        id=app.ids.completion(next(app.completion_ordinals)),
        model=request.model,
        created=app.clock.now(),
        replies=replies,
        service_tier=_SERVICE_TIERS.get(request.service_tier or "", "default"),
    )
    headers = hint_headers(hints_for(replies[0]))
    if request.stream:
        return stream_response(stream_completion(completion, include_usage=request.include_usage), headers)
    return JsonResponse(render_completion(completion), headers=headers)
