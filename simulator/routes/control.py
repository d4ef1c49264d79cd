"""`/_simulator`: what only a simulator can show. No key is needed, and no client needs it."""

from starlette.responses import PlainTextResponse, Response

from simulator.jobs.codec import decode_event
from simulator.jobs.job import HeldOutEvaluated, StepCompleted
from simulator.routes.call import Call
from simulator.routes.jobs import job_found
from simulator.wire.bodies import Json
from simulator.wire.objects import json_line


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
