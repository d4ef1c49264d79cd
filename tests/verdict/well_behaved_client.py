"""Clients without mistakes at a service with faults. Hypothesis draws what they request, when, and what goes wrong."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from simulator.verdict.exchange import Exchange, Outcome
from tests.simulators import TERMINAL_STATUSES
from tests.verdict.audit_scenario import ANSWER_SECONDS, JOBS_PATH, ScriptedClient, job_object

TIMEOUT_SECONDS = 30.0
MAX_ATTEMPTS = 8
_MAX_READS = 40  # of a job, so that the test of a long job stays short

_OUTCOMES: Mapping[str, dict[str, Any]] = {
    "success": {},
    "500": {"status": 500},
    "429": {"status": 429, "retry_after": 2.0},
    "503": {"status": 503, "retry_after": 0.5},
    "request lost": {"status": None, "outcome": Outcome.NO_ANSWER},
    "answer lost": {"status": None, "outcome": Outcome.NO_ANSWER},
    "answer cut off": {"outcome": Outcome.CUT_OFF},
    "timeout": {"status": None, "outcome": Outcome.DISCONNECTED, "seconds": TIMEOUT_SECONDS},
}
_TAKES_EFFECT = frozenset({"success", "answer lost", "answer cut off", "timeout"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTimeline:
    """The status of a job as a function of time, in seconds."""

    created_at: float
    validation_seconds: float
    queue_seconds: float
    step_seconds: float
    steps: int
    end_status: str

    @property
    def total_seconds(self) -> float:
        """The time from creation to end."""
        return self.validation_seconds + self.queue_seconds + self.step_seconds * self.steps

    def status_at(self, now: float) -> str:
        """Return the status at a time."""
        age = now - self.created_at
        for status, seconds in (
            ("validating_files", self.validation_seconds),
            ("queued", self.queue_seconds),
            ("running", self.step_seconds * self.steps),
        ):
            if age < seconds:
                return status
            age -= seconds
        return self.end_status

    def ids_at(self, now: float, prefix: str) -> list[str]:
        """Return the ids of the events or checkpoints at a time, newest first."""
        age = now - self.created_at - self.validation_seconds - self.queue_seconds
        steps = max(0, min(self.steps, int(age / self.step_seconds)))
        has_ended = self.status_at(now) in TERMINAL_STATUSES
        return [f"{prefix}{number}" for number in range(steps + has_ended, 0, -1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientBehavior:
    """What a client does. Times in seconds.

    `request_outcomes` are the outcomes of its requests in their order; after the last one every request succeeds.
    """

    starts_at: float
    poll_interval: float
    keeps_connections: bool
    page_size: int | None
    reads_all_pages: bool
    reads_before_exit: int | None
    cancels_before_exit: bool
    request_outcomes: Sequence[str]


job_timelines = st.builds(
    JobTimeline,
    created_at=st.just(0.0),
    validation_seconds=st.floats(0.1, 60),
    queue_seconds=st.floats(0.1, 600),
    step_seconds=st.floats(0.01, 40),
    steps=st.integers(1, 120),
    end_status=st.sampled_from(TERMINAL_STATUSES),
)
client_behaviors = st.builds(
    ClientBehavior,
    starts_at=st.floats(0, 100),
    poll_interval=st.sampled_from([0.05, 0.2, 1.0, 5.0, 60.0]),
    keeps_connections=st.booleans(),
    page_size=st.sampled_from([None, 20, 100]),
    reads_all_pages=st.booleans(),
    reads_before_exit=st.none() | st.integers(0, 20),
    cancels_before_exit=st.booleans(),
    request_outcomes=st.lists(st.sampled_from(["success", *_OUTCOMES]), max_size=40),
)


class ClientExit(Exception):  # noqa: N818  it ends a program, and is no error
    """The client stops: it is interrupted, or it gives up."""


class WellBehavedClient:
    """One program. It collects its exchanges in the order of its own time."""

    def __init__(self, client: ScriptedClient, timeline: JobTimeline, behavior: ClientBehavior, *, job_id: str) -> None:
        self.client = client
        self.behavior = behavior
        self.timeline = timeline
        self.job_id = job_id
        self.now = behavior.starts_at
        self.exchanges: list[Exchange] = []
        client.record = self.exchanges.append
        self.has_succeeded = False
        self._outcomes: Iterator[str] = iter(behavior.request_outcomes)
        self._created_at: float | None = None  # when the service created the job

    def run(self) -> None:
        """Create a job, poll it to its end, read its events and checkpoints, and call the models."""
        try:
            self._create_job()
            self._poll_job()
            self._read_pages("checkpoints", known=set())
            if self.timeline.end_status == "succeeded":
                for model in ("openai.gpt-oss-20b", "ft:model"):
                    self._send_with_retries("POST", "/v1/chat/completions", body={"model": model})
            self.has_succeeded = True
        except ClientExit:
            return

    def listed_ids(self, resource: str) -> list[str]:
        """Return the ids of the job's events or checkpoints after its end, newest first."""
        return self.timeline.ids_at(self.timeline.total_seconds, resource)

    @property
    def _job_path(self) -> str:
        return f"{JOBS_PATH}/{self.job_id}"

    def _current_timeline(self) -> JobTimeline:
        return replace(self.timeline, created_at=self._created_at if self._created_at is not None else self.now)

    def _job_object(self, status: str) -> dict[str, Any]:
        return job_object(self.job_id, status, training_file=f"file-{self.job_id}")

    def _current_job(self) -> dict[str, Any]:
        return self._job_object(self._current_timeline().status_at(self.now))

    def _cancelled_job(self) -> dict[str, Any]:
        return self._job_object("cancelled")

    def _create_job(self) -> None:
        body = {"model": "m", "training_file": f"file-{self.job_id}"}
        for _ in range(MAX_ATTEMPTS):
            creation, wait = self._send_once("POST", JOBS_PATH, body=body, answer=self._created_job)
            if creation.is_successful:
                return
            self.now += wait
            if creation.is_effect_unknown and self._find_job():
                return
        raise ClientExit

    def _created_job(self) -> dict[str, Any]:
        if self._created_at is None:
            self._created_at = self.now
        return self._job_object("validating_files")

    def _find_job(self) -> bool:
        """List the jobs; return whether the job is among them."""

        def listed_jobs() -> dict[str, Any]:
            return {"data": [] if self._created_at is None else [self._current_job()], "has_more": False}

        self._send_with_retries("GET", JOBS_PATH, query="limit=100", answer=listed_jobs)
        return self._created_at is not None

    def _poll_job(self) -> None:
        known: set[str] = set()
        reads = 0
        while True:
            if reads == self.behavior.reads_before_exit:
                if self.behavior.cancels_before_exit:
                    self._send_with_retries("POST", f"{self._job_path}/cancel", answer=self._cancelled_job)
                raise ClientExit
            read = self._send_with_retries("GET", self._job_path, answer=self._current_job)
            reads += 1
            has_ended = read.answer.jobs[0].status in TERMINAL_STATUSES
            self._read_pages("events", known=set() if has_ended and self.behavior.reads_all_pages else known)
            if has_ended:
                return
            self.now += max(self.behavior.poll_interval, self.timeline.total_seconds / _MAX_READS)

    def _read_pages(self, resource: str, *, known: set[str]) -> None:
        """Read pages, newest first, until one has a known element."""
        size = self.behavior.page_size or (20 if resource == "events" else 10)
        limit_query = [f"limit={size}"] if self.behavior.page_size else []
        after: str | None = None
        new_ids: set[str] = set()
        while True:
            query = "&".join([*limit_query, *([f"after={after}"] if after else [])])

            def page_after(cursor: str | None = after) -> dict[str, Any]:
                ids = self._current_timeline().ids_at(self.now, resource)
                rest = ids[ids.index(cursor) + 1 :] if cursor else ids
                return {"data": [{"id": element_id} for element_id in rest[:size]], "has_more": len(rest) > size}

            exchange = self._send_with_retries("GET", f"{self._job_path}/{resource}", query=query, answer=page_after)
            page = exchange.answer.page
            assert page
            new_ids |= set(page.ids)
            if not page.has_more or known & set(page.ids):
                break
            after = page.ids[-1]
        known |= new_ids

    def _send_with_retries(self, method: str, path: str, **request: Any) -> Exchange:
        for _ in range(MAX_ATTEMPTS):
            exchange, wait = self._send_once(method, path, **request)
            if exchange.is_successful:
                return exchange
            self.now += wait
        raise ClientExit

    def _send_once(
        self, method: str, path: str, *, query: str = "", body: Any = None, answer: Callable[[], Any] = dict
    ) -> tuple[Exchange, float]:
        """Send a request; return the exchange, and how long to wait before the next attempt."""
        outcome = next(self._outcomes, "success")
        if not self.behavior.keeps_connections:
            self.client.reconnect()
        self.client.scenario.now = self.now
        count = len(self.exchanges)
        self.now += ANSWER_SECONDS
        answer_json = answer() if outcome in _TAKES_EFFECT else None
        self.client.send(
            method,
            path,
            query=query,
            body=body or b"",
            answer_json=answer_json if outcome == "success" else None,
            **_OUTCOMES[outcome],
        )
        self.now = self.client.scenario.now
        exchange = self.exchanges[count]
        if not exchange.is_answered:
            self.client.reconnect()
        return exchange, max(1.0, exchange.retry_after or 0.0)
