"""`/v1/files` (DOCUMENTED routes and parameters; objects OPENAI)."""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from simulator.errors import INVALID_VALUE, MISSING_PARAMETER, WRONG_CONTENT_TYPE
from simulator.routes.body_limits import file_too_large_error
from simulator.routes.multipart_form import open_form
from simulator.routes.request_context import RequestContext
from simulator.store.blobs import StagedBlob
from simulator.store.errors import translate_disk_full_errors
from simulator.store.files import StoredFile
from simulator.wire.json_response import Json
from simulator.wire.objects import render_file, render_file_deletion
from simulator.wire.pagination import FILE_PAGE_LIMITS, parse_page_request, render_page

FINE_TUNE_PURPOSE = "fine-tune"  # DOCUMENTED: "Purpose must be set to fine-tune"; INFERRED: others are refused

_FORM = "multipart/form-data"


async def upload(context: RequestContext) -> Json:
    """Store an uploaded file. The form's parts may come in either order (the SDKs for Python and Node differ)."""
    app = context.app
    content_type = context.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise WRONG_CONTENT_TYPE(given=content_type, wanted=_FORM, hint="a form with 'purpose' and 'file'")
    with translate_disk_full_errors():  # a large file is in a temporary file
        staged, filename = await _receive_upload(context)
    # Nothing is awaited from here on, so no delete of the same bytes can run in between.
    with app.uploads.commit(staged):
        ordinal = app.files.next_ordinal()
        file = StoredFile(
            ordinal=ordinal,
            project=context.project,
            id=app.ids.file(ordinal),
            filename=filename,
            purpose=FINE_TUNE_PURPOSE,
            bytes=staged.size,
            sha256=staged.sha256,
            created_at=app.clock.now(),
        )
        app.files.add(file)
    return render_file(file)


async def _receive_upload(context: RequestContext) -> tuple[StagedBlob, str]:
    """Return the staged bytes and the filename of the form's file."""
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
        staged = await run_in_threadpool(context.app.uploads.stage, file.file)
        return staged, file.filename or "upload"


async def list_files(context: RequestContext) -> Json:
    """List files, newest first unless `order=asc`."""
    request = parse_page_request(context.query, FILE_PAGE_LIMITS)
    purpose = context.query.get("purpose")
    page = context.app.files.page(
        context.project, after=request.after, limit=request.limit, order=request.order, purpose=purpose
    )
    return render_page(page, render_file)


async def retrieve(context: RequestContext) -> Json:
    """Return one file object."""
    return render_file(find_file(context, context.path_parameter("file")))


async def get_content(context: RequestContext) -> Response:
    """Return the uploaded bytes (route DOCUMENTED in the CloudTrail table)."""
    file = find_file(context, context.path_parameter("file"))
    return _WholeFileResponse(context.app.uploads.path(file.sha256), media_type="application/octet-stream")


async def delete(context: RequestContext) -> Json:
    """Delete a file. A job that uses it keeps its copy (INFERRED)."""
    file = find_file(context, context.path_parameter("file"))
    context.app.files.delete(file.project, file.id)
    if not context.app.files.is_referenced(file.sha256):
        context.app.uploads.delete(file.sha256)
    return render_file_deletion(file.id)


class _WholeFileResponse(FileResponse):
    """A complete file. It ignores `Range`, because Starlette refuses an invalid one without the error envelope."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name not in {b"range", b"if-range"}]
        await super().__call__({**scope, "headers": headers}, receive, send)


def find_file(context: RequestContext, file_id: str) -> StoredFile:
    """Return the file.

    Raises:
        ApiError: the project has no such file. The error is the same if another project has it (DOCUMENTED of the
            sibling runtime: "the same 404 in every case").
    """
    file = context.app.files.get(context.project, file_id)
    if file is None:
        raise context.not_found("file", file_id)
    return file
