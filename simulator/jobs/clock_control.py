"""What a user does to the clock and to the pace of jobs. Each call returns when everything stands as it then should."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from simulator.clock import CallerClock
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job, Status
from simulator.jobs.pace import ClockControlError, PaceRegistry
from simulator.jobs.scheduler import RunTarget
from simulator.settings import Pace

# Less than this that passes at once can end no signature (SigV4's five minutes) and no session (15 minutes).
_MIN_EXPIRING_SECONDS: Final = 300
_POLL_INTERVAL: Final = 0.02

_STATUS_ORDER: Final = list(Status)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStatus:
    """How the clock stands, and where the unfinished jobs stand in it."""

    now: int
    frozen: bool
    pace: Pace
    speed: float
    jobs: tuple["JobPaceStatus", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPaceStatus:
    """A job. `next_at` is the simulated time of its next move, while it waits for it; `speed` is that at `realtime`."""

    job: Job
    pace: Pace
    speed: float | None
    next_at: int | None


class ClockControl:
    """Steers the clock of one simulator."""

    def __init__(
        self,
        *,
        engine: Engine,
        paces: PaceRegistry,
        caller_clock: CallerClock,
        keys_expire: bool,
        sleep: Callable[[float], None],
    ) -> None:
        """Take the wheel. `keys_expire` says whether keys and signatures are looked at; `sleep` takes real seconds."""
        self._engine = engine
        self._paces = paces
        self._callers = caller_clock
        self._keys_age = keys_expire
        self._sleep = sleep

    def status(self) -> ClockStatus:
        """Return how everything stands."""
        paces = self._paces
        return ClockStatus(
            now=paces.clock.now(),
            frozen=paces.frozen,
            pace=paces.pace,
            speed=paces.speed,
            jobs=tuple(self._job_status(job) for job in self._engine.unfinished_jobs),
        )

    def job_status(self, job_id: str) -> JobPaceStatus | None:
        """Return how a job stands, an ended one too; None: there is none."""
        job = self._engine.find_job(job_id)
        return self._job_status(job) if job else None

    def freeze(self) -> None:
        """Stop the clock and all jobs, whatever their pace."""
        self._paces.freeze()
        self._wait_until_idle()

    def thaw(self) -> None:
        """Let the clock and the jobs go on as before they were frozen."""
        self._paces.thaw()
        self._engine.scheduler.wake()

    def advance_to(self, time: int) -> None:
        """Move the clock to a simulated time, and every job that waits for the clock with it.

        For the callers as much time passes: their keys and sessions age. Keys minted afterwards are told from those
        minted before by the second on them, so this may wait for the end of the current one.

        Raises:
            ClockOrderError: that time has passed, or is beyond what the clock tells.
        """
        self._paces.advance_to(time)
        self._wait_until_advanced()

    def advance_by(self, seconds: int) -> None:
        """Do the same for so many simulated seconds from now on."""
        self._paces.advance_by(seconds)
        self._wait_until_advanced()

    def _wait_until_advanced(self) -> None:
        self._engine.scheduler.wake()
        self._wait_until_idle()
        while self._keys_age and self._callers.ambiguous_seconds() >= _MIN_EXPIRING_SECONDS:
            self._sleep(_POLL_INTERVAL)

    def set_pace(self, pace: Pace | None, *, job_id: str | None = None, speed: float | None = None) -> None:
        """Give the simulator, or one job, another pace, and another speed where it goes by `realtime`.

        Raises:
            ClockOrderError: the job has ended.
        """
        if pace is not None and job_id is not None:
            self._set_job_pace(job_id, pace, speed)
        else:
            self._paces.set_pace(pace, speed)
        self._engine.scheduler.wake()
        self._wait_until_idle(job_id)

    def run_to_step(self, job_id: str, step: int) -> bool:
        """Run a job until it has completed a step; return whether it has. See `_run`."""
        return self._run(job_id, RunTarget(is_reached=lambda job: job.step >= step))

    def run_to_status(self, job_id: str, status: Status) -> bool:
        """Run a job until it is in a status, unless it is past that; return whether it is in it. See `_run`."""
        job = self._engine.find_job(job_id)
        if job is None or _STATUS_ORDER.index(job.status) > _STATUS_ORDER.index(status):
            return False
        return self._run(job_id, RunTarget(is_reached=lambda job: job.status is status))

    def run_to_time(self, job_id: str, time: int) -> bool:
        """Run a job until its next move would be later than a simulated time. See `_run`."""
        is_there = self._run(job_id, RunTarget(is_reached=lambda job: job.status.is_terminal, until=time))
        self._paces.move_clock_to(time)
        next_at = self._engine.scheduler.next_at(job_id)
        return is_there or (next_at is not None and next_at > time)

    def _run(self, job_id: str, target: RunTarget) -> bool:
        """Run a job as fast as it can, whatever holds the clock. It leads, and the clock follows it; others stay.

        Afterwards it stands: a job that would run on by itself gets the pace `manual`.
        """
        if self._paces.pace_of(job_id) in {Pace.INSTANT, Pace.REALTIME} and not self._paces.frozen:
            with suppress(ClockControlError):  # it has ended: it stands already
                self._set_job_pace(job_id, Pace.MANUAL)
            self._wait_until_idle(job_id)
        return self._engine.scheduler.run_until(job_id, target)

    def _set_job_pace(self, job_id: str, pace: Pace, speed: float | None = None) -> None:
        self._paces.set_job_pace(job_id, pace, speed)
        job = self._engine.find_job(job_id)
        if job is None or job.status.is_terminal:  # maybe just now: whoever ended it may have forgotten its pace before
            self._paces.remove_job(job_id)
            raise ClockControlError(f"{job_id} has {job.status if job else 'gone'} and goes at no pace any more")

    def _job_status(self, job: Job) -> JobPaceStatus:
        return JobPaceStatus(
            job=job,
            pace=self._paces.pace_of(job.id),
            speed=self._paces.speed_of(job.id),
            next_at=self._engine.scheduler.next_at(job.id),
        )

    def _wait_until_idle(self, job_id: str | None = None) -> None:
        """Wait until a job, or every one, has come as far as the clock allows."""
        self._engine.scheduler.wait_until_idle(
            [job.id for job in self._engine.unfinished_jobs] if job_id is None else [job_id]
        )
