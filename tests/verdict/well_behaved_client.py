"""Clients that do everything right, at a service that does not: what they ask, and when, is drawn by hypothesis."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from simulator.verdict.exchange import Exchange, Outcome
from tests.verdict.audit_scenario import TAKES, Client, shown

PATIENCE = 30.0  # seconds that a client waits for an answer
TRIES = 8
_LOOKS = 40  # at most, so that a test of a long job is short
ENDS = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A job's life as a function of time: when it was made, how long its stages take, and how it ends."""

    made: float
    validation: float
    queue: float
    step: float
    steps: int
    end: str

    @property
    def lasts(self) -> float:
        """How long it takes in all."""
        return self.validation + self.queue + self.step * self.steps

    def status(self, now: float) -> str:
        """Return its status at a time."""
        age = now - self.made
        for status, lasts in (
            ("validating_files", self.validation),
            ("queued", self.queue),
            ("running", self.step * self.steps),
        ):
            if age < lasts:
                return status
            age -= lasts
        return self.end

    def listed(self, now: float, prefix: str) -> list[str]:
        """Return the ids of its events or checkpoints at a time, newest first."""
        age = now - self.made - self.validation - self.queue
        done = max(0, min(self.steps, int(age / self.step)))
        return [f"{prefix}{number}" for number in range(done + (self.status(now) in ENDS), 0, -1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a polite client goes about it. Times in seconds.

    `fates` are what becomes of its requests, in their order; when they are used up all goes well.
    """

    begins: float
    pause: float
    keeps_connections: bool
    page: int | None
    reads_to_the_end: bool
    looks_before_it_leaves: int | None
    cancels: bool
    fates: Sequence[str] = field(default=())


lives = st.builds(
    Life,
    made=st.just(0.0),
    validation=st.floats(0.1, 60),
    queue=st.floats(0.1, 600),
    step=st.floats(0.01, 40),
    steps=st.integers(1, 120),
    end=st.sampled_from(ENDS),
)
manners = st.builds(
    Manners,
    begins=st.floats(0, 100),
    pause=st.sampled_from([0.05, 0.2, 1.0, 5.0, 60.0]),
    keeps_connections=st.booleans(),
    page=st.sampled_from([None, 20, 100]),
    reads_to_the_end=st.booleans(),
    looks_before_it_leaves=st.none() | st.integers(0, 20),
    cancels=st.booleans(),
    fates=st.lists(
        st.sampled_from(["well", "well", "500", "429", "503", "lost", "lost after", "cut", "late"]), max_size=40
    ),
)


class Leaves(Exception):  # noqa: N818  it is how a program ends
    """The client goes: because it was stopped, or because it gave up."""


class Polite:
    """One program. Its requests are exchanges in the order of its own time."""

    def __init__(self, client: Client, life: Life, ways: Manners, *, job: str) -> None:
        self.client = client
        self.ways = ways
        self.life = life
        self.job = job
        self.now = ways.begins
        self.exchanges: list[Exchange] = []
        client.tell = self.exchanges.append
        self.is_content = False
        self._fates: Iterator[str] = iter(ways.fates)
        self._made: float | None = None  # when the service made its job

    def runs(self) -> None:
        """Make a job, watch it to its end, read its log, and compare the models."""
        try:
            self._creates()
            self._watches()
            self._reads("checkpoints", known=set())
            if self.life.end == "succeeded":
                for model in ("openai.gpt-oss-20b", "ft:model"):
                    self._persists("POST", "/v1/chat/completions", body={"model": model})
            self.is_content = True
        except Leaves:
            return

    def listed(self, what: str) -> list[str]:
        """Return the ids of its job's events or checkpoints after the end, newest first."""
        return self.life.listed(self.life.lasts, what)

    @property
    def _job_path(self) -> str:
        return f"/v1/fine_tuning/jobs/{self.job}"

    def _alive(self) -> Life:
        return replace(self.life, made=self._made if self._made is not None else self.now)

    def _creates(self) -> None:
        order = {"model": "m", "training_file": f"file-{self.job}"}
        for _ in range(TRIES):
            made, wait = self._once("POST", "/v1/fine_tuning/jobs", body=order, answer=self._makes)
            if made.succeeded:
                return
            self.now += wait
            if made.uncertain and self._finds():
                return
        raise Leaves

    def _makes(self) -> dict[str, Any]:
        if self._made is None:
            self._made = self.now
        return shown(self.job, "validating_files", file=f"file-{self.job}")

    def _finds(self) -> bool:
        def listed() -> dict[str, Any]:
            jobs = (
                [] if self._made is None else [shown(self.job, self._alive().status(self.now), file=f"file-{self.job}")]
            )
            return {"data": jobs, "has_more": False}

        self._persists("GET", "/v1/fine_tuning/jobs", query="limit=100", answer=listed)
        return self._made is not None

    def _watches(self) -> None:
        known: set[str] = set()
        looks = 0
        while True:
            if looks == self.ways.looks_before_it_leaves:
                if self.ways.cancels:
                    self._persists("POST", f"{self._job_path}/cancel", answer=lambda: shown(self.job, "cancelled"))
                raise Leaves
            look = self._persists("GET", self._job_path, answer=lambda: shown(self.job, self._alive().status(self.now)))
            looks += 1
            has_ended = look.told.jobs[0].status in ENDS
            self._reads("events", known=known if not (has_ended and self.ways.reads_to_the_end) else set())
            if has_ended:
                return
            self.now += max(self.ways.pause, self.life.lasts / _LOOKS)

    def _reads(self, what: str, *, known: set[str]) -> None:
        """Read pages, newest first, until one holds something that is known."""
        size = self.ways.page or (20 if what == "events" else 10)
        after: str | None = None
        fresh: set[str] = set()
        while True:
            given = [f"limit={size}"] if self.ways.page else []
            query = "&".join([*given, *([f"after={after}"] if after else [])])

            def page(cursor: str | None = after) -> dict[str, Any]:
                ids = self._alive().listed(self.now, what)
                left = ids[ids.index(cursor) + 1 :] if cursor else ids
                return {"data": [{"id": name} for name in left[:size]], "has_more": len(left) > size}

            told = self._persists("GET", f"{self._job_path}/{what}", query=query, answer=page).told.page
            assert told
            fresh |= set(told.ids)
            if not told.has_more or known & set(told.ids):
                break
            after = told.ids[-1]
        known |= fresh

    def _persists(self, method: str, path: str, **asked: Any) -> Exchange:
        for _ in range(TRIES):
            exchange, wait = self._once(method, path, **asked)
            if exchange.succeeded:
                return exchange
            self.now += wait
        raise Leaves

    def _once(
        self, method: str, path: str, *, query: str = "", body: Any = None, answer: Callable[[], Any] = dict
    ) -> tuple[Exchange, float]:
        """Ask once; return what became of it, and for how long to wait before asking again."""
        fate = next(self._fates, "well")
        if not self.ways.keeps_connections:
            self.client.reconnect()
        self.client.stage.now = self.now
        before = len(self.exchanges)
        answers: Mapping[str, dict[str, Any]] = {
            "well": {},
            "500": {"status": 500},
            "429": {"status": 429, "retry_after": 2.0},
            "503": {"status": 503, "retry_after": 0.5},
            "lost": {"status": None, "outcome": Outcome.LOST},
            "lost after": {"status": None, "outcome": Outcome.LOST},
            "cut": {"outcome": Outcome.CUT},
            "late": {"status": None, "outcome": Outcome.HUNG_UP, "takes": PATIENCE},
        }
        self.now += TAKES
        # What is lost on the way back was done all the same.
        tells = answer() if fate in {"well", "lost after", "cut", "late"} else None
        told: dict[str, Any] = {"tells": tells} if fate == "well" else {}
        self.client.ask(method, path, query=query, body=body or b"", **answers[fate], **told)
        self.now = self.client.stage.now
        exchange = self.exchanges[before]
        if not exchange.answered:
            self.client.reconnect()
        return exchange, max(1.0, exchange.retry_after or 0.0)
