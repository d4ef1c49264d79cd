"""`/v1/fine_tuning/jobs` (DOCUMENTED routes; objects OPENAI)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from simulator.auth import Caller
from simulator.errors import InvalidRequestError, NotFoundError
from simulator.house import House, caller_of, house_of
from simulator.jobs.codec import decode_event, decode_job
from simulator.jobs.job import CheckpointSaved, IllegalMoveError, Job
from simulator.orders import order_of
from simulator.routes.files import found
from simulator.store.database import StoredEntry
from simulator.wire.bodies import Json, WireResponse
from simulator.wire.objects import rendered_checkpoint, rendered_event, rendered_job
from simulator.wire.pages import CHECKPOINTS, EVENTS, JOBS, rendered_page, slice_of
from simulator.wire.requests import CreateJob, parsed

router = APIRouter(prefix="/fine_tuning/jobs")
Rooms = Annotated[House, Depends(house_of)]


@router.post("")
async def create(request: Request, house: Rooms, caller: Annotated[Caller, Depends(caller_of)]) -> Response:
    """Create a job. What can be told at once is told at once; a faulty file ends the job later."""
    wanted = parsed(CreateJob, await request.body(), request.headers, ignored=house.settings.ignored_job_fields)
    training = found(house, wanted.training_file)
    validation = found(house, wanted.validation_file) if wanted.validation_file else None
    order = order_of(wanted, training=training, validation=validation, caller=caller, settings=house.settings)
    return WireResponse(rendered_job(house.engine.create(order)))


@router.get("")
async def listing(request: Request, house: Rooms) -> Response:
    """List jobs, newest first."""
    wanted = slice_of(request.query_params, JOBS)
    page = house.database.jobs(after=wanted.after, limit=wanted.limit)
    return WireResponse(rendered_page(page, lambda projection: rendered_job(decode_job(projection))))


@router.get("/{job_id}")
async def retrieve(job_id: str, house: Rooms) -> Response:
    """Describe one job. At `poll` pace the job takes its next turn after it was looked at."""
    described = rendered_job(job_found(house, job_id))
    if house.engine.moves_when_polled:
        await run_in_threadpool(house.engine.turn, job_id)
    return WireResponse(described)


@router.post("/{job_id}/cancel")
async def cancel(job_id: str, house: Rooms) -> Response:
    """Cancel a job at once, from any status that is not an end (DOCUMENTED: it cannot be resumed)."""
    job = job_found(house, job_id)
    try:
        return WireResponse(rendered_job(house.engine.cancel(job)))
    except IllegalMoveError as illegal:
        raise InvalidRequestError.already_ended(job_id, str(illegal.status)) from None


@router.get("/{job_id}/events")
async def events(job_id: str, request: Request, house: Rooms) -> Response:
    """List what happened, newest first (OPENAI; not settled for AWS)."""
    job_found(house, job_id)
    wanted = slice_of(request.query_params, EVENTS)
    page = house.database.events(job_id, after=wanted.after, limit=wanted.limit)
    return WireResponse(rendered_page(page, _event))


@router.get("/{job_id}/checkpoints")
async def checkpoints(job_id: str, request: Request, house: Rooms) -> Response:
    """List checkpoints, newest first, as they are saved (SAMPLE: while the job runs)."""
    job_found(house, job_id)
    wanted = slice_of(request.query_params, CHECKPOINTS)
    page = house.database.checkpoints(job_id, after=wanted.after, limit=wanted.limit)
    return WireResponse(rendered_page(page, lambda saved: _checkpoint(house, job_id, saved)))


def job_found(house: House, job_id: str) -> Job:
    """Return the job.

    Raises:
        NotFoundError: there is none.
    """
    job = house.engine.job(job_id)
    if job is None:
        raise NotFoundError.thing("fine-tuning job", job_id)
    return job


def _event(entry: StoredEntry) -> Json:
    return rendered_event(str(entry.event_id), decode_event(entry.kind, entry.body))


def _checkpoint(house: House, job_id: str, entry: StoredEntry) -> Json:
    saved = decode_event(entry.kind, entry.body)
    assert isinstance(saved, CheckpointSaved)  # noqa: S101  the store was asked for this kind
    return rendered_checkpoint(house.ids.checkpoint(job_id, saved.step), job_id, saved)
