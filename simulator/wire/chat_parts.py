"""The parts of a chat request: messages, tools, and the format of the answer. The schemas are OpenAI's."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from simulator.inference.chat_request import ANY_OBJECT_SCHEMA, Schema, Tool, ToolCall, Turn
from simulator.inference.structured.instances import check_schema
from simulator.wire.inference_fields import LenientModel, ObjectSchema, SchemaName


class TextPart(LenientModel):
    """A text part of a message's content."""

    type: Literal["text"]
    text: str


class CalledFunction(LenientModel):
    """`tool_calls[].function` of an assistant message from an earlier answer."""

    name: str
    arguments: str


class ReplayedCall(LenientModel):
    """`tool_calls[]` of an assistant message from an earlier answer. `type` is required (OBSERVED)."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class ChatMessage(LenientModel):
    """One message. Fields that only matter to a real model, such as `name`, are accepted and ignored."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    tool_calls: list[ReplayedCall] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The content as one string."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""

    @property
    def as_turn(self) -> Turn:
        """The message as inference takes it."""
        calls = [
            ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
            for call in self.tool_calls or ()
        ]
        return Turn(role=self.role, content=self.text, tool_calls=tuple(calls), tool_call_id=self.tool_call_id)


class Function(LenientModel):
    """`tools[].function`. The arguments of calls are valid against `parameters`, with and without `strict`."""

    name: SchemaName
    description: str | None = None
    parameters: ObjectSchema | None = None
    strict: bool | None = None

    @property
    def as_tool(self) -> Tool:
        """The function as inference takes it."""
        if not self.parameters:
            return Tool(name=self.name, description=self.description or "")
        return Tool(name=self.name, description=self.description or "", parameters=self.parameters)


class FunctionTool(LenientModel):
    """`tools[]`, with the function in an object of its own."""

    type: Literal["function"]
    function: Function


class NamedFunction(LenientModel):
    """`tool_choice.function`."""

    name: str


class NamedTool(LenientModel):
    """`tool_choice` that names one tool."""

    type: Literal["function"]
    function: NamedFunction


class JsonSchemaFormat(LenientModel):
    """`response_format.json_schema`. Without a schema the answer is any object."""

    name: SchemaName
    description: str | None = None
    definition: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    strict: bool | None = None

    @field_validator("definition")
    @classmethod
    def _check_definition(cls, definition: dict[str, Any] | None) -> dict[str, Any] | None:
        if definition is not None:
            check_schema(definition)
        return definition


class ResponseFormat(LenientModel):
    """`response_format`."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Annotated[JsonSchemaFormat | None, Field(validate_default=True)] = None

    @field_validator("json_schema")
    @classmethod
    def _require_json_schema(
        cls, json_schema: JsonSchemaFormat | None, info: ValidationInfo
    ) -> JsonSchemaFormat | None:
        if json_schema is None and info.data.get("type") == "json_schema":
            raise PydanticCustomError("missing", "Field required")
        return json_schema

    @property
    def output_schema(self) -> Schema | None:
        """The schema of the answer; None for plain text."""
        if self.type == "text":
            return None
        definition = self.json_schema.definition if self.json_schema and self.type == "json_schema" else None
        return ANY_OBJECT_SCHEMA if definition is None else definition


class StreamOptions(LenientModel):
    """`stream_options`."""

    include_usage: bool = False
