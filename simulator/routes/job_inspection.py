"""`/_simulator/jobs/{job}`: the log, the rollouts and the true quality of a job. Bedrock shows none of these."""

from collections.abc import Iterable, Iterator
from itertools import chain

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from simulator.grading.lambda_event import rollout_id
from simulator.jobs.codec import decode_event
from simulator.jobs.job import HeldOutEvaluated, RolloutsGraded, StepCompleted
from simulator.jobs.lifecycle import Grade
from simulator.routes.jobs import find_job
from simulator.routes.request_context import RequestContext
from simulator.wire.json_response import Json
from simulator.wire.objects import render_log_line, render_rollout_line


async def get_job_log(context: RequestContext) -> Response:
    """Return the job's log of domain events as JSON lines, oldest first."""
    entries = context.app.job_logs.entries(find_job(context).id)
    lines = "".join(f"{render_log_line(entry.kind, entry.body)}\n" for entry in entries)
    return PlainTextResponse(lines, media_type="application/jsonl")


async def get_job_truth(context: RequestContext) -> Json:
    """Return the published reward of each step beside the true quality, the dead groups and the exploit share."""
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
    """Return every graded rollout of the job, with its reward and the hidden truth, as JSON lines.

    The texts are not stored: the job is replayed, and the lines are sent while it runs.
    """
    steps = context.app.engine.replay_rollouts(find_job(context).id)
    first_step = await run_in_threadpool(next, steps, None)  # an impossible replay fails before the answer starts
    return StreamingResponse(
        _rollout_lines(chain((first_step,), steps) if first_step else ()), media_type="application/jsonl"
    )


def _rollout_lines(steps: Iterable[tuple[Grade, RolloutsGraded]]) -> Iterator[str]:
    """Yield the lines of one step at a time."""
    for grade, graded_event in steps:
        rewards = (reward for group in graded_event.rewards for reward in group)
        lines = (
            render_rollout_line(
                sample.record,
                sample.rollout,
                rollout_id=rollout_id(
                    split=grade.split, step=grade.step, line=sample.record.line, index=sample.rollout.index
                ),
                split=grade.split,
                step=grade.step,
                reward=reward,
            )
            for sample, reward in zip(grade.samples, rewards, strict=True)
        )
        yield "".join(f"{line}\n" for line in lines)
