"""What a model is asked and what it answers, in the terms of neither API: chat completions and Responses use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
ToolChoice: TypeAlias = Literal["auto", "none", "required"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls"]
Schema: TypeAlias = Mapping[str, Any] | bool  # a JSON Schema, already checked by `structured.instances.checked`


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call. `parameters` is the JSON Schema of its arguments; none by default."""

    name: str
    description: str = ""
    parameters: Schema = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model wants made. `arguments` is JSON text: an object, valid by the tool's schema."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message. `tool_calls` stand in an assistant's turn; `tool_call_id` in a tool's says which it answers."""

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One question to a model.

    Attributes:
        model: the id as the caller wrote it: base, alias, tuned model or checkpoint.
        messages: the whole conversation, the oldest first; at least one.
        temperature: at 0 nothing is drawn.
        max_tokens: the most to generate, thinking included; None for the model's own limit.
        reasoning_effort: `low`, `medium` or `high`.
        seed: given, the draws belong to it and the request alone.
        tools: what may be called. For a `tool_choice` that names one tool, give that one alone and `required`.
        tool_choice: `auto` lets the model decide, `none` forbids calls, `required` forces one.
        parallel_tool_calls: whether one answer may hold several calls.
        json_schema: given, the text is JSON that is valid by it; `{"type": "object"}` for any object.
        stop: the text ends before the first of these.
        reasoning_enabled: False puts the whole budget into words.
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
    """What answering has cost, in tokens: the prompt once, and everything that was generated."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer: words or tool calls. All counts are tokens.

    Attributes:
        text: the words; empty beside tool calls, and when the budget went into thinking.
        reasoning: a short stand-in for the thinking; its length in tokens is `reasoning_tokens`.
        prompt_tokens: of the whole conversation, the hidden template and the tools included.
        completion_tokens: of everything that was generated, the thinking included.
        finish_reason: `length` when the budget ended it.
        known: whether the simulator has the right answer of this prompt, so that the model could do more than guess.
    """

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...] = ()
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    finish_reason: FinishReason
    known: bool
