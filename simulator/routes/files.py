"""`/v1/files` (DOCUMENTED routes and parameters; objects OPENAI)."""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from simulator.errors import (
    INVALID_VALUE,
    MISSING_PARAMETER,
    WRONG_CONTENT_TYPE,
)
from simulator.routes.body_limits import file_too_large_error
from simulator.routes.multipart_form import open_form
from simulator.routes.request_context import RequestContext
from simulator.store.blobs import StagedBlob
from simulator.store.errors import translate_disk_full_errors
from simulator.store.files import StoredFile
from simulator.wire.json_response import Json
from simulator.wire.objects import render_file, render_file_deletion
from simulator.wire.pagination import FILE_PAGE_LIMITS, parse_page_request, render_page

FINE_TUNE_PURPOSE = "fine-tune"  # DOCUMENTED: "Purpose must be set to fine-tune"; that others are refused is INFERRED

_FORM = "multipart/form-data"


async def upload(context: RequestContext) -> Json:
    """Keep an uploaded file. The form may bring its parts in either order (Python's SDK and Node's differ)."""
    house = context.app
    content_type = context.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise WRONG_CONTENT_TYPE(given=content_type, wanted=_FORM, hint="a form with 'purpose' and 'file'")
    with translate_disk_full_errors():  # what is large comes by way of a temporary file
        incoming, name = await _receive_upload(context)
    # From here to the end nothing is awaited, so a delete of the same bytes cannot come in between.
    with house.uploads.commit(incoming):
        ordinal = house.files.next_ordinal()
        stored = StoredFile(
            ordinal=ordinal,
            project=context.project,
            id=house.ids.file(ordinal),
            filename=name,
            purpose=FINE_TUNE_PURPOSE,
            bytes=incoming.size,
            sha256=incoming.sha256,
            created_at=house.clock.now(),
        )
        house.files.add(stored)
    return render_file(stored)


async def _receive_upload(context: RequestContext) -> tuple[StagedBlob, str]:
    async with open_form(context.request) as form:
        purpose, file = form.get("purpose"), form.get("file")
        if not isinstance(purpose, str):
            raise MISSING_PARAMETER(param="purpose")
        if purpose != FINE_TUNE_PURPOSE:
            raise INVALID_VALUE(param="purpose", why=f"must be '{FINE_TUNE_PURPOSE}', got '{purpose}'")
        if not isinstance(file, UploadFile):
            raise MISSING_PARAMETER(param="file", hint="a part with a filename; with curl: -F file=@train.jsonl")
        if (file.size or 0) > context.app.settings.max_file_bytes:
            raise file_too_large_error(context.app.settings)
        incoming = await run_in_threadpool(context.app.uploads.stage, file.file)
        return incoming, file.filename or "upload"


async def list_files(context: RequestContext) -> Json:
    """List files, newest first unless `order=asc`."""
    wanted = parse_page_request(context.query, FILE_PAGE_LIMITS)
    purpose = context.query.get("purpose")
    page = context.app.files.page(
        context.project, after=wanted.after, limit=wanted.limit, order=wanted.order, purpose=purpose
    )
    return render_page(page, render_file)


async def retrieve(context: RequestContext) -> Json:
    """Describe one file."""
    return render_file(find_file(context, context.path_parameter("file")))


async def get_content(context: RequestContext) -> Response:
    """Return the very bytes that were uploaded (route DOCUMENTED in the CloudTrail table)."""
    stored = find_file(context, context.path_parameter("file"))
    return _WholeFileResponse(context.app.uploads.path(stored.sha256), media_type="application/octet-stream")


async def delete(context: RequestContext) -> Json:
    """Forget a file. A job that was made from it keeps its copy (INFERRED)."""
    stored = find_file(context, context.path_parameter("file"))
    context.app.files.delete(stored.project, stored.id)
    if not context.app.files.is_referenced(stored.sha256):
        context.app.uploads.delete(stored.sha256)
    return render_file_deletion(stored.id)


class _WholeFileResponse(FileResponse):
    """A file from its first byte to its last: a bad `Range` would be refused in plain text, outside of the envelope."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name not in {b"range", b"if-range"}]
        await super().__call__({**scope, "headers": headers}, receive, send)


def find_file(context: RequestContext, file_id: str) -> StoredFile:
    """Return the file.

    Raises:
        ApiError: the project has none of that id (any more). Another project's is told from none in no way (DOCUMENTED
            of the sibling runtime: "the same 404 in every case").
    """
    stored = context.app.files.get(context.project, file_id)
    if stored is None:
        raise context.not_found("file", file_id)
    return stored
