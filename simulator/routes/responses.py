"""`/v1/responses` (DOCUMENTED routes and parameters; objects OPENAI), for gpt-oss and models tuned from it."""

import re
from typing import Final

from starlette.responses import Response

from simulator.errors import INVALID_VALUE
from simulator.responses.lifecycle import StreamedResponse
from simulator.routes.inference_support import (
    hints_for,
    prepare_model,
    read_request,
    record_usage,
    stream_response,
)
from simulator.routes.request_context import RequestContext
from simulator.settings import ResponseEvents
from simulator.wire.event_stream import EVENTS_PER_BATCH
from simulator.wire.json_response import Json, JsonResponse, hint_headers
from simulator.wire.pagination import parse_flag
from simulator.wire.response_events import stream_response_events
from simulator.wire.response_requests import CompactConversation, CreateResponse

_MANTLE_EVENTS_HINT: Final = (
    "the stream has Mantle's events: no SDK has types for response.reasoning_part, and responses.stream() of the Node "
    "SDK stops at it; --responses-events openai sends the events of OpenAI's specification"
)
_SEQUENCE_NUMBER: Final = re.compile(r"[0-9]{1,18}")


async def create(context: RequestContext) -> Response:
    """Answer a conversation: completely, as a stream, or in the background."""
    app = context.app
    request = await read_request(context, CreateResponse)
    await prepare_model(context, request.model)
    created = await context.run(
        lambda: app.responses.create(request, project=context.project, path=context.request.url.path),
        is_long=request.previous_response_id is not None,
    )
    record_usage(context, created.reply)
    hints = hints_for(created.reply)
    if request.stream:
        return _stream(context, created.stream, hints)
    return JsonResponse(created.response, headers=hint_headers(hints))


async def retrieve(context: RequestContext) -> Json:
    """Return a stored response, or replay its stream."""
    responses, response_id = context.app.responses, context.path_parameter("response")
    if parse_flag(context.query, "stream"):
        after = _starting_after(context)
        return _stream(context, responses.replay(response_id, project=context.project), [], after=after)
    return responses.retrieve(response_id, project=context.project)


async def cancel(context: RequestContext) -> Json:
    """Cancel a background response."""
    return context.app.responses.cancel(context.path_parameter("response"), project=context.project)


async def delete(context: RequestContext) -> Json:
    """Delete a stored response."""
    return context.app.responses.delete(context.path_parameter("response"), project=context.project)


async def compact(context: RequestContext) -> Json:
    """Return a conversation as one opaque item."""
    request = await context.read_body(CompactConversation)
    context.app.inference.check_access(request.model, account=context.caller.account)
    return await context.run(
        lambda: context.app.responses.compact(request, project=context.project, path=context.request.url.path),
        is_long=request.previous_response_id is not None,
    )


def _stream(
    context: RequestContext, streamed_response: StreamedResponse, hints: list[str], *, after: int = -1
) -> Response:
    event_order = context.app.settings.responses_events
    headers = hint_headers([*hints, *([_MANTLE_EVENTS_HINT] if event_order is ResponseEvents.VLLM else [])])
    # Single events while the response can still be cancelled.
    batches = stream_response_events(
        streamed_response.response,
        event_order=event_order,
        after=after,
        batch_size=1 if streamed_response.running else EVENTS_PER_BATCH,
    )
    if streamed_response.running:
        batches = context.app.responses.stream_until_cancelled(
            streamed_response.response["id"], batches, project=context.project
        )
    return stream_response(batches, headers, yields_between_batches=streamed_response.running)


def _starting_after(context: RequestContext) -> int:
    text = context.query.get("starting_after")
    if text is None:
        return -1
    if not _SEQUENCE_NUMBER.fullmatch(text):
        raise INVALID_VALUE(param="starting_after", why=f"expected the sequence number of an event, got '{text}'")
    return int(text)
