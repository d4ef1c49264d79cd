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
    """Return (tool, what it said) of each result since the last question."""
    names: dict[str | None, str] = {}
    results: list[tuple[str, str]] = []
    for turn in messages:
        names |= {call.id: call.name for call in turn.tool_calls}
        if turn.role == "user":
            results = []
        elif turn.role == "tool":
            results.append((names.get(turn.tool_call_id, "The tool"), turn.content))
    return results


def choose_tools(wish: ChatRequest, question: str, *, settled: bool) -> tuple[Tool, ...]:
    """Return the tools to call; none under `auto` when the answer is `settled` without them."""
    if not wish.tools or wish.tool_choice == "none" or (wish.tool_choice == "auto" and settled):
        return ()
    names = set(_NAME.findall(question))
    called = [tool for tool in wish.tools if tool.name in names]
    if not called:
        asked = _words(question)
        called = [max(wish.tools, key=lambda tool: len(asked & _words(f"{tool.name} {tool.description}")))]
    return tuple(called if wish.parallel_tool_calls else called[:1])


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def make_tool_call(tool: Tool, wanted: Json, question: str, address: Iterable[int | str]) -> ToolCall:
    """Return a call of a tool; the field that fits holds `wanted`, and the id is hashed from `address`."""
    arguments = generate_instance(tool.parameters, wanted, key=find_requested_format(question).key)
    # The form of the id is INFERRED from OpenAI's.
    call_id = f"call_{digest('call', *address, size=12).hex()}"
    return ToolCall(id=call_id, name=tool.name, arguments=json.dumps(arguments, ensure_ascii=False))
