"""`/_simulator`: what only a simulator can show. No key is needed, and no client needs it."""

from collections.abc import Iterable, Iterator
from itertools import chain

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from simulator.grading.lambda_event import rollout_id
from simulator.jobs.clock_control import ClockControl
from simulator.jobs.codec import decode_event
from simulator.jobs.job import HeldOutEvaluated, RolloutsGraded, Status, StepCompleted
from simulator.jobs.lifecycle import Grade
from simulator.routes.jobs import find_job
from simulator.routes.request_context import RequestContext
from simulator.verdict.json_report import render_verdict_json
from simulator.wire.clock import RunJob, SteerClock, render_clock, render_job_clock
from simulator.wire.json_response import Json
from simulator.wire.objects import render_log_line, render_rollout_line
from simulator.wire.pagination import parse_flag, parse_integer


async def get_health(context: RequestContext) -> Json:
    """Say that the server is up: where it keeps its state, what time it is there, and for which region it stands.

    The time is in seconds since the Unix epoch; the folder is null where the state goes at exit.
    """
    settings = context.app.settings
    data = None if settings.data is None else str(settings.data.absolute())
    return {"data": data, "now": context.app.clock.now(), "region": settings.region, "status": "ok"}


async def get_clock(context: RequestContext) -> Json:
    """Say how the clock stands, and where the unfinished jobs stand in it."""
    return render_clock(context.app.clock_control.status())


async def update_clock(context: RequestContext) -> Json:
    """Freeze the clock, move it, run a job, or choose a pace; answer when everything stands as it then should.

    A run says whether the job came so far (`reached`), and how it stands now (`job`): it may have ended.
    """
    house, wanted = context.app, await context.read_body(SteerClock)
    named = wanted.run.job if wanted.run else wanted.job
    job = house.engine.find_job(named) if named is not None else None
    if named is not None and job is None:
        raise context.not_found("fine-tuning job", named)
    reached = await run_in_threadpool(_apply_clock_update, house.clock_control, wanted)
    standing = render_clock(house.clock_control.status())
    if wanted.run is None:
        return standing
    run = house.clock_control.job_status(wanted.run.job)
    return dict(sorted({**standing, "job": run and render_job_clock(run), "reached": reached}.items()))


def _apply_clock_update(clock_control: ClockControl, update: SteerClock) -> bool | None:
    """Do what is wanted; return, for a job that was to be run, whether it came as far as it should."""
    match update:
        case SteerClock(freeze=True):
            clock_control.freeze()
        case SteerClock(freeze=False):
            clock_control.thaw()
        case SteerClock(advance=int(seconds)):
            clock_control.advance_by(seconds)
        case SteerClock(to=int(time)):
            clock_control.advance_to(time)
        case SteerClock(run=RunJob(job=job, step=int(step))):
            return clock_control.run_to_step(job, step)
        case SteerClock(run=RunJob(job=job, status=Status() as status)):
            return clock_control.run_to_status(job, status)
        case SteerClock(run=RunJob(job=job, time=int(time))):
            return clock_control.run_to_time(job, time)
        case _:
            clock_control.set_pace(update.pace, job_id=update.job, speed=update.speed)
    return None


async def reset(context: RequestContext) -> Json:
    """Begin anew: no files, jobs or models, an empty AWS account, and the clock where it started."""
    await run_in_threadpool(context.app.reset)
    return {"status": "ok"}


async def get_verdict(context: RequestContext) -> Json:
    """Return the verdict on the clients; `exit_code` is the client's, `so_far` says that the clients go on."""
    code, so_far = parse_integer(context.query, "exit_code"), parse_flag(context.query, "so_far")
    return render_verdict_json(context.app.auditor.verdict(is_final=not so_far, exit_code=code))


async def reset_verdict(context: RequestContext) -> Json:
    """Forget what the clients have done, and return the verdict on nothing."""
    context.app.auditor.reset()
    return render_verdict_json(context.app.auditor.verdict())


async def get_job_log(context: RequestContext) -> Response:
    """Return a job's domain events as JSON lines, oldest first."""
    entries = context.app.job_logs.entries(find_job(context).id)
    lines = "".join(f"{render_log_line(entry.kind, entry.body)}\n" for entry in entries)
    return PlainTextResponse(lines, media_type="application/jsonl")


async def get_job_truth(context: RequestContext) -> Json:
    """Return, a step, the published reward beside what is really so: true quality, dead groups, exploit share."""
    entries = context.app.job_logs.entries(find_job(context).id)
    events = [decode_event(entry.kind, entry.body) for entry in entries]
    steps = [
        {"reward_mean": event.metrics["critic_rewards_mean"], "step": event.step, **event.truth}
        for event in events
        if isinstance(event, StepCompleted)
    ]
    held_out = [
        {"reward_mean": event.metrics["validation_reward_mean"], "step": event.step, **event.truth}
        for event in events
        if isinstance(event, HeldOutEvaluated)
    ]
    return {"held_out": held_out, "steps": steps}


async def get_job_rollouts(context: RequestContext) -> Response:
    """Return every rollout that a job has had graded, with its reward and the hidden truth, as JSON lines.

    The texts are not kept: the job's story is told again, and the lines go out as it is told.
    """
    told = context.app.engine.replay_rollouts(find_job(context).id)
    first = await run_in_threadpool(next, told, None)  # what cannot be told again fails before an answer has begun
    steps = chain((first,), told) if first else ()
    return StreamingResponse(_rollout_lines(steps), media_type="application/jsonl")


def _rollout_lines(steps: Iterable[tuple[Grade, RolloutsGraded]]) -> Iterator[str]:
    for asked, graded in steps:
        rewards = (reward for group in graded.rewards for reward in group)
        lines = (
            render_rollout_line(
                sample.record,
                sample.rollout,
                rollout_id=rollout_id(
                    split=asked.split, step=asked.step, line=sample.record.line, index=sample.rollout.index
                ),
                split=asked.split,
                step=asked.step,
                reward=reward,
            )
            for sample, reward in zip(asked.samples, rewards, strict=True)
        )
        yield "".join(f"{line}\n" for line in lines)
