"""The items of a conversation: as a request to the model, and as JSON."""

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import TypeAdapter

from simulator.errors import INVALID_VALUE
from simulator.inference.chat_request import ANY_OBJECT_SCHEMA, ChatRequest, Schema, Tool, ToolCall, Turn
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
    """Return the request to the model. It has its own instructions only (OPENAI: not those of the previous response).

    Raises:
        ApiError: there is no message, or an output has no call.
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


def _schema(text_format: TextFormat | None) -> Schema | None:
    match text_format:
        case TextFormat(type="json_object"):
            return ANY_OBJECT_SCHEMA
        case TextFormat(type="json_schema", form=form):
            return form
        case _:
            return None


def _turns(items: Iterable[Item]) -> Iterator[Turn]:
    """Yield the messages of a conversation, without its reasoning, which has no effect on the answer.

    Raises:
        ApiError: an output has no call (OPENAI refuses it too).
    """
    call_ids: set[str] = set()
    for item in items:
        match item:
            case MessageItem(role=role):
                yield Turn(role=role, content=item.text)
            case FunctionCallItem(call_id=call_id):
                call_ids.add(call_id)
                call = ToolCall(id=call_id, name=item.name, arguments=item.arguments)
                yield Turn(role="assistant", tool_calls=(call,))
            case FunctionOutputItem(call_id=call_id):
                if call_id not in call_ids:
                    raise INVALID_VALUE(
                        param="input", why=f"no tool call found for function call output with call_id '{call_id}'"
                    )
                yield Turn(role="tool", content=item.text, tool_call_id=call_id)
            case _:
                pass
