"""`/v1/chat/completions`: base, checkpoint and tuned models answer from the same policy with their own weights."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from simulator.routes.call import Call
from simulator.training.dataset import Message
from simulator.wire.bodies import WireResponse
from simulator.wire.chat import Completion, rendered_completion, streamed_completion
from simulator.wire.requests import ChatCompletion, parsed

_UNKNOWN_PROMPT = "this prompt is in no uploaded file, so the simulated model could only guess"


async def create(call: Call) -> Response:
    """Answer a conversation, whole or as a stream."""
    house = call.house
    wanted = parsed(ChatCompletion, await call.request.body(), call.headers)
    if not house.inference.knows_all_uploads:
        await run_in_threadpool(house.inference.learn_uploads)
    answer = house.inference.answer(
        wanted.model,
        [Message(role=message.role, content=message.text) for message in wanted.messages],
        temperature=1.0 if wanted.temperature is None else float(wanted.temperature),
        max_tokens=wanted.budget,
        reasoning_effort=wanted.effort,
        seed=wanted.seed,
    )
    completion = Completion(
        id=house.ids.completion(next(house.completions)), model=wanted.model, created=house.clock.now(), answer=answer
    )
    headers = {} if answer.known else {"x-simulator-hint": _UNKNOWN_PROMPT}
    if not wanted.stream:
        return WireResponse(rendered_completion(completion), headers=headers)
    include_usage = bool(wanted.stream_options and wanted.stream_options.include_usage)
    return StreamingResponse(
        streamed_completion(completion, include_usage=include_usage), media_type="text/event-stream", headers=headers
    )
