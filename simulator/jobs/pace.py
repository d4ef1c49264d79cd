"""Who moves a job on, and how far: the paces, the freeze, and what a user did to the clock."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Final

from pydantic import TypeAdapter

from simulator.clock import CallerClock, Clock, Lapse, format_time
from simulator.settings import MAX_EPOCH_SECONDS, Pace
from simulator.store.clock_state import ClockStateStore


class ClockControlError(Exception):
    """The clock was told what it cannot do; it is as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceState:
    """How a user left the clock.

    Attributes:
        reached: the simulated time up to which a user has moved the clock: whatever waits for that goes no further.
        frozen: nothing moves, whatever its pace, but for what is told to.
        held: where it was frozen: what leads the clock otherwise goes no further than that. None is `reached`.
        pace: the simulator's; None is the one that it was started with.
        speed: simulated seconds in a real one, where jobs go by `realtime`; None is the one it was started with.
        own: the jobs that have a pace of their own.
        speeds: those of them that go by `realtime` at a speed of their own.
        lapses: the time that was made to pass for the callers.
    """

    reached: int
    frozen: bool = False
    held: int | None = None
    pace: Pace | None = None
    speed: float | None = None
    own: Mapping[str, Pace] = field(default_factory=dict)
    speeds: Mapping[str, float] = field(default_factory=dict)
    lapses: tuple[Lapse, ...] = ()


_PACE_STATE: Final = TypeAdapter(PaceState)


