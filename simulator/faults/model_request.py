"""What a request to a model asks for in tokens, as the simulator counts them, and the same request with less."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from pydantic import ValidationError

from simulator.errors import ApiError
from simulator.faults.request import IncomingRequest
from simulator.faults.token_quota import TokenDemand
from simulator.http.asgi import ORIGINAL_BODY, Message, Receive
from simulator.inference.chat_request import ChatRequest
from simulator.inference.model_inference import DEFAULT_MAX_TOKENS
from simulator.inference.replies import count_prompt_tokens
from simulator.responses.conversation_items import chat_request_from
from simulator.wire.chat_requests import ChatCompletion, TextCompletion
from simulator.wire.response_requests import MIN_OUTPUT_TOKENS, CreateResponse

_CHAT_BUDGET: Final = "max_completion_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A request to a model: what it wants, for how many answers, and the field of its body that holds its budget."""

    demand: TokenDemand
    choices: int
    budget_field: str
    body: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """What the same request has in common with this one, and no other has: its body."""
        return blake2b(json.dumps(self.body, sort_keys=True).encode("ascii")).hexdigest()

    def with_budget(self, receive: Receive, *, budget: int) -> Receive:
        """Return what gives the body with a lower budget, for all answers together, in place of the one that comes.

        The one that came goes along: a signature is of that one.
        """
        body = {**self.body, self.budget_field: budget // self.choices}
        given = False

        async def lowered() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {
                "type": "http.request",
                "body": json.dumps(body).encode("ascii"),
                "more_body": False,
                ORIGINAL_BODY: await _read_body(receive),
            }

        return lowered


def parse_model_request(request: IncomingRequest) -> ModelRequest | None:
    """Return what a request asks a model for; None when it asks none, or what is asked is not valid.

    Of a conversation that goes on with a stored response, only what is sent is counted.
    """
    if request.method != "POST" or request.body is None:
        return None
    try:
        return _parse_body(request.path, request.body)
    except (ValidationError, ApiError):
        return None  # which is answered with its 400, and costs nothing


def _parse_body(path: str, body: Mapping[str, Any]) -> ModelRequest | None:
    if path.endswith("/chat/completions"):
        chat = ChatCompletion.model_validate(body)
        field = _CHAT_BUDGET if chat.max_completion_tokens else "max_tokens"
        return _request_for(chat.chat_request, body, field=field, answers=chat.choice_count)
    if path.endswith("/v1/completions"):
        text = TextCompletion.model_validate(body)
        return _request_for(text.chat_request, body, field="max_tokens", answers=text.choice_count)
    if path.endswith("/responses"):
        response = CreateResponse.model_validate(body)
        wish = chat_request_from(response, response.items)
        return _request_for(wish, body, field="max_output_tokens", least=MIN_OUTPUT_TOKENS)
    return None


def _request_for(
    wish: ChatRequest, body: Mapping[str, Any], *, field: str, answers: int = 1, least: int = 1
) -> ModelRequest:
    budget = (wish.max_tokens or DEFAULT_MAX_TOKENS) * answers
    wanted = TokenDemand(prompt_tokens=count_prompt_tokens(wish), budget=budget, min_budget=least * answers)
    return ModelRequest(demand=wanted, choices=answers, budget_field=field, body=body)


async def _read_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body
