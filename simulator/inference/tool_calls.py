"""Which tools the simulated model calls, and with which arguments."""

import json
import re
from collections.abc import Iterable
from typing import Final

from simulator.ids import digest
from simulator.inference.chat_request import ChatRequest, Tool, ToolCall, Turn
from simulator.inference.structured.instances import generate_instance
from simulator.training.dataset import Json
from simulator.training.requested_format import find_requested_format

_NAME: Final = re.compile(r"[\w-]+")
_WORD: Final = re.compile(r"[A-Za-z][a-z]{3,}|[A-Z]{4,}")


def find_tool_results(messages: tuple[Turn, ...]) -> list[tuple[str, str]]:
    """Return (name of the tool, result) of each tool result since the last question."""
    names: dict[str | None, str] = {}
    results: list[tuple[str, str]] = []
    for turn in messages:
        names |= {call.id: call.name for call in turn.tool_calls}
        if turn.role == "user":
            results = []
        elif turn.role == "tool":
            results.append((names.get(turn.tool_call_id, "The tool"), turn.content))
    return results


def choose_tools(request: ChatRequest, question: str, *, has_answer: bool) -> tuple[Tool, ...]:
    """Return the tools to call. With `auto` there are none if the model already has an answer."""
    if not request.tools or request.tool_choice == "none" or (request.tool_choice == "auto" and has_answer):
        return ()
    names = set(_NAME.findall(question))
    tools = [tool for tool in request.tools if tool.name in names]
    if not tools:
        question_words = _words(question)
        tools = [max(request.tools, key=lambda tool: len(question_words & _words(f"{tool.name} {tool.description}")))]
    return tuple(tools if request.parallel_tool_calls else tools[:1])


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def make_tool_call(tool: Tool, value: Json, question: str, random_key: Iterable[int | str]) -> ToolCall:
    """Return a call of a tool with `value` in the field that fits it; the id is a hash of `random_key`."""
    arguments = generate_instance(tool.parameters, value, key=find_requested_format(question).key)
    # INFERRED: the form of the id is OpenAI's.
    call_id = f"call_{digest('call', *random_key, size=12).hex()}"
    return ToolCall(id=call_id, name=tool.name, arguments=json.dumps(arguments, ensure_ascii=False))
