"""What a user does to the clock and to the paces. Every call returns once the jobs have reacted to it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from simulator.clock import CallerClock
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job, Status
from simulator.jobs.pace import ClockControlError, PaceRegistry
from simulator.jobs.run_target import RunTarget
from simulator.settings import Pace

# A shorter advance cannot expire a signature (SigV4 allows five minutes) or a session (15 minutes at least).
_MIN_EXPIRING_SECONDS: Final = 300
_POLL_INTERVAL: Final = 0.02  # real seconds

_STATUS_ORDER: Final = list(Status)
_SELF_RUNNING_PACES: Final = (Pace.INSTANT, Pace.FINISHED, Pace.REALTIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStatus:
    """The state of the clock and of the unfinished jobs. `now` is in seconds since the Unix epoch."""

    now: int
    frozen: bool
    pace: Pace
    speed: float
    jobs: tuple["JobPaceStatus", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPaceStatus:
    """A job and its pace. `next_at` is the simulated time that it waits for; `speed` is None except at `realtime`."""

    job: Job
    pace: Pace
    speed: float | None
    next_at: int | None


class ClockControl:
    """Controls the clock and the paces of one simulator."""

    def __init__(
        self,
        *,
        engine: Engine,
        paces: PaceRegistry,
        caller_clock: CallerClock,
        keys_expire: bool,
        sleep: Callable[[float], None],
    ) -> None:
        """Connect the parts.

        Args:
            engine: has the jobs.
            paces: has the clock and the paces.
            caller_clock: decides when keys and signatures expire.
            keys_expire: whether keys and signatures are checked at all.
            sleep: waits for real seconds.
        """
        self._engine = engine
        self._paces = paces
        self._caller_clock = caller_clock
        self._keys_expire = keys_expire
        self._sleep = sleep

    def status(self) -> ClockStatus:
        """Return the state of the clock and of the unfinished jobs."""
        paces = self._paces
        return ClockStatus(
            now=paces.clock.now(),
            frozen=paces.frozen,
            pace=paces.pace,
            speed=paces.speed,
            jobs=tuple(self._job_status(job) for job in self._engine.unfinished_jobs),
        )

    def job_status(self, job_id: str) -> JobPaceStatus | None:
        """Return the state of a job, which may have ended; None if it does not exist."""
        job = self._engine.find_job(job_id)
        return self._job_status(job) if job else None

    def freeze(self) -> None:
        """Stop the clock and all jobs, whatever their pace."""
        self._paces.freeze()
        self._wait_until_idle()

    def thaw(self) -> None:
        """Let the clock and the jobs continue as before the freeze."""
        self._paces.thaw()
        self._engine.scheduler.wake()

    def advance_to(self, time: int) -> None:
        """Move the clock to a simulated time. Every job that waits for the clock advances as far.

        Keys and sessions age by the same duration. A key's date is a whole second, so this may wait for the end of the
        current second: a key that is created afterwards must differ from one that was created before.

        Raises:
            ClockControlError: the time has passed, or is beyond the last time of the clock.
        """
        self._paces.advance_to(time)
        self._wait_until_advanced()

    def advance_by(self, seconds: int) -> None:
        """Move the clock by a number of simulated seconds, as `advance_to` does."""
        self._paces.advance_by(seconds)
        self._wait_until_advanced()

    def _wait_until_advanced(self) -> None:
        self._engine.scheduler.wake()
        self._wait_until_idle()
        while self._keys_expire and self._caller_clock.ambiguous_seconds() >= _MIN_EXPIRING_SECONDS:
            self._sleep(_POLL_INTERVAL)

    def set_pace(self, pace: Pace | None, *, job_id: str | None = None, speed: float | None = None) -> None:
        """Set the pace and the speed of the simulator or of one job; None keeps the current one.

        At the pace `finished` this waits for the end of the jobs, as their creation does.

        Raises:
            ClockControlError: the job has ended.
        """
        if pace is not None and job_id is not None:
            self._set_job_pace(job_id, pace, speed)
        else:
            self._paces.set_pace(pace, speed)
        self._engine.scheduler.wake()
        self._wait_until_idle(job_id)
        self._engine.wait_until_finished(self._job_ids(job_id))

    def run_to_step(self, job_id: str, step: int) -> bool:
        """Run a job until it has completed a step; return whether it has. See `_run`."""
        return self._run(job_id, RunTarget(is_reached=lambda job: job.step >= step))

    def run_to_status(self, job_id: str, status: Status) -> bool:
        """Run a job until it has a status; return whether it has. A job past that status does not run. See `_run`."""
        job = self._engine.find_job(job_id)
        if job is None or _STATUS_ORDER.index(job.status) > _STATUS_ORDER.index(status):
            return False
        return self._run(job_id, RunTarget(is_reached=lambda job: job.status is status))

    def run_to_time(self, job_id: str, time: int) -> bool:
        """Run a job until its next effect is later than a simulated time; return whether it has. See `_run`."""
        is_reached = self._run(job_id, RunTarget(is_reached=lambda job: job.status.is_terminal, until=time))
        self._paces.move_clock_to(time)
        next_at = self._engine.scheduler.next_at(job_id)
        return is_reached or (next_at is not None and next_at > time)

    def _run(self, job_id: str, target: RunTarget) -> bool:
        """Run a job without delay, also while the clock is frozen. The clock follows it; other jobs do not advance.

        Afterwards the job waits: if it would continue by itself, its pace becomes `manual`.
        """
        if self._paces.pace_of(job_id) in _SELF_RUNNING_PACES and not self._paces.frozen:
            with suppress(ClockControlError):  # the job has ended, so it does not continue
                self._set_job_pace(job_id, Pace.MANUAL)
            self._wait_until_idle(job_id)
        return self._engine.scheduler.run_until(job_id, target)

    def _set_job_pace(self, job_id: str, pace: Pace, speed: float | None = None) -> None:
        self._paces.set_job_pace(job_id, pace, speed)
        job = self._engine.find_job(job_id)
        if job is None or job.status.is_terminal:
            # The job may have ended just now, after which its pace is not removed again.
            self._paces.remove_job(job_id)
            raise ClockControlError(
                f"{job_id} has ended ({job.status if job else 'removed'}), so its pace cannot be set"
            )

    def _job_status(self, job: Job) -> JobPaceStatus:
        return JobPaceStatus(
            job=job,
            pace=self._paces.pace_of(job.id),
            speed=self._paces.speed_of(job.id),
            next_at=self._engine.scheduler.next_at(job.id),
        )

    def _job_ids(self, job_id: str | None) -> list[str]:
        return [job.id for job in self._engine.unfinished_jobs] if job_id is None else [job_id]

    def _wait_until_idle(self, job_id: str | None = None) -> None:
        """Wait until a job, or every job if None, has advanced as far as the clock allows."""
        self._engine.scheduler.wait_until_idle(self._job_ids(job_id))
