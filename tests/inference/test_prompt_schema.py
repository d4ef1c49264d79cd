"""The JSON object that only the text of a prompt describes, as the client libraries phrase it (in our own words)."""

import json
from typing import Any

import pytest

from simulator.inference.prompt_schema import asks_for_json, find_prompt_schema
from simulator.inference.structured.instances import generate_instance

SCHEMA: dict[str, Any] = {
    "properties": {
        "reasoning": {"title": "Reasoning", "type": "string"},
        "answer": {"title": "Answer", "type": "integer"},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/Tag"}},
    },
    "required": ["reasoning", "answer", "tags"],
    "title": "Result",
    "type": "object",
    "$defs": {"Tag": {"enum": ["red", "blue"], "type": "string"}},
}
INSTANCE = {"reasoning": "reasoning", "answer": 72, "tags": ["red"]}
TEXT = json.dumps(SCHEMA)
DRAFT_7 = json.dumps(
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"answer": {"type": "number"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
)

SCHEMAS = {
    "instructor, JSON": (
        f"""
        You are an expert. Read the content and provide
        the parsed objects in json that match this json_schema:


        {json.dumps(SCHEMA, indent=2)}

        Return an instance of the JSON, not the schema.
""",
        INSTANCE,
    ),
    "instructor, MD_JSON": (
        f"How many?\n\nReturn the right JSON in a ```json codeblock, not the JSON_SCHEMA.\njson_schema: {TEXT}",
        INSTANCE,
    ),
    "pydantic-ai, PromptedOutput": (
        f"Always reply with a JSON object that is compatible with this schema:\n\n{TEXT}\n\nNo Markdown fences.",
        INSTANCE,
    ),
    "Vercel AI SDK, generateObject": (
        f"JSON schema:\n{DRAFT_7}\nYou MUST reply with a JSON object that matches the JSON schema above.",
        {"answer": 72},
    ),
    "LangChain, PydanticOutputParser": (
        f"""Format the output as a JSON instance of the JSON schema below.

For example, for the schema {{"properties": {{"foo": {{"type": "array", "items": {{"type": "string"}}}}}}}}
the object {{"foo": ["bar"]}} is an instance, and {{"properties": {{"foo": ["bar"]}}}} is not.

Here is the output schema:
```
{json.dumps({key: value for key, value in SCHEMA.items() if key not in ("title", "type")})}
```""",
        INSTANCE,
    ),
}

TAGS_SCHEMA = json.dumps({"type": "array", "items": {"$ref": "#/$defs/Tag"}, "$defs": {"Tag": {"type": "string"}}})
NOTE = "        # note: the value you produce"
DSPY_FIELDS = {
    "reasoning": "{reasoning}",
    "answer": f"{{answer}}{NOTE} must be a single float value",
    "is_sure": f"{{is_sure}}{NOTE} must be True or False",
    "tag": f"{{tag}}{NOTE} must exactly match (no extra characters) one of: red; blue",
    "tags": f"{{tags}}{NOTE} must adhere to the JSON schema: {TAGS_SCHEMA}",
}
DSPY_SYSTEM = f"""Your output fields are:
1. `reasoning` (str):
2. `answer` (float):
3. `is_sure` (bool):
4. `tag` (Literal['red', 'blue']):
5. `tags` (list[Tag]):
Outputs will be a JSON object with the following fields.

{json.dumps(DSPY_FIELDS, indent=2)}
Your objective is to answer the question."""

OBJECTS = {
    "dspy, JSONAdapter, system message": (
        DSPY_SYSTEM,
        {"reasoning": "reasoning", "answer": 72, "is_sure": False, "tag": "red", "tags": ["tags"]},
    ),
    "dspy, JSONAdapter, user message": (
        """[[ ## question ## ]]
How many?

Respond with a JSON object in the following order of fields: `reasoning`, then `answer` (must be formatted as a valid \
Python int), then `scores` (must be formatted as a valid Python list[float]).""",
        {"reasoning": "reasoning", "answer": 72, "scores": [0]},
    ),
    "LangChain, json_mode": (
        "Answer the question. Be sure to return a JSON blob with keys 'answer' and 'justification'.\n\nHow many?",
        {"answer": "72", "justification": "justification"},
    ),
    "bare keys": ("Reply as JSON with the keys verdict, score (int) and reason.", {"verdict", "score", "reason"}),
    "bare keys before other words": ("Return JSON with fields label and reason for this ticket.", {"label", "reason"}),
    "a quoted name before the noun": (
        'Answer in JSON, with a "label" field and a "reason" field.',
        {"label", "reason"},
    ),
    "quoted names without a noun": (
        'Return a JSON object with "item" and "quantity" for: two lamps',
        {"item", "quantity"},
    ),
    "a bulleted list": (
        "Give your answer as a JSON object with these keys:\n- answer: a number\n- `steps`: a list of strings\n\nHow?",
        {"answer": 72, "steps": ["steps"]},
    ),
    "a template": (
        'Respond in JSON in this format:\n```\n{"answer": 0, "steps": ["..."], "sure": true, "by": {"name": ""}}\n```',
        {"answer": 72, "steps": ["steps"], "sure": False, "by": {"name": "name"}},
    ),
}


def instance_for(*texts: str, value: object = 72) -> Any:
    """Return the instance of the schema that is found, with the value in it."""
    schema = find_prompt_schema(texts, value)
    assert schema is not None
    return generate_instance(schema, value)


@pytest.mark.shows("json-from-the-prompt")
@pytest.mark.parametrize(("text", "expected"), [*SCHEMAS.values(), *OBJECTS.values()], ids=[*SCHEMAS, *OBJECTS])
def test_a_prompt_that_describes_an_object_gets_it(text: str, expected: Any) -> None:
    """With the value in the field that fits, and in the order of the keys."""
    assert asks_for_json(text)
    instance = instance_for("Be brief.", text)
    assert set(instance) == set(expected)
    if isinstance(expected, dict):
        assert list(instance.items()) == list(expected.items())


@pytest.mark.parametrize(
    "text",
    [
        "How much is 6 * 7?",
        "What is JSON good for?",
        'Summarize this: {"name": "a", "age": 3}',
        'Which keys has the object {"properties": {"a": {"type": "string"}}}?',
        "Reply in JSON.",
        "Reply with a JSON object. The keys to success are patience and luck.",
        'Return JSON by this schema: {"type": "array", "items": {"type": "string"}}',
        'Return JSON by this schema: {"required": ["a"], "properties": {"a": {"enum": []}}}',
    ],
)
def test_other_prompts_describe_no_object(text: str) -> None:
    """Neither data nor a schema without an instance that is an object."""
    assert find_prompt_schema([text], 72) is None


def test_the_first_text_that_describes_an_object_counts() -> None:
    """A schema comes before key names, wherever they are."""
    keys, other_keys = "Reply in JSON with the key label.", "Reply in JSON with the key name."
    assert instance_for(keys, other_keys) == {"label": "72"}
    assert instance_for(keys, SCHEMAS["pydantic-ai, PromptedOutput"][0]) == INSTANCE


def test_an_object_fills_its_keys_with_values_of_any_type() -> None:
    """Such as the JSON reference of a record."""
    order = {"quantity": 3, "item": "lamp", "gift": None}
    assert instance_for("Return a JSON object with the keys item and quantity.", value=order) == {
        "item": "lamp", "quantity": 3,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["{" * 100_000 + " json", "json schema " + '{"a":' * 100_000, "json, " * 11_000])
def test_a_hostile_prompt_takes_little_time(text: str) -> None:
    """Only the first brackets are tried."""
    assert find_prompt_schema([text], 72) is None
