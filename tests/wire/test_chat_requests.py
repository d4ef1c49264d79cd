"""The request of a chat completion: invalid fields are refused by their paths."""

import json
from typing import Any

import pytest

from simulator.errors import ApiError
from simulator.wire.chat_requests import ChatCompletion
from simulator.wire.request_body import parse_body

JSON_TYPE = {"content-type": "application/json"}
CHAT: dict[str, Any] = {"model": "openai.gpt-oss-20b", "messages": [{"role": "user", "content": "2 + 2?"}]}


def parse_chat(body: dict[str, Any]) -> ChatCompletion:
    """Parse a chat request."""
    return parse_body(ChatCompletion, json.dumps(body).encode(), JSON_TYPE)


def error_parts(body: dict[str, Any]) -> tuple[int, str, str | None]:
    """Return status, code and param of the error for a body."""
    with pytest.raises(ApiError) as exc_info:
        parse_chat(body)
    return exc_info.value.kind.status, exc_info.value.kind.code, exc_info.value.param


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("messages", [], "validation_error"),
        ("messages", "2 + 2?", "validation_error"),
        ("max_tokens", 0, "integer_below_min_value"),
        ("max_tokens", "many", "validation_error"),
        ("max_completion_tokens", 0, "integer_below_min_value"),
        ("temperature", 2.1, "validation_error"),
        ("temperature", -0.1, "decimal_below_min_value"),
        ("temperature", True, "validation_error"),
        ("reasoning_effort", "minimal", "validation_error"),
        ("stream", "yes", "validation_error"),
        ("stream_options", True, "validation_error"),
    ],
)
def test_an_invalid_field_is_refused_by_its_name(field: str, value: Any, code: str) -> None:
    """As in a job creation."""
    assert error_parts(CHAT | {field: value}) == (400, code, field)


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ({"content": "x"}, "missing_required_parameter", "messages[0].role"),
        ({"role": "narrator", "content": "x"}, "validation_error", "messages[0].role"),
        ({"role": "user", "content": 7}, "validation_error", "messages[0].content"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "validation_error", "messages[0].content[0].type"),
        ("2 + 2?", "validation_error", "messages[0]"),
    ],
)
def test_an_invalid_message_is_refused_by_its_path(message: Any, code: str, param: str) -> None:
    """The first problem counts."""
    assert error_parts(CHAT | {"messages": [message]}) == (400, code, param)


def test_text_parts_are_joined() -> None:
    """As in a training record."""
    parts = [{"type": "text", "text": "2 + "}, {"type": "text", "text": "2?"}]
    body = CHAT | {"messages": [{"role": "user", "content": parts}]}
    assert parse_chat(body).messages[0].text == "2 + 2?"


@pytest.mark.parametrize(
    ("fields", "budget"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
    ],
)
def test_max_completion_tokens_has_priority(fields: dict[str, int], budget: int | None) -> None:
    """OPENAI deprecates `max_tokens`."""
    assert parse_chat(CHAT | fields).token_budget == budget
