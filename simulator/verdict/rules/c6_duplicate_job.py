"""C6: a job made again after an answer that was lost, without a look whether the first was made."""

from dataclasses import dataclass, field
from typing import Final

from simulator.verdict.exchange import Exchange, Operation, Sight
from simulator.verdict.job_observations import Sights
from simulator.verdict.lru_map import Recent
from simulator.verdict.rule import Case, Cases, Closing, Rule, Severity, Truth

CREATED_TWICE: Final = Rule(
    id="C6",
    name="created twice after a lost answer",
    question="When the answer to a job's creation is lost, does the client look for the job before it tries again?",
    told="A job was asked for again (the same body but for its labels, metadata and suffix) after an answer that never "
    "came, was cut off, or was not waited for, and no list of jobs was asked for in between: a fail. A warning after "
    "an answer of 408 or of 500 and more, which leaves open whether the job was made; where the job was of the same "
    "bytes in a file of another id, which another program may have sent; where a list was asked for and not given; and "
    "where a list was read that showed a job, new to the client, with its training file and metadata.",
    hurts="The job may have been made and be at work. The API has no idempotency key, so the second request makes a "
    "second job, and both are billed. The OpenAI SDK tries a request three times by itself, this one too.",
    remedy="Create with `client.with_options(max_retries=0)`. When no answer comes, page through "
    "`client.fine_tuning.jobs.list()` for a job with your training file (upload it for this job alone, or tag it in "
    "`metadata`), and create again only where there is none.",
    spared="Another try after a 429, which was refused at the door; uploads that are made again, which cost nothing "
    "but space; jobs that differ in anything but their labels; two that are asked for at once.",
)

_ORDERS: Final = 1_024
_LISTED: Final = 1_024  # jobs

_Order = tuple[bytes, tuple[tuple[str, str], ...]]
"""What makes two orders the same: all but labels, and the contents of the files."""


@dataclass(slots=True, kw_only=True)
class _Lost:
    """An order whose answer was lost.

    `tried`: a list of jobs was asked for since. `looked`: it was given. `shown`: one of its jobs has the order's label.
    """

    exchange: Exchange
    tried: bool = False
    looked: bool = False
    shown: str | None = None


@dataclass(slots=True, kw_only=True)
class _Client:
    """What one client asked to be made, and the jobs that lists have shown it."""

    lost: Recent[_Order, _Lost] = field(default_factory=lambda: Recent(_ORDERS))
    listed: Recent[str, bool] = field(default_factory=lambda: Recent(_LISTED))


class CreatedTwice:
    """Remembers the orders whose answers were lost until somebody looks for their jobs."""

    rule = CREATED_TWICE

    def __init__(self, sights: Sights, truth: Truth) -> None:
        self._sights = sights
        self._truth = truth
        self._clients: Recent[str, _Client] = Recent(_ORDERS)
        self._found = Cases()

    def seen(self, exchange: Exchange) -> None:
        """Take in an order, or a list of jobs."""
        if exchange.operation is Operation.CREATE_JOB and exchange.asked.order:
            self._order(self._clients.made(exchange.client, _Client), exchange, exchange.asked.order)
        elif exchange.operation is Operation.LIST_JOBS:
            self._look(self._clients.made(exchange.client, _Client), exchange)

    def _order(self, client: _Client, exchange: Exchange, digest: bytes) -> None:
        if not (exchange.uncertain or client.lost):
            return
        # Read at once: whoever sends its file again may take the first one back.
        files = tuple((place, self._truth.content(file) or file) for place, file in exchange.asked.files)
        order = digest, files
        lost = client.lost.get(order)
        if lost and exchange.began >= lost.exchange.ended:
            self._judge(lost, exchange)
            client.lost.pop(order)
        if exchange.uncertain:
            client.lost[order] = _Lost(exchange=exchange)

    def _look(self, client: _Client, exchange: Exchange) -> None:
        for lost in client.lost.values():
            if exchange.began < lost.exchange.ended:
                continue
            lost.tried = True
            lost.looked = lost.looked or exchange.succeeded
            label = lost.exchange.asked.label
            made = (
                sight.job
                for sight in exchange.told.jobs
                if sight.label == label and not self._knows(client, exchange, sight)
            )
            lost.shown = lost.shown or next(made, None)
        for sight in exchange.told.jobs:
            client.listed[sight.job] = True

    def _knows(self, client: _Client, exchange: Exchange, sight: Sight) -> bool:
        return sight.job in client.listed or self._sights.knows(exchange.client, sight.job)

    def _judge(self, lost: _Lost, again: Exchange) -> None:
        first = lost.exchange
        if lost.shown:
            severity, what = Severity.WARN, f"made a job again that the list had shown: {lost.shown}"
        elif lost.looked:
            return
        elif lost.tried:
            severity, what = Severity.WARN, "asked for the same job again though no look told whether it had been made"
        else:
            is_sure = not first.answered and first.asked.files == again.asked.files
            severity = Severity.FAIL if is_sure else Severity.WARN
            what = "asked for the same job again without a look whether it had been made"
        self._found.add(
            Case(severity=severity, client=again.client, what=what, requests=(first.evidence(), again.evidence()))
        )

    def cases(self, _closing: Closing) -> Cases:
        """Return the orders that were made again."""
        return self._found
