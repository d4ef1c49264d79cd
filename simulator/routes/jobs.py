"""`/v1/fine_tuning/jobs` (DOCUMENTED routes; objects OPENAI)."""

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool

from simulator.errors import INVALID_VALUE
from simulator.jobs.codec import decode_event
from simulator.jobs.job import CheckpointSaved, Job
from simulator.jobs.lifecycle import GRADER_PARAM
from simulator.routes.context import AppContext
from simulator.routes.files import find_file
from simulator.routes.job_spec import find_tunable_model, job_spec_from
from simulator.routes.request_context import RequestContext
from simulator.store.job_logs import StoredLogEntry
from simulator.wire.job_requests import CreateJob
from simulator.wire.json_response import Json
from simulator.wire.objects import render_checkpoint, render_event, render_job
from simulator.wire.pagination import (
    CHECKPOINT_PAGE_LIMITS,
    EVENT_PAGE_LIMITS,
    JOB_PAGE_LIMITS,
    parse_page_request,
    render_page,
)


async def create(context: RequestContext) -> Json:
    """Create a job. An invalid request fails at once; an invalid file ends the job later.

    At the pace `finished` this waits for the end of the job. The response still has the first status, as Bedrock's
    does. The next retrieve returns the final status.
    """
    settings = context.app.settings
    request = await context.read_body(CreateJob, ignored_fields=settings.ignored_job_fields)
    model = find_tunable_model(request.model, settings)  # before the files: in another region this is the problem
    training = find_file(context, request.training_file)
    validation = find_file(context, request.validation_file) if request.validation_file is not None else None
    spec = job_spec_from(
        request,
        model=model,
        training_file=training,
        validation_file=validation,
        caller=context.caller,
        project=context.project,
        settings=settings,
    )
    engine = context.app.engine
    if reason := await run_in_threadpool(engine.refusal_reason, spec):
        raise INVALID_VALUE(param=GRADER_PARAM, why=reason)
    job = engine.create(spec)
    if engine.time_limit(job.id) is not None:  # so that the next retrieve returns the job at the stopped clock's time
        await run_in_threadpool(engine.scheduler.wait_until_idle, [job.id], until=job.created_at)
    if engine.is_finished_at_creation(job.id):
        # A limiter of its own: waiting creations must not use up the threads of other requests, such as the requests
        # that the job's reward function sends.
        await run_sync(engine.wait_until_finished, [job.id], limiter=CapacityLimiter(1))
    return render_job(job)


async def list_jobs(context: RequestContext) -> Json:
    """List jobs, newest first."""
    request = parse_page_request(context.query, JOB_PAGE_LIMITS)
    page = context.app.job_listings.list_jobs(context.project, after=request.after, limit=request.limit)
    return render_page(page, render_job)


async def retrieve(context: RequestContext) -> Json:
    """Return one job. At the pace `poll` the job then advances by one action."""
    job, engine = find_job(context), context.app.engine
    if engine.is_advanced_by_polling(job.id):
        await run_in_threadpool(engine.scheduler.advance, job.id)
    return render_job(job)


async def cancel(context: RequestContext) -> Json:
    """Cancel a job that has not ended, at once (DOCUMENTED: it cannot be resumed)."""
    return render_job(context.app.engine.cancel(find_job(context)))


async def list_events(context: RequestContext) -> Json:
    """List the events of a job, newest first (OPENAI; unknown for AWS)."""
    job, request = find_job(context), parse_page_request(context.query, EVENT_PAGE_LIMITS)
    page = context.app.job_listings.list_events(job, after=request.after, limit=request.limit)
    return render_page(page, _render_event)


async def list_checkpoints(context: RequestContext) -> Json:
    """List checkpoints, newest first, as they are saved (SAMPLE: while the job runs)."""
    job, request = find_job(context), parse_page_request(context.query, CHECKPOINT_PAGE_LIMITS)
    page = context.app.job_listings.list_checkpoints(job, after=request.after, limit=request.limit)
    return render_page(page, lambda entry: _render_checkpoint(context.app, job.id, entry))


def find_job(context: RequestContext) -> Job:
    """Return the job in the path.

    Raises:
        ApiError: there is no such job, or it belongs to another project. The control plane finds all jobs.
    """
    job_id = context.path_parameter("job")
    job = context.app.engine.find_job(job_id)
    if job is None or (context.authorization and job.spec.project != context.project):
        raise context.not_found("fine-tuning job", job_id)
    return job


def _render_event(entry: StoredLogEntry) -> Json:
    return render_event(str(entry.event_id), decode_event(entry.kind, entry.body))


def _render_checkpoint(app: AppContext, job_id: str, entry: StoredLogEntry) -> Json:
    checkpoint = decode_event(entry.kind, entry.body)
    assert isinstance(checkpoint, CheckpointSaved)  # noqa: S101  the store returns only this kind
    return render_checkpoint(app.ids.checkpoint(job_id, checkpoint.step), job_id, checkpoint)
