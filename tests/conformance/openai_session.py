"""What the steps of a conversation through the OpenAI SDK share: the client, the scene, and how a value is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai

from tests.conformance.step_runner import ProgramInput, StepRegistry, resolve

BASE = "openai.gpt-oss-20b"

step = StepRegistry()


class Session:
    """The client, the scene, and what earlier steps left for later ones."""

    def __init__(self, client: Any, program_input: ProgramInput) -> None:
        self.client = client
        self.program_input = program_input
        self.content = Path(program_input.training).read_bytes()
        self.ids: dict[str, str] = {}

    @property
    def chat_request(self) -> dict[str, Any]:
        """The chat that is asked again and again; at temperature 0 its answer is always the same."""
        return {"model": self.program_input.model, "messages": self.messages, "temperature": 0}

    @property
    def messages(self) -> list[dict[str, str]]:
        """The question as messages."""
        return [{"role": "user", "content": self.program_input.prompt}]

    @property
    def method(self) -> dict[str, Any]:
        """The method of a job, as AWS's sample sends it."""
        grader = {"type": "lambda", "lambda": {"function": self.program_input.function}}
        return {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": {"batch_size": 4}}}

    async def upload_file(self, file: object) -> Any:
        """Upload a file; return what the client shows of it."""
        uploaded = await resolve(self.client.files.create(file=file, purpose="fine-tune"))
        self.ids[uploaded.filename] = uploaded.id
        return to_json(uploaded)

    async def create_job(self, label: str) -> Any:
        """Create a job that is known by its metadata."""
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
        """Ask the question of the Responses API."""
        asked = {"model": self.program_input.model, "input": self.program_input.prompt, "temperature": 0} | options
        return await resolve(self.client.responses.create(**asked))


def to_json(value: Any) -> Any:
    """Return an object as the client read it, without its id and times."""
    # The types do not know a Lambda grader: writing one out warns (see the SDK's own `to_dict`).
    read = value.to_dict(mode="json", warnings=False)
    return {name: value for name, value in read.items() if name not in ("id", "created_at", "created")}


async def catch_api_error(call: Callable[[], Any]) -> Any:
    """Return the exception that the client makes of a refusal."""
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
