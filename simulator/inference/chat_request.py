"""The request to a model and its reply, independent of the API: chat completions and Responses use both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
ToolChoice: TypeAlias = Literal["auto", "none", "required"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls"]
Schema: TypeAlias = Mapping[str, Any] | bool  # a JSON Schema that `structured.instances.check_schema` has accepted
ANY_OBJECT_SCHEMA: Final[Schema] = {"type": "object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: Schema = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call of a tool. `arguments` is the JSON text of an object that is valid by the schema of the tool."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message. The assistant has `tool_calls`; a tool has the `tool_call_id` of the call that it answers."""

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One request to a model.

    Attributes:
        model: the id in the request: a base model, an alias, a tuned model or a checkpoint.
        messages: the whole conversation, oldest first; at least one message.
        temperature: at 0 there are no random draws.
        max_tokens: the largest number of tokens to generate, including reasoning; None for the model's own limit.
        reasoning_effort: `low`, `medium` or `high`.
        seed: if given, the draws depend on it and the request only.
        tools: the tools. If `tool_choice` names one tool, pass that tool alone and `required`.
        tool_choice: `auto` lets the model decide, `none` forbids calls, `required` forces one.
        parallel_tool_calls: whether one reply may have several calls.
        json_schema: if given, the text is JSON that is valid by it; `{"type": "object"}` for any object.
        stop: the text ends before the first of these.
        reasoning_enabled: False: no reasoning, the whole budget is for the text.
    """

    model: str
    messages: tuple[Turn, ...]
    temperature: float = 1.0
    max_tokens: int | None = None
    reasoning_effort: str = "medium"
    seed: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    json_schema: Schema | None = None
    stop: tuple[str, ...] = ()
    reasoning_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The tokens of a request: the prompt once, and everything that was generated."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply: text or tool calls. All counts are tokens.

    Attributes:
        text: the text; empty with tool calls, or if reasoning took the whole budget.
        reasoning: a short text in place of the reasoning; the count is `reasoning_tokens`.
        prompt_tokens: of the whole conversation, the chat template and the tools.
        completion_tokens: of everything that was generated, including reasoning.
        finish_reason: `length` if the budget ended it.
        is_prompt_known: whether the simulator has a reference answer or recorded responses for the prompt. If not, it
            guesses.
    """

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...] = ()
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    finish_reason: FinishReason
    is_prompt_known: bool
