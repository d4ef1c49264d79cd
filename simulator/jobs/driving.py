"""The threads that jobs move on: who goes, who stands, and what wakes them."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from threading import Condition, RLock, Thread
from typing import Final, Protocol

from simulator.jobs.job import Job
from simulator.jobs.pacing import Paces
from simulator.jobs.run import Run
from simulator.settings import Pace

_AGAIN: Final = 1.0  # real seconds until what found the disk full is tried again


class Line(Protocol):
    """The line of jobs that wait for a place."""

    closing: bool

    def job(self, job_id: str) -> Job | None:
        """Return a job as it is now."""

    def place(self, job_id: str) -> int | None:
        """Return since when a job has a place, or None while it must wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """How far a job is told to run: until `met`, and no further than the simulated time `until` if there is one."""

    met: Callable[[Job], bool]
    until: int | None = None


class Driver:
    """Gives the runs of unfinished jobs their turns, each as far as its pace allows.

    A run that cannot go on holds no thread: it stands, and is looked at again when the clock or its pace changes, or
    when a place becomes free. `lock` is held while that is decided, and never while a run has its turn.
    """

    def __init__(self, *, line: Line, paces: Paces, places: int, lock: RLock) -> None:
        self._line = line
        self._paces = paces
        self._places = places
        self._changed = Condition(lock)
        self._runs: dict[str, Run] = {}  # of unfinished jobs, oldest first
        self._moving: set[str] = set()  # those that have a thread
        self._goals: dict[str, Goal] = {}
        # One more than the places: whoever waits in line is validated meanwhile.
        self._threads = ThreadPoolExecutor(places + 1, thread_name_prefix="job")
        self._ticker: Thread | None = None

    def start(self, run: Run) -> None:
        """Take a job's run on."""
        with self._changed:
            self._runs[run.job_id] = run
            self._let_go((run,))

    def drop(self, job_id: str) -> None:
        """Forget a job that has ended; the turn that is under way comes to nothing."""
        with self._changed:
            self._runs.pop(job_id, None)
            self._goals.pop(job_id, None)
            self._changed.notify_all()

    def turn(self, job_id: str) -> None:
        """Give a job at `poll` pace one turn, on the caller's thread; at other paces nothing happens."""
        run = self._runs.get(job_id) if self._paces.of(job_id) is Pace.POLL else None
        if run and not run.turn():
            self.drop(job_id)

    def limit(self, job_id: str) -> int | None:
        """Return the simulated time that a job may not go beyond for now, or None."""
        goal = self._goals.get(job_id)
        return goal.until if goal else self._paces.limit(job_id)

    def stands(self, job_id: str) -> bool:
        """Whether only somebody outside can move a job on: it waits for the clock, or for a retrieve."""
        with self._changed:
            if job_id in self._moving or job_id in self._goals:
                return False
            run = self._runs.get(job_id)
            return run is not None and (self._paces.of(job_id) is Pace.POLL or self._is_early(run))

    def next_at(self, job_id: str) -> int | None:
        """Return the simulated time of a job's next move, if it stands before one."""
        run = self._runs.get(job_id)
        return run.next_at if run else None

    def noted(self, job: Job) -> None:
        """Take note of what was written to a job's log: a goal may be met, a place may have become free."""
        with self._changed:
            goal = self._goals.get(job.id)
            if goal and goal.met(job):
                del self._goals[job.id]
            if job.status.ended:
                self.drop(job.id)
            # Only the oldest can have a place.
            self._let_go(islice(self._runs.values(), self._places))
            self._changed.notify_all()

    def wake(self) -> None:
        """Look at every run that stands: the clock has moved, or a pace was changed."""
        with self._changed:
            self._let_go(self._runs.values())
            self._tick_if_need_be()
            self._changed.notify_all()

    def settle(self) -> None:
        """Wait until every job stands that the clock holds."""
        with self._changed:
            self._changed.wait_for(self._is_settled)

    def run_until(self, job_id: str, goal: Goal) -> None:
        """Let a job run as fast as it can until its goal is met, and wait for that.

        It may end before, or wait in line for a place that nobody is about to leave.
        """
        with self._changed:
            run, job = self._runs.get(job_id), self._line.job(job_id)
            if run is None or job is None or goal.met(job):
                return
            self._goals[job_id] = goal
            self._let_go((run,))
            self._changed.wait_for(lambda: self._is_over(run, goal))
            self._goals.pop(job_id, None)

    def close(self) -> None:
        """Wait for the turns under way; `line` says already that there are no more."""
        with self._changed:
            self._changed.notify_all()
            ticker = self._ticker
        self._threads.shutdown(wait=True, cancel_futures=True)
        if ticker:
            ticker.join()

    def _let_go(self, runs: Iterable[Run]) -> None:
        for run in list(runs):
            if run.job_id not in self._moving and self._can_go(run) and not self._line.closing:
                self._moving.add(run.job_id)
                self._threads.submit(self._drive, run)

    def _can_go(self, run: Run) -> bool:
        if self._paces.of(run.job_id) is Pace.POLL and run.job_id not in self._goals:
            return False
        return not self._is_early(run) and not (run.in_line and self._line.place(run.job_id) is None)

    def _is_early(self, run: Run) -> bool:
        limit, at = self.limit(run.job_id), run.next_at
        return limit is not None and at is not None and at > limit

    def _drive(self, run: Run) -> None:
        """Take turns until none is left, or until the run stands."""
        more = True
        while more:
            more = run.turn()
            with self._changed:
                if not more or self._line.closing or run.full or not self._can_go(run):
                    self._moving.discard(run.job_id)
                    if not more:
                        self._runs.pop(run.job_id, None)
                    self._tick_if_need_be()
                    self._changed.notify_all()
                    return

    def _is_settled(self) -> bool:
        held = (job_id for job_id in self._moving if job_id in self._runs and self.limit(job_id) is not None)
        return self._line.closing or not any(held)

    def _is_over(self, run: Run, goal: Goal) -> bool:
        if self._line.closing or self._goals.get(run.job_id) is not goal:
            return True
        if run.job_id in self._moving:
            return False
        return run.full or self._is_early(run) or (run.in_line and not self._moving)

    # Time that passes by itself.

    def _tick_if_need_be(self) -> None:
        if self._ticker is None and not self._line.closing and self._tick_after() is not None:
            self._ticker = Thread(target=self._tick, name="clock")
            self._ticker.start()

    def _tick(self) -> None:
        """Wake what waits for a clock that runs, when it has come so far; end when nothing does."""
        with self._changed:
            while not self._line.closing and (pause := self._tick_after()) is not None:
                self._changed.wait(pause)
                self._let_go(self._runs.values())
            self._ticker = None

    def _tick_after(self) -> float | None:
        """Return the real seconds until something that stands can go by itself; None: nothing ever can."""
        waits = [
            _AGAIN if run.full else self._paces.clock.wait_until(run.next_at)
            for run in self._runs.values()
            if run.job_id not in self._moving and run.next_at is not None and (run.full or self._goes_by_clock(run))
        ]
        return min((wait for wait in waits if wait is not None), default=None)

    def _goes_by_clock(self, run: Run) -> bool:
        return self._paces.of(run.job_id) is Pace.REALTIME and not self._paces.frozen and self._is_early(run)
