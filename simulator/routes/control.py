"""`/_simulator`: what only a simulator can show. No key is needed, and no client needs it."""

from collections.abc import Iterable, Iterator
from itertools import chain

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from simulator.grading.event import rollout_id
from simulator.jobs.codec import decode_event
from simulator.jobs.job import HeldOutEvaluated, RolloutsGraded, StepCompleted
from simulator.jobs.life import Grade
from simulator.routes.call import Call
from simulator.routes.jobs import job_found
from simulator.wire.bodies import Json
from simulator.wire.objects import json_line, rollout_line


async def health(call: Call) -> Json:
    """Say that the server is up, what time it thinks it is (seconds since the Unix epoch), and which region it is."""
    return {"now": call.house.clock.now(), "region": call.house.settings.region, "status": "ok"}


async def log(call: Call) -> Response:
    """Return a job's domain events as JSON lines, oldest first."""
    entries = call.house.jobs.log(job_found(call).id)
    lines = "".join(f"{json_line(entry.kind, entry.body)}\n" for entry in entries)
    return PlainTextResponse(lines, media_type="application/jsonl")


async def truth(call: Call) -> Json:
    """Return, a step, the published reward beside what is really so: true quality, dead groups, exploit share."""
    entries = call.house.jobs.log(job_found(call).id)
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
