"""One job, from its order to its end: create it exactly once, follow it, read its whole log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from client.dataset import canonical_json
from client.errors import ClientError, JobCancelled, JobFailed, Unreachable, to_client_error
from client.mantle_client import Checkpoint, Event, Job, MantleClient
from client.retry_policy import (
    FailureStreak,
    PollInterval,
    TransientFailure,
    call_with_retry,
    had_no_effect,
    may_have_taken_effect,
)

# The metadata key by which a job is known again when the answer to its creation was lost.
RUN_TAG_KEY = "rft_run"

# DOCUMENTED: the three hyperparameters AWS shows, with the example's values ("start with 1", 4, 1.0).
DEFAULT_EPOCHS, DEFAULT_BATCH_SIZE, DEFAULT_LR_MULTIPLIER = 1, 4, 1.0
# INFERRED: SAMPLE metrics fit 8 rollouts a prompt, and 300 rows in batches of 4 made 67 steps: a tenth is held out.
ROLLOUTS_PER_PROMPT, HELD_OUT_DIVISOR = 8, 10

# How often the list of jobs is searched for one whose answer was lost, and what lags behind a job's end is looked for.
_JOB_SEARCHES, _MAX_EMPTY_READS = 4, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """What AWS lets a reinforcement run set. `batch_size` counts prompts, not rollouts."""

    n_epochs: int = DEFAULT_EPOCHS
    batch_size: int = DEFAULT_BATCH_SIZE
    learning_rate_multiplier: float = DEFAULT_LR_MULTIPLIER

    def request_fields(self) -> dict[str, int | float]:
        """As they go into the request."""
        return {
            "n_epochs": self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }

    def step_count(self, *, rows: int, has_validation_file: bool) -> int:
        """How many steps a run takes: a last partial batch is dropped; a tenth is held out when not validated."""
        return self.n_epochs * (
            self.training_row_count(rows=rows, has_validation_file=has_validation_file) // self.batch_size
        )

    def training_row_count(self, *, rows: int, has_validation_file: bool) -> int:
        """How many of the rows are trained on."""
        return rows if has_validation_file else rows - rows // HELD_OUT_DIVISOR


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What a job is made of. `content_digest` stands for the contents: it is the same for the same data and reward function."""

    model: str
    training_file: str
    validation_file: str | None
    function_arn: str
    hyperparameters: Hyperparameters
    content_digest: str

    @property
    def run_tag(self) -> str:
        """Names this very order: the contents, and the file that was uploaded for it."""
        return hashlib.sha256(canonical_json([self.content_digest, self.training_file]).encode()).hexdigest()[:32]

    def request_body(self) -> dict[str, Any]:
        """The body of the create call."""
        body: dict[str, Any] = {
            "model": self.model,
            "training_file": self.training_file,
            "metadata": {RUN_TAG_KEY: self.run_tag},
            "method": {
                "type": "reinforcement",
                "reinforcement": {
                    "grader": {"type": "lambda", "lambda": {"function": self.function_arn}},
                    "hyperparameters": self.hyperparameters.request_fields(),
                },
            },
        }
        if self.validation_file is not None:
            body["validation_file"] = self.validation_file
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """What one look at a job showed: the job, events not seen before (oldest first), or why the look failed."""

    job: Job | None = None
    events: tuple[Event, ...] = ()
    failure: TransientFailure | None = None


def create_job(mantle: MantleClient, spec: JobSpec) -> Job:
    """Create the job once, also when an answer is lost on the way.

    The API has no idempotency key, so after a failure that may have taken effect the jobs are searched for ours before
    the request is made again.

    Raises:
        Unreachable: no answer for as long as we were willing to wait.
        openai.APIError: the service refused the order, and no job can exist.
        ClientError: any end after a failure that may have taken effect; it says how to look for the job.
    """
    streak = FailureStreak(retry_policy=mantle.retry_policy, clock=mantle.clock)
    may_exist = False
    while True:
        try:
            return mantle.create_job_once(spec.request_body())
        except Exception as error:  # noqa: BLE001 - _after() raises again whatever waiting does not cure
            may_exist = may_exist or may_have_taken_effect(error)
            try:
                found = _recover_from_failed_create(error, mantle=mantle, order=spec, streak=streak)
            except Exception as final:
                readable = to_client_error(final) if may_exist else None
                if readable is None:
                    raise
                raise _add_tag_hint(readable, spec) from final
            if found is not None:
                return found


