"""Who moves a job on, and how far: the paces, the freeze, and what a user did to the clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Final

from pydantic import TypeAdapter

from simulator.clock import CallersTime, Clock, Lapse
from simulator.settings import Pace
from simulator.store.clock import ClockStates


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How a user left the clock.

    Attributes:
        reached: the simulated time up to which a user has moved the clock: whatever waits for that goes no further.
        frozen: nothing moves, whatever its pace, but for what is told to.
        pace: the simulator's; None is the one that it was started with.
        speed: simulated seconds in a real one, where jobs go by `realtime`; None is the one it was started with.
        own: the jobs that have a pace of their own.
        lapses: the time that was made to pass for the callers.
    """

    reached: int
    frozen: bool = False
    pace: Pace | None = None
    speed: float | None = None
    own: Mapping[str, Pace] = field(default_factory=dict)
    lapses: tuple[Lapse, ...] = ()


_KEPT: Final = TypeAdapter(Pacing)


class Paces:
    """The paces of one simulator and the clock that obeys them; what a user changes is kept until the next start."""

    def __init__(
        self,
        *,
        states: ClockStates,
        pace: Pace,
        speed: float,
        epoch: int,
        latest: int,
        wall: Callable[[], float],
        seconds: Callable[[], float],
    ) -> None:
        """Take up what was kept, or begin.

        Args:
            states: where the pacing is kept.
            pace: the simulator's, until a user chooses another.
            speed: likewise.
            epoch: where the clock begins, in seconds since the Unix epoch.
            latest: the simulated time of the latest thing that is kept; 0 when nothing is.
            wall: this machine's clock, in seconds since the Unix epoch.
            seconds: a monotonic clock of this machine's.
        """
        self._states = states
        self._changing = Lock()
        self._started = (pace, speed)
        kept = states.get()
        self._pacing = _KEPT.validate_json(kept) if kept else Pacing(reached=latest or epoch)
        # A clock that only its user moves stands after a restart where it stood before.
        stood = latest if self._pacing.frozen or self.pace is Pace.MANUAL else 0
        self.clock = Clock(epoch=stood or max(epoch, latest), seconds=seconds)
        self.callers = CallersTime(wall=wall, lapses=self._pacing.lapses)
        self._obey()

    @property
    def pace(self) -> Pace:
        """The simulator's own pace."""
        return self._pacing.pace or self._started[0]

    @property
    def speed(self) -> float:
        """How many simulated seconds pass in a real one, where jobs go by `realtime`."""
        return self._pacing.speed or self._started[1]

    @property
    def frozen(self) -> bool:
        """Whether nothing moves but what is told to."""
        return self._pacing.frozen

    def of(self, job_id: str) -> Pace:
        """Return the pace of a job."""
        return self._pacing.own.get(job_id, self.pace)

    def limit(self, job_id: str) -> int | None:
        """Return the simulated time that a job may not go beyond; None: the job leads, and the clock follows it."""
        pace = self.of(job_id)
        if self.frozen or pace is Pace.MANUAL:
            return self._pacing.reached
        return self.clock.now() if pace is Pace.REALTIME else None

    def freeze(self) -> None:
        """Let nothing move from now on but what is told to."""
        with self._changing:
            self._change(frozen=True, reached=self.clock.now())

    def thaw(self) -> None:
        """Let everything move again at its own pace."""
        with self._changing:
            self._change(frozen=False)

    def advance(self, to: int) -> None:
        """Move the clock to a simulated time, and let as much time pass for the callers."""
        with self._changing:
            seconds = max(0, to - self.clock.now())
            self.clock.move_to(to)
            self.callers.lapse(seconds)
            self._change(reached=self.clock.now(), lapses=self.callers.lapses)

    def reach(self, time: int) -> None:
        """Move the clock to where a job has been told to run to: for the callers no time passes."""
        with self._changing:
            self.clock.move_to(time)
            self._change()

    def choose(self, pace: Pace) -> None:
        """Give the simulator another pace."""
        with self._changing:
            self._change(pace=pace, reached=self.clock.now())

    def choose_for(self, job_id: str, pace: Pace) -> None:
        """Give a job a pace of its own."""
        with self._changing:
            self._change(own={**self._pacing.own, job_id: pace})

    def choose_speed(self, speed: float) -> None:
        """Give the clock another speed, where it runs."""
        with self._changing:
            self._change(speed=speed)

    def forget(self, job_id: str) -> None:
        """Forget the pace of a job that has ended."""
        with self._changing:
            own = self._pacing.own
            if job_id in own:
                self._change(own={job: pace for job, pace in own.items() if job != job_id})

    def _change(self, **changes: Any) -> None:
        pacing = replace(self._pacing, **changes)
        self._states.put(_KEPT.dump_json(pacing).decode(), at=self.clock.now())
        self._pacing = pacing  # replaced whole: whoever reads takes no lock
        self._obey()

    def _obey(self) -> None:
        by_itself = Pace.REALTIME in {self.pace, *self._pacing.own.values()} and not self.frozen
        self.clock.run(self.speed if by_itself else 0.0)
