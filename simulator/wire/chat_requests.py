"""`POST /v1/chat/completions` in: the conversation, the tools, the form of the answer.

The shapes are OpenAI's, to which AWS defers; the parameters are those that Mantle is known to take (contract 6.1).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator

from simulator.inference.chat_request import ChatRequest, Turn
from simulator.wire.chat_parts import ChatMessage, FunctionTool, NamedTool, ResponseFormat, StreamOptions
from simulator.wire.inference_fields import LenientModel, Temperature, UnsupportedField
from simulator.wire.requests import Metadata

# OPENAI: so many sequences, tools, top log probabilities.
_MOST_STOPS: Final = 4
_MOST_TOOLS: Final = 128
_MOST_TOP_LOGPROBS: Final = 20


Penalty: TypeAlias = Annotated[float, Field(ge=-2, le=2)] | Annotated[int, Field(ge=-2, le=2)]
TopP: TypeAlias = Annotated[float, Field(gt=0, le=1)] | Annotated[int, Field(gt=0, le=1)]


def _one_or_list(value: object) -> str:
    return "list[str]" if isinstance(value, list) else "str"


_Sequence = Annotated[str, Field(min_length=1)]
Stop = Annotated[
    Annotated[_Sequence, Tag("str")] | Annotated[list[_Sequence], Field(max_length=_MOST_STOPS), Tag("list[str]")],
    Discriminator(_one_or_list),
]


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def _choice_or_name(value: object) -> str:
    return "literal[named]" if isinstance(value, Mapping | NamedTool) else "literal[choice]"


ToolChoice = Annotated[
    Annotated[Literal["auto", "none", "required"], Tag("literal[choice]")]
    | Annotated[NamedTool, Tag("literal[named]")],
    Discriminator(_choice_or_name),
]


class ChatCompletion(LenientModel):
    """The request. What is not listed is taken and has no effect, as with vLLM, which stands behind Mantle."""

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    stop: Stop | None = None
    seed: int | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, float | int] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=_MOST_TOP_LOGPROBS)] | None = None
    reasoning_effort: Literal["none", "low", "medium", "high"] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=_MOST_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None  # OBSERVED: `reserved` is refused
    metadata: Metadata | None = None
    user: str | None = None
    # OPENAI's, taken so that a client may send them where unknown fields are refused.
    modalities: list[Literal["text"]] | None = None
    prediction: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    store: bool | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    # These would change what an answer is, and no model here has them.
    audio: UnsupportedField = None
    function_call: UnsupportedField = None
    functions: UnsupportedField = None
    web_search_options: UnsupportedField = None

    @field_validator("messages")
    @classmethod
    def _a_conversation(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        """OPENAI: what a called tool said follows its call, and each call is answered before anybody speaks again."""
        open_calls: dict[str, None] = {}
        for place, message in enumerate(messages):
            if message.role == "tool":
                if message.tool_call_id not in open_calls:
                    raise ValueError(
                        f"messages[{place}] with role 'tool' must have the 'tool_call_id' of a call in the 'tool_calls'"
                        " before it"
                    )
                del open_calls[message.tool_call_id]
                continue
            if open_calls:
                raise ValueError(
                    "an assistant message with 'tool_calls' must be followed by tool messages for each 'tool_call_id';"
                    f" before messages[{place}] these had none: {', '.join(open_calls)}"
                )
            if message.content is None and message.role != "assistant":
                raise ValueError(f"messages[{place}] with role '{message.role}' must have content")
            if message.role == "assistant":
                open_calls = dict.fromkeys(call.id for call in message.tool_calls or ())
        if open_calls:
            raise ValueError(
                "an assistant message with 'tool_calls' must be followed by tool messages for each 'tool_call_id';"
                f" these had none: {', '.join(open_calls)}"
            )
        return messages

    @field_validator("stream_options")
    @classmethod
    def _only_of_a_stream(cls, options: StreamOptions | None, info: ValidationInfo) -> StreamOptions | None:
        if options is not None and not info.data.get("stream"):
            raise ValueError("it is only allowed when 'stream' is true")
        return options

    @field_validator("tool_choice")
    @classmethod
    def _of_the_tools(cls, choice: ToolChoice | None, info: ValidationInfo) -> ToolChoice | None:
        tools: list[FunctionTool] = info.data.get("tools") or []
        if choice not in (None, "none") and not tools:
            raise ValueError("it is only allowed when 'tools' are given")
        if isinstance(choice, NamedTool) and choice.function.name not in {tool.function.name for tool in tools}:
            raise ValueError(f"it names '{choice.function.name}', which is not among the 'tools'")
        return choice

    @property
    def choice_count(self) -> int:
        """How many answers are wanted."""
        return self.n or 1

    @property
    def effective_reasoning_effort(self) -> str:
        """How much to think; `none` is the least that the simulated policy knows."""
        return {None: "medium", "none": "low"}.get(self.reasoning_effort) or str(self.reasoning_effort)

    @property
    def token_budget(self) -> int | None:
        """The most tokens to generate, reasoning included."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with the counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def chat_request(self) -> ChatRequest:
        """The request in the terms of inference."""
        tools = tuple([tool.function.as_tool for tool in self.tools or ()])
        choice = self.tool_choice or "auto"
        if isinstance(choice, NamedTool):
            name = choice.function.name
            tools, choice = tuple([tool for tool in tools if tool.name == name][:1]), "required"
        return ChatRequest(
            model=self.model,
            messages=tuple([message.as_turn for message in self.messages]),
            temperature=1.0 if self.temperature is None else float(self.temperature),
            max_tokens=self.token_budget,
            reasoning_effort=self.effective_reasoning_effort,
            seed=self.seed,
            tools=tools,
            tool_choice=choice,
            parallel_tool_calls=self.parallel_tool_calls is not False,
            json_schema=self.response_format.output_schema if self.response_format else None,
            stop=_stops(self.stop),
        )


class TextCompletion(LenientModel):
    """`POST /v1/completions`: not Mantle's by its documented routes, see `routes.completions`."""

    model: str
    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]
    max_tokens: Annotated[int, Field(ge=1)] = 16  # OPENAI
    temperature: Temperature | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    stop: Stop | None = None
    seed: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def choice_count(self) -> int:
        """How many answers are wanted."""
        return self.n or 1

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with the counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def chat_request(self) -> ChatRequest:
        """The request in the terms of inference: the prompt is what a user says."""
        return ChatRequest(
            model=self.model,
            messages=(Turn(role="user", content=self.prompt if isinstance(self.prompt, str) else self.prompt[0]),),
            temperature=1.0 if self.temperature is None else float(self.temperature),
            max_tokens=self.max_tokens,
            seed=self.seed,
            stop=_stops(self.stop),
            reasoning_enabled=False,
        )


class Embeddings(LenientModel):
    """`POST /v1/embeddings`."""

    model: str
    input: str | list[str] | list[int] | list[list[int]]
