"""The requests `POST /v1/responses` and `/v1/responses/compact`, and the items of a conversation.

AWS refers to OpenAI's schemas. Comments mark what Mantle is known to restrict for gpt-oss. Fields that only matter to a
real model are accepted and returned.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from simulator.wire.inference_fields import LenientModel, ObjectSchema, SchemaName, Temperature, UnsupportedField
from simulator.wire.metadata import Metadata

# OBSERVED: below it Mantle answers `integer_below_min_value`.
MIN_OUTPUT_TOKENS: Final = 16

# Larger numbers make no sense as tokens, and SQLite refuses some of them.
_MAX_TOKENS: Final = 2**31 - 1

UnitInterval = Annotated[float, Field(ge=0, le=1)] | Annotated[int, Field(ge=0, le=1)]


# The tags of these unions look like pydantic's own branch names, which `validation_errors` removes from messages.


class TextPart(LenientModel):
    """A part of a message's content. The tunable models take only text."""

    type: Literal["input_text", "output_text"]
    text: str


def _text_tag(value: object) -> str:
    return "str" if isinstance(value, str) else "list[part]"


Text = Annotated[Annotated[str, Tag("str")] | Annotated[list[TextPart], Tag("list[part]")], Discriminator(_text_tag)]


def _join_text(text: str | list[TextPart]) -> str:
    return text if isinstance(text, str) else "".join(part.text for part in text)


class MessageItem(LenientModel):
    """A message, with or without `type`."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Text

    @property
    def text(self) -> str:
        """The content as one string."""
        return _join_text(self.content)


class ReasoningItem(LenientModel):
    """The reasoning of an earlier response. It stays in the conversation and changes no answer."""

    type: Literal["reasoning"]
    summary: list[dict[str, Any]] = Field(default_factory=list)
    content: list[dict[str, Any]] | None = None


class FunctionCallItem(LenientModel):
    """A tool call of an earlier response."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class FunctionOutputItem(LenientModel):
    """The result of a tool call."""

    type: Literal["function_call_output"]
    call_id: str
    output: Text

    @property
    def text(self) -> str:
        """The output as one string."""
        return _join_text(self.output)


class ReferenceItem(LenientModel):
    """An output item of a stored response, by its id."""

    type: Literal["item_reference"]
    id: str


class CompactionItem(LenientModel):
    """The item that `/v1/responses/compact` returned."""

    type: Literal["compaction"]
    encrypted_content: str


class _UnknownItem(LenientModel):
    type: Literal["message", "reasoning", "function_call", "function_call_output", "item_reference", "compaction"]


_ITEM_TAGS: Final = {
    "message": "literal[message]",
    "reasoning": "literal[reasoning]",
    "function_call": "literal[call]",
    "function_call_output": "literal[output]",
    "item_reference": "literal[reference]",
    "compaction": "literal[compaction]",
}


def _item_tag(item: object) -> str:
    item_type = item.get("type", "message") if isinstance(item, dict) else getattr(item, "type", "message")
    return _ITEM_TAGS.get(item_type, "literal[unknown]") if isinstance(item_type, str) else "literal[unknown]"


Item = (
    Annotated[MessageItem, Tag("literal[message]")]
    | Annotated[ReasoningItem, Tag("literal[reasoning]")]
    | Annotated[FunctionCallItem, Tag("literal[call]")]
    | Annotated[FunctionOutputItem, Tag("literal[output]")]
    | Annotated[ReferenceItem, Tag("literal[reference]")]
    | Annotated[CompactionItem, Tag("literal[compaction]")]
)
Items = list[Annotated[Item, Discriminator(_item_tag)]]
_ItemsAsSent = list[Annotated[Item | Annotated[_UnknownItem, Tag("literal[unknown]")], Discriminator(_item_tag)]]
Input = Annotated[
    Annotated[str, Tag("str")] | Annotated[_ItemsAsSent, Field(min_length=1), Tag("list[part]")],
    Discriminator(_text_tag),
]


class FunctionTool(LenientModel):
    """A function that the model may call, with its fields at the top level. Other types of tools are refused."""

    type: Literal["function"]
    name: SchemaName
    description: str | None = None
    parameters: ObjectSchema | None = None
    strict: bool | None = None


class Reasoning(LenientModel):
    """`reasoning`. Other efforts are refused for gpt-oss (`minimal`: SAMPLE by AWS)."""

    effort: Literal["low", "medium", "high"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class TextFormat(LenientModel):
    """`text.format`."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, populate_by_name=True)

    type: Literal["text", "json_object", "json_schema"]
    name: SchemaName | None = None
    form: Annotated[ObjectSchema | None, Field(alias="schema")] = None
    description: str | None = None
    strict: bool | None = None

    @model_validator(mode="after")
    def _check_json_schema(self) -> "TextFormat":
        if self.type == "json_schema" and (self.name is None or self.form is None):
            raise ValueError("a format of type 'json_schema' needs 'name' and 'schema'")
        return self


class TextOptions(LenientModel):
    """`text`."""

    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ConversationRequest(LenientModel):
    """The fields that both routes take."""

    model: str
    input: Input | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None

    # OPENAI has both. To ignore them would drop the context of the answer.
    conversation: UnsupportedField = None
    prompt: UnsupportedField = None

    @property
    def items(self) -> list[Item]:
        """The input as items."""
        if isinstance(self.input, str):
            return [MessageItem(role="user", content=self.input)]
        return [item for item in self.input or [] if not isinstance(item, _UnknownItem)]


class CompactConversation(ConversationRequest):
    """`POST /v1/responses/compact` (route and `model`, `previous_response_id` DOCUMENTED; the rest OPENAI)."""


class CreateResponse(ConversationRequest):
    """`POST /v1/responses`."""

    input: Input
    store: bool | None = None
    background: bool | None = None
    stream: bool | None = None
    reasoning: Reasoning | None = None
    max_output_tokens: Annotated[int, Field(ge=MIN_OUTPUT_TOKENS, le=_MAX_TOKENS)] | None = None
    temperature: Temperature | None = None
    top_p: UnitInterval | None = None
    metadata: Metadata | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: Literal["auto"] | None = None
    text: TextOptions | None = None
    parallel_tool_calls: bool | None = None
    include: list[str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    max_tool_calls: Annotated[int, Field(ge=1, le=_MAX_TOKENS)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    # OPENAI. Listed so that they are accepted when unknown fields are refused. They have no effect.
    stream_options: dict[str, Any] | None = None
    prompt_cache_retention: str | None = None

    @field_validator("background")
    @classmethod
    def _check_background(cls, background: bool | None, info: ValidationInfo) -> bool | None:
        if background and info.data.get("store") is False:
            raise ValueError("it needs 'store', because a response that is not stored cannot be retrieved later")
        return background

    @field_validator("tool_choice", mode="before")
    @classmethod
    def _check_tool_choice(cls, choice: object) -> object:
        """OBSERVED: for gpt-oss only `auto`. An object that names a function is ignored."""
        if isinstance(choice, dict) and choice.get("type") == "function":
            return "auto"
        if choice is None or choice == "auto":
            return choice
        choice_text = f"'{choice}'" if isinstance(choice, str) else "this form"
        raise ValueError(f'{choice_text} is not supported. Supported options: ["auto"]')

    @property
    def effective_reasoning_effort(self) -> str:
        """The reasoning effort (OPENAI: the default is medium)."""
        return (self.reasoning and self.reasoning.effort) or "medium"
