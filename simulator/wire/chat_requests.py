"""The requests of chat completions, text completions and embeddings.

AWS refers to OpenAI's schemas. The parameters are those that Mantle is known to accept (contract 6.1).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator

from simulator.inference.chat_request import ChatRequest, Turn
from simulator.wire.chat_parts import ChatMessage, FunctionTool, NamedTool, ResponseFormat, StreamOptions
from simulator.wire.inference_fields import LenientModel, Temperature, UnsupportedField
from simulator.wire.metadata import Metadata

# OPENAI
_MAX_STOPS: Final = 4
_MAX_TOOLS: Final = 128
_MAX_TOP_LOGPROBS: Final = 20

Penalty: TypeAlias = Annotated[float, Field(ge=-2, le=2)] | Annotated[int, Field(ge=-2, le=2)]
TopP: TypeAlias = Annotated[float, Field(gt=0, le=1)] | Annotated[int, Field(gt=0, le=1)]


def _stop_tag(value: object) -> str:
    return "list[str]" if isinstance(value, list) else "str"


_StopSequence = Annotated[str, Field(min_length=1)]
Stop = Annotated[
    Annotated[_StopSequence, Tag("str")]
    | Annotated[list[_StopSequence], Field(max_length=_MAX_STOPS), Tag("list[str]")],
    Discriminator(_stop_tag),
]


def _stop_sequences(stop: str | list[str] | None) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def _tool_choice_tag(value: object) -> str:
    return "literal[named]" if isinstance(value, Mapping | NamedTool) else "literal[choice]"


ToolChoice = Annotated[
    Annotated[Literal["auto", "none", "required"], Tag("literal[choice]")]
    | Annotated[NamedTool, Tag("literal[named]")],
    Discriminator(_tool_choice_tag),
]


class ChatCompletion(LenientModel):
    """`POST /v1/chat/completions`. Other fields are accepted and have no effect, as with vLLM, which Mantle uses."""

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
    top_logprobs: Annotated[int, Field(ge=0, le=_MAX_TOP_LOGPROBS)] | None = None
    reasoning_effort: Literal["none", "low", "medium", "high"] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=_MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None  # OBSERVED: `reserved` is refused
    metadata: Metadata | None = None
    user: str | None = None
    # OPENAI. Listed so that they are accepted when unknown fields are refused. They have no effect.
    modalities: list[Literal["text"]] | None = None
    prediction: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    store: bool | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    # These would change the answer, and no model here supports them.
    audio: UnsupportedField = None
    function_call: UnsupportedField = None
    functions: UnsupportedField = None
    web_search_options: UnsupportedField = None

    @field_validator("messages")
    @classmethod
    def _check_messages(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        """OPENAI: a tool message follows its call, and each call has its tool message before any other message."""
        open_calls: dict[str, None] = {}
        for index, message in enumerate(messages):
            if message.role == "tool":
                if message.tool_call_id not in open_calls:
                    raise ValueError(
                        f"messages[{index}] with role 'tool' must have the 'tool_call_id' of a call in the 'tool_calls'"
                        " before it"
                    )
                del open_calls[message.tool_call_id]
                continue
            if open_calls:
                raise ValueError(
                    "an assistant message with 'tool_calls' must be followed by tool messages for each 'tool_call_id';"
                    f" before messages[{index}] these had none: {', '.join(open_calls)}"
                )
            if message.content is None and message.role != "assistant":
                raise ValueError(f"messages[{index}] with role '{message.role}' must have content")
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
    def _check_stream_options(cls, options: StreamOptions | None, info: ValidationInfo) -> StreamOptions | None:
        if options is not None and not info.data.get("stream"):
            raise ValueError("it is only allowed when 'stream' is true")
        return options

    @field_validator("tool_choice")
    @classmethod
    def _check_tool_choice(cls, choice: ToolChoice | None, info: ValidationInfo) -> ToolChoice | None:
        tools: list[FunctionTool] = info.data.get("tools") or []
        if choice not in (None, "none") and not tools:
            raise ValueError("it is only allowed when 'tools' are given")
        if isinstance(choice, NamedTool) and choice.function.name not in {tool.function.name for tool in tools}:
            raise ValueError(f"it names '{choice.function.name}', which is not among the 'tools'")
        return choice

    @property
    def choice_count(self) -> int:
        """The number of choices."""
        return self.n or 1

    @property
    def effective_reasoning_effort(self) -> str:
        """The reasoning effort. `none` is the lowest that the simulated policy has."""
        return {None: "medium", "none": "low"}.get(self.reasoning_effort) or str(self.reasoning_effort)

    @property
    def token_budget(self) -> int | None:
        """The maximum number of tokens to generate, reasoning included."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with the token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def chat_request(self) -> ChatRequest:
        """The request as inference takes it."""
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
            stop=_stop_sequences(self.stop),
        )


class TextCompletion(LenientModel):
    """`POST /v1/completions`, which is not among Mantle's documented routes: see `routes.completions`."""

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
        """The number of choices."""
        return self.n or 1

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with the token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def chat_request(self) -> ChatRequest:
        """The request as inference takes it: the prompt is a user message."""
        return ChatRequest(
            model=self.model,
            messages=(Turn(role="user", content=self.prompt if isinstance(self.prompt, str) else self.prompt[0]),),
            temperature=1.0 if self.temperature is None else float(self.temperature),
            max_tokens=self.max_tokens,
            seed=self.seed,
            stop=_stop_sequences(self.stop),
            reasoning_enabled=False,
        )


class Embeddings(LenientModel):
    """`POST /v1/embeddings`."""

    model: str
    input: str | list[str] | list[int] | list[list[int]]
