"""One job, from its order to its end: create it exactly once, follow it, read its whole log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from client.dataset import canonical
from client.errors import ClientError, JobCancelled, JobFailed, Unreachable, translated
from client.mantle_client import Checkpoint, Event, Job, Mantle
from client.retry_policy import Rhythm, Setback, Streak, may_be_done, persist, surely_undone

# The metadata key by which a job is known again when the answer to its creation was lost.
TAG = "rft_run"

# DOCUMENTED: the three hyperparameters AWS shows, with the example's values ("start with 1", 4, 1.0).
DEFAULT_EPOCHS, DEFAULT_BATCH_SIZE, DEFAULT_LR_MULTIPLIER = 1, 4, 1.0
# INFERRED: SAMPLE metrics fit 8 rollouts a prompt, and 300 rows in batches of 4 made 67 steps: a tenth is held out.
ROLLOUTS_PER_PROMPT, HELD_OUT_ONE_IN = 8, 10

# How often the list of jobs is searched for one whose answer was lost, and what lags behind a job's end is looked for.
_LOOKS, _LATE_LOOKS = 4, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """What AWS lets a reinforcement run set. `batch_size` counts prompts, not rollouts."""

    n_epochs: int = DEFAULT_EPOCHS
    batch_size: int = DEFAULT_BATCH_SIZE
    learning_rate_multiplier: float = DEFAULT_LR_MULTIPLIER

    def body(self) -> dict[str, int | float]:
        """As they go into the request."""
        return {
            "n_epochs": self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }

    def steps(self, *, rows: int, validated: bool) -> int:
        """How many steps a run takes: a last partial batch is dropped; a tenth is held out when not validated."""
        return self.n_epochs * (self.trained(rows=rows, validated=validated) // self.batch_size)

    def trained(self, *, rows: int, validated: bool) -> int:
        """How many of the rows are trained on."""
        return rows if validated else rows - rows // HELD_OUT_ONE_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a job is made of. `digest` stands for the contents: it is the same for the same data and reward function."""

    model: str
    training_file: str
    validation_file: str | None
    function_arn: str
    hyperparameters: Hyperparameters
    digest: str

    @property
    def tag(self) -> str:
        """Names this very order: the contents, and the file that was uploaded for it."""
        return hashlib.sha256(canonical([self.digest, self.training_file]).encode()).hexdigest()[:32]

    def request(self) -> dict[str, Any]:
        """The body of the create call."""
        body: dict[str, Any] = {
            "model": self.model,
            "training_file": self.training_file,
            "metadata": {TAG: self.tag},
            "method": {
                "type": "reinforcement",
                "reinforcement": {
                    "grader": {"type": "lambda", "lambda": {"function": self.function_arn}},
                    "hyperparameters": self.hyperparameters.body(),
                },
            },
        }
        if self.validation_file is not None:
            body["validation_file"] = self.validation_file
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What one look at a job showed: the job, events not seen before (oldest first), or why the look failed."""

    job: Job | None = None
    events: tuple[Event, ...] = ()
    setback: Setback | None = None


def create(mantle: Mantle, order: Order) -> Job:
    """Create the job once, also when an answer is lost on the way.

    The API has no idempotency key, so after a failure that may have taken effect the jobs are searched for ours before
    the request is made again.

    Raises:
        Unreachable: no answer for as long as we were willing to wait.
        openai.APIError: the service refused the order, and no job can exist.
        ClientError: any end after a failure that may have taken effect; it says how to look for the job.
    """
    streak = Streak(patience=mantle.patience, stopwatch=mantle.stopwatch)
    may_exist = False
    while True:
        try:
            return mantle.create_job_once(order.request())
        except Exception as error:  # noqa: BLE001 - _after() raises again whatever waiting does not cure
            may_exist = may_exist or may_be_done(error)
            try:
                found = _after(error, mantle=mantle, order=order, streak=streak)
            except Exception as final:
                readable = translated(final) if may_exist else None
                if readable is None:
                    raise
                raise _with_the_tag(readable, order) from final
            if found is not None:
                return found


def _after(error: Exception, *, mantle: Mantle, order: Order, streak: Streak) -> Job | None:
    """Wait after a failed order; returns the job, where it was made all the same, or None: it may be ordered again."""
    setback = streak.setback(error)
    mantle.say(f"{setback}.")
    if surely_undone(error):
        mantle.stopwatch.sleep(setback.pause)
        return None
    # A list may lag behind (SAMPLE: the notebook does not trust its statuses), so it is looked at repeatedly.
    for _ in range(_LOOKS):
        mantle.stopwatch.sleep(setback.pause)
        found = _found(mantle, order)
        if found is not None:
            mantle.say(f"the answer was lost, but the job was made: {found.id}.")
            return found
    return None


def _with_the_tag(error: ClientError, order: Order) -> ClientError:
    """Say in an error how to find the job that may exist all the same."""
    if _is_silent(error):
        return error
    hint = f"A job may exist all the same: look for {TAG} {order.tag} with `rft jobs` before trying again."
    error.next_step = f"{error.next_step} {hint}" if error.next_step else hint
    return error


def _found(mantle: Mantle, order: Order) -> Job | None:
    for job in mantle.jobs():
        # The file was uploaded for this order alone, so it settles the matter where a service drops metadata.
        if job.body.get("training_file") == order.training_file and job.metadata.get(TAG, order.tag) == order.tag:
            return job
    return None


def follow(mantle: Mantle, job_id: str, *, rhythm: Rhythm) -> Iterator[Update]:
    """Look at a job until it ends, yielding what each look showed; the last carries the ended job and its last events.

    Raises:
        Unreachable: unbroken failure outlasted our patience; the error names the command that takes the watch up again.
        Refused: the service said no, for example because a key expired.
    """
    seen: set[str] = set()
    streak = Streak(patience=mantle.patience, stopwatch=mantle.stopwatch)
    pause, status = rhythm.first, ""
    while True:
        try:
            # The job first, then its events: what a job logged before it ended is then never missed.
            job = mantle.job_once(job_id)
            events = _unseen(mantle, job_id, known=seen, to_the_end=job.ended)
        except Exception as error:  # noqa: BLE001 - setback() raises again whatever waiting does not cure
            setback = _setback(streak, error, job_id=job_id)
            yield Update(setback=setback)
            mantle.stopwatch.sleep(setback.pause)
            continue
        streak.broken()
        seen.update(event.id for event in events)
        yield Update(job=job, events=events)
        if job.ended:
            yield from _latecomers(mantle, job, known=seen, complete=_tells_of_the_end(job, events), rhythm=rhythm)
            return
        pause = rhythm.after(pause, news=bool(events) or job.status != status)
        status = job.status
        mantle.stopwatch.sleep(pause)


def _latecomers(mantle: Mantle, job: Job, *, known: set[str], complete: bool, rhythm: Rhythm) -> Iterator[Update]:
    """Look on at the events of an ended job: nobody promises that they are listed as soon as the job has ended.

    It is enough when the events tell of the end and a look has brought no more, or when several looks in a row have
    brought nothing: nobody promises that an event is as late as the end, either.
    """
    pause, quiet = rhythm.first, 0
    while quiet < _LATE_LOOKS:
        mantle.stopwatch.sleep(pause)
        events = persist(
            lambda: _unseen(mantle, job.id, known=known, to_the_end=True),
            patience=mantle.patience,
            stopwatch=mantle.stopwatch,
            say=mantle.say,
        )
        if events:
            known.update(event.id for event in events)
            yield Update(job=job, events=events)
        elif complete:
            return
        quiet = 0 if events else quiet + 1
        complete = complete or _tells_of_the_end(job, events)
        pause = rhythm.after(pause, news=bool(events))


def _tells_of_the_end(job: Job, events: Sequence[Event]) -> bool:
    """Whether one of these events is as late as the job's end (OPENAI: `finished_at`)."""
    finished_at = job.body.get("finished_at")
    return isinstance(finished_at, int) and any(event.created_at >= finished_at for event in events)


