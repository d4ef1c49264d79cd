"""Explains why a request to a model server failed."""

from typing import Final

import openai
from openai import AsyncOpenAI

from simulator.upstream.errors import UpstreamError

_MAX_MESSAGE: Final = 300  # characters of the server's message
_MAX_MODELS: Final = 8


async def describe_failure(error: Exception, *, client: AsyncOpenAI, url: str, model: str) -> UpstreamError:
    """Return the error of a failed request. For an unknown model, it lists the models of the server."""
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
                f"{url} limits the rate of requests ({_server_message(error)}): lower the concurrency; "
                "the responses so far are kept"
            )
        case openai.APIStatusError():
            return UpstreamError(f"{url} answered with status {error.status_code}: {_server_message(error)}")
        case _:
            return UpstreamError(f"{url}: the request failed with {type(error).__name__}: {error}")


def _server_message(error: openai.APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    text = " ".join(str(message or error.response.text or "no reason given").split())
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}…"


async def _available_models(client: AsyncOpenAI) -> str:
    try:
        models = [model.id async for model in client.models.list()]
    except (openai.OpenAIError, AttributeError, TypeError):  # the last two: the answer is not a list of models
        return "It does not list its models either: the address usually ends in /v1."
    if not models:
        return "It has no models at all: load one first."
    model_list = ", ".join(sorted(models)[:_MAX_MODELS]) + (", ..." if len(models) > _MAX_MODELS else "")
    return f"It has: {model_list}."
