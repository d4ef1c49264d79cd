"""The pace of each job, which limits how far it may advance, and the clock that follows from it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

from simulator.clock import CallerClock, Clock, format_time
from simulator.jobs.pace_state import PaceState, decode_pace_state, encode_pace_state
from simulator.settings import MAX_EPOCH_SECONDS, Pace
from simulator.store.clock_state import ClockStateStore


class ClockControlError(Exception):
    """The clock or a pace cannot be changed as requested. Nothing has changed."""


class PaceRegistry:
    """The paces of one simulator and its clock. The data folder keeps what a user changes.

    The simulator's clock follows the job that is furthest ahead. So that this job does not speed up the others, each
    job at the pace `realtime` has its own clock. That clock starts at the simulator's time and runs at the job's speed,
    or at the simulator's speed if the job has none.
    """

    def __init__(
        self,
        *,
        states: ClockStateStore,
        pace: Pace,
        speed: float,
        epoch: int,
        latest_time: int,
        wall_clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """Load the stored state, or start with a new one.

        Args:
            states: stores the state.
            pace: the simulator's pace until a user sets another.
            speed: the simulator's speed until a user sets another.
            epoch: the time at which the clock starts, in seconds since the Unix epoch.
            latest_time: the latest simulated time in the data folder; 0 if it is empty.
            wall_clock: returns this machine's time in seconds since the Unix epoch.
            monotonic: returns this machine's monotonic time in seconds.
        """
        self._states = states
        self._lock = Lock()
        self._defaults = (Pace(pace), speed)
        stored_state = states.get()
        self._state = decode_pace_state(stored_state) if stored_state else PaceState(reached=latest_time or epoch)
        # If only the user moves the clock, it continues after a restart at the same time.
        held_at = latest_time if self._state.frozen or self.pace is Pace.MANUAL else 0
        self._monotonic = monotonic
        self.clock = self._new_clock(held_at or max(epoch, latest_time))
        self._clocks: Mapping[str, Clock] = {}  # of the jobs at `realtime`, by job id; replaced as a whole
        self.caller_clock = CallerClock(wall_clock=wall_clock, advances=self._state.lapses)
        self._apply_speeds()

    @property
    def pace(self) -> Pace:
        """The simulator's pace."""
        return self._state.pace or self._defaults[0]

    @property
    def speed(self) -> float:
        """The simulator's speed: simulated seconds per real second at the pace `realtime`."""
        return self._state.speed or self._defaults[1]

    @property
    def frozen(self) -> bool:
        """Whether the clock and all jobs are stopped."""
        return self._state.frozen

    def pace_of(self, job_id: str) -> Pace:
        """Return the pace of a job."""
        return self._state.own.get(job_id, self.pace)

    def speed_of(self, job_id: str) -> float | None:
        """Return a job's simulated seconds per real second, or None if its pace is not `realtime`."""
        return self._state.speeds.get(job_id, self.speed) if self.pace_of(job_id) is Pace.REALTIME else None

    def time_limit(self, job_id: str) -> int | None:
        """Return the simulated time beyond which a job may not advance; None: no limit, the clock follows the job."""
        state, pace = self._state, self.pace_of(job_id)
        if pace is Pace.REALTIME:
            return self._clock_of(job_id).now()
        if pace is Pace.MANUAL or (state.frozen and state.held is None):
            return state.reached
        return state.held if state.frozen else None

    def seconds_until(self, job_id: str, time: int) -> float | None:
        """Return the real seconds until a job at the pace `realtime` reaches a simulated time; None: it never does."""
        return self._clock_of(job_id).seconds_until(time)

    def freeze(self) -> None:
        """Stop the clock and all jobs."""
        with self._lock:
            # `reached` stays as it is, so that a job at the pace `manual` does not advance.
            self._change(frozen=True, held=self.clock.now())

    def thaw(self) -> None:
        """Let the clock and all jobs continue at their paces."""
        with self._lock:
            self._change(frozen=False)

    def advance_to(self, time: int) -> None:
        """Move the clock to a simulated time, and age keys and sessions by the same duration.

        Raises:
            ClockControlError: the time has passed, or is beyond the last time of the clock.
            StoreFullError: the disk is full; nothing has changed.
        """
        with self._lock:
            now = self.clock.now()
            if time < now:
                raise ClockControlError(f"the clock is at {format_time(now)}, which is later; it cannot move back")
            self._advance(now, time - now)

    def advance_by(self, seconds: int) -> None:
        """Move the clock by a number of seconds, as `advance_to` does."""
        with self._lock:
            self._advance(self.clock.now(), seconds)

    def move_clock_to(self, time: int) -> None:
        """Move the clock to a simulated time without aging keys and sessions."""
        with self._lock:
            self._change(to=time)

    def set_pace(self, pace: Pace | None, speed: float | None = None) -> None:
        """Set the simulator's pace, its speed or both; None keeps the current one."""
        with self._lock:
            changes: dict[str, Any] = {} if pace is None else {"pace": pace, "reached": self.clock.now()}
            self._change(**changes, speed=self._state.speed if speed is None else speed)

    def set_job_pace(self, job_id: str, pace: Pace, speed: float | None = None) -> None:
        """Set a job's own pace and, at the pace `realtime`, its own speed."""
        with self._lock:
            speeds = dict(self._state.speeds)
            if pace is not Pace.REALTIME:
                speeds.pop(job_id, None)
            elif speed is not None:
                speeds[job_id] = speed
            self._change(own={**self._state.own, job_id: pace}, speeds=speeds)

    def remove_job(self, job_id: str) -> None:
        """Forget the pace of a job that has ended.

        This is not stored at once, so that a full disk cannot disturb the end of a job. The next change or the next
        start stores it.
        """
        with self._lock:
            self._clocks = {job: clock for job, clock in self._clocks.items() if job != job_id}
            self._retain(self._state.own.keys() - {job_id})

    def retain_jobs(self, unfinished: Collection[str]) -> None:
        """Forget the paces of all other jobs. Called when the simulator starts."""
        with self._lock:
            self._retain(self._state.own.keys() & set(unfinished))

    def _new_clock(self, epoch: int) -> Clock:
        return Clock(epoch=epoch, monotonic=self._monotonic, max_time=MAX_EPOCH_SECONDS)

    def _clock_of(self, job_id: str) -> Clock:
        clock = self._clocks.get(job_id)
        if clock is None:
            with self._lock:
                clock = self._clocks.get(job_id) or self._new_clock(self.clock.now())
                self._clocks = {**self._clocks, job_id: clock}
                self._apply_speeds()
        return clock

    def _retain(self, job_ids: Collection[str]) -> None:
        state = self._state
        self._state = replace(
            state,
            own={job: pace for job, pace in state.own.items() if job in job_ids},
            speeds={job: speed for job, speed in state.speeds.items() if job in job_ids},
        )
        self._apply_speeds()

    def _advance(self, now: int, seconds: int) -> None:
        # The callers' time is ahead of this machine's time by at most all advances of the clock. So this limit also
        # keeps the callers' time in a year of four digits.
        if now + seconds > MAX_EPOCH_SECONDS:
            raise ClockControlError(
                f"the clock is at {format_time(now)}, and cannot move beyond {format_time(MAX_EPOCH_SECONDS)}"
            )
        advances = self.caller_clock.advances_after(seconds)
        self._change(to=now + seconds, reached=now + seconds, held=now + seconds, lapses=advances)
        self.caller_clock.set_advances(advances)
        for clock in self._clocks.values():
            clock.move_to(now + seconds)

    def _change(self, *, to: int = 0, **changes: Any) -> None:
        """Store changes of the state and then apply them. `to` moves the clock to a simulated time."""
        state = replace(self._state, **changes)
        self._states.put(encode_pace_state(state), at=max(to, self.clock.now()))
        self._state = state  # replaced as a whole, because readers take no lock
        self.clock.move_to(to)
        self._apply_speeds()

    def _apply_speeds(self) -> None:
        """Set the speed of every clock, and drop the clocks of jobs that have left the pace `realtime`."""
        self.clock.set_speed(self.speed if self.pace is Pace.REALTIME and not self.frozen else 0.0)
        self._clocks = {job: clock for job, clock in self._clocks.items() if self.pace_of(job) is Pace.REALTIME}
        for job, clock in self._clocks.items():
            clock.set_speed(0.0 if self.frozen else self._state.speeds.get(job, self.speed))
