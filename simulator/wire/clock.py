"""The clock of the control plane: the request that changes it, and its state."""

from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from simulator.clock import DURATION_FORMAT, TIME_FORMAT, format_time, parse_duration, parse_time
from simulator.jobs.clock_control import ClockStatus, JobPaceStatus
from simulator.jobs.job import Status
from simulator.settings import MAX_EPOCH_SECONDS, MAX_SPEED, Pace
from simulator.wire.json_response import Json
from simulator.wire.strict_model import StrictModel


def _seconds_parser(parse: Callable[[str], int], expected: str) -> Callable[[object], object]:
    """Return a validator of a number of seconds, or of a text that `parse` takes."""

    def parse_seconds(value: object) -> object:
        if value is None:
            return None
        seconds = parse(value) if isinstance(value, str) else value
        if not isinstance(seconds, int) or isinstance(seconds, bool):
            raise ValueError(f"expected {expected}, got {seconds}")  # noqa: TRY004  pydantic reports ValueError
        if not 0 <= seconds <= MAX_EPOCH_SECONDS:
            raise ValueError(f"must be from 0 to {MAX_EPOCH_SECONDS} seconds, got {seconds}")
        return seconds

    return parse_seconds


DurationSeconds = Annotated[int | None, BeforeValidator(_seconds_parser(parse_duration, f"whole {DURATION_FORMAT}"))]
TimestampSeconds = Annotated[int | None, BeforeValidator(_seconds_parser(parse_time, f"whole {TIME_FORMAT}"))]


class RunJob(StrictModel):
    """Run `job` until it has completed `step`, has `status`, or would advance beyond `time`: one of the three."""

    job: str
    step: Annotated[int, Field(ge=1)] | None = None
    status: Annotated[Status, Field(strict=False)] | None = None
    time: TimestampSeconds = None

    @model_validator(mode="after")
    def _check_one_target(self) -> "RunJob":
        if sum(target is not None for target in (self.step, self.status, self.time)) != 1:
            raise ValueError("give one of step, status and time")
        return self


class SteerClock(StrictModel):
    """`POST /_simulator/clock`: one action.

    `freeze` stops or resumes the clock and all jobs. `advance` (a duration) and `to` (a time) move the clock, and run
    everything that waits for it. `run` runs one job. `pace` sets the pace of the simulator or, with `job`, of one job.
    `speed` belongs to the pace `realtime`. Without a pace it sets the speed that the simulator uses at `realtime`.
    """

    freeze: bool | None = None
    advance: DurationSeconds = None
    to: TimestampSeconds = None
    run: RunJob | None = None
    pace: Annotated[Pace, Field(strict=False)] | None = None
    speed: Annotated[float, Field(gt=0, le=MAX_SPEED)] | Annotated[int, Field(gt=0, le=MAX_SPEED)] | None = None
    job: str | None = None

    @model_validator(mode="after")
    def _check_one_action(self) -> "SteerClock":
        sets_pace = self.pace is not None or self.speed is not None
        actions = (self.freeze, self.advance, self.to, self.run, sets_pace or None)
        if sum(action is not None for action in actions) != 1:
            raise ValueError("give one of freeze, advance, to, run, and pace or speed")
        if self.job is not None and self.pace is None:
            raise ValueError("job goes with a pace; to run one: run")
        if self.speed is not None and self.pace not in {None, Pace.REALTIME}:
            raise ValueError(f"speed goes with the pace realtime, not with {self.pace}")
        return self


def render_clock(state: ClockStatus) -> Json:
    """Return the state of the clock."""
    return {
        "frozen": state.frozen,
        "jobs": [render_job_clock(job) for job in state.jobs],
        "now": state.now,
        "pace": state.pace.value,
        "speed": state.speed,
        "time": format_time(state.now),
    }


def render_job_clock(state: JobPaceStatus) -> Json:
    """Return the state of a job in it. A failed job has its error."""
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
