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
from simulator.routes.body_limits import file_too_large
from simulator.routes.multipart_form import whole_form
from simulator.routes.request_context import Call
from simulator.store.blobs import StagedBlob
from simulator.store.errors import translate_disk_full_errors
from simulator.store.files import StoredFile
from simulator.wire.json_response import Json
from simulator.wire.objects import rendered_deletion, rendered_file
from simulator.wire.pagination import FILES, rendered_page, slice_of

PURPOSE = "fine-tune"  # DOCUMENTED: "Purpose must be set to fine-tune"; that others are refused is INFERRED

_FORM = "multipart/form-data"


async def upload(call: Call) -> Json:
    """Keep an uploaded file. The form may bring its parts in either order (Python's SDK and Node's differ)."""
    house = call.house
    content_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise WRONG_CONTENT_TYPE(given=content_type, wanted=_FORM, hint="a form with 'purpose' and 'file'")
    with translate_disk_full_errors():  # what is large comes by way of a temporary file
        incoming, name = await _received(call)
    # From here to the end nothing is awaited, so a delete of the same bytes cannot come in between.
    with house.uploads.commit(incoming):
        ordinal = house.files.next_ordinal()
        stored = StoredFile(
            ordinal=ordinal,
            project=call.project,
            id=house.ids.file(ordinal),
            filename=name,
            purpose=PURPOSE,
            bytes=incoming.size,
            sha256=incoming.sha256,
            created_at=house.clock.now(),
        )
        house.files.add(stored)
    return rendered_file(stored)


async def _received(call: Call) -> tuple[StagedBlob, str]:
    async with whole_form(call.request) as form:
        purpose, file = form.get("purpose"), form.get("file")
        if not isinstance(purpose, str):
            raise MISSING_PARAMETER(param="purpose")
        if purpose != PURPOSE:
            raise INVALID_VALUE(param="purpose", why=f"must be '{PURPOSE}', got '{purpose}'")
        if not isinstance(file, UploadFile):
            raise MISSING_PARAMETER(param="file", hint="a part with a filename; with curl: -F file=@train.jsonl")
        if (file.size or 0) > call.house.settings.max_file_bytes:
            raise file_too_large(call.house.settings)
        incoming = await run_in_threadpool(call.house.uploads.stage, file.file)
        return incoming, file.filename or "upload"


async def listing(call: Call) -> Json:
    """List files, newest first unless `order=asc`."""
    wanted = slice_of(call.query, FILES)
    purpose = call.query.get("purpose")
    page = call.house.files.page(
        call.project, after=wanted.after, limit=wanted.limit, order=wanted.order, purpose=purpose
    )
    return rendered_page(page, rendered_file)


async def retrieve(call: Call) -> Json:
    """Describe one file."""
    return rendered_file(found(call, call.named("file")))


async def content(call: Call) -> Response:
    """Return the very bytes that were uploaded (route DOCUMENTED in the CloudTrail table)."""
    stored = found(call, call.named("file"))
    return _Whole(call.house.uploads.path(stored.sha256), media_type="application/octet-stream")


async def delete(call: Call) -> Json:
    """Forget a file. A job that was made from it keeps its copy (INFERRED)."""
    stored = found(call, call.named("file"))
    call.house.files.delete(stored.project, stored.id)
    if not call.house.files.is_referenced(stored.sha256):
        call.house.uploads.delete(stored.sha256)
    return rendered_deletion(stored.id)


class _Whole(FileResponse):
    """A file from its first byte to its last: a bad `Range` would be refused in plain text, outside of the envelope."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name not in {b"range", b"if-range"}]
        await super().__call__({**scope, "headers": headers}, receive, send)


def found(call: Call, file_id: str) -> StoredFile:
    """Return the file.

    Raises:
        ApiError: the project has none of that id (any more). Another project's is told from none in no way (DOCUMENTED
            of the sibling runtime: "the same 404 in every case").
    """
    stored = call.house.files.get(call.project, file_id)
    if stored is None:
        raise call.not_found("file", file_id)
    return stored
