"""The threads that jobs move on: who goes, who stands, and what wakes them."""

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import inf
from threading import Condition, RLock, Thread
from typing import Final, Protocol

from simulator.jobs.job import Job
from simulator.jobs.job_run import Run
from simulator.jobs.pace import Paces
from simulator.settings import Pace

_AGAIN: Final = 1.0  # real seconds until what found the disk full is tried again
_LONGEST_PAUSE: Final = 3_600.0  # real seconds; the system cannot wait for as long as a slow clock may take


class Line(Protocol):
    """The line of jobs that wait for a place."""

    closing: bool

    def job(self, job_id: str) -> Job | None:
        """Return a job as it is now."""

    def place(self, job_id: str) -> int | None:
        """Return since when a job has a place, or None while it must wait."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Goal:
    """How far a job is told to run: until `met`, and no further than the simulated time `until` if there is one.

    Two of one job are two, however alike they are.
    """

    met: Callable[[Job], bool]
    until: int | None = None

    def is_passed(self, job: Job) -> bool:
        """Whether a job has come so far."""
        return self.met(job) or (self.until is not None and job.changed_at > self.until)


class Driver:
    """Gives the runs of unfinished jobs their turns, each as far as its pace allows.

    A run that cannot go on holds no thread: it stands, and is looked at again when the clock or its pace changes, or
    when a place becomes free. `lock` is held while that is decided, and never while a run has its turn; whoever gives
    it one, a retrieve or a thread of ours, is the only one to do so meanwhile.
    """

    def __init__(self, *, line: Line, paces: Paces, places: int, lock: RLock) -> None:
        self._line = line
        self._paces = paces
        self._places = places
        self._changed = Condition(lock)
        self._runs: dict[str, Run] = {}  # of unfinished jobs, oldest first
        self._moving: set[str] = set()  # those that are having a turn
        self._goals: dict[str, list[Goal]] = {}  # of the jobs that somebody is running; none is an empty list
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
        """Give a job at `poll` pace one turn, on the caller's thread.

        At other paces nothing happens, nor while another turn of the job is under way.
        """
        with self._changed:
            run = self._runs.get(job_id)
            if run is None or run.lost or job_id in self._moving or self._paces.of(job_id) is not Pace.POLL:
                return
            self._moving.add(job_id)
        more = run.turn()
        with self._changed:
            self._moved(run, more=more)

    def limit(self, job_id: str) -> int | None:
        """Return the simulated time that a job may not go beyond for now, or None; one that has ended goes nowhere."""
        run = self._runs.get(job_id)
        if run is None:
            return 0
        if goals := self._goals.get(job_id):
            furthest = [goal.until for goal in goals if goal.until is not None]
            return max(furthest) if len(furthest) == len(goals) else None
        limit = self._paces.limit(job_id)
        # The clock may stand beyond what a user has moved it to: a job ran ahead. Another one is created there.
        return None if limit is None else max(limit, run.created_at)

    def stands(self, job_id: str) -> bool:
        """Whether only somebody outside can move a job on: it waits for the clock, or for a retrieve."""
        with self._changed:
            if job_id in self._moving or job_id in self._goals:
                return False
            run = self._runs.get(job_id)
            return run is not None and (run.lost or self._paces.of(job_id) is Pace.POLL or self._is_early(run))

    def next_at(self, job_id: str) -> int | None:
        """Return the simulated time of a job's next move, if it stands before one."""
        run = self._runs.get(job_id)
        return run.next_at if run else None

    def noted(self, job: Job) -> None:
        """Take note of what was written to a job's log: a goal may be met, a place may have become free."""
        with self._changed:
            for goal in [goal for goal in self._goals.get(job.id, ()) if goal.is_passed(job)]:
                self._give_up(job.id, goal)
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

    def settle(self, job_ids: Collection[str], *, by: float = inf) -> None:
        """Wait until these jobs have come as far as the clock allows now, or beyond the simulated time `by`.

        Nobody is waited for whom the clock does not hold, or whom somebody runs, and no longer than that: a clock that
        runs may have let a job go on by then.
        """
        with self._changed:
            held = {job_id: min(limit, by) for job_id in job_ids if (limit := self.limit(job_id)) is not None}
            self._changed.wait_for(
                lambda: self._line.closing or not any(self._lags(job_id, limit) for job_id, limit in held.items())
            )

    def run_until(self, job_id: str, goal: Goal) -> bool:
        """Let a job run as fast as it can until its goal is met, and wait for that; return whether it is.

        It may end before, or wait in line for a place that nobody is about to leave.
        """
        with self._changed:
            run, job = self._runs.get(job_id), self._line.job(job_id)
            if run is None or job is None or goal.met(job):
                return job is not None and goal.met(job)
            goals = self._goals.setdefault(job_id, [])
            goals.append(goal)
            self._let_go((run,))
            self._changed.wait_for(lambda: self._is_over(run, goal))
            met = goal not in goals
            self._give_up(job_id, goal)
            self._let_go(self._line_up())
            return met

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

    def _line_up(self) -> list[Run]:
        """Return the jobs that wait in line and may have got a place: only the oldest ones can have any."""
        return [run for run in islice(self._runs.values(), self._places) if run.in_line]

    def _can_go(self, run: Run) -> bool:
        if run.lost or (self._paces.of(run.job_id) is Pace.POLL and run.job_id not in self._goals):
            return False
        return not self._is_early(run) and not (run.in_line and self._line.place(run.job_id) is None)

    def _is_early(self, run: Run) -> bool:
        limit, at = self.limit(run.job_id), run.next_at
        return limit is not None and at is not None and at > limit

    def _drive(self, run: Run) -> None:
        """Take turns until none is left, or until the run stands."""
        while True:
            more = run.turn()
            with self._changed:
                if not more or self._line.closing or run.full or not self._can_go(run):
                    self._moved(run, more=more)
                    return

    def _moved(self, run: Run, *, more: bool) -> None:
        """Let a run stand after its turn, and go on whoever waited for that: a goal of its own, or a job in line."""
        self._moving.discard(run.job_id)
        if not more and self._runs.get(run.job_id) is run:
            self.drop(run.job_id)
        self._let_go([*self._line_up(), *((run,) if run.job_id in self._goals and not run.full else ())])
        self._tick_if_need_be()
        self._changed.notify_all()

    def _lags(self, job_id: str, due: float) -> bool:
        """Whether a job has yet to come to where the clock held it at the time `due`, and is about to."""
        if job_id not in self._moving or job_id not in self._runs or job_id in self._goals:
            return False
        limit, job = self.limit(job_id), self._line.job(job_id)
        return limit is not None and job is not None and not due < job.changed_at <= limit

    def _is_over(self, run: Run, goal: Goal) -> bool:
        """Whether a goal is met, and the job stands unless somebody else runs it on; or whether it cannot be met."""
        goals = self._goals.get(run.job_id, ())
        if self._line.closing or run.job_id not in self._runs:
            return True
        if run.job_id in self._moving:
            return bool(goals) and goal not in goals
        return goal not in goals or run.full or run.lost or self._is_early(run) or self._is_stuck(run)

    def _is_stuck(self, run: Run) -> bool:
        """Whether a job waits in line for a place that nobody is about to leave."""
        return run.in_line and not self._moving

    def _give_up(self, job_id: str, goal: Goal) -> None:
        goals = self._goals.get(job_id, [])
        if goal in goals:
            goals.remove(goal)
        if not goals:
            self._goals.pop(job_id, None)

    # Time that passes by itself.

    def _tick_if_need_be(self) -> None:
        if self._ticker is None and not self._line.closing and self._tick_after() is not None:
            self._ticker = Thread(target=self._tick, name="clock")
            self._ticker.start()

    def _tick(self) -> None:
        """Wake what waits for a clock that runs, when it has come so far; end when nothing does."""
        with self._changed:
            while not self._line.closing and (pause := self._tick_after()) is not None:
                self._changed.wait(min(pause, _LONGEST_PAUSE))
                self._let_go(self._runs.values())
            self._ticker = None

    def _tick_after(self) -> float | None:
        """Return the real seconds until something that stands can go by itself; None: nothing ever can."""
        waits = [
            _AGAIN if run.full else self._paces.wait_until(run.job_id, run.next_at)
            for run in self._runs.values()
            if run.job_id not in self._moving and run.next_at is not None and (run.full or self._goes_by_clock(run))
        ]
        return min((wait for wait in waits if wait is not None), default=None)

    def _goes_by_clock(self, run: Run) -> bool:
        return self._paces.of(run.job_id) is Pace.REALTIME and not self._paces.frozen and self._is_early(run)
