"""`/v1/completions`: absent unless the setting `text_completions` is on.

AWS's job guide calls this route, but AWS's list of routes does not have it (contract Q12). Here it answers the prompt
like a user message, without reasoning.
"""

from starlette.responses import Response

from simulator.errors import UNKNOWN_PATH
from simulator.routes.inference_support import (
    check_choices,
    hints_for,
    prepare_model,
    record_usage,
    stream_response,
)
from simulator.routes.request_context import RequestContext
from simulator.wire.chat import Completion
from simulator.wire.chat_requests import TextCompletion
from simulator.wire.json_response import JsonResponse, hint_headers
from simulator.wire.text_completions import render_text_completion, stream_text_completion

_ABSENT = (
    "AWS's job guide has this route, its list of routes does not; use /v1/chat/completions, "
    "or start the simulator with the setting text_completions=true"
)


async def create(context: RequestContext) -> Response:
    """Continue a prompt, completely or as a stream."""
    app = context.app
    if not app.settings.text_completions:
        raise UNKNOWN_PATH(method=context.request.method, path=context.request.url.path, hint=_ABSENT)
    request = await context.read_body(TextCompletion)
    check_choices(request.choice_count, app.settings.max_choices)
    await prepare_model(context, request.model)
    replies = await context.run(lambda: app.inference.answers(request.chat_request, request.choice_count))
    record_usage(context, *replies)
    completion_id = app.ids.completion(next(app.completion_ordinals))
    completion = Completion(
        id=completion_id.removeprefix("chat"), model=request.model, created=app.clock.now(), replies=replies
    )
    headers = hint_headers(hints_for(replies[0]))
    if request.stream:
        return stream_response(stream_text_completion(completion, include_usage=request.include_usage), headers)
    return JsonResponse(render_text_completion(completion), headers=headers)
