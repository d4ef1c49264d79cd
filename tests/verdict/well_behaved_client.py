"""Clients that do everything right, at a service that does not: what they ask, and when, is drawn by hypothesis."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from simulator.verdict.exchange import Exchange, Outcome
from tests.verdict.audit_scenario import ANSWER_SECONDS, ScriptedClient, job_object

TIMEOUT_SECONDS = 30.0  # seconds that a client waits for an answer
MAX_ATTEMPTS = 8
_LOOKS = 40  # at most, so that a test of a long job is short
TERMINAL_STATUSES = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTimeline:
    """A job's life as a function of time: when it was made, how long its stages take, and how it ends."""

    created_at: float
    validation_seconds: float
    queue_seconds: float
    step_seconds: float
    steps: int
    end_status: str

    @property
    def total_seconds(self) -> float:
        """How long it takes in all."""
        return self.validation_seconds + self.queue_seconds + self.step_seconds * self.steps

    def status_at(self, now: float) -> str:
        """Return its status at a time."""
        age = now - self.created_at
        for status, lasts in (
            ("validating_files", self.validation_seconds),
            ("queued", self.queue_seconds),
            ("running", self.step_seconds * self.steps),
        ):
            if age < lasts:
                return status
            age -= lasts
        return self.end_status

    def ids_at(self, now: float, prefix: str) -> list[str]:
        """Return the ids of its events or checkpoints at a time, newest first."""
        age = now - self.created_at - self.validation_seconds - self.queue_seconds
        done = max(0, min(self.steps, int(age / self.step_seconds)))
        return [f"{prefix}{number}" for number in range(done + (self.status_at(now) in TERMINAL_STATUSES), 0, -1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientBehavior:
    """How a polite client goes about it. Times in seconds.

    `request_outcomes` are what becomes of its requests, in their order; when they are used up all goes well.
    """

    starts_at: float
    poll_interval: float
    keeps_connections: bool
    page_size: int | None
    reads_all_pages: bool
    reads_before_exit: int | None
    cancels_before_exit: bool
    request_outcomes: Sequence[str] = field(default=())


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
    request_outcomes=st.lists(
        st.sampled_from(["well", "well", "500", "429", "503", "lost", "lost after", "cut", "late"]), max_size=40
    ),
)


class ClientExit(Exception):  # noqa: N818  it is how a program ends
    """The client goes: because it was stopped, or because it gave up."""


class WellBehavedClient:
    """One program. Its requests are exchanges in the order of its own time."""

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
        self._created_at: float | None = None  # when the service made its job

    def run(self) -> None:
        """Make a job, watch it to its end, read its log, and compare the models."""
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

    def listed_ids(self, what: str) -> list[str]:
        """Return the ids of its job's events or checkpoints after the end, newest first."""
        return self.timeline.ids_at(self.timeline.total_seconds, what)

    @property
    def _job_path(self) -> str:
        return f"/v1/fine_tuning/jobs/{self.job_id}"

    def _current_timeline(self) -> JobTimeline:
        return replace(self.timeline, created_at=self._created_at if self._created_at is not None else self.now)

    def _create_job(self) -> None:
        order = {"model": "m", "training_file": f"file-{self.job_id}"}
        for _ in range(MAX_ATTEMPTS):
            made, wait = self._send_once("POST", "/v1/fine_tuning/jobs", body=order, answer=self._job_created)
            if made.is_successful:
                return
            self.now += wait
            if made.is_effect_unknown and self._find_job():
                return
        raise ClientExit

    def _job_created(self) -> dict[str, Any]:
        if self._created_at is None:
            self._created_at = self.now
        return job_object(self.job_id, "validating_files", training_file=f"file-{self.job_id}")

    def _find_job(self) -> bool:
        def listed() -> dict[str, Any]:
            jobs = (
                []
                if self._created_at is None
                else [
                    job_object(
                        self.job_id, self._current_timeline().status_at(self.now), training_file=f"file-{self.job_id}"
                    )
                ]
            )
            return {"data": jobs, "has_more": False}

        self._send_with_retries("GET", "/v1/fine_tuning/jobs", query="limit=100", answer=listed)
        return self._created_at is not None

    def _poll_job(self) -> None:
        known: set[str] = set()
        looks = 0
        while True:
            if looks == self.behavior.reads_before_exit:
                if self.behavior.cancels_before_exit:
                    self._send_with_retries(
                        "POST", f"{self._job_path}/cancel", answer=lambda: job_object(self.job_id, "cancelled")
                    )
                raise ClientExit
            look = self._send_with_retries(
                "GET",
                self._job_path,
                answer=lambda: job_object(self.job_id, self._current_timeline().status_at(self.now)),
            )
            looks += 1
            has_ended = look.answer.jobs[0].status in TERMINAL_STATUSES
            self._read_pages("events", known=known if not (has_ended and self.behavior.reads_all_pages) else set())
            if has_ended:
                return
            self.now += max(self.behavior.poll_interval, self.timeline.total_seconds / _LOOKS)

    def _read_pages(self, what: str, *, known: set[str]) -> None:
        """Read pages, newest first, until one holds something that is known."""
        size = self.behavior.page_size or (20 if what == "events" else 10)
        after: str | None = None
        fresh: set[str] = set()
        while True:
            given = [f"limit={size}"] if self.behavior.page_size else []
            query = "&".join([*given, *([f"after={after}"] if after else [])])

            def page(cursor: str | None = after) -> dict[str, Any]:
                ids = self._current_timeline().ids_at(self.now, what)
                left = ids[ids.index(cursor) + 1 :] if cursor else ids
                return {"data": [{"id": name} for name in left[:size]], "has_more": len(left) > size}

            told = self._send_with_retries("GET", f"{self._job_path}/{what}", query=query, answer=page).answer.page
            assert told
            fresh |= set(told.ids)
            if not told.has_more or known & set(told.ids):
                break
            after = told.ids[-1]
        known |= fresh

    def _send_with_retries(self, method: str, path: str, **asked: Any) -> Exchange:
        for _ in range(MAX_ATTEMPTS):
            exchange, wait = self._send_once(method, path, **asked)
            if exchange.is_successful:
                return exchange
            self.now += wait
        raise ClientExit

    def _send_once(
        self, method: str, path: str, *, query: str = "", body: Any = None, answer: Callable[[], Any] = dict
    ) -> tuple[Exchange, float]:
        """Ask once; return what became of it, and for how long to wait before asking again."""
        fate = next(self._outcomes, "well")
        if not self.behavior.keeps_connections:
            self.client.reconnect()
        self.client.scenario.now = self.now
        before = len(self.exchanges)
        answers: Mapping[str, dict[str, Any]] = {
            "well": {},
            "500": {"status": 500},
            "429": {"status": 429, "retry_after": 2.0},
            "503": {"status": 503, "retry_after": 0.5},
            "lost": {"status": None, "outcome": Outcome.NO_ANSWER},
            "lost after": {"status": None, "outcome": Outcome.NO_ANSWER},
            "cut": {"outcome": Outcome.CUT_OFF},
            "late": {"status": None, "outcome": Outcome.DISCONNECTED, "seconds": TIMEOUT_SECONDS},
        }
        self.now += ANSWER_SECONDS
        # What is lost on the way back was done all the same.
        tells = answer() if fate in {"well", "lost after", "cut", "late"} else None
        told: dict[str, Any] = {"tells": tells} if fate == "well" else {}
        self.client.send(method, path, query=query, body=body or b"", **answers[fate], **told)
        self.now = self.client.scenario.now
        exchange = self.exchanges[before]
        if not exchange.is_answered:
            self.client.reconnect()
        return exchange, max(1.0, exchange.retry_after or 0.0)
