"""The steps that ask a model: chat completions and the Responses API."""

# ruff: noqa: D103  a step does what its name says

import json
from contextlib import AsyncExitStack
from typing import Any

from tests.conformance.openai_session import Talk, refusal, shown, step
from tests.conformance.step_runner import answered, every

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
async def chat_plain(talk: Talk) -> Any:
    return shown(await answered(talk.client.chat.completions.create(**talk.question)))


@step
async def chat_reasoning(talk: Talk) -> Any:
    answer = await answered(talk.client.chat.completions.create(**talk.question))
    return answer.choices[0].message.reasoning


@step
async def chat_stream(talk: Talk) -> Any:
    chunks = await every(talk.client.chat.completions.create(**talk.question, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    return {
        "content": "".join(delta.content or "" for delta in deltas),
        "finish_reason": chunks[-1].choices[0].finish_reason,
        "reasoning": "".join(getattr(delta, "reasoning", None) or "" for delta in deltas),
        "role": deltas[0].role,
        "usage": [chunk.usage for chunk in chunks if chunk.usage],
    }


@step
async def chat_stream_usage(talk: Talk) -> Any:
    asked = talk.question | {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = await every(talk.client.chat.completions.create(**asked))
    return {
        "before": [chunk.usage for chunk in chunks if chunk.usage],
        "choices": last.choices,
        "usage": shown(last.usage),
    }


@step
async def chat_stream_helper(talk: Talk) -> Any:
    async with AsyncExitStack() as stack:
        helper = talk.client.chat.completions.stream(**talk.question)
        entered = hasattr(helper, "__aenter__")
        stream = await stack.enter_async_context(helper) if entered else stack.enter_context(helper)
        await every(stream)
        final = await answered(stream.get_final_completion())
    return [final.choices[0].message.content, final.choices[0].finish_reason]


@step
async def chat_tools(talk: Talk) -> Any:
    asked = talk.question | {"tools": [TOOL], "tool_choice": "required"}
    [choice] = (await answered(talk.client.chat.completions.create(**asked))).choices
    [call] = choice.message.tool_calls
    arguments = json.loads(call.function.arguments)
    return [choice.finish_reason, choice.message.content, call.type, call.function.name, kinds(arguments)]


@step
async def chat_tools_stream(talk: Talk) -> Any:
    asked = talk.question | {"tools": [TOOL], "tool_choice": "required", "stream": True}
    chunks = await every(talk.client.chat.completions.create(**asked))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    name = "".join(call.function.name or "" for call in calls)
    arguments = json.loads("".join(call.function.arguments or "" for call in calls))
    return [chunks[-1].choices[0].finish_reason, {call.index for call in calls} == {0}, name, kinds(arguments)]


@step
async def chat_tools_answered(talk: Talk) -> Any:
    first = await answered(talk.client.chat.completions.create(**talk.question, tools=[TOOL], tool_choice="required"))
    message = first.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "17"}
    messages = [*talk.messages, message.to_dict(), result]
    [choice] = (
        await answered(talk.client.chat.completions.create(model=talk.scene.model, messages=messages, tools=[TOOL]))
    ).choices
    return [choice.finish_reason, bool(choice.message.content), choice.message.tool_calls]


@step
async def chat_json_schema(talk: Talk) -> Any:
    form = {"type": "json_schema", "json_schema": {"name": "sum", "strict": True, "schema": SCHEMA}}
    answer = await answered(talk.client.chat.completions.create(**talk.question, response_format=form))
    return kinds(json.loads(answer.choices[0].message.content))


@step
async def chat_json_object(talk: Talk) -> Any:
    asked = talk.question | {"response_format": {"type": "json_object"}}
    answer = await answered(talk.client.chat.completions.create(**asked))
    return isinstance(json.loads(answer.choices[0].message.content), dict)


@step
async def chat_unknown_model(talk: Talk) -> Any:
    return await refusal(lambda: talk.client.chat.completions.create(model="gpt-4o", messages=talk.messages))


@step
async def chat_budget_of_none(talk: Talk) -> Any:
    return await refusal(lambda: talk.client.chat.completions.create(**talk.question, max_tokens=0))


@step
async def responses_create(talk: Talk) -> Any:
    answer = await talk.respond()
    talk.ids["response"] = answer.id
    thought = next(item for item in answer.output if item.type == "reasoning")
    return {
        "model": answer.model == talk.scene.model,
        "object": answer.object,
        "reasoning": [part.text for part in thought.content],
        "status": answer.status,
        "text": answer.output_text,
        "usage adds up": answer.usage.input_tokens + answer.usage.output_tokens == answer.usage.total_tokens,
    }


@step
async def responses_retrieve(talk: Talk) -> Any:
    answer = await answered(talk.client.responses.retrieve(talk.ids["response"]))
    return [answer.id == talk.ids["response"], answer.status, answer.output_text]


@step
async def responses_previous(talk: Talk) -> Any:
    answer = await talk.respond(input="Are you sure?", previous_response_id=talk.ids["response"])
    return [answer.previous_response_id == talk.ids["response"], answer.status, bool(answer.output_text)]


@step
async def responses_stream(talk: Talk) -> Any:
    return streamed(await every(await talk.respond(stream=True)))


@step
async def responses_replay(talk: Talk) -> Any:
    answer = await talk.respond()
    return streamed(await every(await answered(talk.client.responses.retrieve(answer.id, stream=True))))


@step
async def responses_stream_helper(talk: Talk) -> Any:
    async with AsyncExitStack() as stack:
        helper = talk.client.responses.stream(model=talk.scene.model, input=talk.scene.prompt, temperature=0)
        entered = hasattr(helper, "__aenter__")
        stream = await stack.enter_async_context(helper) if entered else stack.enter_context(helper)
        await every(stream)
        final = await answered(stream.get_final_response())
    return [final.status, final.output_text]


@step
async def responses_tools(talk: Talk) -> Any:
    tool = {"type": "function", "strict": True, **TOOL["function"]}  # type: ignore[dict-item]  # a dict, as it says
    answer = await talk.respond(input="How many books stand on shelf 3 of the library?", tools=[tool])
    call = next(item for item in answer.output if item.type == "function_call")
    return [answer.status, call.name, bool(call.call_id), kinds(json.loads(call.arguments))]


@step
async def responses_background(talk: Talk) -> Any:
    answer = await talk.respond(background=True)
    statuses = [answer.status]
    for _ in range(5):
        later = await answered(talk.client.responses.retrieve(answer.id))
        if later.status != statuses[-1]:
            statuses.append(later.status)
    return statuses


@step
async def responses_cancel(talk: Talk) -> Any:
    answer = await talk.respond(background=True)
    return (await answered(talk.client.responses.cancel(answer.id))).status


@step
async def responses_delete(talk: Talk) -> Any:
    await answered(talk.client.responses.delete(talk.ids["response"]))
    refused = await refusal(lambda: talk.client.responses.retrieve(talk.ids["response"]))
    return refused | {"message": refused["message"].replace(talk.ids["response"], "RESPONSE")}


@step
async def responses_too_few_tokens(talk: Talk) -> Any:
    asked = {"model": talk.scene.model, "input": "Hello", "max_output_tokens": 15}
    return await refusal(lambda: talk.client.responses.create(**asked))


@step
async def responses_of_qwen(talk: Talk) -> Any:
    return await refusal(lambda: talk.client.responses.create(model=QWEN, input="Hello"))


def kinds(of: dict[str, Any]) -> dict[str, str]:
    """Return what kind of value stands under each name: which value it is, is the policy's draw."""
    return {name: type(value).__name__ for name, value in of.items()}


def streamed(events: list[Any]) -> Any:
    """Return the types of a stream's events, runs of one type as one, and what its text deltas come to."""
    types = [event.type for event in events]
    return {
        "numbers": [event.sequence_number for event in events] == list(range(len(events))),
        "status": events[-1].response.status,
        "text": "".join(event.delta for event in events if event.type == "response.output_text.delta"),
        "types": [name for place, name in enumerate(types) if place == 0 or types[place - 1] != name],
    }
