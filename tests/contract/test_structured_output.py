"""`response_format` on `/v1/chat/completions`: the answer is JSON in the requested format."""

import json
from typing import Any

import pytest
from jsonschema import validate
from openai import BadRequestError, OpenAI
from pydantic import BaseModel

from tests.simulators import BASE_MODEL, RunningSimulator
from tests.training.training_files import make_record

KNOWN_RECORD = make_record(7)
SCHEMA = {
    "type": "object",
    "properties": {"steps": {"type": "array", "items": {"type": "string"}}, "answer": {"type": "integer"}},
    "required": ["steps", "answer"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def chat_client(simulator: RunningSimulator) -> OpenAI:
    """The real SDK, with strict validation."""
    return simulator.openai_client(strict=True)


def json_schema_format(schema: Any, **more: Any) -> dict[str, Any]:
    """Return a `response_format` of a schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, **more}}


def answer_text(client: OpenAI, response_format: Any, **options: Any) -> str:
    """Ask the known question, by default at temperature 0; return the content."""
    request: Any = {
        "model": BASE_MODEL,
        "messages": KNOWN_RECORD["messages"],
        "temperature": 0,
        "response_format": response_format,
        **options,
    }
    return str(client.chat.completions.create(**request).choices[0].message.content)


@pytest.mark.shows("json")
@pytest.mark.parametrize("strict", [{}, {"strict": True}, {"strict": False}])
@pytest.mark.parametrize("model", [BASE_MODEL, "qwen.qwen3-32b"])
def test_the_answer_is_an_instance_of_the_schema(chat_client: OpenAI, model: str, strict: dict[str, bool]) -> None:
    """Strict or not, from every model."""
    validate(json.loads(answer_text(chat_client, json_schema_format(SCHEMA, **strict), model=model)), SCHEMA)


@pytest.mark.shows("json-answers")
def test_the_models_answer_is_in_the_fitting_field(chat_client: OpenAI) -> None:
    """The number of its text answer."""
    answer = json.loads(answer_text(chat_client, json_schema_format(SCHEMA)))["answer"]
    assert str(answer) in answer_text(chat_client, {"type": "text"}).replace(",", "")


def test_correctness_is_drawn_as_for_text(chat_client: OpenAI) -> None:
    """A model that is sometimes wrong in text is so in JSON too."""
    answers = {
        json.loads(answer_text(chat_client, json_schema_format(SCHEMA), temperature=2, seed=seed))["answer"]
        for seed in range(40)
    }
    assert len(answers) > 1


@pytest.mark.shows("json")
def test_without_a_schema_the_answer_is_any_object(chat_client: OpenAI) -> None:
    """`json_object`, and `json_schema` without a schema."""
    contents = [
        answer_text(chat_client, response_format)
        for response_format in ({"type": "json_object"}, json_schema_format(None))
    ]
    assert [list(json.loads(content)) for content in contents] == [["answer"]] * 2


def test_the_format_text_gives_text(chat_client: OpenAI) -> None:
    """As without a format."""
    assert answer_text(chat_client, {"type": "text"}) == answer_text(chat_client, None)


def test_an_unknown_prompt_gets_json_too(chat_client: OpenAI) -> None:
    """A guess in the requested format."""
    unknown = [{"role": "user", "content": "How many stars are there?"}]
    validate(json.loads(answer_text(chat_client, json_schema_format(SCHEMA), messages=unknown)), SCHEMA)


def test_a_stream_has_the_complete_json(chat_client: OpenAI) -> None:
    """In pieces."""
    request: Any = {
        "model": BASE_MODEL,
        "messages": KNOWN_RECORD["messages"],
        "temperature": 0,
        "response_format": json_schema_format(SCHEMA),
        "stream": True,
    }
    pieces = [chunk.choices[0].delta.content or "" for chunk in chat_client.chat.completions.create(**request)]
    assert "".join(pieces) == answer_text(chat_client, json_schema_format(SCHEMA))


def test_a_small_budget_cuts_the_json_off(chat_client: OpenAI) -> None:
    """With `length`, as at any model."""
    request: Any = {
        "model": BASE_MODEL,
        "messages": KNOWN_RECORD["messages"],
        "temperature": 0,
        "response_format": json_schema_format(SCHEMA),
    }
    whole = chat_client.chat.completions.create(**request)
    assert whole.usage
    cut = chat_client.chat.completions.create(**request, max_tokens=whole.usage.completion_tokens - 1).choices[0]
    assert cut.finish_reason == "length"
    assert str(whole.choices[0].message.content).startswith(str(cut.message.content))


class Solution(BaseModel):
    """The SDK's own helper makes a schema of it."""

    explanation: str
    answer: int


def test_the_sdks_parse_helper_works(chat_client: OpenAI) -> None:
    """It takes and returns a pydantic model."""
    request: Any = {"model": BASE_MODEL, "messages": KNOWN_RECORD["messages"], "temperature": 0}
    answer = chat_client.chat.completions.parse(**request, response_format=Solution).choices[0].message.parsed
    assert isinstance(answer, Solution)


@pytest.mark.parametrize(
    ("response_format", "code", "param"),
    [
        ({"type": "yaml"}, "validation_error", "response_format.type"),
        ({}, "missing_required_parameter", "response_format.type"),
        ({"type": "json_schema"}, "missing_required_parameter", "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {}}, "missing_required_parameter", "response_format.json_schema.name"),
        (json_schema_format({"type": "objct"}), "validation_error", "response_format.json_schema.schema"),
        (json_schema_format({"$ref": "#/$defs/gone"}), "validation_error", "response_format.json_schema.schema"),
        (json_schema_format({"$ref": "#"}), "validation_error", "response_format.json_schema.schema"),
        (json_schema_format({"not": {}}), "validation_error", "response_format.json_schema.schema"),
        (json_schema_format([]), "validation_error", "response_format.json_schema.schema"),
    ],
)
def test_an_invalid_format_is_refused_by_its_path(
    chat_client: OpenAI, response_format: Any, code: str, param: str
) -> None:
    """With the reason in the message."""
    with pytest.raises(BadRequestError) as exc_info:
        answer_text(chat_client, response_format)
    assert (exc_info.value.code, exc_info.value.param) == (code, param)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (
            {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$", "minLength": 40},
            "the pattern '^(([a-z])+.)+[A-Z]([a-z])+$' is too complex for a text of 40 characters",
        ),
        (
            {"$schema": "http://json-schema.org/draft-03/schema#", "type": "object", "required": True},
            (
                "$schema 'http://json-schema.org/draft-03/schema#' is too old; draft-06 is the first that is supported,"
                " 2020-12 the best"
            ),
        ),
        (
            {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000}},
            (
                "generating an instance takes more than 3081 steps, the limit for a schema of this length; use fewer "
                "alternatives, and fewer references inside alternatives"
            ),
        ),
    ],
    ids=["expression", "draft", "work"],
)
def test_an_infeasible_schema_is_refused_with_the_reason(chat_client: OpenAI, schema: Any, reason: str) -> None:
    """At once, so that it does not block others."""
    with pytest.raises(BadRequestError) as exc_info:
        answer_text(chat_client, json_schema_format(schema))
    body: Any = exc_info.value.body
    assert body["message"] == f"Invalid 'response_format.json_schema.schema': {reason}."


def test_lengths_may_be_written_as_floats(chat_client: OpenAI) -> None:
    """In JSON Schema, 3.0 is 3."""
    assert (
        answer_text(chat_client, json_schema_format({"type": "string", "minLength": 3.0, "maxLength": 3.0})) == '"xxx"'
    )
