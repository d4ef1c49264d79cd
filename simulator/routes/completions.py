"""`/v1/completions`: absent unless the setting `text_completions` asks for it.

AWS's job guide shows a call of it, its list of routes does not have it (contract Q12). The one here answers the prompt
as a user's message would be answered, without thinking.
"""

from starlette.responses import Response

from simulator.errors import UNKNOWN_PATH
from simulator.routes.inference_support import (
    check_choices,
    check_model_available,
    hints_for,
    record_usage,
    stream_response,
)
from simulator.routes.request_context import RequestContext
from simulator.wire.chat import Completion
from simulator.wire.chat_requests import TextCompletion
from simulator.wire.json_response import JsonResponse, hint_headers
from simulator.wire.text_completions import render_text_completion, stream_text_completion

_ABSENT = (
    "AWS's job guide shows this route, its list of routes does not; use /v1/chat/completions, "
    "or start the simulator with the setting text_completions=true"
)


async def create(context: RequestContext) -> Response:
    """Go on from a prompt, whole or as a stream."""
    house = context.app
    if not house.settings.text_completions:
        raise UNKNOWN_PATH(method=context.request.method, path=context.request.url.path, hint=_ABSENT)
    wanted = await context.read_body(TextCompletion)
    check_choices(wanted.choice_count, house.settings.max_choices)
    await check_model_available(context, wanted.model)
    replies = await context.run(lambda: house.inference.answers(wanted.chat_request, wanted.choice_count))
    record_usage(context, *replies)
    name = house.ids.completion(next(house.completion_ordinals))
    completion = Completion(
        id=name.removeprefix("chat"), model=wanted.model, created=house.clock.now(), replies=replies
    )
    headers = hint_headers(hints_for(replies[0]))
    if wanted.stream:
        return stream_response(stream_text_completion(completion, include_usage=wanted.include_usage), headers)
    return JsonResponse(render_text_completion(completion), headers=headers)
