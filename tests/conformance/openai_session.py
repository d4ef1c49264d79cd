"""What the steps through the OpenAI SDK share: the client, its input, and the conversion of values to JSON."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai

from tests.conformance.step_runner import ProgramInput, StepRegistry, resolve

BASE = "openai.gpt-oss-20b"

step = StepRegistry()


class Session:
    """The client, its input, and the ids that later steps need."""

    def __init__(self, client: Any, program_input: ProgramInput) -> None:
        self.client = client
        self.program_input = program_input
        self.content = Path(program_input.training).read_bytes()
        self.ids: dict[str, str] = {}

    @property
    def chat_request(self) -> dict[str, Any]:
        """The chat request of most steps; at temperature 0 its answer is always the same."""
        return {"model": self.program_input.model, "messages": self.messages, "temperature": 0}

    @property
    def messages(self) -> list[dict[str, str]]:
        """The prompt as messages."""
        return [{"role": "user", "content": self.program_input.prompt}]

    @property
    def method(self) -> dict[str, Any]:
        """The method of a job, as AWS's sample sends it."""
        grader = {"type": "lambda", "lambda": {"function": self.program_input.function}}
        return {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": {"batch_size": 4}}}

    async def upload_file(self, file: object) -> Any:
        """Upload a file and return it as the client parsed it."""
        uploaded = await resolve(self.client.files.create(file=file, purpose="fine-tune"))
        self.ids[uploaded.filename] = uploaded.id
        return to_json(uploaded)

    async def create_job(self, label: str) -> Any:
        """Create a job with a label in its metadata."""
        job = await resolve(
            self.client.fine_tuning.jobs.create(
                model=BASE,
                training_file=self.ids["train.jsonl"],
                metadata={"client": self.program_input.client, "order": label},
                extra_body={"method": self.method},
            )
        )
        self.ids[label] = job.id
        return job

    async def create_response(self, **options: Any) -> Any:
        """Send the prompt to the Responses API."""
        request = {"model": self.program_input.model, "input": self.program_input.prompt, "temperature": 0} | options
        return await resolve(self.client.responses.create(**request))


def to_json(value: Any) -> Any:
    """Return an object as the client parsed it, without its id and times."""
    # The SDK's types do not know the Lambda grader, so dumping one warns.
    fields = value.to_dict(mode="json", warnings=False)
    return {name: value for name, value in fields.items() if name not in ("id", "created_at", "created")}


async def catch_api_error(call: Callable[[], Any]) -> Any:
    """Return the fields of the exception that the client raises for a refusal."""
    try:
        await resolve(call())
    except openai.APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        return {
            "class": type(error).__name__,
            "code": error.code,
            "message": body.get("message"),
            "param": error.param,
            "request id": bool(error.request_id),
            "status": error.status_code,
            "type": error.type,
        }
    return "it was not refused"
