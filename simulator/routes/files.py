"""`/v1/files` (DOCUMENTED routes and parameters; objects OPENAI)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response

from simulator.errors import (
    InvalidRequestError,
    MissingParameterError,
    NotFoundError,
    TooLargeError,
    WrongContentTypeError,
)
from simulator.house import House, house_of
from simulator.store.database import StoredFile
from simulator.wire.bodies import WireResponse
from simulator.wire.objects import rendered_deletion, rendered_file
from simulator.wire.pages import FILES, rendered_page, slice_of

router = APIRouter(prefix="/files")
Rooms = Annotated[House, Depends(house_of)]

PURPOSE = "fine-tune"  # DOCUMENTED: "Purpose must be set to fine-tune"; that others are refused is INFERRED


@router.post("")
async def upload(request: Request, house: Rooms) -> Response:
    """Keep an uploaded file. The form may bring its parts in either order (Python's SDK and Node's differ)."""
    limit = house.settings.max_file_bytes
    if "multipart/form-data" not in request.headers.get("content-type", ""):
        raise WrongContentTypeError("Files are uploaded as 'multipart/form-data' with the fields 'purpose' and 'file'.")
    async with _limited(request, limit).form() as form:
        purpose, file = form.get("purpose"), form.get("file")
        if purpose is None:
            raise MissingParameterError("purpose")
        if purpose != PURPOSE:
            raise InvalidRequestError(f"Invalid 'purpose': must be '{PURPOSE}', got '{purpose}'.", param="purpose")
        if not isinstance(file, UploadFile):
            raise MissingParameterError("file")
        sha256, size = await run_in_threadpool(house.uploads.keep, file.file)
        name = file.filename or "upload"
    ordinal = house.database.next_ordinal("files")
    stored = StoredFile(
        ordinal=ordinal,
        id=house.ids.file(ordinal),
        filename=name,
        purpose=PURPOSE,
        bytes=size,
        sha256=sha256,
        created_at=house.clock.now(),
    )
    house.database.add_file(stored)
    return WireResponse(rendered_file(stored))


@router.get("")
async def listing(request: Request, house: Rooms) -> Response:
    """List files, newest first unless `order=asc`."""
    wanted = slice_of(request.query_params, FILES)
    page = house.database.files(
        after=wanted.after, limit=wanted.limit, order=wanted.order, purpose=request.query_params.get("purpose")
    )
    return WireResponse(rendered_page(page, rendered_file))


@router.get("/{file_id}")
async def retrieve(file_id: str, house: Rooms) -> Response:
    """Describe one file."""
    return WireResponse(rendered_file(found(house, file_id)))


@router.get("/{file_id}/content")
async def content(file_id: str, house: Rooms) -> Response:
    """Return the very bytes that were uploaded (route DOCUMENTED in the CloudTrail table)."""
    return FileResponse(house.uploads.path(found(house, file_id).sha256), media_type="application/octet-stream")


@router.delete("/{file_id}")
async def delete(file_id: str, house: Rooms) -> Response:
    """Forget a file. A job that was made from it keeps its copy (INFERRED)."""
    stored = found(house, file_id)
    house.database.delete_file(file_id)
    if not house.database.in_use(stored.sha256):
        house.uploads.drop(stored.sha256)
    return WireResponse(rendered_deletion(file_id))


def found(house: House, file_id: str) -> StoredFile:
    """Return the file.

    Raises:
        NotFoundError: there is none (any more).
    """
    stored = house.database.file(file_id)
    if stored is None:
        raise NotFoundError.thing("file", file_id)
    return stored


def _limited(request: Request, limit: int) -> Request:
    """Return the request with a body that stops with an error once it is longer than a file may be."""
    taken = 0
    allowance = limit + 1_000_000  # the form's own lines and its other field
    receive = request.receive

    async def counted() -> dict[str, object]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > allowance:
            raise TooLargeError(f"The file is larger than {limit} bytes.", param="file")
        return dict(message)

    return Request(request.scope, counted)
