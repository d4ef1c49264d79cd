"""A conversation with the simulator through LiteLLM, run in its own environment.

Chat and Responses go by way of its provider `bedrock_mantle`, which finds the server and the credentials in the
environment: `BEDROCK_MANTLE_API_BASE`, and `AWS_BEARER_TOKEN_BEDROCK` or AWS's own. Files and jobs are not that
provider's; its provider `openai` reaches them by `OPENAI_BASE_URL`.
"""

# ruff: noqa: D103  a step does what its name says

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

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it asks the internet for prices otherwise
litellm: Any = importlib.import_module("litellm")  # not in the environment that the tests are checked in
litellm.suppress_debug_info = True  # it prints advice among our lines otherwise

BASE = "openai.gpt-oss-20b"

step = StepRegistry()


class Session:
    """The scene, and the file to upload."""

    def __init__(self, program_input: ProgramInput) -> None:
        self.program_input = program_input
        self.file = ("train.jsonl", Path(program_input.training).read_bytes())

    def complete_chat(self, **options: Any) -> Any:
        """Ask the question at temperature 0."""
        asked = {
            "model": f"bedrock_mantle/{self.program_input.model}",
            "messages": [{"role": "user", "content": self.program_input.prompt}],
            "temperature": 0,
        }
        return litellm.completion(**(asked | options))


@contextmanager
def without_api_key() -> Iterator[None]:
    """Take the bearer key away for the length of the block."""
    key = os.environ.pop("AWS_BEARER_TOKEN_BEDROCK")
    yield
    os.environ["AWS_BEARER_TOKEN_BEDROCK"] = key


def catch_error(call: Callable[[], Any]) -> Any:
    """Return what LiteLLM raises, and the status in it."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  LiteLLM's exceptions have no base of their own
        return [type(error).__name__, getattr(error, "status_code", None)]
    return "it was not refused"


@step
async def chat_plain(talk: Session) -> Any:
    answer = talk.complete_chat()
    [choice] = answer.choices
    return {
        "content": choice.message.content,
        "finish_reason": choice.finish_reason,
        "reasoning": choice.message.reasoning,
        "total_tokens": answer.usage.total_tokens,
    }


@step
async def chat_stream(talk: Session) -> Any:
    chunks = list(talk.complete_chat(stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    return {
        "content": "".join(delta.content or "" for delta in deltas),
        "finish_reason": chunks[-1].choices[0].finish_reason,
        "reasoning": "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas),
    }


@step
async def chat_awaited(talk: Session) -> Any:
    answer = await litellm.acompletion(
        model=f"bedrock_mantle/{talk.program_input.model}",
        messages=[{"role": "user", "content": talk.program_input.prompt}],
        temperature=0,
    )
    return answer.choices[0].message.content


@step
async def chat_tools(talk: Session) -> Any:
    parameters = {"type": "object", "properties": {"shelf": {"type": "integer"}}, "required": ["shelf"]}
    tool = {"type": "function", "function": {"name": "count_books", "parameters": parameters}}
    [choice] = talk.complete_chat(tools=[tool], tool_choice="required").choices
    [call] = choice.message.tool_calls
    return [choice.finish_reason, call.function.name, sorted(json.loads(call.function.arguments))]


@step
async def chat_unknown_model(talk: Session) -> Any:
    return catch_error(lambda: talk.complete_chat(model="bedrock_mantle/openai.gpt-oss-7b"))


def create_response(talk: Session, model: str, **options: Any) -> Any:
    """Ask the question of the Responses API."""
    return litellm.responses(model=f"bedrock_mantle/{model}", input=talk.program_input.prompt, temperature=0, **options)


@step
async def responses_emulated(talk: Session) -> Any:
    """LiteLLM does not know that a tuned model speaks the Responses API, and makes a chat of it."""
    answer = create_response(talk, talk.program_input.model)
    return [answer.status, answer.output[-1].content[0].text]


@step
async def responses_create(talk: Session) -> Any:
    answer = create_response(talk, BASE)
    return [answer.status, answer.output[-1].content[0].text]


@step
async def responses_stream(talk: Session) -> Any:
    events = create_response(talk, BASE, stream=True)
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


@step
async def signed_chat(talk: Session) -> Any:
    """Without a key it signs with AWS's credentials."""
    with without_api_key():
        return talk.complete_chat().choices[0].message.content


@step
async def signed_stream(talk: Session) -> Any:
    with without_api_key():
        return "".join(chunk.choices[0].delta.content or "" for chunk in talk.complete_chat(stream=True))


@step
async def signed_responses(talk: Session) -> Any:
    with without_api_key():
        return create_response(talk, BASE).output[-1].content[0].text


@step
async def files_all(talk: Session) -> Any:
    uploaded = litellm.create_file(file=talk.file, purpose="fine-tune", custom_llm_provider="openai")
    listed = litellm.file_list(custom_llm_provider="openai")
    content = litellm.file_content(file_id=uploaded.id, custom_llm_provider="openai")
    deleted = litellm.file_delete(file_id=uploaded.id, custom_llm_provider="openai")
    return [
        uploaded.filename,
        uploaded.id in [each.id for each in listed],
        sha256(content.content).hexdigest(),
        deleted.deleted,
    ]


@step
async def jobs_list(talk: Session) -> Any:
    listed = litellm.list_fine_tuning_jobs(custom_llm_provider="openai")
    return [job.fine_tuned_model for job in listed if job.id == talk.program_input.job]


@step
async def jobs_retrieve(talk: Session) -> Any:
    return catch_error(
        lambda: litellm.retrieve_fine_tuning_job(
            fine_tuning_job_id=talk.program_input.job, custom_llm_provider="openai"
        )
    )


@step
async def jobs_create(talk: Session) -> Any:
    return catch_error(
        lambda: litellm.create_fine_tuning_job(model=BASE, training_file="FILE", custom_llm_provider="openai")
    )


async def run_program() -> None:
    """Take the steps."""
    scene = read_program_input()
    await step.run(scene, Session(scene))


if __name__ == "__main__":
    asyncio.run(run_program())
