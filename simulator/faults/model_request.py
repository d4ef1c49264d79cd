"""Parse a model request: how many tokens it asks for. Lower its token budget."""

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

_CHAT_BUDGET_FIELD: Final = "max_completion_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A model request.

    Attributes:
        demand: the tokens that it asks for, for all choices together.
        choices: the number of choices.
        budget_field: the field of the body that holds the budget of one choice.
        body: the JSON body.
    """

    demand: TokenDemand
    choices: int
    budget_field: str
    body: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """A hash of the body, which identifies the same request when it is sent again."""
        return blake2b(json.dumps(self.body, sort_keys=True).encode("ascii")).hexdigest()

    def with_budget(self, receive: Receive, *, budget: int) -> Receive:
        """Return a receive channel whose body has the budget `budget`, which is for all choices together.

        The message also carries the original body, because the signature covers that one.
        """
        body = {**self.body, self.budget_field: budget // self.choices}
        is_sent = False

        async def receive_with_budget() -> Message:
            nonlocal is_sent
            if is_sent:
                return await receive()
            is_sent = True
            return {
                "type": "http.request",
                "body": json.dumps(body).encode("ascii"),
                "more_body": False,
                ORIGINAL_BODY: await _read_body(receive),
            }

        return receive_with_budget


def parse_model_request(request: IncomingRequest) -> ModelRequest | None:
    """Return the model request, or None if the request is not for a model or is invalid.

    If the request continues a stored response, only the tokens that it sends are counted.
    """
    if request.method != "POST" or request.body is None:
        return None
    try:
        return _parse_body(request.path, request.body)
    except (ValidationError, ApiError):
        return None  # the app responds with a 400, which uses no tokens


def _parse_body(path: str, body: Mapping[str, Any]) -> ModelRequest | None:
    if path.endswith("/chat/completions"):
        chat = ChatCompletion.model_validate(body)
        field = _CHAT_BUDGET_FIELD if chat.max_completion_tokens else "max_tokens"
        return _make_model_request(chat.chat_request, body, field=field, choices=chat.choice_count)
    if path.endswith("/v1/completions"):
        text = TextCompletion.model_validate(body)
        return _make_model_request(text.chat_request, body, field="max_tokens", choices=text.choice_count)
    if path.endswith("/responses"):
        response = CreateResponse.model_validate(body)
        chat_request = chat_request_from(response, response.items)
        return _make_model_request(chat_request, body, field="max_output_tokens", min_budget=MIN_OUTPUT_TOKENS)
    return None


def _make_model_request(
    chat_request: ChatRequest, body: Mapping[str, Any], *, field: str, choices: int = 1, min_budget: int = 1
) -> ModelRequest:
    demand = TokenDemand(
        prompt_tokens=count_prompt_tokens(chat_request),
        budget=(chat_request.max_tokens or DEFAULT_MAX_TOKENS) * choices,
        min_budget=min_budget * choices,
    )
    return ModelRequest(demand=demand, choices=choices, budget_field=field, body=body)


async def _read_body(receive: Receive) -> bytes:
    body, has_more = b"", True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
    return body
