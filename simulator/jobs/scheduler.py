"""The threads that jobs move on: who goes, who stands, and what wakes them."""

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import inf
from threading import Condition, RLock, Thread
from typing import Final, Protocol

from simulator.jobs.job import Job
from simulator.jobs.job_run import JobRun
from simulator.jobs.pace import PaceRegistry
from simulator.settings import Pace

_DISK_FULL_RETRY_DELAY: Final = 1.0  # real seconds until what found the disk full is tried again
_MAX_WAIT: Final = 3_600.0  # real seconds; the system cannot wait for as long as a slow clock may take


class JobQueue(Protocol):
    """The line of jobs that wait for a place."""

    closing: bool

    def find_job(self, job_id: str) -> Job | None:
        """Return a job as it is now."""

    def slot_free_at(self, job_id: str) -> int | None:
        """Return since when a job has a place, or None while it must wait."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunTarget:
    """How far a job is told to run: until `is_reached`, and no further than the simulated time `until` if there is one.

    Two of one job are two, however alike they are.
    """

    is_reached: Callable[[Job], bool]
    until: int | None = None

    def is_reached_or_past(self, job: Job) -> bool:
        """Whether a job has come so far."""
        return self.is_reached(job) or (self.until is not None and job.changed_at > self.until)


class Scheduler:
    """Gives the runs of unfinished jobs their turns, each as far as its pace allows.

    A run that cannot go on holds no thread: it stands, and is looked at again when the clock or its pace changes, or
    when a place becomes free. `lock` is held while that is decided, and never while a run has its turn; whoever gives
    it one, a retrieve or a thread of ours, is the only one to do so meanwhile.
    """

    def __init__(self, *, queue: JobQueue, paces: PaceRegistry, slots: int, lock: RLock) -> None:
        self._queue = queue
        self._paces = paces
        self._slots = slots
        self._changed = Condition(lock)
        self._runs: dict[str, JobRun] = {}  # of unfinished jobs, oldest first
        self._advancing: set[str] = set()  # those that are having a turn
        self._targets: dict[str, list[RunTarget]] = {}  # of the jobs that somebody is running; none is an empty list
        # One more than the places: whoever waits in line is validated meanwhile.
        self._threads = ThreadPoolExecutor(slots + 1, thread_name_prefix="job")
        self._ticker: Thread | None = None

    def start(self, run: JobRun) -> None:
        """Take a job's run on."""
        with self._changed:
            self._runs[run.job_id] = run
            self._resume((run,))

    def remove(self, job_id: str) -> None:
        """Forget a job that has ended; the turn that is under way comes to nothing."""
        with self._changed:
            self._runs.pop(job_id, None)
            self._targets.pop(job_id, None)
            self._changed.notify_all()

    def advance(self, job_id: str) -> None:
        """Give a job at `poll` pace one turn, on the caller's thread.

        At other paces nothing happens, nor while another turn of the job is under way.
        """
        with self._changed:
            run = self._runs.get(job_id)
            if (
                run is None
                or run.is_unreplayable
                or job_id in self._advancing
                or self._paces.pace_of(job_id) is not Pace.POLL
            ):
                return
            self._advancing.add(job_id)
        more = run.advance()
        with self._changed:
            self._finish_advance(run, more=more)

    def time_limit(self, job_id: str) -> int | None:
        """Return the simulated time that a job may not go beyond for now, or None; one that has ended goes nowhere."""
        run = self._runs.get(job_id)
        if run is None:
            return 0
        if goals := self._targets.get(job_id):
            furthest = [goal.until for goal in goals if goal.until is not None]
            return max(furthest) if len(furthest) == len(goals) else None
        limit = self._paces.time_limit(job_id)
        # The clock may stand beyond what a user has moved it to: a job ran ahead. Another one is created there.
        return None if limit is None else max(limit, run.created_at)

    def is_blocked(self, job_id: str) -> bool:
        """Whether only somebody outside can move a job on: it waits for the clock, or for a retrieve."""
        with self._changed:
            if job_id in self._advancing or job_id in self._targets:
                return False
            run = self._runs.get(job_id)
            return run is not None and (
                run.is_unreplayable or self._paces.pace_of(job_id) is Pace.POLL or self._is_early(run)
            )

    def next_at(self, job_id: str) -> int | None:
        """Return the simulated time of a job's next move, if it stands before one."""
        run = self._runs.get(job_id)
        return run.next_at if run else None

    def handle_update(self, job: Job) -> None:
        """Take note of what was written to a job's log: a goal may be met, a place may have become free."""
        with self._changed:
            for goal in [goal for goal in self._targets.get(job.id, ()) if goal.is_reached_or_past(job)]:
                self._remove_target(job.id, goal)
            if job.status.is_terminal:
                self.remove(job.id)
            # Only the oldest can have a place.
            self._resume(islice(self._runs.values(), self._slots))
            self._changed.notify_all()

    def wake(self) -> None:
        """Look at every run that stands: the clock has moved, or a pace was changed."""
        with self._changed:
            self._resume(self._runs.values())
            self._start_ticker_if_needed()
            self._changed.notify_all()

    def wait_until_idle(self, job_ids: Collection[str], *, until: float = inf) -> None:
        """Wait until these jobs have come as far as the clock allows now, or beyond the simulated time `until`.

        Nobody is waited for whom the clock does not hold, or whom somebody runs, and no longer than that: a clock that
        runs may have let a job go on by then.
        """
        with self._changed:
            held = {job_id: min(limit, until) for job_id in job_ids if (limit := self.time_limit(job_id)) is not None}
            self._changed.wait_for(
                lambda: self._queue.closing or not any(self._is_behind(job_id, limit) for job_id, limit in held.items())
            )

    def run_until(self, job_id: str, target: RunTarget) -> bool:
        """Let a job run as fast as it can until its goal is met, and wait for that; return whether it is.

        It may end before, or wait in line for a place that nobody is about to leave.
        """
        with self._changed:
            run, job = self._runs.get(job_id), self._queue.find_job(job_id)
            if run is None or job is None or target.is_reached(job):
                return job is not None and target.is_reached(job)
            goals = self._targets.setdefault(job_id, [])
            goals.append(target)
            self._resume((run,))
            self._changed.wait_for(lambda: self._is_over(run, target))
            met = target not in goals
            self._remove_target(job_id, target)
            self._resume(self._runs_waiting_for_slot())
            return met

    def close(self) -> None:
        """Wait for the turns under way; `line` says already that there are no more."""
        with self._changed:
            self._changed.notify_all()
            ticker = self._ticker
        self._threads.shutdown(wait=True, cancel_futures=True)
        if ticker:
            ticker.join()

    def _resume(self, runs: Iterable[JobRun]) -> None:
        for run in list(runs):
            if run.job_id not in self._advancing and self._can_advance(run) and not self._queue.closing:
                self._advancing.add(run.job_id)
                self._threads.submit(self._advance_until_blocked, run)

    def _runs_waiting_for_slot(self) -> list[JobRun]:
        """Return the jobs that wait in line and may have got a place: only the oldest ones can have any."""
        return [run for run in islice(self._runs.values(), self._slots) if run.is_waiting_for_slot]

    def _can_advance(self, run: JobRun) -> bool:
        if run.is_unreplayable or (self._paces.pace_of(run.job_id) is Pace.POLL and run.job_id not in self._targets):
            return False
        return not self._is_early(run) and not (
            run.is_waiting_for_slot and self._queue.slot_free_at(run.job_id) is None
        )

    def _is_early(self, run: JobRun) -> bool:
        limit, at = self.time_limit(run.job_id), run.next_at
        return limit is not None and at is not None and at > limit

    def _advance_until_blocked(self, run: JobRun) -> None:
        """Take turns until none is left, or until the run stands."""
        while True:
            more = run.advance()
            with self._changed:
                if not more or self._queue.closing or run.is_disk_full or not self._can_advance(run):
                    self._finish_advance(run, more=more)
                    return

    def _finish_advance(self, run: JobRun, *, more: bool) -> None:
        """Let a run stand after its turn, and go on whoever waited for that: a goal of its own, or a job in line."""
        self._advancing.discard(run.job_id)
        if not more and self._runs.get(run.job_id) is run:
            self.remove(run.job_id)
        self._resume(
            [*self._runs_waiting_for_slot(), *((run,) if run.job_id in self._targets and not run.is_disk_full else ())]
        )
        self._start_ticker_if_needed()
        self._changed.notify_all()

    def _is_behind(self, job_id: str, due: float) -> bool:
        """Whether a job has yet to come to where the clock held it at the time `due`, and is about to."""
        if job_id not in self._advancing or job_id not in self._runs or job_id in self._targets:
            return False
        limit, job = self.time_limit(job_id), self._queue.find_job(job_id)
        return limit is not None and job is not None and not due < job.changed_at <= limit

    def _is_over(self, run: JobRun, target: RunTarget) -> bool:
        """Whether a goal is met, and the job stands unless somebody else runs it on; or whether it cannot be met."""
        goals = self._targets.get(run.job_id, ())
        if self._queue.closing or run.job_id not in self._runs:
            return True
        if run.job_id in self._advancing:
            return bool(goals) and target not in goals
        return (
            target not in goals or run.is_disk_full or run.is_unreplayable or self._is_early(run) or self._is_stuck(run)
        )

    def _is_stuck(self, run: JobRun) -> bool:
        """Whether a job waits in line for a place that nobody is about to leave."""
        return run.is_waiting_for_slot and not self._advancing

    def _remove_target(self, job_id: str, target: RunTarget) -> None:
        goals = self._targets.get(job_id, [])
        if target in goals:
            goals.remove(target)
        if not goals:
            self._targets.pop(job_id, None)

    # Time that passes by itself.

    def _start_ticker_if_needed(self) -> None:
        if self._ticker is None and not self._queue.closing and self._next_tick_delay() is not None:
            self._ticker = Thread(target=self._tick, name="clock")
            self._ticker.start()

    def _tick(self) -> None:
        """Wake what waits for a clock that runs, when it has come so far; end when nothing does."""
        with self._changed:
            while not self._queue.closing and (pause := self._next_tick_delay()) is not None:
                self._changed.wait(min(pause, _MAX_WAIT))
                self._resume(self._runs.values())
            self._ticker = None

    def _next_tick_delay(self) -> float | None:
        """Return the real seconds until something that stands can go by itself; None: nothing ever can."""
        waits = [
            _DISK_FULL_RETRY_DELAY if run.is_disk_full else self._paces.seconds_until(run.job_id, run.next_at)
            for run in self._runs.values()
            if run.job_id not in self._advancing
            and run.next_at is not None
            and (run.is_disk_full or self._waits_for_clock(run))
        ]
        return min((wait for wait in waits if wait is not None), default=None)

    def _waits_for_clock(self, run: JobRun) -> bool:
        return self._paces.pace_of(run.job_id) is Pace.REALTIME and not self._paces.frozen and self._is_early(run)
