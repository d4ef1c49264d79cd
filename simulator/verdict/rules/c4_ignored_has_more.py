"""C4: a page that said that there is more, and the rest never asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulator.verdict.exchange import TERMINAL_STATUSES, Exchange, Operation, Page, RequestEvidence
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Case, CaseList, Rule, ServerState, Severity, VerdictContext
from simulator.wire.pagination import CHECKPOINT_PAGE_LIMITS, EVENT_PAGE_LIMITS, JOB_PAGE_LIMITS

IGNORED_HAS_MORE: Final = Rule(
    id="C4",
    name="ignored has_more",
    question="Does the client go on to the next page when a list says that there is one?",
    detection="A page of events or checkpoints said `has_more`, held nothing that the client had been given before, and "
    "nobody asked for the next with `after`. The job has ended, the client has read its end or has listed more than "
    "once, and what lay behind that page never reached it. A fail where the client gave no `limit`, a warning where it "
    "gave one of at least the usual page. For the list of jobs, a note: no `limit`, `has_more`, no next page, and no "
    "job of the page was used afterwards.",
    impact="A page holds 20 events or 10 checkpoints unless told otherwise, the newest, and a job of 67 steps has about "
    "80 events. The curve that is drawn from one page is its end alone, and nothing says so.",
    remedy="Follow `has_more`, with the last id as `after`. The OpenAI SDK does so where its page is iterated over "
    "(`for event in client.fine_tuning.jobs.list_events(job.id)`), and does not where its `.data` is read.",
    exceptions="Newest first, and to stop at what is known already; a `limit` below the usual page, which asks for an "
    "excerpt; one page of a job that was still at work; a next page that was asked for and not given; a search of the "
    "jobs that ends where it found one.",
)

_LISTINGS: Final = 4_096
_GAPS: Final = 16  # that are remembered of one listing
_USUAL: Final[Mapping[Operation, int]] = {
    Operation.LIST_JOBS: JOB_PAGE_LIMITS.default,
    Operation.LIST_EVENTS: EVENT_PAGE_LIMITS.default,
    Operation.LIST_CHECKPOINTS: CHECKPOINT_PAGE_LIMITS.default,
}


@dataclass(slots=True, kw_only=True)
class _Gap:
    """What lies behind `last`, down to `floor`, which the client had before (None: to the very end).

    `has_next_page_failed`: it was asked for, and not given.
    """

    last: str
    floor: str | None
    page: RequestEvidence
    has_limit: bool
    has_next_page_failed: bool = False


@dataclass(slots=True, kw_only=True)
class _ListingProgress:
    """What one client was given of one listing: how often it began, the newest id, and the gaps."""

    first_page_count: int = 0
    newest: str | None = None
    gaps: list[_Gap] = field(default_factory=list)


class IgnoredHasMoreChecker:
    """Keeps of every listing the places where its reader stopped though there was more."""

    rule = IGNORED_HAS_MORE

    def __init__(self) -> None:
        self._readings: LruMap[tuple[str, Operation, str], _ListingProgress] = LruMap(_LISTINGS)
        self._jobs: LruMap[str, tuple[Page, RequestEvidence]] = LruMap(_LISTINGS)  # a page that was not continued yet

    def observe(self, exchange: Exchange) -> None:
        """Take in a page, or the use of a job that a page held."""
        page, asked = exchange.answer.page, exchange.request
        if page is None and asked.after:
            self._observe_failed_page(exchange, asked.after)
        if exchange.operation is Operation.LIST_JOBS:
            if page and asked.limit is None:
                self._list_jobs(exchange, page)
        elif page and (asked.limit is None or asked.limit >= _USUAL[exchange.operation]):
            reading = self._readings.get_or_create(
                (exchange.client, exchange.operation, asked.job_id or ""), _ListingProgress
            )
            _continue(reading, exchange, page)
            if asked.after is None:
                _begin(reading, exchange, page)
        if asked.job_id and self._jobs and (left := self._jobs.get(exchange.client)) and asked.job_id in left[0].ids:
            self._jobs.pop(exchange.client)

    def _observe_failed_page(self, exchange: Exchange, after: str) -> None:
        """Take in that the next page was asked for and not given: whoever stops then has not ignored that there is one.

        That one page of a listing was not given closes no gap elsewhere in it.
        """
        if exchange.operation is Operation.LIST_JOBS:
            left = self._jobs.get(exchange.client)
            if left and left[0].ids[-1] == after:
                self._jobs.pop(exchange.client)
        elif reading := self._readings.get((exchange.client, exchange.operation, exchange.request.job_id or "")):
            for gap in reading.gaps:
                gap.has_next_page_failed = gap.has_next_page_failed or gap.last == after

    def _list_jobs(self, exchange: Exchange, page: Page) -> None:
        if page.has_more and page.ids:
            self._jobs[exchange.client] = page, exchange.evidence("has_more")
        else:
            self._jobs.pop(exchange.client)

    def cases(self, context: VerdictContext) -> CaseList:
        """Return the listings that were left in the middle, once nobody will go on with them any more."""
        if not context.is_final or context.was_interrupted:
            return CaseList()
        return CaseList([*self._left(context.server_state), *self._jobs_left()])

    def _left(self, truth: ServerState) -> Iterator[Case]:
        for (client, operation, job), reading in self._readings.items():
            gaps = [gap for gap in reading.gaps if not gap.has_next_page_failed]
            if not gaps or truth.job_status(job) not in TERMINAL_STATUSES:
                continue
            is_events = operation is Operation.LIST_EVENTS
            listed = truth.event_ids(job) if is_events else truth.checkpoint_ids(job)
            missed = {name for gap in gaps for name in _behind(gap, listed)}
            if missed and (reading.first_page_count > 1 or reading.newest == listed[0]):
                noun = "events" if is_events else "checkpoints"
                yield Case(
                    severity=Severity.WARN if all(gap.has_limit for gap in gaps) else Severity.FAIL,
                    client=client,
                    what=f"was never given {len(missed)} of the {len(listed)} {noun} of job {job}",
                    requests=tuple(gap.page for gap in gaps[:2]),
                )

    def _jobs_left(self) -> Iterator[Case]:
        for client, (page, evidence) in self._jobs.items():
            what = f"was given {len(page.ids)} jobs, used none of them, and did not ask for more"
            yield Case(severity=Severity.NOTE, client=client, what=what, requests=(evidence,))


def _continue(reading: _ListingProgress, exchange: Exchange, page: Page) -> None:
    """Move each gap that the page begins in, or reaches into, to the page's end; close those that it fills."""
    open_gaps = []
    for gap in reading.gaps:
        if gap.last == exchange.request.after or gap.last in page.ids:
            if not page.ids or not page.has_more or gap.floor in page.ids:
                continue
            gap.last, gap.has_next_page_failed = page.ids[-1], False
        open_gaps.append(gap)
    reading.gaps = open_gaps


def _begin(reading: _ListingProgress, exchange: Exchange, page: Page) -> None:
    """Take in a first page: whoever finds what it knows there may stop."""
    reading.first_page_count += 1
    if not page.ids:
        return
    knows = reading.newest in page.ids or any(gap.last == page.ids[-1] for gap in reading.gaps)
    if page.has_more and not knows and len(reading.gaps) < _GAPS:
        evidence = exchange.evidence(f"{len(page.ids)} and has_more")
        is_limited = exchange.request.limit is not None
        reading.gaps.append(_Gap(last=page.ids[-1], floor=reading.newest, page=evidence, has_limit=is_limited))
    reading.newest = page.ids[0]


def _behind(gap: _Gap, listed: Sequence[str]) -> Sequence[str]:
    if gap.last not in listed:
        return ()
    end = listed.index(gap.floor) if gap.floor in listed else len(listed)
    return listed[listed.index(gap.last) + 1 : end]
