"""Steps for chat completions and the Responses API."""

# ruff: noqa: D103  the name of a step describes it

import json
from contextlib import AsyncExitStack
from typing import Any

from tests.conformance.openai_session import Session, catch_api_error, step, to_json
from tests.conformance.step_runner import collect_all, resolve

QWEN = "qwen.qwen3-32b"
TOOL = {
    "type": "function",
    "function": {
        "name": "count_books",
        "description": "Count the books on a shelf.",
        "parameters": {
            "type": "object",
            "properties": {"shelf": {"type": "integer"}},
            "required": ["shelf"],
            "additionalProperties": False,
        },
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@step
async def chat_plain(session: Session) -> Any:
    return to_json(await resolve(session.client.chat.completions.create(**session.chat_request)))


@step
async def chat_reasoning(session: Session) -> Any:
    answer = await resolve(session.client.chat.completions.create(**session.chat_request))
    return answer.choices[0].message.reasoning


@step
async def chat_stream(session: Session) -> Any:
    chunks = await collect_all(session.client.chat.completions.create(**session.chat_request, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    return {
        "content": "".join(delta.content or "" for delta in deltas),
        "finish_reason": chunks[-1].choices[0].finish_reason,
        "reasoning": "".join(getattr(delta, "reasoning", None) or "" for delta in deltas),
        "role": deltas[0].role,
        "usage": [chunk.usage for chunk in chunks if chunk.usage],
    }


@step
async def chat_stream_usage(session: Session) -> Any:
    request = session.chat_request | {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = await collect_all(session.client.chat.completions.create(**request))
    return {
        "before": [chunk.usage for chunk in chunks if chunk.usage],
        "choices": last.choices,
        "usage": to_json(last.usage),
    }


@step
async def chat_stream_helper(session: Session) -> Any:
    async with AsyncExitStack() as stack:
        helper = session.client.chat.completions.stream(**session.chat_request)
        is_async = hasattr(helper, "__aenter__")
        stream = await stack.enter_async_context(helper) if is_async else stack.enter_context(helper)
        await collect_all(stream)
        final = await resolve(stream.get_final_completion())
    return [final.choices[0].message.content, final.choices[0].finish_reason]


@step
async def chat_tools(session: Session) -> Any:
    request = session.chat_request | {"tools": [TOOL], "tool_choice": "required"}
    [choice] = (await resolve(session.client.chat.completions.create(**request))).choices
    [call] = choice.message.tool_calls
    arguments = json.loads(call.function.arguments)
    return [choice.finish_reason, choice.message.content, call.type, call.function.name, value_types(arguments)]


@step
async def chat_tools_stream(session: Session) -> Any:
    request = session.chat_request | {"tools": [TOOL], "tool_choice": "required", "stream": True}
    chunks = await collect_all(session.client.chat.completions.create(**request))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    name = "".join(call.function.name or "" for call in calls)
    arguments = json.loads("".join(call.function.arguments or "" for call in calls))
    return [chunks[-1].choices[0].finish_reason, {call.index for call in calls} == {0}, name, value_types(arguments)]


@step
async def chat_tools_answered(session: Session) -> Any:
    first = await resolve(
        session.client.chat.completions.create(**session.chat_request, tools=[TOOL], tool_choice="required")
    )
    message = first.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "17"}
    messages = [*session.messages, message.to_dict(), result]
    [choice] = (
        await resolve(
            session.client.chat.completions.create(model=session.program_input.model, messages=messages, tools=[TOOL])
        )
    ).choices
    return [choice.finish_reason, bool(choice.message.content), choice.message.tool_calls]


@step
async def chat_json_schema(session: Session) -> Any:
    response_format = {"type": "json_schema", "json_schema": {"name": "sum", "strict": True, "schema": SCHEMA}}
    answer = await resolve(
        session.client.chat.completions.create(**session.chat_request, response_format=response_format)
    )
    return value_types(json.loads(answer.choices[0].message.content))


@step
async def chat_json_object(session: Session) -> Any:
    request = session.chat_request | {"response_format": {"type": "json_object"}}
    answer = await resolve(session.client.chat.completions.create(**request))
    return isinstance(json.loads(answer.choices[0].message.content), dict)


@step
async def chat_unknown_model(session: Session) -> Any:
    return await catch_api_error(
        lambda: session.client.chat.completions.create(model="gpt-4o", messages=session.messages)
    )


@step
async def chat_zero_token_budget(session: Session) -> Any:
    return await catch_api_error(lambda: session.client.chat.completions.create(**session.chat_request, max_tokens=0))


@step
async def responses_create(session: Session) -> Any:
    answer = await session.create_response()
    session.ids["response"] = answer.id
    reasoning = next(item for item in answer.output if item.type == "reasoning")
    return {
        "model": answer.model == session.program_input.model,
        "object": answer.object,
        "reasoning": [part.text for part in reasoning.content],
        "status": answer.status,
        "text": answer.output_text,
        "usage adds up": answer.usage.input_tokens + answer.usage.output_tokens == answer.usage.total_tokens,
    }


@step
async def responses_retrieve(session: Session) -> Any:
    answer = await resolve(session.client.responses.retrieve(session.ids["response"]))
    return [answer.id == session.ids["response"], answer.status, answer.output_text]


@step
async def responses_previous(session: Session) -> Any:
    answer = await session.create_response(input="Are you sure?", previous_response_id=session.ids["response"])
    return [answer.previous_response_id == session.ids["response"], answer.status, bool(answer.output_text)]


@step
async def responses_stream(session: Session) -> Any:
    return summarize_stream(await collect_all(await session.create_response(stream=True)))


@step
async def responses_replay(session: Session) -> Any:
    answer = await session.create_response()
    return summarize_stream(await collect_all(await resolve(session.client.responses.retrieve(answer.id, stream=True))))


@step
async def responses_stream_helper(session: Session) -> Any:
    async with AsyncExitStack() as stack:
        helper = session.client.responses.stream(
            model=session.program_input.model, input=session.program_input.prompt, temperature=0
        )
        is_async = hasattr(helper, "__aenter__")
        stream = await stack.enter_async_context(helper) if is_async else stack.enter_context(helper)
        await collect_all(stream)
        final = await resolve(stream.get_final_response())
    return [final.status, final.output_text]


@step
async def responses_tools(session: Session) -> Any:
    tool = {"type": "function", "strict": True, **TOOL["function"]}  # type: ignore[dict-item]  # it is a dict
    answer = await session.create_response(input="How many books stand on shelf 3 of the library?", tools=[tool])
    call = next(item for item in answer.output if item.type == "function_call")
    return [answer.status, call.name, bool(call.call_id), value_types(json.loads(call.arguments))]


@step
async def responses_background(session: Session) -> Any:
    answer = await session.create_response(background=True)
    statuses = [answer.status]
    for _ in range(5):
        later = await resolve(session.client.responses.retrieve(answer.id))
        if later.status != statuses[-1]:
            statuses.append(later.status)
    return statuses


@step
async def responses_cancel(session: Session) -> Any:
    answer = await session.create_response(background=True)
    return (await resolve(session.client.responses.cancel(answer.id))).status


@step
async def responses_delete(session: Session) -> Any:
    await resolve(session.client.responses.delete(session.ids["response"]))
    error = await catch_api_error(lambda: session.client.responses.retrieve(session.ids["response"]))
    return error | {"message": error["message"].replace(session.ids["response"], "RESPONSE")}


@step
async def responses_too_few_tokens(session: Session) -> Any:
    request = {"model": session.program_input.model, "input": "Hello", "max_output_tokens": 15}
    return await catch_api_error(lambda: session.client.responses.create(**request))


@step
async def responses_of_qwen(session: Session) -> Any:
    return await catch_api_error(lambda: session.client.responses.create(model=QWEN, input="Hello"))


def value_types(fields: dict[str, Any]) -> dict[str, str]:
    """Return the type of each field; the values are random draws of the policy."""
    return {name: type(value).__name__ for name, value in fields.items()}


def summarize_stream(events: list[Any]) -> Any:
    """Return the types of a stream's events (equal neighbours once) and its whole text."""
    types = [event.type for event in events]
    return {
        "numbers": [event.sequence_number for event in events] == list(range(len(events))),
        "status": events[-1].response.status,
        "text": "".join(event.delta for event in events if event.type == "response.output_text.delta"),
        "types": [name for index, name in enumerate(types) if index == 0 or types[index - 1] != name],
    }
