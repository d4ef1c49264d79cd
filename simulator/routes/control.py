"""`/_simulator`: what only a simulator can show. No key is needed, and no client needs it."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import PlainTextResponse, Response

from simulator.house import House, house_of
from simulator.jobs.codec import decode_event
from simulator.jobs.job import HeldOutEvaluated, StepCompleted
from simulator.routes.jobs import job_found
from simulator.wire.bodies import WireResponse
from simulator.wire.objects import json_line

router = APIRouter(prefix="/_simulator")
Rooms = Annotated[House, Depends(house_of)]


@router.get("/health")
async def health(house: Rooms) -> Response:
    """Say that the server is up, and what time it thinks it is (seconds since the Unix epoch)."""
    return WireResponse({"now": house.clock.now(), "status": "ok"})


@router.get("/jobs/{job_id}/log")
async def log(job_id: str, house: Rooms) -> Response:
    """Return a job's domain events as JSON lines, oldest first."""
    job_found(house, job_id)
    lines = [json_line(entry.kind, entry.body) for entry in house.database.log(job_id)]
    return PlainTextResponse("".join(f"{line}\n" for line in lines), media_type="application/jsonl")


@router.get("/jobs/{job_id}/truth")
async def truth(job_id: str, house: Rooms) -> Response:
    """Return, a step, the published reward beside what is really so: true quality, dead groups, exploit share."""
    job_found(house, job_id)
    entries = [decode_event(entry.kind, entry.body) for entry in house.database.log(job_id)]
    steps = [
        {"reward_mean": event.metrics["critic_rewards_mean"], "step": event.step, **event.truth}
        for event in entries
        if isinstance(event, StepCompleted)
    ]
    held_out = [
        {"reward_mean": event.metrics["validation_reward_mean"], "step": event.step, **event.truth}
        for event in entries
        if isinstance(event, HeldOutEvaluated)
    ]
    return WireResponse({"held_out": held_out, "steps": steps})
