"""What a request to a model asks for in tokens, as the simulator counts them, and the same request with less."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from pydantic import ValidationError

from simulator.errors import ApiError
from simulator.faults.request import Asked
from simulator.faults.token_quota import Wanted
from simulator.http.asgi import AS_SENT, Message, Receive
from simulator.inference.chat_request import Wish
from simulator.inference.model_inference import DEFAULT_MAX_TOKENS
from simulator.inference.replies import prompt_tokens
from simulator.responses.conversation_items import wish_of
from simulator.wire.chat_requests import ChatCompletion, TextCompletion
from simulator.wire.response_requests import FEWEST_OUTPUT_TOKENS, CreateResponse

_CHAT_BUDGET: Final = "max_completion_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A request to a model: what it wants, for how many answers, and the field of its body that holds its budget."""

    wanted: Wanted
    answers: int
    budget_field: str
    body: Mapping[str, Any]

    @property
    def known_by(self) -> str:
        """What the same request has in common with this one, and no other has: its body."""
        return blake2b(json.dumps(self.body, sort_keys=True).encode("ascii")).hexdigest()

    def lowered(self, receive: Receive, *, budget: int) -> Receive:
        """Return what gives the body with a lower budget, for all answers together, in place of the one that comes.

        The one that came goes along: a signature is of that one.
        """
        body = {**self.body, self.budget_field: budget // self.answers}
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
                AS_SENT: await _whole(receive),
            }

        return lowered


def model_request(asked: Asked) -> ModelRequest | None:
    """Return what a request asks a model for; None when it asks none, or what is asked is not valid.

    Of a conversation that goes on with a stored response, only what is sent is counted.
    """
    if asked.method != "POST" or asked.body is None:
        return None
    try:
        return _read(asked.path, asked.body)
    except (ValidationError, ApiError):
        return None  # which is answered with its 400, and costs nothing


def _read(path: str, body: Mapping[str, Any]) -> ModelRequest | None:
    if path.endswith("/chat/completions"):
        chat = ChatCompletion.model_validate(body)
        field = _CHAT_BUDGET if chat.max_completion_tokens else "max_tokens"
        return _asking(chat.wish, body, field=field, answers=chat.choices)
    if path.endswith("/v1/completions"):
        text = TextCompletion.model_validate(body)
        return _asking(text.wish, body, field="max_tokens", answers=text.choices)
    if path.endswith("/responses"):
        response = CreateResponse.model_validate(body)
        wish = wish_of(response, response.items)
        return _asking(wish, body, field="max_output_tokens", least=FEWEST_OUTPUT_TOKENS)
    return None


def _asking(wish: Wish, body: Mapping[str, Any], *, field: str, answers: int = 1, least: int = 1) -> ModelRequest:
    budget = (wish.max_tokens or DEFAULT_MAX_TOKENS) * answers
    wanted = Wanted(prompt=prompt_tokens(wish), budget=budget, least=least * answers)
    return ModelRequest(wanted=wanted, answers=answers, budget_field=field, body=body)


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body
