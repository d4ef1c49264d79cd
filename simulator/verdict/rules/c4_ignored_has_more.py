"""C4: the client reads one page of a list with more pages, and never requests the rest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulator.verdict.case import Case, CaseList, Severity
from simulator.verdict.checker import ServerState, VerdictContext
from simulator.verdict.exchange import TERMINAL_STATUSES, Exchange, Operation, Page, RequestEvidence
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Rule
from simulator.wire.pagination import CHECKPOINT_PAGE_LIMITS, EVENT_PAGE_LIMITS, JOB_PAGE_LIMITS

IGNORED_HAS_MORE: Final = Rule(
    id="C4",
    name="ignored has_more",
    question="Does the client request the next page when a list has more?",
    detection="In a page of events or checkpoints, `has_more` is true and no element is one that the client received "
    "before, and the client never requests the next page with `after`. The job has ended, the client has read the "
    "final status or has listed more than once, and the client never received the elements after that page. Fail: the "
    "client set no `limit`. Warning: it set a `limit` that is at least the default. Note: the client listed jobs "
    "without a `limit`, and `has_more` is true in the page. The client then neither requested the next page nor used a "
    "job of this page.",
    impact="Without a `limit` a page has the newest 20 events or 10 checkpoints. A job of 67 steps has about 80 "
    "events. A curve drawn from one page shows only its end, without an error.",
    remedy="While `has_more` is true, request the next page with the last id as `after`. The OpenAI SDK does so if "
    "you iterate over the page (`for event in client.fine_tuning.jobs.list_events(job.id)`), and not if you read its "
    "`.data`.",
    exceptions="A client that reads the newest elements first and stops at a known one. A `limit` below the default: "
    "the client then wants only a part of the list. One page of a job that is still running. A next page that was "
    "requested but not received. A search of the jobs that ends when it finds one.",
)

_MAX_LISTINGS: Final = 4_096
_MAX_GAPS: Final = 16  # in each listing
_DEFAULT_PAGE_SIZES: Final[Mapping[Operation, int]] = {
    Operation.LIST_JOBS: JOB_PAGE_LIMITS.default,
    Operation.LIST_EVENTS: EVENT_PAGE_LIMITS.default,
    Operation.LIST_CHECKPOINTS: CHECKPOINT_PAGE_LIMITS.default,
}


@dataclass(slots=True, kw_only=True)
class _Gap:
    """The elements of a list between two that the client received.

    Attributes:
        after_id: the id after which the gap starts.
        end_id: the id at which it ends; None if it reaches to the oldest element.
        page: the page that ended at `after_id`.
        has_limit: the client requested that page with a `limit`.
        has_next_page_failed: the client requested the next page, and received no answer or an error.
    """

    after_id: str
    end_id: str | None
    page: RequestEvidence
    has_limit: bool
    has_next_page_failed: bool = False


@dataclass(slots=True, kw_only=True)
class _ListingProgress:
    """What one client received of one list: how many first pages, the newest id, and the gaps."""

    first_page_count: int = 0
    newest: str | None = None
    gaps: list[_Gap] = field(default_factory=list)

    def continue_gaps(self, exchange: Exchange, page: Page) -> None:
        """Close each gap that the page fills, and shorten each gap that it fills in part."""
        open_gaps = []
        for gap in self.gaps:
            if gap.after_id == exchange.request.after or gap.after_id in page.ids:
                if not page.ids or not page.has_more or gap.end_id in page.ids:
                    continue
                gap.after_id, gap.has_next_page_failed = page.ids[-1], False
            open_gaps.append(gap)
        self.gaps = open_gaps

    def start(self, exchange: Exchange, page: Page) -> None:
        """Process a first page. A gap starts after it, unless it contains a known element."""
        self.first_page_count += 1
        if not page.ids:
            return
        has_known = self.newest in page.ids or any(gap.after_id == page.ids[-1] for gap in self.gaps)
        if page.has_more and not has_known and len(self.gaps) < _MAX_GAPS:
            evidence = exchange.evidence(f"{len(page.ids)} and has_more")
            has_limit = exchange.request.limit is not None
            self.gaps.append(_Gap(after_id=page.ids[-1], end_id=self.newest, page=evidence, has_limit=has_limit))
        self.newest = page.ids[0]


class IgnoredHasMoreChecker:
    """Tracks the gaps that each client leaves in each list."""

    rule = IGNORED_HAS_MORE

    def __init__(self) -> None:
        self._listings: LruMap[tuple[str, Operation, str], _ListingProgress] = LruMap(_MAX_LISTINGS)
        # By client: a page of jobs that it has neither continued nor used.
        self._unused_job_pages: LruMap[str, tuple[Page, RequestEvidence]] = LruMap(_MAX_LISTINGS)

    def observe(self, exchange: Exchange) -> None:
        """Process a page, or the use of a job from a page."""
        page, request = exchange.answer.page, exchange.request
        if page is None and request.after:
            self._observe_failed_page(exchange, request.after)
        if exchange.operation is Operation.LIST_JOBS:
            if page and request.limit is None:
                self._observe_job_page(exchange, page)
        elif page and (request.limit is None or request.limit >= _DEFAULT_PAGE_SIZES[exchange.operation]):
            key = exchange.client, exchange.operation, request.job_id or ""
            listing = self._listings.get_or_create(key, _ListingProgress)
            listing.continue_gaps(exchange, page)
            if request.after is None:
                listing.start(exchange, page)
        if request.job_id and self._unused_job_pages:
            unused_page = self._unused_job_pages.get(exchange.client)
            if unused_page and request.job_id in unused_page[0].ids:
                self._unused_job_pages.pop(exchange.client)

    def _observe_failed_page(self, exchange: Exchange, after: str) -> None:
        """Note that a next page was requested and not received: a client that stops then has not ignored it.

        This concerns only the gap at that page.
        """
        if exchange.operation is Operation.LIST_JOBS:
            unused_page = self._unused_job_pages.get(exchange.client)
            if unused_page and unused_page[0].ids[-1] == after:
                self._unused_job_pages.pop(exchange.client)
        elif listing := self._listings.get((exchange.client, exchange.operation, exchange.request.job_id or "")):
            for gap in listing.gaps:
                gap.has_next_page_failed = gap.has_next_page_failed or gap.after_id == after

    def _observe_job_page(self, exchange: Exchange, page: Page) -> None:
        if page.has_more and page.ids:
            self._unused_job_pages[exchange.client] = page, exchange.evidence("has_more")
        else:
            self._unused_job_pages.pop(exchange.client)

    def cases(self, context: VerdictContext) -> CaseList:
        """Return the incomplete lists, once the clients are done."""
        if not context.is_final or context.was_interrupted:
            return CaseList()
        return CaseList([*self._incomplete_listings(context.server_state), *self._unused_pages()])

    def _incomplete_listings(self, server_state: ServerState) -> Iterator[Case]:
        for (client, operation, job_id), listing in self._listings.items():
            gaps = [gap for gap in listing.gaps if not gap.has_next_page_failed]
            if not gaps or server_state.job_status(job_id) not in TERMINAL_STATUSES:
                continue
            is_events = operation is Operation.LIST_EVENTS
            all_ids = server_state.event_ids(job_id) if is_events else server_state.checkpoint_ids(job_id)
            missed_ids = {element_id for gap in gaps for element_id in _ids_in_gap(gap, all_ids)}
            if missed_ids and (listing.first_page_count > 1 or listing.newest == all_ids[0]):
                noun = "events" if is_events else "checkpoints"
                yield Case(
                    severity=Severity.WARN if all(gap.has_limit for gap in gaps) else Severity.FAIL,
                    client=client,
                    what=f"never received {len(missed_ids)} of the {len(all_ids)} {noun} of job {job_id}",
                    requests=tuple(gap.page for gap in gaps[:2]),
                )

    def _unused_pages(self) -> Iterator[Case]:
        for client, (page, evidence) in self._unused_job_pages.items():
            what = f"received {len(page.ids)} jobs, used none of them, and did not request more"
            yield Case(severity=Severity.NOTE, client=client, what=what, requests=(evidence,))


def _ids_in_gap(gap: _Gap, all_ids: Sequence[str]) -> Sequence[str]:
    if gap.after_id not in all_ids:
        return ()
    end = all_ids.index(gap.end_id) if gap.end_id in all_ids else len(all_ids)
    return all_ids[all_ids.index(gap.after_id) + 1 : end]