def final_checkpoints(mantle: Mantle, job_id: str, *, last_step: int, rhythm: Rhythm) -> tuple[Checkpoint, ...]:
    """The checkpoints of a job that has succeeded, by step; they may be listed later than the event that tells of them.

    SAMPLE: the last step has one, so it is waited for; not for long, because nobody promises that either.
    """
    checkpoints, pause = mantle.checkpoints(job_id), rhythm.first
    for _ in range(_LATE_LOOKS):
        if any(checkpoint.step >= last_step for checkpoint in checkpoints):
            break
        mantle.stopwatch.sleep(pause)
        checkpoints, pause = mantle.checkpoints(job_id), rhythm.after(pause, news=False)
    return checkpoints


def _setback(streak: Streak, error: Exception, *, job_id: str) -> Setback:
    try:
        return streak.setback(error)
    except Exception as final:
        readable = translated(final)
        if readable is None:
            raise
        if not _is_silent(readable) and getattr(error, "status_code", None) != _NOT_FOUND:
            readable.next_step = (
                f"{readable.next_step or ''} The job goes on without us; watch it again: rft watch {job_id}".strip()
            )
        raise readable from final


def _is_silent(error: ClientError) -> bool:
    """Whether nobody listens, and is to be started first: then there is no job either."""
    return isinstance(error, Unreachable) and error.next_step is not None


