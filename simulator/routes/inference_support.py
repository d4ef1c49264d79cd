"""What the inference routes share: request parsing, model access, hints, usage, and event streams."""

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
_ALL_REASONING: Final = "reasoning used the whole token budget: raise max_tokens, or lower the reasoning effort"


async def read_request(context: RequestContext, model: type[Model]) -> Model:
    """Parse the body. The setting `unknown_chat_fields` decides whether unknown fields are refused.

    Raises:
        ApiError: as `RequestContext.read_body`.
    """
    is_strict = context.app.settings.unknown_chat_fields is UnknownFields.REFUSED
    return await context.read_body(forbid_unknown_fields(model) if is_strict else model)


def hints_for(reply: Reply) -> list[str]:
    """Return the hints that explain a surprising reply."""
    is_empty = reply.finish_reason == "length" and not (reply.text or reply.tool_calls)
    return [*([] if reply.is_prompt_known else [_UNKNOWN_PROMPT]), *([_ALL_REASONING] if is_empty else [])]


def record_usage(context: RequestContext, *replies: Reply) -> None:
    """Store the token counts in the request's state, for middleware that counts tokens."""
    completion_tokens = sum(reply.completion_tokens for reply in replies)
    context.request.state.usage = Usage(prompt_tokens=replies[0].prompt_tokens, completion_tokens=completion_tokens)


def check_choices(count: int, maximum: int) -> None:
    """Check the number of choices.

    Raises:
        ApiError: there are more than `maximum`.
    """
    if count > maximum:
        raise INVALID_VALUE(param="n", why=f"at most {maximum} choices can be requested at once, not {count}")


async def prepare_model(context: RequestContext, model: str) -> None:
    """Check that the caller has access to the model, and index new uploads, so that inference knows their prompts.

    Raises:
        ApiError: there is no such model, or it belongs to another account.
    """
    inference = context.app.inference
    inference.check_access(model, account=context.caller.account)
    if not inference.is_index_current:
        await run_in_threadpool(inference.refresh_index)


def stream_response(
    batches: Iterator[bytes], headers: dict[str, str], *, yields_between_batches: bool = False
) -> Response:
    """Return a stream of server-sent events. With `yields_between_batches` other requests can run in between."""
    return EventStream(batches, headers=headers, yields_between_batches=yields_between_batches)
