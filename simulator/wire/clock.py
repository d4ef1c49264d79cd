"""The clock on the wire of the control plane: what may be asked of it, and how it stands."""

from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from simulator.clock import DURATION_FORMAT, TIME_FORMAT, format_time, parse_duration, parse_time
from simulator.jobs.clock_control import ClockStatus, JobPaceStatus
from simulator.jobs.job import Status
from simulator.settings import MAX_EPOCH_SECONDS, MAX_SPEED, Pace
from simulator.wire.json_response import Json
from simulator.wire.strict_model import StrictModel


def _seconds(read: Callable[[str], int], form: str) -> Callable[[object], object]:
    """Return how a value is read that is a number of seconds, or a text that says it."""

    def seconds(value: object) -> object:
        if value is None:
            return None
        found = read(value) if isinstance(value, str) else value
        if not isinstance(found, int) or isinstance(found, bool):
            raise ValueError(f"expected {form}, got {found}")  # noqa: TRY004  pydantic's way to say what is wrong
        if not 0 <= found <= MAX_EPOCH_SECONDS:
            raise ValueError(f"must be from 0 to {MAX_EPOCH_SECONDS} seconds, got {found}")
        return found

    return seconds


DurationSeconds = Annotated[int | None, BeforeValidator(_seconds(parse_duration, f"whole {DURATION_FORMAT}"))]
TimestampSeconds = Annotated[int | None, BeforeValidator(_seconds(parse_time, f"whole {TIME_FORMAT}"))]


class RunJob(StrictModel):
    """Run `job` until it has completed `step`, is in `status`, or would move later than `time`: one of the three."""

    job: str
    step: Annotated[int, Field(ge=1)] | None = None
    status: Annotated[Status, Field(strict=False)] | None = None
    time: TimestampSeconds = None

    @model_validator(mode="after")
    def _one_goal(self) -> "RunJob":
        if sum(goal is not None for goal in (self.step, self.status, self.time)) != 1:
            raise ValueError("give one of step, status and time")
        return self


class SteerClock(StrictModel):
    """`POST /_simulator/clock`: one thing to do.

    `freeze` stops the clock and all jobs, or lets them go on. `advance` (a duration) and `to` (a time) move the clock,
    and what waits for it. `run` runs one job. `pace` is that of the simulator or, with `job`, of one job; `speed` goes
    with `realtime` and is that of the same. Without a pace it is the simulator's, for when it has that one.
    """

    freeze: bool | None = None
    advance: DurationSeconds = None
    to: TimestampSeconds = None
    run: RunJob | None = None
    pace: Annotated[Pace, Field(strict=False)] | None = None
    speed: Annotated[float, Field(gt=0, le=MAX_SPEED)] | Annotated[int, Field(gt=0, le=MAX_SPEED)] | None = None
    job: str | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> "SteerClock":
        chosen = self.pace is not None or self.speed is not None
        wanted = (self.freeze, self.advance, self.to, self.run, chosen or None)
        if sum(thing is not None for thing in wanted) != 1:
            raise ValueError("give one of freeze, advance, to, run, and pace or speed")
        if self.job is not None and self.pace is None:
            raise ValueError("job goes with a pace; to run one: run")
        if self.speed is not None and self.pace not in {None, Pace.REALTIME}:
            raise ValueError(f"speed goes with the pace realtime, not with {self.pace}")
        return self


def render_clock(state: ClockStatus) -> Json:
    """Return how the clock stands."""
    return {
        "frozen": state.frozen,
        "jobs": [render_job_clock(job) for job in state.jobs],
        "now": state.now,
        "pace": state.pace.value,
        "speed": state.speed,
        "time": format_time(state.now),
    }


def render_job_clock(state: JobPaceStatus) -> Json:
    """Return how a job stands in it; one that has failed says why."""
    job, failure = state.job, state.job.failure
    return {
        "error": {"code": failure.code, "message": failure.message} if failure else None,
        "id": job.id,
        "next_at": state.next_at,
        "pace": state.pace.value,
        "speed": state.speed,
        "status": job.status.value,
        "step": job.step,
        "total_steps": job.total_steps,
    }
