"""The clock on the wire of the control plane: what may be asked of it, and how it stands."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from simulator.jobs.job import Status
from simulator.jobs.steering import JobStanding, Standing
from simulator.moments import duration, moment, told
from simulator.settings import HIGHEST_SPEED, LAST_EPOCH, Pace
from simulator.wire.bodies import Json
from simulator.wire.strict import Strict


def _in_reach(seconds: int) -> int:
    if not 0 <= seconds <= LAST_EPOCH:
        raise ValueError(f"must be from 0 to {LAST_EPOCH} seconds, got {seconds}")
    return seconds


def _duration(value: int | str) -> int:
    return _in_reach(duration(value) if isinstance(value, str) else value)


def _moment(value: int | str) -> int:
    return _in_reach(moment(value) if isinstance(value, str) else value)


Duration = Annotated[int | str, AfterValidator(_duration)]
Moment = Annotated[int | str, AfterValidator(_moment)]


class RunJob(Strict):
    """Run `job` until it has completed `step`, is in `status`, or would move later than `time`: one of the three."""

    job: str
    step: Annotated[int, Field(ge=1)] | None = None
    status: Annotated[Status, Field(strict=False)] | None = None
    time: Moment | None = None

    @model_validator(mode="after")
    def _one_goal(self) -> "RunJob":
        if sum(goal is not None for goal in (self.step, self.status, self.time)) != 1:
            raise ValueError("give one of step, status and time")
        return self


class SteerClock(Strict):
    """`POST /_simulator/clock`: one thing to do.

    `freeze` stops the clock and all jobs, or lets them go on. `advance` (a duration) and `to` (a time) move the clock,
    and what waits for it. `run` runs one job. `pace` and `speed` are those of the simulator or, with `job`, of one job.
    """

    freeze: bool | None = None
    advance: Duration | None = None
    to: Moment | None = None
    run: RunJob | None = None
    pace: Annotated[Pace, Field(strict=False)] | None = None
    speed: Annotated[float, Field(gt=0, le=HIGHEST_SPEED)] | Annotated[int, Field(gt=0, le=HIGHEST_SPEED)] | None = None
    job: str | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> "SteerClock":
        chosen = self.pace is not None or self.speed is not None
        wanted = (self.freeze, self.advance, self.to, self.run, chosen or None)
        if sum(thing is not None for thing in wanted) != 1:
            raise ValueError("give one of freeze, advance, to, run, and pace or speed")
        if self.job is not None and self.pace is None:
            raise ValueError("job goes with a pace; to run one: run")
        return self


def rendered_standing(standing: Standing) -> Json:
    """Return how the clock stands."""
    return {
        "frozen": standing.frozen,
        "jobs": [_job(job) for job in standing.jobs],
        "now": standing.now,
        "pace": standing.pace.value,
        "speed": standing.speed,
        "time": told(standing.now),
    }


def _job(standing: JobStanding) -> Json:
    job = standing.job
    return {
        "id": job.id,
        "next_at": standing.next_at,
        "pace": standing.pace.value,
        "status": job.status.value,
        "step": job.step,
        "total_steps": job.total_steps,
    }
