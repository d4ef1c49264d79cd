"""The form of a reply: text, or the JSON that the request or its prompt asks for."""

import json
from dataclasses import replace

import pytest

from simulator.inference.chat_request import ANY_OBJECT_SCHEMA, ChatRequest, Turn
from simulator.inference.replies import compose_reply
from simulator.training.chat_answers import ChatAnswer

SCHEMA = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
INSTRUCTION = "Reply with a JSON object that has the keys total and reason."
SCHEMA_INSTRUCTION = f"Reply with a JSON object of this schema: {json.dumps(SCHEMA)}"
GUESS = ChatAnswer(
    text="I can only guess: 72",
    reasoning="",
    prompt_tokens=9,
    completion_tokens=5,
    reasoning_tokens=0,
    finish_reason="stop",
    known=False,
    is_whole_prompt=False,
    value=72,
)
KNOWN = replace(GUESS, text="#### 72", known=True)
KNOWN_WHOLE = replace(KNOWN, is_whole_prompt=True)


def reply_text(answer: ChatAnswer, *, system: str = "", user: str = "How many?", json_object: bool = False) -> str:
    """Return the text of the reply to a chat."""
    turns = (*([Turn(role="system", content=system)] if system else []), Turn(role="user", content=user))
    request = ChatRequest(model="m", messages=turns, json_schema=ANY_OBJECT_SCHEMA if json_object else None)
    return compose_reply(request, answer, max_tokens=100, random_key=("key",)).text


@pytest.mark.shows("json-from-the-prompt")
@pytest.mark.parametrize("answer", [GUESS, KNOWN, KNOWN_WHOLE], ids=["guess", "known", "whole prompt"])
@pytest.mark.parametrize("role", ["system", "user"])
def test_json_object_follows_the_prompt(answer: ChatAnswer, role: str) -> None:
    """A schema or key names, in any message."""
    by_keys = json.loads(reply_text(answer, json_object=True, **{role: INSTRUCTION}))
    assert by_keys == {"total": "72", "reason": "reason"}
    by_schema = json.loads(reply_text(answer, json_object=True, **{role: SCHEMA_INSTRUCTION}))
    assert by_schema == {"total": 72}


@pytest.mark.shows("json-from-the-prompt")
@pytest.mark.parametrize(
    ("answer", "system", "user", "is_json"),
    [
        (GUESS, SCHEMA_INSTRUCTION, "How many?", True),
        (GUESS, "", f"How many? {SCHEMA_INSTRUCTION}", True),
        (KNOWN, SCHEMA_INSTRUCTION, "How many?", True),
        (KNOWN, "", f"How many? {SCHEMA_INSTRUCTION}", False),
        (KNOWN_WHOLE, SCHEMA_INSTRUCTION, "How many?", False),
        (GUESS, f"The schema of the input: {json.dumps(SCHEMA)}", "How many?", False),
    ],
    ids=["guess", "guess, by the user", "known", "in the record's question", "in the record", "no request"],
)
def test_a_prompt_that_asks_for_json_gets_it_unless_it_is_the_prompt_of_a_record(
    answer: ChatAnswer, system: str, user: str, is_json: bool
) -> None:
    """To the prompt of a record the policy answers in the formats that it has learned."""
    text = reply_text(answer, system=system, user=user)
    assert text == ('{"total": 72}' if is_json else answer.text)


@pytest.mark.parametrize(("answer", "key"), [(GUESS, "answer"), (KNOWN, "answer")])
def test_json_object_without_a_description_has_one_key(answer: ChatAnswer, key: str) -> None:
    """And other chats are unchanged."""
    assert reply_text(answer, json_object=True) == json.dumps({key: 72})
    assert reply_text(answer, system="Reply in JSON, please.") == answer.text
    assert reply_text(answer) == answer.text


def test_a_schema_in_the_request_counts_more_than_the_prompt() -> None:
    """The request is explicit."""
    request = ChatRequest(model="m", messages=(Turn(role="user", content=INSTRUCTION),), json_schema=SCHEMA)
    assert compose_reply(request, GUESS, max_tokens=100, random_key=()).text == '{"total": 72}'
