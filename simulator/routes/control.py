"""`/_simulator`: what only a simulator can show. No key is needed, and no client needs it."""

from collections.abc import Iterable, Iterator
from itertools import chain

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from simulator.grading.lambda_event import rollout_id
from simulator.jobs.clock_control import Steering
from simulator.jobs.codec import decode_event
from simulator.jobs.job import HeldOutEvaluated, RolloutsGraded, Status, StepCompleted
from simulator.jobs.lifecycle import Grade
from simulator.routes.jobs import job_found
from simulator.routes.request_context import Call
from simulator.verdict.json_report import document
from simulator.wire.clock import RunJob, SteerClock, rendered_job_standing, rendered_standing
from simulator.wire.json_response import Json
from simulator.wire.objects import json_line, rollout_line
from simulator.wire.pagination import flag, integer


async def health(call: Call) -> Json:
    """Say that the server is up: where it keeps its state, what time it is there, and for which region it stands.

    The time is in seconds since the Unix epoch; the folder is null where the state goes at exit.
    """
    settings = call.house.settings
    data = None if settings.data is None else str(settings.data.absolute())
    return {"data": data, "now": call.house.clock.now(), "region": settings.region, "status": "ok"}


async def clock(call: Call) -> Json:
    """Say how the clock stands, and where the unfinished jobs stand in it."""
    return rendered_standing(call.house.steering.look())


async def steer(call: Call) -> Json:
    """Freeze the clock, move it, run a job, or choose a pace; answer when everything stands as it then should.

    A run says whether the job came so far (`reached`), and how it stands now (`job`): it may have ended.
    """
    house, wanted = call.house, await call.read(SteerClock)
    named = wanted.run.job if wanted.run else wanted.job
    job = house.engine.job(named) if named is not None else None
    if named is not None and job is None:
        raise call.not_found("fine-tuning job", named)
    reached = await run_in_threadpool(_steered, house.steering, wanted)
    standing = rendered_standing(house.steering.look())
    if wanted.run is None:
        return standing
    run = house.steering.look_at(wanted.run.job)
    return dict(sorted({**standing, "job": run and rendered_job_standing(run), "reached": reached}.items()))


def _steered(steering: Steering, wanted: SteerClock) -> bool | None:
    """Do what is wanted; return, for a job that was to be run, whether it came as far as it should."""
    match wanted:
        case SteerClock(freeze=True):
            steering.freeze()
        case SteerClock(freeze=False):
            steering.thaw()
        case SteerClock(advance=int(seconds)):
            steering.advance_by(seconds)
        case SteerClock(to=int(time)):
            steering.advance(time)
        case SteerClock(run=RunJob(job=job, step=int(step))):
            return steering.run_to_step(job, step)
        case SteerClock(run=RunJob(job=job, status=Status() as status)):
            return steering.run_to_status(job, status)
        case SteerClock(run=RunJob(job=job, time=int(time))):
            return steering.run_to_time(job, time)
        case _:
            steering.choose(wanted.pace, job_id=wanted.job, speed=wanted.speed)
    return None


async def reset(call: Call) -> Json:
    """Begin anew: no files, jobs or models, an empty AWS account, and the clock where it started."""
    await run_in_threadpool(call.house.reset)
    return {"status": "ok"}


async def verdict(call: Call) -> Json:
    """Return the verdict on the clients; `exit_code` is the client's, `so_far` says that the clients go on."""
    code, so_far = integer(call.query, "exit_code"), flag(call.query, "so_far")
    return document(call.house.judge.verdict(is_end=not so_far, exit_code=code))


async def forget(call: Call) -> Json:
    """Forget what the clients have done, and return the verdict on nothing."""
    call.house.judge.forget()
    return document(call.house.judge.verdict())


async def log(call: Call) -> Response:
    """Return a job's domain events as JSON lines, oldest first."""
    entries = call.house.jobs.entries(job_found(call).id)
    lines = "".join(f"{json_line(entry.kind, entry.body)}\n" for entry in entries)
    return PlainTextResponse(lines, media_type="application/jsonl")


async def truth(call: Call) -> Json:
    """Return, a step, the published reward beside what is really so: true quality, dead groups, exploit share."""
    entries = call.house.jobs.entries(job_found(call).id)
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


async def rollouts(call: Call) -> Response:
    """Return every rollout that a job has had graded, with its reward and the hidden truth, as JSON lines.

    The texts are not kept: the job's story is told again, and the lines go out as it is told.
    """
    told = call.house.engine.retold(job_found(call).id)
    first = await run_in_threadpool(next, told, None)  # what cannot be told again fails before an answer has begun
    steps = chain((first,), told) if first else ()
    return StreamingResponse(_rollout_lines(steps), media_type="application/jsonl")


def _rollout_lines(steps: Iterable[tuple[Grade, RolloutsGraded]]) -> Iterator[str]:
    for asked, graded in steps:
        rewards = (reward for group in graded.rewards for reward in group)
        lines = (
            rollout_line(
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
