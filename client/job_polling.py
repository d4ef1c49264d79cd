"""Read a job until it ends, and its whole log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from client.errors import ClientError, Unreachable, to_client_error
from client.mantle_client import MantleClient
from client.mantle_types import Checkpoint, Event, Job
from client.poll_interval import PollInterval
from client.retry_policy import FailureStreak, TransientFailure, call_with_retry

# After this many reads in a row without news, the client stops waiting for a late event or checkpoint.
_MAX_EMPTY_READS = 3
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """One read of a job: the job and its new events (oldest first), or why the read failed."""

    job: Job | None = None
    events: tuple[Event, ...] = ()
    failure: TransientFailure | None = None


def poll_job(mantle: MantleClient, job_id: str, *, poll_interval: PollInterval) -> Iterator[PollResult]:
    """Read a job repeatedly until it ends. The last result holds the ended job and its last events.

    Raises:
        Unreachable: reads failed for longer than the retry policy allows; the next step is `rft watch`.
        ServiceError: the service refused, for example because a key expired.
    """
    known_ids: set[str] = set()
    streak = FailureStreak(retry_policy=mantle.retry_policy, clock=mantle.clock)
    delay, status = poll_interval.shortest, ""
    while True:
        try:
            # Read the job before its events, so that no event from before the job's end is missed.
            job = mantle.get_job_once(job_id)
            events = _fetch_new_events(mantle, job_id, known_ids=known_ids, read_all=job.has_ended)
        except Exception as error:  # noqa: BLE001 - record() raises what a retry cannot cure
            failure = _record_failure(streak, error, job_id=job_id)
            yield PollResult(failure=failure)
            mantle.clock.sleep(failure.delay)
            continue
        streak.reset()
        known_ids.update(event.id for event in events)
        yield PollResult(job=job, events=events)
        if job.has_ended:
            yield from _poll_late_events(
                mantle,
                job,
                known_ids=known_ids,
                has_final_event=_includes_final_event(job, events),
                poll_interval=poll_interval,
            )
            return
        delay = poll_interval.next_delay(delay, has_changes=bool(events) or job.status != status)
        status = job.status
        mantle.clock.sleep(delay)


def _poll_late_events(
    mantle: MantleClient, job: Job, *, known_ids: set[str], has_final_event: bool, poll_interval: PollInterval
) -> Iterator[PollResult]:
    """Read the events of an ended job until they are complete, because the list of events can lag behind the job.

    If an event is as late as the end of the job, one read without news is enough. Otherwise several are needed, because
    the API does not promise an event that late.
    """
    delay, empty_reads = poll_interval.shortest, 0
    while empty_reads < _MAX_EMPTY_READS:
        mantle.clock.sleep(delay)
        events = call_with_retry(
            lambda: _fetch_new_events(mantle, job.id, known_ids=known_ids, read_all=True),
            retry_policy=mantle.retry_policy,
            clock=mantle.clock,
            notify=mantle.notify,
        )
        if events:
            known_ids.update(event.id for event in events)
            yield PollResult(job=job, events=events)
        elif has_final_event:
            return
        empty_reads = 0 if events else empty_reads + 1
        has_final_event = has_final_event or _includes_final_event(job, events)
        delay = poll_interval.next_delay(delay, has_changes=bool(events))


def _includes_final_event(job: Job, events: Sequence[Event]) -> bool:
    """True if one of the events is as late as the end of the job (OPENAI: `finished_at`)."""
    finished_at = job.body.get("finished_at")
    return isinstance(finished_at, int) and any(event.created_at >= finished_at for event in events)


def wait_for_final_checkpoints(
    mantle: MantleClient, job_id: str, *, last_step: int, poll_interval: PollInterval
) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of a job that has succeeded, by step. The list can lag behind the events.

    SAMPLE: the last step has a checkpoint. AWS does not promise it, so the client waits for it for a few reads only.
    """
    checkpoints, delay = mantle.list_checkpoints(job_id), poll_interval.shortest
    for _ in range(_MAX_EMPTY_READS):
        if any(checkpoint.step >= last_step for checkpoint in checkpoints):
            break
        mantle.clock.sleep(delay)
        checkpoints, delay = mantle.list_checkpoints(job_id), poll_interval.next_delay(delay, has_changes=False)
    return checkpoints


def list_all_events(mantle: MantleClient, job_id: str) -> tuple[Event, ...]:
    """Return every event of a job from all pages, oldest first."""
    return call_with_retry(
        lambda: _fetch_new_events(mantle, job_id, known_ids=frozenset(), read_all=True),
        retry_policy=mantle.retry_policy,
        clock=mantle.clock,
        notify=mantle.notify,
    )


def is_simulator_missing(error: ClientError) -> bool:
    """True if the port is closed and the error says how to start a simulator: then no job can exist either."""
    return isinstance(error, Unreachable) and error.next_step is not None


def _record_failure(streak: FailureStreak, error: Exception, *, job_id: str) -> TransientFailure:
    try:
        return streak.record(error)
    except Exception as final_error:
        client_error = to_client_error(final_error)
        if client_error is None:
            raise
        if not is_simulator_missing(client_error) and getattr(error, "status_code", None) != _NOT_FOUND:
            client_error.next_step = (
                f"{client_error.next_step or ''} The job continues; watch it again: rft watch {job_id}".strip()
            )
        raise client_error from final_error


def _fetch_new_events(
    mantle: MantleClient, job_id: str, *, known_ids: AbstractSet[str], read_all: bool
) -> tuple[Event, ...]:
    """Return the events that are not known yet, oldest first.

    OPENAI lists the newest first and AWS does not say (contract Q6), so pages may come in either order. With the newest
    first, paging stops at the first known event unless `read_all` is set.
    """
    new_events: dict[str, Event] = {}
    after: str | None = None
    ascending = False
    while True:
        page = mantle.list_events_once(job_id, after=after)
        ascending = ascending or _is_ascending(page.events)
        new_events |= {event.id: event for event in page.events if event.id not in known_ids}
        # The last condition ends the loop if a server ignores `after`.
        if not page.events or not page.has_more or page.events[-1].id == after:
            break
        if not (ascending or read_all) and any(event.id in known_ids for event in page.events):
            break
        after = page.events[-1].id
    in_order = list(new_events.values()) if ascending else list(reversed(new_events.values()))
    return tuple(sorted(in_order, key=lambda event: event.created_at))


def _is_ascending(events: Sequence[Event]) -> bool:
    if not events:
        return False
    if events[0].created_at != events[-1].created_at:
        return events[0].created_at < events[-1].created_at
    # Times have whole seconds; within one second the step numbers decide.
    steps = [event.step for event in events if event.step is not None]
    return len(steps) > 1 and steps[0] < steps[-1]
