"""A small stub of both services: scripted jobs behind the API, and moto for IAM, Lambda and S3.

The client is tested against it without the simulator, and it can misbehave.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from moto.iam.models import AWSManagedPolicy, iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from starlette.types import Receive, Scope, Send

Json = dict[str, Any]
Handler = Callable[[Any, Any], Any]

ACCOUNT, MODEL = "123456789012", "openai.gpt-oss-20b"


def hashed_uniform(*address: object) -> float:
    """Return a number in [0, 1), a hash of the address."""
    digest = hashlib.blake2b(repr(address).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def metrics_event(step: int, total: int) -> Json:
    """Return a metrics event as the service sends it, on the curve of a sound reward."""
    progress = step / total
    reward = 0.54 + 0.40 * (1 - math.exp(-3.2 * progress)) + 0.16 * (hashed_uniform("reward", step) - 0.5)
    return {
        "id": f"ftevent-{step:04d}",
        "object": "fine_tuning.job.event",
        "created_at": 1771442000 + 60 * step,
        "level": "info",
        "message": f"Step {step}/{total}: training metrics",
        "type": "metrics",
        "data": {
            "step": step,
            "total_steps": total,
            "critic_rewards_mean": min(1.0, reward),
            "critic_advantages_mean": 0.01 * (hashed_uniform("adv", step) - 0.5),
            "actor_pg_loss": 0.1 * (hashed_uniform("loss", step) - 0.5),
            "actor_entropy": 0.62 - 0.2 * progress + 0.05 * hashed_uniform("entropy", step),
            "actor_grad_norm": 0.0012 - 0.0006 * progress + 0.0004 * hashed_uniform("norm", step),
            "response_length_mean": 620 - 190 * progress + 40 * hashed_uniform("length", step),
        },
    }


def message_event(number: int, text: str, *, at: int, level: str = "info") -> Json:
    """Return an event without metrics."""
    return {
        "id": f"ftevent-m{number:03d}",
        "object": "fine_tuning.job.event",
        "created_at": 1771442000 + at,
        "level": level,
        "message": text,
        "type": "message",
        "data": {},
    }


@dataclass
class MantleStub:
    """The state of the stub."""

    handler: Handler | None = None
    steps: int = 67
    steps_per_read: int = 34
    final_status: str = "succeeded"
    error: Json | None = None
    statuses: tuple[str, ...] = ("validating_files", "queued", "running")
    never_ends: bool = False
    checkpoint_metrics: Json | None = None
    files: list[Json] = field(default_factory=list)
    jobs: dict[str, Json] = field(default_factory=dict)
    reads: int = 0

    def read_job(self, job: Json) -> Json:
        """Return a job after advancing it, as each read does."""
        if job["status"] in {"succeeded", "failed", "cancelled"}:
            return job
        self.reads += 1
        if self.reads <= len(self.statuses):
            job["status"] = self.statuses[self.reads - 1]
            return job
        if self.completed_steps >= self.steps and not self.never_ends:
            job["status"] = self.final_status
            job["error"] = self.error
            job["finished_at"] = self.log()[-1]["created_at"]
            job["fine_tuned_model"] = (
                f"ft:{job['model']}:{ACCOUNT}::abcd1234" if self.final_status == "succeeded" else None
            )
        return job

    @property
    def completed_steps(self) -> int:
        """The number of completed steps."""
        return min(self.steps, max(0, self.reads - len(self.statuses)) * self.steps_per_read)

    def log(self) -> list[Json]:
        """Return the events so far, oldest first."""
        return [
            message_event(1, "Fine-tuning job created", at=0),
            *(metrics_event(step, self.steps) for step in range(1, self.completed_steps + 1)),
        ]


def register_basic_execution_policy() -> None:
    """Add to moto the one managed policy that a Lambda role needs; loading all of them takes seconds."""
    policy = AWSManagedPolicy.from_data(
        "AWSLambdaBasicExecutionRole",
        ACCOUNT,
        "aws",
        {
            "CreateDate": "2015-04-09T15:03:43+00:00",
            "DefaultVersionId": "v1",
            "Document": {"Version": "2012-10-17", "Statement": []},
            "Path": "/service-role/",
            "UpdateDate": "2015-04-09T15:03:43+00:00",
        },
    )
    iam_backends[ACCOUNT]["aws"].managed_policies[policy.arn] = policy


def create_app(stub: MantleStub) -> FastAPI:
    """Return the API of `stub`; moto answers everything else."""
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_create_routes(api, stub)
    _add_progress_routes(api, stub)
    _add_inference_routes(api, stub)
    api.mount("/", WSGIMiddleware(DomainDispatcherApplication(create_backend_app)))  # type: ignore[arg-type] # WSGI as moto types it
    return api


def _add_create_routes(api: FastAPI, stub: MantleStub) -> None:

    @api.post("/v1/files")
    async def upload(request: Request) -> Json:
        async with request.form() as form:
            file, purpose = form["file"], form["purpose"]
            size = 0 if isinstance(file, str) else len(await file.read())
        body = {"id": f"file-{len(stub.files) + 1}", "object": "file", "bytes": size, "purpose": purpose}
        stub.files.append(body)
        return body

    @api.post("/v1/fine_tuning/jobs")
    async def create(request: Request) -> Json:
        job = {
            **await request.json(),
            "id": f"ftjob-{len(stub.jobs) + 1}",
            "object": "fine_tuning.job",
            "created_at": 1771442000,
            "fine_tuned_model": None,
            "status": "validating_files",
            "error": None,
        }
        stub.jobs[job["id"]] = job
        return job

    @api.get("/v1/fine_tuning/jobs")
    def list_jobs() -> Json:
        return {"object": "list", "data": list(reversed(stub.jobs.values())), "has_more": False}

    @api.get("/v1/fine_tuning/jobs/{job_id}")
    def retrieve(job_id: str) -> Response:
        if job_id not in stub.jobs:
            return _error_response(404, "not_found_error", f"The fine-tuning job '{job_id}' does not exist")
        return JSONResponse(stub.read_job(stub.jobs[job_id]))

    @api.post("/v1/fine_tuning/jobs/{job_id}/cancel")
    def cancel(job_id: str) -> Json:
        stub.jobs[job_id]["status"] = "cancelled"
        return stub.jobs[job_id]


def _add_progress_routes(api: FastAPI, stub: MantleStub) -> None:
    @api.get("/v1/fine_tuning/jobs/{job_id}/events")
    def events(job_id: str, limit: int = 20, after: str | None = None) -> Json:
        newest_first = stub.log()[::-1]
        start = 1 + [event["id"] for event in newest_first].index(after) if after else 0
        page = newest_first[start : start + limit]
        return {"object": "list", "data": page, "has_more": start + limit < len(newest_first)}

    @api.get("/v1/fine_tuning/jobs/{job_id}/checkpoints")
    def checkpoints(job_id: str) -> Json:
        steps = sorted({*range(20, stub.completed_steps + 1, 20), stub.completed_steps}, reverse=True)
        data = [
            {
                "id": f"ftckpt-{step}",
                "step_number": step,
                "fine_tuned_model_checkpoint": f"ft:x:ckpt-step-{step}",
                "metrics": stub.checkpoint_metrics,
            }
            for step in steps
        ]
        return {"object": "list", "data": data, "has_more": False}


def _add_inference_routes(api: FastAPI, stub: MantleStub) -> None:
    @api.get("/v1/models")
    def models() -> Json:
        return {"object": "list", "data": [{"id": MODEL, "object": "model"}], "has_more": False}

    @api.get("/v1/models/{name}")
    def model(name: str) -> Response:
        if name != MODEL:
            return _error_response(404, "not_found_error", f"The model '{name}' does not exist")
        return JSONResponse({"id": name, "object": "model"})

    @api.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        body = await request.json()
        prompt = body["messages"][-1]["content"]
        numbers = re.findall(r"\d+", prompt)
        is_right = hashed_uniform(body["model"], prompt) < (0.92 if body["model"].startswith("ft:") else 0.55)
        answer = f"Adding up.\n#### {sum(map(int, numbers)) + (0 if is_right else 1)}"
        if body.get("stream"):
            return StreamingResponse(_stream_chunks(answer), media_type="text/event-stream")
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}
        return JSONResponse(
            {"id": "chatcmpl-1", "object": "chat.completion", "model": body["model"], "choices": [choice]}
        )

    @api.post("/2015-03-31/functions/{name}/invocations")
    async def invoke(name: str, request: Request) -> Response:
        event = await request.json()
        return JSONResponse(stub.handler(event, None) if stub.handler else None)


def _error_response(status: int, code: str, message: str) -> JSONResponse:
    error = {"code": code, "message": message, "param": None, "type": "invalid_request_error"}
    return JSONResponse({"error": error}, status_code=status)


def _stream_chunks(answer: str) -> Iterator[str]:
    for piece in re.findall(r"\S+\s*", answer):
        choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "created": 1, "choices": [choice]}
        yield f"data: {json.dumps(chunk)}\n\n"
    yield "data: [DONE]\n\n"


@contextmanager
def serve_stub(stub: MantleStub) -> Iterator[str]:
    """Serve the stub on a free port and yield `http://127.0.0.1:PORT`."""
    register_basic_execution_policy()
    listener = _IDLE_LISTENERS.pop() if _IDLE_LISTENERS else _Listener()
    listener.app = create_app(stub)
    try:
        yield listener.url
    finally:
        _IDLE_LISTENERS.append(listener)


class _Listener:
    """A server whose application is replaced, because starting and stopping one takes longer than most tests."""

    app: FastAPI

    def __init__(self) -> None:
        config = uvicorn.Config(self._answer, interface="asgi3", port=0, log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()


_IDLE_LISTENERS: list[_Listener] = []


def close_listeners() -> None:
    """Stop the servers that `serve_stub` keeps for reuse."""
    while _IDLE_LISTENERS:
        _IDLE_LISTENERS.pop().close()