def _recover_from_failed_create(
    error: Exception, *, mantle: MantleClient, order: JobSpec, streak: FailureStreak
) -> Job | None:
    """Wait after a failed order; returns the job, where it was made all the same, or None: it may be ordered again."""
    setback = streak.record(error)
    mantle.notify(f"{setback}.")
    if had_no_effect(error):
        mantle.clock.sleep(setback.delay)
        return None
    # A list may lag behind (SAMPLE: the notebook does not trust its statuses), so it is looked at repeatedly.
    for _ in range(_JOB_SEARCHES):
        mantle.clock.sleep(setback.delay)
        found = _find_created_job(mantle, order)
        if found is not None:
            mantle.notify(f"the answer was lost, but the job was made: {found.id}.")
            return found
    return None


def _add_tag_hint(error: ClientError, order: JobSpec) -> ClientError:
    """Say in an error how to find the job that may exist all the same."""
    if _is_connection_refused(error):
        return error
    hint = f"A job may exist all the same: look for {RUN_TAG_KEY} {order.run_tag} with `rft jobs` before trying again."
    error.next_step = f"{error.next_step} {hint}" if error.next_step else hint
    return error


def _find_created_job(mantle: MantleClient, order: JobSpec) -> Job | None:
    for job in mantle.list_jobs():
        # The file was uploaded for this order alone, so it settles the matter where a service drops metadata.
        if (
            job.body.get("training_file") == order.training_file
            and job.metadata.get(RUN_TAG_KEY, order.run_tag) == order.run_tag
        ):
            return job
    return None


def poll_job(mantle: MantleClient, job_id: str, *, poll_interval: PollInterval) -> Iterator[PollResult]:
    """Look at a job until it ends, yielding what each look showed; the last carries the ended job and its last events.

    Raises:
        Unreachable: unbroken failure outlasted our patience; the error names the command that takes the watch up again.
        Refused: the service said no, for example because a key expired.
    """
    seen: set[str] = set()
    streak = FailureStreak(retry_policy=mantle.retry_policy, clock=mantle.clock)
    pause, status = poll_interval.shortest, ""
    while True:
        try:
            # The job first, then its events: what a job logged before it ended is then never missed.
            job = mantle.get_job_once(job_id)
            events = _fetch_new_events(mantle, job_id, known=seen, to_the_end=job.has_ended)
        except Exception as error:  # noqa: BLE001 - setback() raises again whatever waiting does not cure
            setback = _record_failure(streak, error, job_id=job_id)
            yield PollResult(failure=setback)
            mantle.clock.sleep(setback.delay)
            continue
        streak.reset()
        seen.update(event.id for event in events)
        yield PollResult(job=job, events=events)
        if job.has_ended:
            yield from _poll_late_events(
                mantle, job, known=seen, complete=_includes_final_event(job, events), rhythm=poll_interval
            )
            return
        pause = poll_interval.next_delay(pause, has_changes=bool(events) or job.status != status)
        status = job.status
        mantle.clock.sleep(pause)


def _poll_late_events(
    mantle: MantleClient, job: Job, *, known: set[str], complete: bool, rhythm: PollInterval
) -> Iterator[PollResult]:
    """Look on at the events of an ended job: nobody promises that they are listed as soon as the job has ended.

    It is enough when the events tell of the end and a look has brought no more, or when several looks in a row have
    brought nothing: nobody promises that an event is as late as the end, either.
    """
    pause, quiet = rhythm.shortest, 0
    while quiet < _MAX_EMPTY_READS:
        mantle.clock.sleep(pause)
        events = call_with_retry(
            lambda: _fetch_new_events(mantle, job.id, known=known, to_the_end=True),
            retry_policy=mantle.retry_policy,
            clock=mantle.clock,
            notify=mantle.notify,
        )
        if events:
            known.update(event.id for event in events)
            yield PollResult(job=job, events=events)
        elif complete:
            return
        quiet = 0 if events else quiet + 1
        complete = complete or _includes_final_event(job, events)
        pause = rhythm.next_delay(pause, has_changes=bool(events))


def _includes_final_event(job: Job, events: Sequence[Event]) -> bool:
    """Whether one of these events is as late as the job's end (OPENAI: `finished_at`)."""
    finished_at = job.body.get("finished_at")
    return isinstance(finished_at, int) and any(event.created_at >= finished_at for event in events)


