"""The calls of Bedrock's OpenAI-compatible API that this client makes, and the values they answer with.

Answers are read from the raw JSON: the SDK's types do not know the Lambda grader, and dumping one of them warns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from client.errors import Incomplete, ServiceError, UsageError
from client.retry_policy import Clock, Notify, RetryAfterGate, RetryPolicy, call_with_retry

if TYPE_CHECKING:
    from openai import OpenAI

ResultT = TypeVar("ResultT")

# OPENAI: the six statuses; DOCUMENTED by AWS: `succeeded` and the British `cancelled`.
ACTIVE_STATUSES = ("validating_files", "queued", "running")
TERMINAL_STATUSES = ("succeeded", "failed", "cancelled")

# SAMPLE: AWS's notebooks ask for 100 events and 200 jobs a page.
_EVENTS_PER_PAGE, _JOBS_PER_PAGE = 100, 100


class _Raw(Protocol):
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A fine-tuning job; `body` is the service's own JSON object."""

    id: str
    status: str
    body: Mapping[str, Any]

    @property
    def has_ended(self) -> bool:
        """True for the three ends alone: a status nobody knows is not one."""
        return self.status in TERMINAL_STATUSES

    @property
    def has_known_status(self) -> bool:
        """True for a status that the API documents."""
        return self.status in ACTIVE_STATUSES or self.status in TERMINAL_STATUSES

    @property
    def model(self) -> str:
        """The base model's id."""
        return str(self.body.get("model"))

    @property
    def created_text(self) -> str:
        """When it was created, in UTC: `2026-02-18 19:13`; empty where the service does not say."""
        seconds = self.body.get("created_at")
        return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M}" if seconds else ""

    @property
    def tuned_model(self) -> str | None:
        """The tuned model's id, once there is one."""
        name = self.body.get("fine_tuned_model")
        return str(name) if name else None

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata that the job was created with."""
        return self.body.get("metadata") or {}

    @property
    def function_arn(self) -> str:
        """The ARN of the reward function; empty where the service does not say."""
        method = self.body.get("method") or {}
        grader = (method.get("reinforcement") or {}).get("grader") or {}
        return str((grader.get("lambda") or {}).get("function") or "")

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """Of the reinforcement method, as the service holds them."""
        method = self.body.get("method") or {}
        return (method.get("reinforcement") or {}).get("hyperparameters") or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a job's log; `created_at` in seconds since 1970, `metrics` for a training step alone."""

    id: str
    created_at: int
    level: str
    message: str
    metrics: Mapping[str, float] | None
    body: Mapping[str, Any]

    @property
    def step(self) -> int | None:
        """The training step it belongs to, if any."""
        return None if self.metrics is None else int(self.metrics.get("step", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model as it was after `step`; `metrics` as the service sends them."""

    id: str
    step: int
    model: str
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """One page of events, in the order of the wire."""

    events: tuple[Event, ...]
    has_more: bool


class MantleClient:
    """The API, with failures that may pass waited out. Calls may be made from several threads."""

    def __init__(self, client: OpenAI, *, retry_policy: RetryPolicy, clock: Clock, notify: Notify) -> None:
        self.client = client
        self.retry_policy = retry_policy
        self.clock = clock
        self.notify = notify
        self._retry_after_gate = RetryAfterGate(retry_policy=retry_policy, clock=clock)

    def upload_file(self, path: Path) -> str:
        """Send a data file; returns its id. A lost answer leaves at worst a second copy of the file."""

        def send() -> _Raw:
            with path.open("rb") as file:
                return self.client.files.with_raw_response.create(file=(path.name, file), purpose="fine-tune")

        return str(self._request_json(send)["id"])

    def create_job_once(self, request: Mapping[str, Any]) -> Job:
        """Create a job with one request and no retry: whether a lost one took effect is `client.job_polling`'s to find out."""
        # The grader is Bedrock's own, so `method` travels past the SDK's types (SAMPLE: AWS's notebook does the same).
        others = {key: value for key, value in request.items() if key not in {"model", "training_file"}}
        api = self.client.fine_tuning.jobs.with_raw_response
        return _job(
            self._request_json_once(
                lambda: api.create(model=request["model"], training_file=request["training_file"], extra_body=others)
            )
        )

    def get_job(self, job_id: str) -> Job:
        """One job, as it is now."""
        return self._request(self.get_job_once, job_id)

    def get_job_once(self, job_id: str) -> Job:
        """One job, as it is now; a failure is not waited out."""
        return _job(self._request_json_once(lambda: self.client.fine_tuning.jobs.with_raw_response.retrieve(job_id)))

    def require_model(self, name: str) -> None:
        """Make sure that the service has a model (DOCUMENTED: GET /v1/models/{model}).

        Raises:
            Misuse: it has not; the message holds those that it lists.
        """
        import openai  # noqa: PLC0415 - 0.8 s to load; whoever holds its client has paid already

        api = self.client.models.with_raw_response
        try:
            self._request(api.retrieve, name)
        except openai.NotFoundError as error:
            listed = [str(body["id"]) for body in _json(api.list()).get("data") or ()]
            if name not in listed:
                raise UsageError(
                    f"The service has no model {name}.", next_step=f"It lists: {', '.join(listed) or 'none'}."
                ) from error
        except openai.PermissionDeniedError:
            # Who may train need not be allowed to look at models: the order itself will tell.
            return

    def list_jobs(self) -> Iterator[Job]:
        """All jobs, in the order of the wire (newest first)."""
        api = self.client.fine_tuning.jobs.with_raw_response
        for body in self._paginate(lambda cursor: api.list(limit=_JOBS_PER_PAGE, extra_query=cursor)):
            yield _job(body)

    def cancel_job(self, job_id: str) -> Job:
        """Cancel a job that has not ended; one that is cancelled already stays so.

        Raises:
            openai.BadRequestError: it has ended otherwise.
        """
        import openai  # noqa: PLC0415 - 0.8 s to load; whoever holds its client has paid already

        try:
            return _job(self._request_json(lambda: self.client.fine_tuning.jobs.with_raw_response.cancel(job_id)))
        except openai.BadRequestError:
            # The answer to a first try may have been lost.
            job = self.get_job(job_id)
            if job.status != "cancelled":
                raise
            return job

    def list_events_once(self, job_id: str, *, after: str | None) -> EventPage:
        """One page of a job's events; a failure is not waited out."""
        cursor = {"after": after} if after else {}
        api = self.client.fine_tuning.jobs.with_raw_response
        body = self._request_json_once(lambda: api.list_events(job_id, limit=_EVENTS_PER_PAGE, extra_query=cursor))
        return EventPage(events=tuple(map(_event, body.get("data") or ())), has_more=bool(body.get("has_more")))

    def list_checkpoints(self, job_id: str) -> tuple[Checkpoint, ...]:
        """All checkpoints of a job, by step."""
        api = self.client.fine_tuning.jobs.checkpoints.with_raw_response
        listed = [
            Checkpoint(
                id=body["id"],
                step=int(body["step_number"]),
                model=body["fine_tuned_model_checkpoint"],
                metrics=body.get("metrics") or {},
            )
            for body in self._paginate(lambda cursor: api.list(job_id, extra_query=cursor))
        ]
        return tuple(sorted(listed, key=lambda checkpoint: checkpoint.step))

    def complete_chat(self, messages: Sequence[Mapping[str, object]], *, model: str, max_tokens: int) -> str:
        """The text of a chat completion at temperature 0; empty when the model said nothing aloud."""
        body = self._request_json(
            lambda: self.client.chat.completions.with_raw_response.create(
                model=model, messages=_chat_messages(messages), temperature=0.0, max_tokens=max_tokens
            )
        )
        return str(body["choices"][0]["message"].get("content") or "")

    def stream_chat(self, text: str, *, model: str, temperature: float) -> Iterator[str]:
        """The pieces of a chat completion as they come.

        Raises:
            Incomplete: the stream ended before the answer did, or turned into something else.
        """
        messages = _chat_messages([{"role": "user", "content": text}])
        create = self.client.chat.completions.create
        stream = self._request(
            lambda name: create(model=name, messages=messages, temperature=temperature, stream=True), model
        )
        finished = False
        try:
            for chunk in stream:
                for choice in chunk.choices:
                    finished = finished or choice.finish_reason is not None
                    if choice.delta.content:
                        yield choice.delta.content
        except ValueError as error:  # openai-python lets a chunk that is no JSON through as it is
            raise Incomplete(f"The stream broke: {error}", next_step="Ask again.") from error
        if not finished:
            raise Incomplete("The stream ended before the answer did.", next_step="Ask again.")

    def _paginate(self, ask: Callable[[dict[str, str]], _Raw]) -> Iterator[Mapping[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            body = self._request_json(partial(ask, cursor))
            items = body.get("data") or []
            yield from items
            # A server that ignores `after` would keep us here for ever.
            if not items or not body.get("has_more") or items[-1]["id"] == cursor.get("after"):
                return
            cursor = {"after": items[-1]["id"]}

    def _request_json(self, call: Callable[[], _Raw]) -> Mapping[str, Any]:
        return _json(self._request(lambda _: call(), ""))

    def _request(self, call: Callable[[str], ResultT], argument: str) -> ResultT:
        return call_with_retry(
            lambda: self._call_after_retry_delay(lambda: call(argument)),
            retry_policy=self.retry_policy,
            clock=self.clock,
            notify=self.notify,
        )

    def _request_json_once(self, call: Callable[[], _Raw]) -> Mapping[str, Any]:
        return _json(self._call_after_retry_delay(call))

    def _call_after_retry_delay(self, call: Callable[[], ResultT]) -> ResultT:
        self._retry_after_gate.wait()
        try:
            return call()
        except Exception as error:
            self._retry_after_gate.record(error)
            raise


def _chat_messages(messages: Sequence[Mapping[str, object]]) -> Any:
    # The SDK types this as a union of eight message shapes; ours come from the user's file.
    return list(messages)


def _json(raw: _Raw) -> dict[str, Any]:
    try:
        body = json.loads(raw.text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ServiceError(f"The service answered something that is no JSON object: {raw.text[:200]!r}")
    return body


def _job(body: Mapping[str, Any]) -> Job:
    return Job(id=str(body["id"]), status=str(body["status"]), body=body)


def _event(body: Mapping[str, Any]) -> Event:
    data = body.get("data")
    # A step that is null or missing leaves nothing to place the numbers by.
    placed = isinstance(data, dict) and isinstance(data.get("step"), int | float)
    metrics = data if body.get("type") == "metrics" and placed else None
    return Event(
        id=str(body["id"]),
        created_at=int(body.get("created_at") or 0),
        level=str(body.get("level") or "info"),
        message=str(body.get("message") or ""),
        metrics=metrics,
        body=body,
    )
