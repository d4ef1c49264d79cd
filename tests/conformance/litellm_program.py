"""Run conformance steps through LiteLLM, in its own environment.

Chat and Responses use its provider `bedrock_mantle`, which reads the server and the credentials from the environment:
`BEDROCK_MANTLE_API_BASE`, and `AWS_BEARER_TOKEN_BEDROCK` or AWS credentials. That provider has no files and jobs; its
provider `openai` reaches them with `OPENAI_BASE_URL`.
"""

# ruff: noqa: D103  the name of a step describes it

import asyncio
import importlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.conformance.step_runner import ProgramInput, StepRegistry, read_program_input

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # otherwise it downloads prices
litellm: Any = importlib.import_module("litellm")  # not installed where the tests are type-checked
litellm.suppress_debug_info = True  # otherwise it prints advice between the JSON lines

BASE = "openai.gpt-oss-20b"

step = StepRegistry()


class Session:
    """The input of the program, and the file to upload."""

    def __init__(self, program_input: ProgramInput) -> None:
        self.program_input = program_input
        self.file = ("train.jsonl", Path(program_input.training).read_bytes())

    def complete_chat(self, **options: Any) -> Any:
        """Send the prompt at temperature 0."""
        request = {
            "model": f"bedrock_mantle/{self.program_input.model}",
            "messages": [{"role": "user", "content": self.program_input.prompt}],
            "temperature": 0,
        }
        return litellm.completion(**(request | options))


@contextmanager
def without_api_key() -> Iterator[None]:
    """Remove the bearer key from the environment for the block."""
    key = os.environ.pop("AWS_BEARER_TOKEN_BEDROCK")
    yield
    os.environ["AWS_BEARER_TOKEN_BEDROCK"] = key


def catch_error(call: Callable[[], Any]) -> Any:
    """Return the class and the status of the exception that LiteLLM raises."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  LiteLLM's exceptions have no common base class
        return [type(error).__name__, getattr(error, "status_code", None)]
    return "it was not refused"


@step
async def chat_plain(session: Session) -> Any:
    answer = session.complete_chat()
    [choice] = answer.choices
    return {
        "content": choice.message.content,
        "finish_reason": choice.finish_reason,
        "reasoning": choice.message.reasoning,
        "total_tokens": answer.usage.total_tokens,
    }


@step
async def chat_stream(session: Session) -> Any:
    chunks = list(session.complete_chat(stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    return {
        "content": "".join(delta.content or "" for delta in deltas),
        "finish_reason": chunks[-1].choices[0].finish_reason,
        "reasoning": "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas),
    }


@step
async def chat_async(session: Session) -> Any:
    answer = await litellm.acompletion(
        model=f"bedrock_mantle/{session.program_input.model}",
        messages=[{"role": "user", "content": session.program_input.prompt}],
        temperature=0,
    )
    return answer.choices[0].message.content


@step
async def chat_tools(session: Session) -> Any:
    parameters = {"type": "object", "properties": {"shelf": {"type": "integer"}}, "required": ["shelf"]}
    tool = {"type": "function", "function": {"name": "count_books", "parameters": parameters}}
    [choice] = session.complete_chat(tools=[tool], tool_choice="required").choices
    [call] = choice.message.tool_calls
    return [choice.finish_reason, call.function.name, sorted(json.loads(call.function.arguments))]


@step
async def chat_unknown_model(session: Session) -> Any:
    return catch_error(lambda: session.complete_chat(model="bedrock_mantle/openai.gpt-oss-7b"))


def create_response(session: Session, model: str, **options: Any) -> Any:
    """Send the prompt to the Responses API."""
    return litellm.responses(
        model=f"bedrock_mantle/{model}", input=session.program_input.prompt, temperature=0, **options
    )


@step
async def responses_emulated(session: Session) -> Any:
    """LiteLLM does not know that a tuned model supports the Responses API, and sends a chat instead."""
    answer = create_response(session, session.program_input.model)
    return [answer.status, answer.output[-1].content[0].text]


@step
async def responses_create(session: Session) -> Any:
    answer = create_response(session, BASE)
    return [answer.status, answer.output[-1].content[0].text]


@step
async def responses_stream(session: Session) -> Any:
    events = create_response(session, BASE, stream=True)
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


@step
async def signed_chat(session: Session) -> Any:
    """Without a key it signs with AWS credentials."""
    with without_api_key():
        return session.complete_chat().choices[0].message.content


@step
async def signed_stream(session: Session) -> Any:
    with without_api_key():
        return "".join(chunk.choices[0].delta.content or "" for chunk in session.complete_chat(stream=True))


@step
async def signed_responses(session: Session) -> Any:
    with without_api_key():
        return create_response(session, BASE).output[-1].content[0].text


@step
async def files_all(session: Session) -> Any:
    uploaded = litellm.create_file(file=session.file, purpose="fine-tune", custom_llm_provider="openai")
    files = litellm.file_list(custom_llm_provider="openai")
    content = litellm.file_content(file_id=uploaded.id, custom_llm_provider="openai")
    deleted = litellm.file_delete(file_id=uploaded.id, custom_llm_provider="openai")
    return [
        uploaded.filename,
        uploaded.id in [file.id for file in files],
        sha256(content.content).hexdigest(),
        deleted.deleted,
    ]


@step
async def jobs_list(session: Session) -> Any:
    jobs = litellm.list_fine_tuning_jobs(custom_llm_provider="openai")
    return [job.fine_tuned_model for job in jobs if job.id == session.program_input.job]


@step
async def jobs_retrieve(session: Session) -> Any:
    return catch_error(
        lambda: litellm.retrieve_fine_tuning_job(
            fine_tuning_job_id=session.program_input.job, custom_llm_provider="openai"
        )
    )


@step
async def jobs_create(session: Session) -> Any:
    return catch_error(
        lambda: litellm.create_fine_tuning_job(model=BASE, training_file="FILE", custom_llm_provider="openai")
    )


async def run_program() -> None:
    """Run the steps."""
    program_input = read_program_input()
    await step.run(program_input, Session(program_input))


if __name__ == "__main__":
    asyncio.run(run_program())