class PaceRegistry:
    """The paces of one simulator and the clock that obeys them; what a user changes is kept until the next start.

    The clock follows whichever job is ahead. So that none of them hurries the others, each job at `realtime` goes by a
    clock of its own: it begins where the simulator's is then, and runs at the job's speed or else at the simulator's.
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
        """Take up what was kept, or begin.

        Args:
            states: where the pacing is kept.
            pace: the simulator's, until a user chooses another.
            speed: likewise.
            epoch: where the clock begins, in seconds since the Unix epoch.
            latest_time: the simulated time of the latest thing that is kept; 0 when nothing is.
            wall_clock: this machine's clock, in seconds since the Unix epoch.
            monotonic: a monotonic clock of this machine's.
        """
        self._states = states
        self._changing = Lock()
        self._defaults = (Pace(pace), speed)
        kept = states.get()
        self._state = _PACE_STATE.validate_json(kept) if kept else PaceState(reached=latest_time or epoch)
        # A clock that only its user moves stands after a restart where it stood before.
        stood = latest_time if self._state.frozen or self.pace is Pace.MANUAL else 0
        self._monotonic = monotonic
        self.clock = self._new_clock(stood or max(epoch, latest_time))
        self._clocks: Mapping[str, Clock] = {}  # of the jobs at `realtime`; replaced whole
        self.caller_clock = CallerClock(wall_clock=wall_clock, lapses=self._state.lapses)
        self._apply_speeds()

    @property
    def pace(self) -> Pace:
        """The simulator's own pace."""
        return self._state.pace or self._defaults[0]

    @property
    def speed(self) -> float:
        """How many simulated seconds pass in a real one, where jobs go by `realtime`."""
        return self._state.speed or self._defaults[1]

    @property
    def frozen(self) -> bool:
        """Whether nothing moves but what is told to."""
        return self._state.frozen

    def pace_of(self, job_id: str) -> Pace:
        """Return the pace of a job."""
        return self._state.own.get(job_id, self.pace)

    def speed_of(self, job_id: str) -> float | None:
        """Return how many simulated seconds pass for a job in a real one, if it goes by `realtime`."""
        return self._state.speeds.get(job_id, self.speed) if self.pace_of(job_id) is Pace.REALTIME else None

    def time_limit(self, job_id: str) -> int | None:
        """Return the simulated time that a job may not go beyond; None: the job leads, and the clock follows it."""
        pacing, pace = self._state, self.pace_of(job_id)
        if pace is Pace.REALTIME:
            return self._clock_of(job_id).now()
        if pace is Pace.MANUAL or (pacing.frozen and pacing.held is None):
            return pacing.reached
        return pacing.held if pacing.frozen else None

    def seconds_until(self, job_id: str, time: int) -> float | None:
        """Return how many real seconds it takes a job at `realtime` to come to a time; None: it never does."""
        return self._clock_of(job_id).seconds_until(time)

    def freeze(self) -> None:
        """Let nothing move from now on but what is told to."""
        with self._changing:
            self._change(frozen=True, held=self.clock.now())  # what waits for its user, who went no further, stays

    def thaw(self) -> None:
        """Let everything move again at its own pace."""
        with self._changing:
            self._change(frozen=False)

    def advance_to(self, time: int) -> None:
        """Move the clock to a simulated time, and let as much time pass for the callers.

        Raises:
            ClockOrderError: that time has passed, or is beyond what the clock tells.
            StoreFullError: the disk is full; nothing has moved.
        """
        with self._changing:
            now = self.clock.now()
            if time < now:
                raise ClockControlError(f"the clock stands at {format_time(now)}, which is later, and never runs back")
            self._advance(now, time - now)

    def advance_by(self, seconds: int) -> None:
        """Do the same for so many seconds from now on."""
        with self._changing:
            self._advance(self.clock.now(), seconds)

    def move_clock_to(self, time: int) -> None:
        """Move the clock to where a job has been told to run to: for the callers no time passes."""
        with self._changing:
            self._change(to=time)

    def set_pace(self, pace: Pace | None, speed: float | None = None) -> None:
        """Give the simulator another pace, and another speed where its clock and that of jobs without one run."""
        with self._changing:
            chosen: dict[str, Any] = {} if pace is None else {"pace": pace, "reached": self.clock.now()}
            self._change(**chosen, speed=self._state.speed if speed is None else speed)

    def set_job_pace(self, job_id: str, pace: Pace, speed: float | None = None) -> None:
        """Give a job a pace of its own; at `realtime` it may have a speed of its own, too."""
        with self._changing:
            speeds = dict(self._state.speeds)
            if pace is not Pace.REALTIME:
                speeds.pop(job_id, None)
            elif speed is not None:
                speeds[job_id] = speed
            self._change(own={**self._state.own, job_id: pace}, speeds=speeds)

    def remove_job(self, job_id: str) -> None:
        """Forget the pace of a job that has ended.

        It is not written down, so that a full disk cannot get between a job's end and what follows from it: the next
        change leaves it out, or the next start.
        """
        with self._changing:
            self._clocks = {job: clock for job, clock in self._clocks.items() if job != job_id}
            self._retain(self._state.own.keys() - {job_id})

    def retain_jobs(self, unfinished: Collection[str]) -> None:
        """Forget the paces of all jobs but these, at the start."""
        with self._changing:
            self._retain(self._state.own.keys() & set(unfinished))

    def _new_clock(self, epoch: int) -> Clock:
        return Clock(epoch=epoch, monotonic=self._monotonic, max_time=MAX_EPOCH_SECONDS)

    def _clock_of(self, job_id: str) -> Clock:
        clock = self._clocks.get(job_id)
        if clock is None:
            with self._changing:
                clock = self._clocks.get(job_id) or self._new_clock(self.clock.now())
                self._clocks = {**self._clocks, job_id: clock}
                self._apply_speeds()
        return clock

    def _retain(self, jobs: Collection[str]) -> None:
        pacing = self._state
        self._state = replace(
            pacing,
            own={job: pace for job, pace in pacing.own.items() if job in jobs},
            speeds={job: speed for job, speed in pacing.speeds.items() if job in jobs},
        )
        self._apply_speeds()

    def _advance(self, now: int, seconds: int) -> None:
        # What the callers' time is ahead of this machine's is never more than what the clock was moved by, so that it
        # stays in a year of four digits, too.
        if now + seconds > MAX_EPOCH_SECONDS:
            raise ClockControlError(
                f"the clock stands at {format_time(now)}, and does not go beyond {format_time(MAX_EPOCH_SECONDS)}"
            )
        lapses = self.caller_clock.lapses_after(seconds)
        self._change(to=now + seconds, reached=now + seconds, held=now + seconds, lapses=lapses)
        self.caller_clock.set_lapses(lapses)
        for clock in self._clocks.values():
            clock.move_to(now + seconds)

    def _change(self, *, to: int = 0, **changes: Any) -> None:
        """Keep a change and then obey it; with `to`, the clock is moved there."""
        pacing = replace(self._state, **changes)
        self._states.put(_PACE_STATE.dump_json(pacing).decode(), at=max(to, self.clock.now()))
        self._state = pacing  # replaced whole: whoever reads takes no lock
        self.clock.move_to(to)
        self._apply_speeds()

    def _apply_speeds(self) -> None:
        """Let the clocks run that should, each as fast as it should."""
        self.clock.set_speed(self.speed if self.pace is Pace.REALTIME and not self.frozen else 0.0)
        self._clocks = {job: clock for job, clock in self._clocks.items() if self.pace_of(job) is Pace.REALTIME}
        for job, clock in self._clocks.items():
            clock.set_speed(0.0 if self.frozen else self._state.speeds.get(job, self.speed))