_NOT_FOUND = 404


def all_events(mantle: Mantle, job_id: str) -> tuple[Event, ...]:
    """Every event of a job, oldest first, through all pages."""
    return persist(
        lambda: _unseen(mantle, job_id, known=frozenset(), to_the_end=True),
        patience=mantle.patience,
        stopwatch=mantle.stopwatch,
        say=mantle.say,
    )


def require_success(job: Job, *, passing: bool = False) -> None:
    """Turn an end other than `succeeded` into its error; `passing` says that nobody can look at the job afterwards.

    Raises:
        JobFailed: with the job's own error.
        JobCancelled: somebody cancelled it.
    """
    if job.status == "cancelled":
        raise JobCancelled(f"The job {job.id} was cancelled.")
    if job.status == "failed":
        error = job.body.get("error") or {}
        name = job.function.rpartition(":function:")[2]
        param = f" (param: {error['param']})" if error.get("param") else ""
        look = f"Its whole log: rft events {job.id}" + (f"   The function's: rft logs {name}" if name else "")
        if passing:
            look = "The simulator ends with this command. To look at the logs, keep one: rft-sim serve says how."
        raise JobFailed(f"The job {job.id} failed: {error.get('code')}: {error.get('message')}{param}", next_step=look)


def _unseen(mantle: Mantle, job_id: str, *, known: AbstractSet[str], to_the_end: bool) -> tuple[Event, ...]:
    """The events that are not `known`, oldest first.

    OPENAI lists newest first and AWS does not say (contract Q6), so the pages are put in order whichever way they come.
    Newest first, paging stops at the first event already known, unless `to_the_end`.
    """
    fresh: dict[str, Event] = {}
    after: str | None = None
    ascending = False
    while True:
        page = mantle.events_once(job_id, after=after)
        ascending = ascending or _ascending(page.events)
        fresh |= {event.id: event for event in page.events if event.id not in known}
        # The last test is for a server that ignores `after`, which would keep us here for ever.
        if not page.events or not page.has_more or page.events[-1].id == after:
            break
        if not (ascending or to_the_end) and any(event.id in known for event in page.events):
            break
        after = page.events[-1].id
    in_order = list(fresh.values()) if ascending else list(reversed(fresh.values()))
    return tuple(sorted(in_order, key=lambda event: event.created_at))


def _ascending(events: Sequence[Event]) -> bool:
    if not events:
        return False
    if events[0].created_at != events[-1].created_at:
        return events[0].created_at < events[-1].created_at
    # Within one second the steps still tell.
    steps = [event.step for event in events if event.step is not None]
    return len(steps) > 1 and steps[0] < steps[-1]
