"""Run conformance steps through the OpenAI SDK, in the environment of one of its releases.

The same steps serve every client of the SDK, synchronous or asynchronous. Values leave out ids and times, which differ
between runs.
"""

import asyncio
import os
import warnings
from collections.abc import Callable
from typing import Any

import openai
from aws_bedrock_token_generator import provide_token

# Importing the modules registers their steps.
from tests.conformance import openai_inference_steps, openai_tuning_steps  # noqa: F401  see above
from tests.conformance.openai_session import Session, step
from tests.conformance.step_runner import read_program_input, resolve


def bedrock_provider() -> Any:
    """Return the SDK's Bedrock provider, which 2.21.0 does not have."""
    from openai.providers import bedrock  # noqa: PLC0415

    return bedrock


def signing_options(prefix: str = "") -> dict[str, Any]:
    """Return the arguments of the SDK's clients for AWS credentials."""
    return {
        f"{prefix}access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        f"{prefix}secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
    }


CLIENT_FACTORIES: dict[str, Callable[[], Any]] = {
    "plain": lambda: openai.OpenAI(max_retries=0),
    "async": lambda: openai.AsyncOpenAI(max_retries=0),
    "strict": lambda: openai.OpenAI(max_retries=0, _strict_response_validation=True),
    "callable key": lambda: openai.OpenAI(max_retries=0, api_key=lambda: provide_token(region="us-west-2")),
    "bedrock bearer": lambda: openai.BedrockOpenAI(max_retries=0),
    "bedrock sigv4": lambda: openai.BedrockOpenAI(max_retries=0, **signing_options("aws_")),
    "async bedrock sigv4": lambda: openai.AsyncBedrockOpenAI(max_retries=0, **signing_options("aws_")),
    "provider bearer": lambda: openai.OpenAI(max_retries=0, provider=bedrock_provider()()),
    "provider sigv4": lambda: openai.OpenAI(max_retries=0, provider=bedrock_provider()(**signing_options())),
    "module": lambda: openai,
}


async def run_program() -> None:
    """Run the steps with a client of the given kind."""
    program_input = read_program_input()
    warnings.simplefilter("error")
    client = CLIENT_FACTORIES[program_input.kind]()
    await step.run(program_input, Session(client, program_input))
    if program_input.kind != "module":
        await resolve(client.close())


if __name__ == "__main__":
    asyncio.run(run_program())
