"""What each client has seen of each job: the ground that several rules stand on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from simulator.verdict.exchange import ENDS, NOTHING, Evidence, Exchange, Operation, Sight
from simulator.verdict.lru_map import Recent

_SIGHTS: Final = 4_096  # of one client and one job
_JOBS: Final = 16_384
_CLIENTS: Final = 1_024

# A program that pauses for long opens a connection for each look. A person who looks now and then does so as well.
_LOOKS_ON_ONE, _LOOKS_ON_MANY = 2, 5


@dataclass(slots=True, kw_only=True)
class Knowledge:
    """What one client knows of one job, and how it came by it.

    Attributes:
        status: the last that it was shown; `shown` is the request that showed it.
        end: the end that it was told of, by the job or by an event; `told_at` is when.
        looks: how often it retrieved the job; `on_one` as many on one connection, one after the other.
        after_end: looks since the end was told; `after_end_on_one` as many on one connection.
        created_on: the connection on which it made the job, if it did.
        results: the request by which it first listed checkpoints, where no look came after it.
    """

    client: str
    job: str
    status: str
    shown: Exchange
    end: str | None = None
    told_at: float = 0.0
    looks: int = 0
    on_one: int = 0
    after_end: int = 0
    after_end_on_one: int = 0
    created_on: str | None = None
    checkpoints_listed: bool = False
    results: Exchange | None = None
    _connection: str = ""
    _run: int = 0
    _run_after_end: int = 0

    @property
    def watched(self) -> bool:
        """Whether it looked again and again, as one does who waits for the end."""
        return self.on_one >= _LOOKS_ON_ONE or self.looks >= _LOOKS_ON_MANY

    @property
    def evidence(self) -> Evidence:
        """The request that showed the last status, as a report shows it."""
        return self.shown.evidence(self.status)

    def looked(self, exchange: Exchange) -> None:
        """Count a look."""
        is_same = exchange.connection == self._connection
        self._connection = exchange.connection
        self._run = self._run + 1 if is_same else 1
        self.looks += 1
        self.on_one = max(self.on_one, self._run)
        self.results = None
        # One that was under way when the end was told knew nothing of it.
        if self.end and exchange.began >= self.told_at:
            self._run_after_end = self._run_after_end + 1 if is_same else 1
            self.after_end += 1
            self.after_end_on_one = max(self.after_end_on_one, self._run_after_end)

    def shows(self, exchange: Exchange, status: str) -> None:
        """Note the status that was shown."""
        self.status, self.shown = status, exchange
        if status in ENDS:
            self.ended(exchange, status)

    def ended(self, exchange: Exchange, end: str) -> None:
        """Note the end that was told."""
        if self.end is None:
            self.end, self.told_at = end, exchange.ended


class Sights:
    """Folds what every answer showed. Of the jobs on a list only those are noted that the client knows already."""

    def __init__(self) -> None:
        self._known: Recent[tuple[str, str], Knowledge] = Recent(_SIGHTS)
        self._told: Recent[str, str] = Recent(_JOBS)  # the end of a job that somebody was told
        self._latest: Recent[str, Knowledge] = Recent(_CLIENTS)

    def seen(self, exchange: Exchange) -> None:
        """Take in one exchange."""
        shown = replace(exchange, told=NOTHING) if len(exchange.told.jobs) > 1 else exchange  # to be kept
        for sight in exchange.told.jobs:
            if sight.status in ENDS:
                self._told[sight.job] = sight.status
            if exchange.operation is Operation.LIST_JOBS:
                known = self._known.get((exchange.client, sight.job))
            else:
                known = self._described(exchange, sight)
            if known and known.end is None:  # a list may lag behind
                known.shows(shown, sight.status)
        if exchange.told.page and exchange.asked.job:
            self._listed(exchange, exchange.asked.job)

    def _described(self, exchange: Exchange, sight: Sight) -> Knowledge:
        known = self._known.made(
            (exchange.client, sight.job),
            lambda: Knowledge(client=exchange.client, job=sight.job, status=sight.status, shown=exchange),
        )
        if exchange.operation is Operation.RETRIEVE_JOB:
            known.looked(exchange)
        elif exchange.operation is Operation.CREATE_JOB:
            known.created_on = exchange.connection
        self._latest[exchange.client] = known
        return known

    def _listed(self, exchange: Exchange, job: str) -> None:
        if exchange.told.end:
            self._told[job] = exchange.told.end
        known = self._known.get((exchange.client, job))
        if known is None:
            return
        if exchange.told.end:
            known.ended(exchange, exchange.told.end)
        if exchange.operation is Operation.LIST_CHECKPOINTS and not known.checkpoints_listed:
            known.checkpoints_listed = True
            known.results = exchange if exchange.connection == known.created_on else None

    def all(self) -> Iterator[Knowledge]:
        """Yield what is known of each client and job."""
        return self._known.values()

    def knows(self, client: str, job: str) -> bool:
        """Whether a client was shown a job, by more than a list."""
        return (client, job) in self._known

    def latest(self, client: str) -> Knowledge | None:
        """Return what a client knows of the job that it was shown last."""
        return self._latest.get(client)

    def somebody_was_told_the_end(self, job: str) -> bool:
        """Whether any client was."""
        return job in self._told
