"""The calls of Bedrock's OpenAI-compatible API that this client makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rich.console import Console

from client.clock import Clock, Notify
from client.errors import Incomplete, ServiceError, UsageError
from client.mantle_types import Checkpoint
from client.retry_policy import RetryAfterGate, RetryPolicy, call_with_retry
from client.sdk_clients import create_openai_client
from client.target import Target
from client.terminal import print_warning

if TYPE_CHECKING:
    from openai import OpenAI
from client.mantle_types import EventPage, Job, parse_event, parse_job

ResultT = TypeVar("ResultT")


# SAMPLE: AWS's notebooks ask for 100 events and 200 jobs a page.
_EVENTS_PER_PAGE, _JOBS_PER_PAGE = 100, 100


class _RawResponse(Protocol):
    @property
    def text(self) -> str: ...


class MantleClient:
    """The API. Calls are repeated as the retry policy says, and are safe to make from several threads."""

    def __init__(self, client: OpenAI, *, retry_policy: RetryPolicy, clock: Clock, notify: Notify) -> None:
        self.client = client
        self.retry_policy = retry_policy
        self.clock = clock
        self.notify = notify
        self._retry_after_gate = RetryAfterGate(retry_policy=retry_policy, clock=clock)

    def upload_file(self, path: Path) -> str:
        """Upload a data file and return its id. If a response is lost, the service may keep a second copy."""

        def send() -> _RawResponse:
            with path.open("rb") as file:
                return self.client.files.with_raw_response.create(file=(path.name, file), purpose="fine-tune")

        return str(self._request_json(send)["id"])

    def create_job_once(self, request: Mapping[str, Any]) -> Job:
        """Create a job with one request and no retry; see `client.job_creation` for the safe retry."""
        # The SDK's types do not know Bedrock's grader, so `method` goes into `extra_body` (SAMPLE: AWS's notebook).
        extra_body = {key: value for key, value in request.items() if key not in {"model", "training_file"}}
        api = self.client.fine_tuning.jobs.with_raw_response
        return parse_job(
            self._request_json_once(
                lambda: api.create(
                    model=request["model"], training_file=request["training_file"], extra_body=extra_body
                )
            )
        )

    def get_job(self, job_id: str) -> Job:
        """Read one job."""
        return self._request(self.get_job_once, job_id)

    def get_job_once(self, job_id: str) -> Job:
        """Read one job with one request and no retry."""
        return parse_job(
            self._request_json_once(lambda: self.client.fine_tuning.jobs.with_raw_response.retrieve(job_id))
        )

    def require_model(self, name: str) -> None:
        """Check that the service has a model (DOCUMENTED: GET /v1/models/{model}).

        Raises:
            UsageError: it does not; the next step names the models that it has.
        """
        import openai  # noqa: PLC0415 - 0.8 s to load, and creating the client has loaded it

        api = self.client.models.with_raw_response
        try:
            self._request(api.retrieve, name)
        except openai.NotFoundError as error:
            models = [str(body["id"]) for body in _parse_json(api.list()).get("data") or ()]
            if name not in models:
                raise UsageError(
                    f"The service has no model {name}.", next_step=f"It lists: {', '.join(models) or 'none'}."
                ) from error
        except openai.PermissionDeniedError:
            # A key may allow training and not reading models; then the create request checks the model.
            return

    def list_jobs(self) -> Iterator[Job]:
        """Yield all jobs in the order of the responses (newest first)."""
        api = self.client.fine_tuning.jobs.with_raw_response
        for body in self._paginate(lambda cursor: api.list(limit=_JOBS_PER_PAGE, extra_query=cursor)):
            yield parse_job(body)

    def cancel_job(self, job_id: str) -> Job:
        """Cancel a job, or return one that is cancelled already.

        Raises:
            openai.BadRequestError: the job has succeeded or failed.
        """
        import openai  # noqa: PLC0415 - 0.8 s to load, and creating the client has loaded it

        try:
            return parse_job(self._request_json(lambda: self.client.fine_tuning.jobs.with_raw_response.cancel(job_id)))
        except openai.BadRequestError:
            # An earlier attempt may have cancelled it, and its response may have been lost.
            job = self.get_job(job_id)
            if job.status != "cancelled":
                raise
            return job

    def list_events_once(self, job_id: str, *, after: str | None) -> EventPage:
        """Read one page of a job's events with one request and no retry."""
        cursor = {"after": after} if after else {}
        api = self.client.fine_tuning.jobs.with_raw_response
        body = self._request_json_once(lambda: api.list_events(job_id, limit=_EVENTS_PER_PAGE, extra_query=cursor))
        return EventPage(events=tuple(map(parse_event, body.get("data") or ())), has_more=bool(body.get("has_more")))

    def list_checkpoints(self, job_id: str) -> tuple[Checkpoint, ...]:
        """Return all checkpoints of a job, by step."""
        api = self.client.fine_tuning.jobs.checkpoints.with_raw_response
        checkpoints = [
            Checkpoint(
                id=body["id"],
                step=int(body["step_number"]),
                model=body["fine_tuned_model_checkpoint"],
                metrics=body.get("metrics") or {},
            )
            for body in self._paginate(lambda cursor: api.list(job_id, extra_query=cursor))
        ]
        return tuple(sorted(checkpoints, key=lambda checkpoint: checkpoint.step))

    def complete_chat(self, messages: Sequence[Mapping[str, object]], *, model: str, max_tokens: int) -> str:
        """Return the text of a chat completion at temperature 0; empty if the model only reasoned."""
        body = self._request_json(
            lambda: self.client.chat.completions.with_raw_response.create(
                model=model, messages=_chat_messages(messages), temperature=0.0, max_tokens=max_tokens
            )
        )
        return str(body["choices"][0]["message"].get("content") or "")

    def stream_chat(self, text: str, *, model: str, temperature: float) -> Iterator[str]:
        """Yield the pieces of a chat completion as they arrive.

        Raises:
            Incomplete: the stream ended before the answer was complete, or a chunk was not JSON.
        """
        messages = _chat_messages([{"role": "user", "content": text}])
        create = self.client.chat.completions.create
        stream = self._request(
            lambda name: create(model=name, messages=messages, temperature=temperature, stream=True), model
        )
        has_finish_reason = False
        try:
            for chunk in stream:
                for choice in chunk.choices:
                    has_finish_reason = has_finish_reason or choice.finish_reason is not None
                    if choice.delta.content:
                        yield choice.delta.content
        except ValueError as error:  # openai-python raises the JSON error of a broken chunk
            raise Incomplete(f"The stream broke: {error}", next_step="Run the command again.") from error
        if not has_finish_reason:
            raise Incomplete("The stream ended before the answer was complete.", next_step="Run the command again.")

    def _paginate(self, fetch_page: Callable[[dict[str, str]], _RawResponse]) -> Iterator[Mapping[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            body = self._request_json(partial(fetch_page, cursor))
            items = body.get("data") or []
            yield from items
            # The last condition ends the loop if a server ignores `after`.
            if not items or not body.get("has_more") or items[-1]["id"] == cursor.get("after"):
                return
            cursor = {"after": items[-1]["id"]}

    def _request_json(self, call: Callable[[], _RawResponse]) -> Mapping[str, Any]:
        return _parse_json(self._request(lambda _: call(), ""))

    def _request(self, call: Callable[[str], ResultT], argument: str) -> ResultT:
        return call_with_retry(
            lambda: self._call_after_retry_delay(lambda: call(argument)),
            retry_policy=self.retry_policy,
            clock=self.clock,
            notify=self.notify,
        )

    def _request_json_once(self, call: Callable[[], _RawResponse]) -> Mapping[str, Any]:
        return _parse_json(self._call_after_retry_delay(call))

    def _call_after_retry_delay(self, call: Callable[[], ResultT]) -> ResultT:
        self._retry_after_gate.wait()
        try:
            return call()
        except Exception as error:
            self._retry_after_gate.record(error)
            raise


def _chat_messages(messages: Sequence[Mapping[str, object]]) -> Any:
    # The SDK has a union of eight types for these; ours come from the user's file.
    return list(messages)


def _parse_json(response: _RawResponse) -> dict[str, Any]:
    try:
        body = json.loads(response.text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ServiceError(f"The service answered with something other than a JSON object: {response.text[:200]!r}")
    return body


@contextmanager
def open_mantle_client(target: Target, *, console: Console) -> Iterator[MantleClient]:
    """Open the API of `target` for the block; retries are reported on `console`."""
    with create_openai_client(target) as client:
        yield MantleClient(
            client,
            retry_policy=target.config.retry_policy,
            clock=Clock(),
            notify=lambda text: print_warning(console, text),
        )
