"""`/v1/responses` (DOCUMENTED routes and parameters; objects OPENAI): gpt-oss, its checkpoints and tuned models."""

import re
from typing import Final

from starlette.responses import Response

from simulator.errors import INVALID_VALUE
from simulator.responses.lifecycle import Told
from simulator.routes.inference_support import asked, hints_on, make_ready, streamed, tell_usage
from simulator.routes.request_context import Call
from simulator.settings import ResponseEvents
from simulator.wire.event_stream import AT_ONCE
from simulator.wire.json_response import Json, WireResponse, hinted
from simulator.wire.pagination import flag
from simulator.wire.response_events import batches
from simulator.wire.response_requests import CompactConversation, CreateResponse

_MANTLES_ORDER: Final = (
    "the stream is in Mantle's order: its response.reasoning_part events are in no SDK's types, and the Node SDK's "
    "responses.stream() stops at them; --responses-events openai gives the order of OpenAI's specification"
)
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


async def create(call: Call) -> Response:
    """Answer a conversation: whole, as a stream, or in the background."""
    house = call.house
    wanted = await asked(call, CreateResponse)
    await make_ready(call, wanted.model)
    created = await call.worked(
        lambda: house.responses.create(wanted, project=call.project, path=call.request.url.path),
        is_long=wanted.previous_response_id is not None,
    )
    tell_usage(call, created.reply)
    hints = hints_on(created.reply)
    if wanted.stream:
        return _streamed(call, created.told, hints)
    return WireResponse(created.shown, headers=hinted(hints))


async def retrieve(call: Call) -> Json:
    """Return a stored response, or replay its stream."""
    responses, name = call.house.responses, call.named("response")
    if flag(call.query, "stream"):
        after = _starting_after(call)
        return _streamed(call, responses.replay(name, project=call.project), [], after=after)
    return responses.retrieve(name, project=call.project)


async def cancel(call: Call) -> Json:
    """Cancel a background response."""
    return call.house.responses.cancel(call.named("response"), project=call.project)


async def delete(call: Call) -> Json:
    """Forget a stored response."""
    return call.house.responses.delete(call.named("response"), project=call.project)


async def compact(call: Call) -> Json:
    """Return a conversation as one opaque item."""
    wanted = await call.read(CompactConversation)
    call.house.inference.check_offered(wanted.model, account=call.caller.account)
    return await call.worked(
        lambda: call.house.responses.compact(wanted, project=call.project, path=call.request.url.path),
        is_long=wanted.previous_response_id is not None,
    )


def _streamed(call: Call, told: Told, hints: list[str], *, after: int = -1) -> Response:
    order = call.house.settings.responses_events
    headers = hinted([*hints, *([_MANTLES_ORDER] if order is ResponseEvents.VLLM else [])])
    # One event at a time while it can still be cancelled.
    told_by = batches(told.response, order=order, after=after, at_once=1 if told.running else AT_ONCE)
    if told.running:
        told_by = call.house.responses.until_cancelled(told.response["id"], told_by, project=call.project)
    return streamed(told_by, headers, gives_way=told.running)


def _starting_after(call: Call) -> int:
    given = call.query.get("starting_after")
    if given is None:
        return -1
    if not _NUMBER.fullmatch(given):
        raise INVALID_VALUE(param="starting_after", why=f"expected the sequence number of an event, got '{given}'")
    return int(given)
