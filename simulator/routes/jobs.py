"""`/v1/fine_tuning/jobs` (DOCUMENTED routes; objects OPENAI)."""

from starlette.concurrency import run_in_threadpool

from simulator.jobs.codec import decode_event
from simulator.jobs.job import CheckpointSaved, Job
from simulator.routes.context import House
from simulator.routes.files import found
from simulator.routes.job_spec import order_of, tuned_from
from simulator.routes.request_context import Call
from simulator.store.job_logs import StoredLogEntry
from simulator.wire.json_response import Json
from simulator.wire.objects import rendered_checkpoint, rendered_event, rendered_job
from simulator.wire.pagination import CHECKPOINTS, EVENTS, JOBS, rendered_page, slice_of
from simulator.wire.requests import CreateJob


async def create(call: Call) -> Json:
    """Create a job. What can be told at once is told at once; a faulty file ends the job later."""
    settings = call.house.settings
    wanted = await call.read(CreateJob, ignored=settings.ignored_job_fields)
    model = tuned_from(wanted.model, settings)  # before the files: in another region this is what is wrong
    training = found(call, wanted.training_file)
    validation = found(call, wanted.validation_file) if wanted.validation_file is not None else None
    order = order_of(
        wanted,
        model=model,
        training=training,
        validation=validation,
        caller=call.caller,
        project=call.project,
        settings=settings,
    )
    engine = call.house.engine
    job = engine.create(order)
    if engine.limit(job.id) is not None:  # so that who looks next sees it where the clock holds it
        await run_in_threadpool(engine.driver.settle, [job.id], by=job.created_at)
    return rendered_job(job)


async def listing(call: Call) -> Json:
    """List jobs, newest first."""
    wanted = slice_of(call.query, JOBS)
    page = call.house.views.jobs(call.project, after=wanted.after, limit=wanted.limit)
    return rendered_page(page, rendered_job)


async def retrieve(call: Call) -> Json:
    """Describe one job. At `poll` pace the job takes its next turn after it was looked at."""
    job, engine = job_found(call), call.house.engine
    if engine.moves_when_polled(job.id):
        await run_in_threadpool(engine.driver.turn, job.id)
    return rendered_job(job)


async def cancel(call: Call) -> Json:
    """Cancel a job at once, from any status that is not an end (DOCUMENTED: it cannot be resumed)."""
    return rendered_job(call.house.engine.cancel(job_found(call)))


async def events(call: Call) -> Json:
    """List what happened, newest first (OPENAI; not settled for AWS)."""
    job, wanted = job_found(call), slice_of(call.query, EVENTS)
    page = call.house.views.events(job, after=wanted.after, limit=wanted.limit)
    return rendered_page(page, _event)


async def checkpoints(call: Call) -> Json:
    """List checkpoints, newest first, as they are saved (SAMPLE: while the job runs)."""
    job, wanted = job_found(call), slice_of(call.query, CHECKPOINTS)
    page = call.house.views.checkpoints(job, after=wanted.after, limit=wanted.limit)
    return rendered_page(page, lambda saved: _checkpoint(call.house, job.id, saved))


def job_found(call: Call) -> Job:
    """Return the job that the path names.

    Raises:
        ApiError: there is none; or it is another project's, which is the same answer. The control plane sees all.
    """
    name = call.named("job")
    job = call.house.engine.job(name)
    if job is None or (call.admission and job.order.project != call.project):
        raise call.not_found("fine-tuning job", name)
    return job


def _event(entry: StoredLogEntry) -> Json:
    return rendered_event(str(entry.event_id), decode_event(entry.kind, entry.body))


def _checkpoint(house: House, job_id: str, entry: StoredLogEntry) -> Json:
    saved = decode_event(entry.kind, entry.body)
    assert isinstance(saved, CheckpointSaved)  # noqa: S101  the store was asked for this kind
    return rendered_checkpoint(house.ids.checkpoint(job_id, saved.step), job_id, saved)
