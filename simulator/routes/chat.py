"""`/v1/chat/completions`: base, checkpoint and tuned models answer from the same policy with their own weights."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from simulator.house import House, house_of
from simulator.training.dataset import Message
from simulator.wire.bodies import WireResponse
from simulator.wire.chat import Completion, rendered_completion, streamed_completion
from simulator.wire.requests import ChatCompletion, parsed

router = APIRouter(prefix="/chat")
Rooms = Annotated[House, Depends(house_of)]

_UNKNOWN_PROMPT = "this prompt is in no uploaded file, so the simulated model could only guess"


@router.post("/completions")
async def create(request: Request, house: Rooms) -> Response:
    """Answer a conversation, whole or as a stream."""
    wanted = parsed(ChatCompletion, await request.body(), request.headers)
    ordinal = house.database.next_ordinal("completions")
    answer = await run_in_threadpool(
        house.inference.answer,
        wanted.model,
        [Message(role=message.role, content=message.text) for message in wanted.messages],
        temperature=1.0 if wanted.temperature is None else float(wanted.temperature),
        max_tokens=wanted.budget,
        reasoning_effort=wanted.effort,
        ordinal=ordinal,
    )
    completion = Completion(
        id=house.ids.completion(ordinal), model=wanted.model, created=house.clock.now(), answer=answer
    )
    headers = {} if answer.known else {"x-simulator-hint": _UNKNOWN_PROMPT}
    if not wanted.stream:
        return WireResponse(rendered_completion(completion), headers=headers)
    include_usage = bool(wanted.stream_options and wanted.stream_options.include_usage)
    return StreamingResponse(
        streamed_completion(completion, include_usage=include_usage), media_type="text/event-stream", headers=headers
    )
