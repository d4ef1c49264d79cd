"""Decide which jobs advance and on which thread, and wake the jobs that wait."""

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from math import inf
from threading import Condition, RLock
from typing import Final, Protocol

from simulator.jobs.job import Job
from simulator.jobs.job_run import JobRun
from simulator.jobs.pace import PaceRegistry
from simulator.jobs.run_target import RunTarget, RunTargets
from simulator.jobs.ticker import Ticker
from simulator.settings import Pace

_DISK_FULL_RETRY_DELAY: Final = 1.0  # real seconds


class JobQueue(Protocol):
    """The jobs that have a slot or wait for one. `closing` is true once the simulator shuts down."""

    closing: bool

    def find_job(self, job_id: str) -> Job | None:
        """Return a job's current state."""

    def slot_free_at(self, job_id: str) -> int | None:
        """Return the simulated time from which the job has a slot, or None while it must wait in the queue."""


class Scheduler:
    """Advances the runs of unfinished jobs, each as far as its pace allows.

    A run that cannot advance holds no thread. The scheduler checks it again when the clock or its pace changes and
    when a slot becomes free. `lock` is held for every decision and never while a run advances. Only one thread
    advances a run at a time: one of the scheduler's own, or the one of a retrieve.
    """

    def __init__(self, *, queue: JobQueue, paces: PaceRegistry, slots: int, lock: RLock) -> None:
        self._queue = queue
        self._paces = paces
        self._slots = slots
        self._changed = Condition(lock)
        self._runs: dict[str, JobRun] = {}  # of unfinished jobs, oldest first
        self._advancing: set[str] = set()  # ids of the jobs whose runs advance right now
        self._targets = RunTargets()
        # One thread more than slots: it validates the files of the jobs in the queue.
        self._threads = ThreadPoolExecutor(slots + 1, thread_name_prefix="job")
        self._ticker = Ticker(
            self._changed,
            next_delay=self._next_tick_delay,
            resume=lambda: self._resume(self._runs.values()),
            is_closing=lambda: self._queue.closing,
        )

    def start(self, run: JobRun) -> None:
        """Add a job's run."""
        with self._changed:
            self._runs[run.job_id] = run
            self._resume((run,))

    def remove(self, job_id: str) -> None:
        """Remove a job that has ended. If its run advances right now, the result is discarded."""
        with self._changed:
            self._runs.pop(job_id, None)
            self._targets.remove_job(job_id)
            self._changed.notify_all()

    def advance(self, job_id: str) -> None:
        """Advance a job at the pace `poll` once, on the caller's thread.

        Does nothing at another pace, or while another thread advances the job.
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
        can_continue = run.advance()
        with self._changed:
            self._finish_advance(run, can_continue=can_continue)

    def time_limit(self, job_id: str) -> int | None:
        """Return the simulated time beyond which a job may not advance now; None: no limit. 0 if the job has ended."""
        run = self._runs.get(job_id)
        if run is None:
            return 0
        if job_id in self._targets:
            return self._targets.time_limit(job_id)
        limit = self._paces.time_limit(job_id)
        # A job that ran ahead can have moved the clock beyond the limit. A job that is created then starts there.
        return None if limit is None else max(limit, run.created_at)

    def is_blocked(self, job_id: str) -> bool:
        """Return whether only a user can advance a job: it waits for the clock or for a retrieve."""
        with self._changed:
            if job_id in self._advancing or job_id in self._targets:
                return False
            run = self._runs.get(job_id)
            return run is not None and (
                run.is_unreplayable or self._paces.pace_of(job_id) is Pace.POLL or self._is_early(run)
            )

    def next_at(self, job_id: str) -> int | None:
        """Return the simulated time of the effect that a job waits for, or None if it does not wait."""
        run = self._runs.get(job_id)
        return run.next_at if run else None

    def handle_update(self, job: Job) -> None:
        """React to a new entry in a job's log: it may have reached a target or freed a slot."""
        with self._changed:
            self._targets.update(job)
            if job.status.is_terminal:
                self.remove(job.id)
            # Only the oldest jobs can have a slot.
            self._resume(islice(self._runs.values(), self._slots))
            self._changed.notify_all()

    def wake(self) -> None:
        """Check every waiting run again, because the clock or a pace has changed."""
        with self._changed:
            self._resume(self._runs.values())
            self._ticker.start_if_needed()
            self._changed.notify_all()

    def wait_until_idle(self, job_ids: Collection[str], *, until: float = inf) -> None:
        """Wait until these jobs have advanced as far as the clock allows now, or past the simulated time `until`.

        Ignores jobs that the clock does not limit and jobs with a run target. A running clock may allow a job to
        advance further meanwhile; this is not waited for.
        """
        with self._changed:
            limits = {job_id: min(limit, until) for job_id in job_ids if (limit := self.time_limit(job_id)) is not None}
            self._changed.wait_for(
                lambda: (
                    self._queue.closing or not any(self._is_behind(job_id, limit) for job_id, limit in limits.items())
                )
            )

    def wait_until_ended(self, job_ids: Collection[str], *, timeout: float) -> None:
        """Wait until these jobs have ended or cannot advance by themselves, at most `timeout` real seconds."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._queue.closing or not any(self._is_progressing(job_id) for job_id in job_ids), timeout
            )

    def run_until(self, job_id: str, target: RunTarget) -> bool:
        """Run a job without delay until it reaches a target; return whether it has.

        Returns False if the job ends first, or if it waits for a slot that no running job can free.
        """
        with self._changed:
            run, job = self._runs.get(job_id), self._queue.find_job(job_id)
            if run is None or job is None or target.is_reached(job):
                return job is not None and target.is_reached(job)
            self._targets.add(job_id, target)
            self._resume((run,))
            self._changed.wait_for(lambda: self._is_settled(run, target))
            is_reached = self._targets.close(job_id, target)
            self._resume(self._runs_waiting_for_slot())
            return is_reached

    def close(self) -> None:
        """Wait for the runs that advance right now. `JobQueue.closing` must already be true."""
        with self._changed:
            self._changed.notify_all()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._ticker.join()

    def _resume(self, runs: Iterable[JobRun]) -> None:
        for run in list(runs):
            if run.job_id not in self._advancing and self._can_advance(run) and not self._queue.closing:
                self._advancing.add(run.job_id)
                self._threads.submit(self._advance_until_blocked, run)

    def _runs_waiting_for_slot(self) -> list[JobRun]:
        """Return the jobs in the queue that may have a slot now: only the oldest jobs can."""
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
        while True:
            can_continue = run.advance()
            with self._changed:
                if not can_continue or self._queue.closing or run.is_disk_full or not self._can_advance(run):
                    self._finish_advance(run, can_continue=can_continue)
                    return

    def _finish_advance(self, run: JobRun, *, can_continue: bool) -> None:
        """Mark a run as not advancing and resume what waited for that: a run with a target, or a job in the queue."""
        self._advancing.discard(run.job_id)
        if not can_continue and self._runs.get(run.job_id) is run:
            self.remove(run.job_id)
        has_target = run.job_id in self._targets and not run.is_disk_full
        self._resume([*self._runs_waiting_for_slot(), *((run,) if has_target else ())])
        self._ticker.start_if_needed()
        self._changed.notify_all()

    def _is_behind(self, job_id: str, due: float) -> bool:
        """Return whether a job advances right now and has not yet reached the simulated time `due`."""
        if job_id not in self._advancing or job_id not in self._runs or job_id in self._targets:
            return False
        limit, job = self.time_limit(job_id), self._queue.find_job(job_id)
        return limit is not None and job is not None and not due < job.changed_at <= limit

    def _is_progressing(self, job_id: str) -> bool:
        """Return whether an unfinished job advances, or waits for a slot while another job advances."""
        run = self._runs.get(job_id)
        if run is None:
            return False
        return job_id in self._advancing or (run.is_waiting_for_slot and not self._is_stuck(run))

    def _is_settled(self, run: JobRun, target: RunTarget) -> bool:
        """Return whether a run has reached its target and stopped, or cannot reach it."""
        is_open = self._targets.is_open(run.job_id, target)
        if self._queue.closing or run.job_id not in self._runs:
            return True
        if run.job_id in self._advancing:
            return not is_open and run.job_id in self._targets
        return not is_open or run.is_disk_full or run.is_unreplayable or self._is_early(run) or self._is_stuck(run)

    def _is_stuck(self, run: JobRun) -> bool:
        """Return whether a job waits for a slot and no job advances that could free one."""
        return run.is_waiting_for_slot and not self._advancing

    def _next_tick_delay(self) -> float | None:
        """Return the real seconds until a waiting run can advance by itself; None if no run can."""
        delays = [
            _DISK_FULL_RETRY_DELAY if run.is_disk_full else self._paces.seconds_until(run.job_id, run.next_at)
            for run in self._runs.values()
            if run.job_id not in self._advancing
            and run.next_at is not None
            and (run.is_disk_full or self._waits_for_clock(run))
        ]
        return min((delay for delay in delays if delay is not None), default=None)

    def _waits_for_clock(self, run: JobRun) -> bool:
        return self._paces.pace_of(run.job_id) is Pace.REALTIME and not self._paces.frozen and self._is_early(run)
