"""`/_simulator/clock`: the simulated clock and the pace of the jobs."""

from starlette.concurrency import run_in_threadpool

from simulator.jobs.clock_control import ClockControl
from simulator.jobs.job import Status
from simulator.routes.request_context import RequestContext
from simulator.wire.clock import RunJob, SteerClock, render_clock, render_job_clock
from simulator.wire.json_response import Json


async def get_clock(context: RequestContext) -> Json:
    """Return the state of the clock and of the unfinished jobs."""
    return render_clock(context.app.clock_control.status())


async def update_clock(context: RequestContext) -> Json:
    """Freeze or move the clock, run a job, or set a pace. Answers when the jobs have caught up.

    After a run, `reached` says whether the job reached its target, and `job` is its state: it may have ended before.
    """
    update = await context.read_body(SteerClock)
    app = context.app
    job_id = update.run.job if update.run else update.job
    if job_id is not None and app.engine.find_job(job_id) is None:
        raise context.not_found("fine-tuning job", job_id)
    reached = await run_in_threadpool(_apply, update, app.clock_control)
    clock = render_clock(app.clock_control.status())
    if update.run is None:
        return clock
    job = app.clock_control.job_status(update.run.job)
    return dict(sorted({**clock, "job": job and render_job_clock(job), "reached": reached}.items()))


def _apply(update: SteerClock, clock_control: ClockControl) -> bool | None:
    """Apply an update. For a run, return whether the job reached its target."""
    match update:
        case SteerClock(freeze=True):
            clock_control.freeze()
        case SteerClock(freeze=False):
            clock_control.thaw()
        case SteerClock(advance=int(seconds)):
            clock_control.advance_by(seconds)
        case SteerClock(to=int(time)):
            clock_control.advance_to(time)
        case SteerClock(run=RunJob(job=job_id, step=int(step))):
            return clock_control.run_to_step(job_id, step)
        case SteerClock(run=RunJob(job=job_id, status=Status() as status)):
            return clock_control.run_to_status(job_id, status)
        case SteerClock(run=RunJob(job=job_id, time=int(time))):
            return clock_control.run_to_time(job_id, time)
        case _:
            clock_control.set_pace(update.pace, job_id=update.job, speed=update.speed)
    return None
