"""`/v1/responses` (DOCUMENTED routes and parameters; objects OPENAI): gpt-oss, its checkpoints and tuned models."""

import re
from typing import Final

from starlette.responses import Response

from simulator.errors import INVALID_VALUE
from simulator.responses.lifecycle import StreamedResponse
from simulator.routes.inference_support import (
    check_model_available,
    hints_for,
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

_MANTLES_ORDER: Final = (
    "the stream is in Mantle's order: its response.reasoning_part events are in no SDK's types, and the Node SDK's "
    "responses.stream() stops at them; --responses-events openai gives the order of OpenAI's specification"
)
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


async def create(context: RequestContext) -> Response:
    """Answer a conversation: whole, as a stream, or in the background."""
    house = context.app
    wanted = await read_request(context, CreateResponse)
    await check_model_available(context, wanted.model)
    created = await context.run(
        lambda: house.responses.create(wanted, project=context.project, path=context.request.url.path),
        is_long=wanted.previous_response_id is not None,
    )
    record_usage(context, created.reply)
    hints = hints_for(created.reply)
    if wanted.stream:
        return _streamed(context, created.stream, hints)
    return JsonResponse(created.response, headers=hint_headers(hints))


async def retrieve(context: RequestContext) -> Json:
    """Return a stored response, or replay its stream."""
    responses, name = context.app.responses, context.path_parameter("response")
    if parse_flag(context.query, "stream"):
        after = _starting_after(context)
        return _streamed(context, responses.replay(name, project=context.project), [], after=after)
    return responses.retrieve(name, project=context.project)


async def cancel(context: RequestContext) -> Json:
    """Cancel a background response."""
    return context.app.responses.cancel(context.path_parameter("response"), project=context.project)


async def delete(context: RequestContext) -> Json:
    """Forget a stored response."""
    return context.app.responses.delete(context.path_parameter("response"), project=context.project)


async def compact(context: RequestContext) -> Json:
    """Return a conversation as one opaque item."""
    wanted = await context.read_body(CompactConversation)
    context.app.inference.check_access(wanted.model, account=context.caller.account)
    return await context.run(
        lambda: context.app.responses.compact(wanted, project=context.project, path=context.request.url.path),
        is_long=wanted.previous_response_id is not None,
    )


def _streamed(context: RequestContext, told: StreamedResponse, hints: list[str], *, after: int = -1) -> Response:
    order = context.app.settings.responses_events
    headers = hint_headers([*hints, *([_MANTLES_ORDER] if order is ResponseEvents.VLLM else [])])
    # One event at a time while it can still be cancelled.
    told_by = stream_response_events(
        told.response, event_order=order, after=after, batch_size=1 if told.running else EVENTS_PER_BATCH
    )
    if told.running:
        told_by = context.app.responses.stream_until_cancelled(told.response["id"], told_by, project=context.project)
    return stream_response(told_by, headers, yields_between_batches=told.running)


def _starting_after(context: RequestContext) -> int:
    given = context.query.get("starting_after")
    if given is None:
        return -1
    if not _NUMBER.fullmatch(given):
        raise INVALID_VALUE(param="starting_after", why=f"expected the sequence number of an event, got '{given}'")
    return int(given)
