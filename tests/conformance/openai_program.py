"""A conversation with the simulator through the OpenAI SDK, run in the environment of one of its releases.

One text for every client of the SDK, waiting or awaited. Values leave out what no two conversations share: ids and
times.
"""

import asyncio
import os
import warnings
from collections.abc import Callable
from typing import Any

import openai
from aws_bedrock_token_generator import provide_token

# Importing the steps adds them.
from tests.conformance import openai_tuning_steps as openai_tuning  # noqa: F401  see above
from tests.conformance.openai_session import Talk, step
from tests.conformance.step_runner import answered, given


def provider() -> Any:
    """Return the SDK's Bedrock provider, which 2.21.0 does not have."""
    from openai.providers import bedrock  # noqa: PLC0415

    return bedrock


def signing(prefix: str = "") -> dict[str, Any]:
    """Return AWS credentials as the SDK's clients take them."""
    return {
        f"{prefix}access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        f"{prefix}secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
    }


CLIENTS: dict[str, Callable[[], Any]] = {
    "plain": lambda: openai.OpenAI(max_retries=0),
    "async": lambda: openai.AsyncOpenAI(max_retries=0),
    "strict": lambda: openai.OpenAI(max_retries=0, _strict_response_validation=True),
    "callable key": lambda: openai.OpenAI(max_retries=0, api_key=lambda: provide_token(region="us-west-2")),
    "bedrock bearer": lambda: openai.BedrockOpenAI(max_retries=0),
    "bedrock sigv4": lambda: openai.BedrockOpenAI(max_retries=0, **signing("aws_")),
    "async bedrock sigv4": lambda: openai.AsyncBedrockOpenAI(max_retries=0, **signing("aws_")),
    "provider bearer": lambda: openai.OpenAI(max_retries=0, provider=provider()()),
    "provider sigv4": lambda: openai.OpenAI(max_retries=0, provider=provider()(**signing())),
    "module": lambda: openai,
}


async def conversation() -> None:
    """Take the steps with the client of the scene's kind."""
    scene = given()
    warnings.simplefilter("error")
    client = CLIENTS[scene.kind]()
    await step.told(scene, Talk(client, scene))
    if scene.kind != "module":
        await answered(client.close())


if __name__ == "__main__":
    asyncio.run(conversation())
