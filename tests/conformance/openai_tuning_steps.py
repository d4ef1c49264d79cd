"""Steps for models, files, jobs, events, checkpoints, projects and keys."""

# ruff: noqa: D103  the name of a step describes it

import base64
import io
import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import openai

from tests.conformance.openai_session import BASE, Session, catch_api_error, step, to_json
from tests.conformance.step_runner import collect_all, resolve


@step
async def models_list(session: Session) -> Any:
    return [
        to_json(model) for model in await collect_all(session.client.models.list()) if not model.id.startswith("ft:")
    ]


@step
async def models_retrieve(session: Session) -> Any:
    return to_json(await resolve(session.client.models.retrieve(session.program_input.model)))


@step
async def models_unknown(session: Session) -> Any:
    return await catch_api_error(lambda: session.client.models.retrieve("gpt-4o"))


@step
async def files_upload_path(session: Session) -> Any:
    return await session.upload_file(Path(session.program_input.training))


@step
async def files_upload_bytes(session: Session) -> Any:
    return await session.upload_file(("bytes.jsonl", session.content))


@step
async def files_upload_stream(session: Session) -> Any:
    class Pipe(io.BytesIO):
        """A stream of unknown length, which is sent in chunks."""

        def fileno(self) -> int:
            raise OSError("none")

        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation("seek")

        def tell(self) -> int:
            raise io.UnsupportedOperation("tell")

    return await session.upload_file(("stream.jsonl", Pipe(session.content)))


@step
async def files_list(session: Session) -> Any:
    own = set(session.ids.values())
    files = await collect_all(session.client.files.list(limit=1, purpose="fine-tune"))
    return [file.filename for file in files if file.id in own]


@step
async def files_retrieve(session: Session) -> Any:
    return to_json(await resolve(session.client.files.retrieve(session.ids["train.jsonl"])))


@step
async def files_content(session: Session) -> Any:
    digests = []
    for name in ("train.jsonl", "bytes.jsonl", "stream.jsonl"):
        content = await resolve(session.client.files.content(session.ids[name]))
        digests.append(sha256(content.content).hexdigest())
    return digests


@step
async def files_delete(session: Session) -> Any:
    return to_json(await resolve(session.client.files.delete(session.ids["bytes.jsonl"])))


@step
async def files_deleted(session: Session) -> Any:
    error = await catch_api_error(lambda: session.client.files.retrieve(session.ids["bytes.jsonl"]))
    return error | {"message": error["message"].replace(session.ids["bytes.jsonl"], "FILE")}


@step
async def files_wrong_purpose(session: Session) -> Any:
    return await catch_api_error(lambda: session.client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch"))


@step
async def files_under_openai_v1(session: Session) -> Any:
    try:
        await resolve(session.client.files.list())
    except openai.NotFoundError as error:
        return error.response.headers["x-simulator-hint"]
    return "it was not refused"


@step
async def jobs_create(session: Session) -> Any:
    job = to_json(await session.create_job("1"))
    return job | {"training_file": job["training_file"] == session.ids["train.jsonl"]}


@step
async def jobs_list(session: Session) -> Any:
    await session.create_job("2")
    await session.create_job("3")
    jobs = await collect_all(session.client.fine_tuning.jobs.list(limit=2))
    return [job.metadata["order"] for job in jobs if (job.metadata or {}).get("client") == session.program_input.client]


@step
async def jobs_retrieve(session: Session) -> Any:
    job = await resolve(session.client.fine_tuning.jobs.retrieve(session.ids["2"]))
    return [job.id == session.ids["2"], job.status, job.metadata]


@step
async def jobs_cancel(session: Session) -> Any:
    cancelled = [await resolve(session.client.fine_tuning.jobs.cancel(session.ids[order])) for order in "123"]
    return [[job.status, job.fine_tuned_model, job.finished_at is None] for job in cancelled]


@step
async def jobs_cancel_again(session: Session) -> Any:
    error = await catch_api_error(lambda: session.client.fine_tuning.jobs.cancel(session.ids["1"]))
    return error | {"message": error["message"].replace(session.ids["1"], "JOB")}


@step
async def jobs_suffix(session: Session) -> Any:
    request = {"model": BASE, "training_file": session.ids["train.jsonl"], "suffix": "mine"}
    return await catch_api_error(
        lambda: session.client.fine_tuning.jobs.create(**request, extra_body={"method": session.method})
    )


@step
async def jobs_unknown(session: Session) -> Any:
    return await catch_api_error(lambda: session.client.fine_tuning.jobs.retrieve("ftjob-none"))


@step
async def jobs_unknown_cursor(session: Session) -> Any:
    return await catch_api_error(
        lambda: session.client.fine_tuning.jobs.list_events(session.program_input.job, after="ft-event-abc123")
    )


@step
async def jobs_finished(session: Session) -> Any:
    job = await resolve(session.client.fine_tuning.jobs.retrieve(session.program_input.job))
    return job.to_dict(mode="json", warnings=False)


@step
async def events_list(session: Session) -> Any:
    events = await collect_all(session.client.fine_tuning.jobs.list_events(session.program_input.job, limit=10))
    return [event.to_dict(mode="json") for event in events]


@step
async def checkpoints_list(session: Session) -> Any:
    checkpoints = await collect_all(
        session.client.fine_tuning.jobs.checkpoints.list(session.program_input.job, limit=1)
    )
    return [checkpoint.to_dict(mode="json") for checkpoint in checkpoints]


@step
async def projects_scope(session: Session) -> Any:
    name = {"name": session.program_input.client}
    project = await resolve(session.client.post("/organization/projects", body=name, cast_to=object))
    inside = session.client.with_options(default_headers={"OpenAI-Project": project["id"]})
    before = [file.filename for file in await collect_all(inside.files.list())]
    await resolve(inside.files.create(file=("inside.jsonl", b"{}\n"), purpose="fine-tune"))
    after = [file.filename for file in await collect_all(inside.files.list())]
    outside = [
        file.filename for file in await collect_all(session.client.files.list()) if file.filename == "inside.jsonl"
    ]
    return {"before": before, "inside": after, "outside": outside}


@step
async def key_garbled(session: Session) -> Any:
    other_client = session.client.with_options(api_key="not-a-key")
    return await catch_api_error(other_client.models.list)


@step
async def key_altered(session: Session) -> Any:
    prefix, _, encoded = os.environ["OPENAI_API_KEY"].rpartition("-")
    signed = re.sub(rb"(?<=X-Amz-Signature=)\w+", b"0" * 64, base64.b64decode(encoded))
    other_client = session.client.with_options(api_key=f"{prefix}-{base64.b64encode(signed).decode()}")
    return await catch_api_error(other_client.models.list)
