"""What the steps of a conversation through the OpenAI SDK share: the client, the scene, and how a value is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai

from tests.conformance.step_runner import Scene, Steps, answered

BASE = "openai.gpt-oss-20b"

step = Steps()


class Talk:
    """The client, the scene, and what earlier steps left for later ones."""

    def __init__(self, client: Any, scene: Scene) -> None:
        self.client = client
        self.scene = scene
        self.content = Path(scene.training).read_bytes()
        self.ids: dict[str, str] = {}

    @property
    def question(self) -> dict[str, Any]:
        """The chat that is asked again and again; at temperature 0 its answer is always the same."""
        return {"model": self.scene.model, "messages": self.messages, "temperature": 0}

    @property
    def messages(self) -> list[dict[str, str]]:
        """The question as messages."""
        return [{"role": "user", "content": self.scene.prompt}]

    @property
    def method(self) -> dict[str, Any]:
        """The method of a job, as AWS's sample sends it."""
        grader = {"type": "lambda", "lambda": {"function": self.scene.function}}
        return {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": {"batch_size": 4}}}

    async def upload(self, file: object) -> Any:
        """Upload a file; return what the client shows of it."""
        uploaded = await answered(self.client.files.create(file=file, purpose="fine-tune"))
        self.ids[uploaded.filename] = uploaded.id
        return shown(uploaded)

    async def create(self, order: str) -> Any:
        """Create a job that is known by its metadata."""
        job = await answered(
            self.client.fine_tuning.jobs.create(
                model=BASE,
                training_file=self.ids["train.jsonl"],
                metadata={"client": self.scene.client, "order": order},
                extra_body={"method": self.method},
            )
        )
        self.ids[order] = job.id
        return job

    async def respond(self, **options: Any) -> Any:
        """Ask the question of the Responses API."""
        asked = {"model": self.scene.model, "input": self.scene.prompt, "temperature": 0} | options
        return await answered(self.client.responses.create(**asked))


def shown(thing: Any) -> Any:
    """Return an object as the client read it, without its id and times."""
    # The types do not know a Lambda grader: writing one out warns (see the SDK's own `to_dict`).
    read = thing.to_dict(mode="json", warnings=False)
    return {name: value for name, value in read.items() if name not in ("id", "created_at", "created")}


async def refusal(asking: Callable[[], Any]) -> Any:
    """Return the exception that the client makes of a refusal."""
    try:
        await answered(asking())
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
