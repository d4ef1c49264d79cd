"""What a request to a model server failed with, in words for whoever gave its address."""

from typing import Final

import openai
from openai import AsyncOpenAI

from simulator.upstream.errors import UpstreamError

_SHOWN: Final = 300  # characters of a server's own message
_MOST_NAMED: Final = 8


async def describe_failure(error: Exception, *, client: AsyncOpenAI, url: str, model: str) -> UpstreamError:
    """Return what to tell about a failed request; where the model is unknown the server is asked which it has."""
    match error:
        case openai.APITimeoutError():
            return UpstreamError(
                f"{url} did not answer in time ({client.timeout} s): raise the time-out, or lower the concurrency"
            )
        case openai.APIConnectionError():
            cause = error.__cause__ or error
            return UpstreamError(f"{url} cannot be reached ({cause}): start the server, or correct its address")
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return UpstreamError(
                f"{url} refused the key (status {error.status_code}: {_server_message(error)}): "
                "give the API key that this server expects"
            )
        case openai.NotFoundError():
            return UpstreamError(
                f"{url} has no model {model!r}, or no chat completions at this address ({_server_message(error)}). "
                f"{await _available_models(client)}"
            )
        case openai.RateLimitError():
            return UpstreamError(
                f"{url} is asked too often ({_server_message(error)}): lower the concurrency; what was sampled is kept"
            )
        case openai.APIStatusError():
            return UpstreamError(f"{url} answered with status {error.status_code}: {_server_message(error)}")
        case _:
            return UpstreamError(f"{url}: the request failed with {type(error).__name__}: {error}")


def _server_message(fault: openai.APIStatusError) -> str:
    body = fault.body
    message = body.get("message") if isinstance(body, dict) else None
    text = " ".join(str(message or fault.response.text or "no reason given").split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


async def _available_models(client: AsyncOpenAI) -> str:
    try:
        models = [model.id async for model in client.models.list()]
    except (openai.OpenAIError, AttributeError, TypeError):  # the last two: an answer that is no list of models
        return "It does not list its models either: the address usually ends in /v1."
    if not models:
        return "It has no models at all: load one first."
    named = ", ".join(sorted(models)[:_MOST_NAMED]) + (", ..." if len(models) > _MOST_NAMED else "")
    return f"It has: {named}."
