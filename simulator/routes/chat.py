"""`/v1/chat/completions`: base, checkpoint and tuned models answer from the same policy with their own weights."""

from typing import Final

from starlette.responses import Response

from simulator.routes.inference_support import asked, check_choices, hints_on, make_ready, streamed, tell_usage
from simulator.routes.request_context import Call
from simulator.wire.chat import Completion, rendered_completion, streamed_completion
from simulator.wire.chat_requests import ChatCompletion
from simulator.wire.json_response import WireResponse, hinted

# OPENAI: the tier that was used. `auto` is the default one.
_TIERS: Final = {"flex": "flex", "priority": "priority"}


async def create(call: Call) -> Response:
    """Answer a conversation, whole or as a stream."""
    house = call.house
    wanted = await asked(call, ChatCompletion)
    check_choices(wanted.choices, house.settings.max_choices)
    await make_ready(call, wanted.model)
    replies = await call.worked(lambda: house.inference.answers(wanted.wish, wanted.choices))
    tell_usage(call, *replies)
    completion = Completion(
        id=house.ids.completion(next(house.completions)),
        model=wanted.model,
        created=house.clock.now(),
        replies=replies,
        service_tier=_TIERS.get(wanted.service_tier or "", "default"),
    )
    headers = hinted(hints_on(replies[0]))
    if wanted.stream:
        return streamed(streamed_completion(completion, include_usage=wanted.include_usage), headers)
    return WireResponse(rendered_completion(completion), headers=headers)
