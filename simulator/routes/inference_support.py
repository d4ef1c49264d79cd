"""What the routes that ask a model share: whether it may be asked, what is said of its answer, and the stream."""

from collections.abc import Iterator
from typing import Final, TypeVar

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from simulator.errors import INVALID_VALUE
from simulator.inference.chat_request import Reply, Usage
from simulator.routes.request_context import RequestContext
from simulator.settings import UnknownFields
from simulator.wire.event_stream import EventStream
from simulator.wire.inference_fields import forbid_unknown_fields

Model = TypeVar("Model", bound=BaseModel)

_UNKNOWN_PROMPT: Final = "this prompt is in no uploaded file, so the simulated model could only guess"
_ALL_THOUGHT: Final = "thinking took the whole budget: raise max_tokens, or lower the reasoning effort"


async def read_request(context: RequestContext, model: type[Model]) -> Model:
    """Read a request; the settings say what becomes of a field that nobody knows.

    Raises:
        ApiError: as `Call.read`.
    """
    refused = context.app.settings.unknown_chat_fields is UnknownFields.REFUSED
    return await context.read_body(forbid_unknown_fields(model) if refused else model)


def hints_for(reply: Reply) -> list[str]:
    """Return what is to be said of an answer that may surprise."""
    spent = reply.finish_reason == "length" and not (reply.text or reply.tool_calls)
    return [*([] if reply.known else [_UNKNOWN_PROMPT]), *([_ALL_THOUGHT] if spent else [])]


def record_usage(context: RequestContext, *replies: Reply) -> None:
    """Say in the request's state what answering has cost: whoever stands before the API may count it."""
    generated = sum(reply.completion_tokens for reply in replies)
    context.request.state.usage = Usage(prompt_tokens=replies[0].prompt_tokens, completion_tokens=generated)


def check_choices(count: int, maximum: int) -> None:
    """Refuse more answers at once than the settings allow.

    Raises:
        ApiError: there are more.
    """
    if count > maximum:
        raise INVALID_VALUE(param="n", why=f"at most {maximum} choices can be asked for at once, not {count}")


async def check_model_available(context: RequestContext, model: str) -> None:
    """Bring what inference knows up to the uploads as they are now, and see that the caller has the model.

    Raises:
        ApiError: there is no such model, or it is another account's.
    """
    inference = context.app.inference
    inference.check_access(model, account=context.caller.account)
    if not inference.is_index_current:
        await run_in_threadpool(inference.refresh_index)


def stream_response(
    batches: Iterator[bytes], headers: dict[str, str], *, yields_between_batches: bool = False
) -> Response:
    """Return a stream of server-sent events; one that gives way lets other requests in between."""
    return EventStream(batches, headers=headers, yields_between_batches=yields_between_batches)