def wait_for_final_checkpoints(
    mantle: MantleClient, job_id: str, *, last_step: int, poll_interval: PollInterval
) -> tuple[Checkpoint, ...]:
    """The checkpoints of a job that has succeeded, by step; they may be listed later than the event that tells of them.

    SAMPLE: the last step has one, so it is waited for; not for long, because nobody promises that either.
    """
    checkpoints, pause = mantle.list_checkpoints(job_id), poll_interval.shortest
    for _ in range(_MAX_EMPTY_READS):
        if any(checkpoint.step >= last_step for checkpoint in checkpoints):
            break
        mantle.clock.sleep(pause)
        checkpoints, pause = mantle.list_checkpoints(job_id), poll_interval.next_delay(pause, has_changes=False)
    return checkpoints


def _record_failure(streak: FailureStreak, error: Exception, *, job_id: str) -> TransientFailure:
    try:
        return streak.record(error)
    except Exception as final:
        readable = to_client_error(final)
        if readable is None:
            raise
        if not _is_connection_refused(readable) and getattr(error, "status_code", None) != _NOT_FOUND:
            readable.next_step = (
                f"{readable.next_step or ''} The job goes on without us; watch it again: rft watch {job_id}".strip()
            )
        raise readable from final


def _is_connection_refused(error: ClientError) -> bool:
    """Whether nobody listens, and is to be started first: then there is no job either."""
    return isinstance(error, Unreachable) and error.next_step is not None


_NOT_FOUND = 404


def list_all_events(mantle: MantleClient, job_id: str) -> tuple[Event, ...]:
    """Every event of a job, oldest first, through all pages."""
    return call_with_retry(
        lambda: _fetch_new_events(mantle, job_id, known=frozenset(), to_the_end=True),
        retry_policy=mantle.retry_policy,
        clock=mantle.clock,
        notify=mantle.notify,
    )


def require_success(job: Job, *, ephemeral: bool = False) -> None:
    """Turn an end other than `succeeded` into its error; `ephemeral` says that nobody can look at the job afterwards.

    Raises:
        JobFailed: with the job's own error.
        JobCancelled: somebody cancelled it.
    """
    if job.status == "cancelled":
        raise JobCancelled(f"The job {job.id} was cancelled.")
    if job.status == "failed":
        error = job.body.get("error") or {}
        name = job.function_arn.rpartition(":function:")[2]
        param = f" (param: {error['param']})" if error.get("param") else ""
        look = f"Its whole log: rft events {job.id}" + (f"   The function's: rft logs {name}" if name else "")
        if ephemeral:
            look = "The simulator ends with this command. To look at the logs, keep one: rft-sim serve says how."
        raise JobFailed(f"The job {job.id} failed: {error.get('code')}: {error.get('message')}{param}", next_step=look)


def _fetch_new_events(
    mantle: MantleClient, job_id: str, *, known: AbstractSet[str], to_the_end: bool
) -> tuple[Event, ...]:
    """The events that are not `known`, oldest first.

    OPENAI lists newest first and AWS does not say (contract Q6), so the pages are put in order whichever way they come.
    Newest first, paging stops at the first event already known, unless `to_the_end`.
    """
    fresh: dict[str, Event] = {}
    after: str | None = None
    ascending = False
    while True:
        page = mantle.list_events_once(job_id, after=after)
        ascending = ascending or _is_ascending(page.events)
        fresh |= {event.id: event for event in page.events if event.id not in known}
        # The last test is for a server that ignores `after`, which would keep us here for ever.
        if not page.events or not page.has_more or page.events[-1].id == after:
            break
        if not (ascending or to_the_end) and any(event.id in known for event in page.events):
            break
        after = page.events[-1].id
    in_order = list(fresh.values()) if ascending else list(reversed(fresh.values()))
    return tuple(sorted(in_order, key=lambda event: event.created_at))


def _is_ascending(events: Sequence[Event]) -> bool:
    if not events:
        return False
    if events[0].created_at != events[-1].created_at:
        return events[0].created_at < events[-1].created_at
    # Within one second the steps still tell.
    steps = [event.step for event in events if event.step is not None]
    return len(steps) > 1 and steps[0] < steps[-1]
