"""The conversation of a response: its items as a wish to the model, as stored text, and packed into one item."""

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import TypeAdapter

from simulator.errors import INVALID_VALUE
from simulator.inference.chat_request import ChatRequest, Schema, Tool, ToolCall, Turn
from simulator.wire.inference_fields import ANY_OBJECT_SCHEMA
from simulator.wire.json_response import Json
from simulator.wire.response_requests import (
    CreateResponse,
    FunctionCallItem,
    FunctionOutputItem,
    Item,
    Items,
    MessageItem,
    TextFormat,
)

ITEMS_ADAPTER: Final[TypeAdapter[list[Item]]] = TypeAdapter(Items)


def dump_items(items: Iterable[Item]) -> list[Json]:
    """Return items as JSON values."""
    return [item.model_dump(exclude_none=True) for item in items]


def chat_request_from(request: CreateResponse, items: Iterable[Item]) -> ChatRequest:
    """Return what the model is asked. The instructions are the request's own (OPENAI: not the previous one's).

    Raises:
        ApiError: there is nothing to answer, or an output of a call that was never made.
    """
    turns = [*([Turn(role="system", content=request.instructions)] if request.instructions else []), *_turns(items)]
    if not turns:
        raise INVALID_VALUE(param="input", why="there is no message to answer")
    return ChatRequest(
        model=request.model,
        messages=tuple(turns),
        temperature=1.0 if request.temperature is None else float(request.temperature),
        max_tokens=request.max_output_tokens,
        reasoning_effort=request.effective_reasoning_effort,
        tools=tuple(
            Tool(
                name=tool.name,
                description=tool.description or "",
                parameters=tool.parameters or ANY_OBJECT_SCHEMA,
            )
            for tool in request.tools or ()
        ),
        parallel_tool_calls=request.parallel_tool_calls is not False,
        json_schema=_schema(request.text.format if request.text else None),
    )


def _schema(wanted: TextFormat | None) -> Schema | None:
    match wanted:
        case TextFormat(type="json_object"):
            return ANY_OBJECT_SCHEMA
        case TextFormat(type="json_schema", form=form):
            return form
        case _:
            return None


def _turns(items: Iterable[Item]) -> Iterator[Turn]:
    """Yield the conversation in terms of no API. Thoughts are left out: they change no answer.

    Raises:
        ApiError: an output of a call that was never made (OPENAI refuses it too).
    """
    called: set[str] = set()
    for item in items:
        match item:
            case MessageItem(role=role):
                yield Turn(role=role, content=item.text)
            case FunctionCallItem(call_id=call_id):
                called.add(call_id)
                call = ToolCall(id=call_id, name=item.name, arguments=item.arguments)
                yield Turn(role="assistant", tool_calls=(call,))
            case FunctionOutputItem(call_id=call_id):
                if call_id not in called:
                    raise INVALID_VALUE(
                        param="input", why=f"no tool call found for function call output with call_id '{call_id}'"
                    )
                yield Turn(role="tool", content=item.text, tool_call_id=call_id)
            case _:
                pass
