"""`/v1/completions`: absent unless the setting `text_completions` asks for it.

AWS's job guide shows a call of it, its list of routes does not have it (contract Q12). The one here answers the prompt
as a user's message would be answered, without thinking.
"""

from starlette.responses import Response

from simulator.errors import UNKNOWN_PATH
from simulator.routes.inference_support import check_choices, hints_on, make_ready, streamed, tell_usage
from simulator.routes.request_context import Call
from simulator.wire.chat import Completion
from simulator.wire.chat_requests import TextCompletion
from simulator.wire.json_response import WireResponse, hinted
from simulator.wire.text_completions import rendered_text_completion, streamed_text_completion

_ABSENT = (
    "AWS's job guide shows this route, its list of routes does not; use /v1/chat/completions, "
    "or start the simulator with the setting text_completions=true"
)


async def create(call: Call) -> Response:
    """Go on from a prompt, whole or as a stream."""
    house = call.house
    if not house.settings.text_completions:
        raise UNKNOWN_PATH(method=call.request.method, path=call.request.url.path, hint=_ABSENT)
    wanted = await call.read(TextCompletion)
    check_choices(wanted.choices, house.settings.max_choices)
    await make_ready(call, wanted.model)
    replies = await call.worked(lambda: house.inference.answers(wanted.wish, wanted.choices))
    tell_usage(call, *replies)
    name = house.ids.completion(next(house.completions))
    completion = Completion(
        id=name.removeprefix("chat"), model=wanted.model, created=house.clock.now(), replies=replies
    )
    headers = hinted(hints_on(replies[0]))
    if wanted.stream:
        return streamed(streamed_text_completion(completion, include_usage=wanted.include_usage), headers)
    return WireResponse(rendered_text_completion(completion), headers=headers)
