"""The steps that make and follow jobs: models, files, jobs, events, checkpoints, projects and keys."""

# ruff: noqa: D103  a step does what its name says

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
async def models_list(talk: Session) -> Any:
    return [to_json(model) for model in await collect_all(talk.client.models.list()) if not model.id.startswith("ft:")]


@step
async def models_retrieve(talk: Session) -> Any:
    return to_json(await resolve(talk.client.models.retrieve(talk.program_input.model)))


@step
async def models_unknown(talk: Session) -> Any:
    return await catch_api_error(lambda: talk.client.models.retrieve("gpt-4o"))


@step
async def files_upload_path(talk: Session) -> Any:
    return await talk.upload_file(Path(talk.program_input.training))


@step
async def files_upload_bytes(talk: Session) -> Any:
    return await talk.upload_file(("bytes.jsonl", talk.content))


@step
async def files_upload_stream(talk: Session) -> Any:
    class Pipe(io.BytesIO):
        """Bytes of a length that nobody knows beforehand: they go out in chunks."""

        def fileno(self) -> int:
            raise OSError("none")

        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation("seek")

        def tell(self) -> int:
            raise io.UnsupportedOperation("tell")

    return await talk.upload_file(("stream.jsonl", Pipe(talk.content)))


@step
async def files_list(talk: Session) -> Any:
    own = set(talk.ids.values())
    listed = await collect_all(talk.client.files.list(limit=1, purpose="fine-tune"))
    return [file.filename for file in listed if file.id in own]


@step
async def files_retrieve(talk: Session) -> Any:
    return to_json(await resolve(talk.client.files.retrieve(talk.ids["train.jsonl"])))


@step
async def files_content(talk: Session) -> Any:
    digests = []
    for name in ("train.jsonl", "bytes.jsonl", "stream.jsonl"):
        content = await resolve(talk.client.files.content(talk.ids[name]))
        digests.append(sha256(content.content).hexdigest())
    return digests


@step
async def files_delete(talk: Session) -> Any:
    return to_json(await resolve(talk.client.files.delete(talk.ids["bytes.jsonl"])))


@step
async def files_deleted(talk: Session) -> Any:
    refused = await catch_api_error(lambda: talk.client.files.retrieve(talk.ids["bytes.jsonl"]))
    return refused | {"message": refused["message"].replace(talk.ids["bytes.jsonl"], "FILE")}


@step
async def files_wrong_purpose(talk: Session) -> Any:
    return await catch_api_error(lambda: talk.client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch"))


@step
async def files_at_this_base(talk: Session) -> Any:
    try:
        await resolve(talk.client.files.list())
    except openai.NotFoundError as error:
        return error.response.headers["x-simulator-hint"]
    return "they are here"


@step
async def jobs_create(talk: Session) -> Any:
    job = to_json(await talk.create_job("1"))
    return job | {"training_file": job["training_file"] == talk.ids["train.jsonl"]}


@step
async def jobs_list(talk: Session) -> Any:
    await talk.create_job("2")
    await talk.create_job("3")
    listed = await collect_all(talk.client.fine_tuning.jobs.list(limit=2))
    return [job.metadata["order"] for job in listed if (job.metadata or {}).get("client") == talk.program_input.client]


@step
async def jobs_retrieve(talk: Session) -> Any:
    job = await resolve(talk.client.fine_tuning.jobs.retrieve(talk.ids["2"]))
    return [job.id == talk.ids["2"], job.status, job.metadata]


@step
async def jobs_cancel(talk: Session) -> Any:
    cancelled = [await resolve(talk.client.fine_tuning.jobs.cancel(talk.ids[order])) for order in "123"]
    return [[job.status, job.fine_tuned_model, job.finished_at is None] for job in cancelled]


@step
async def jobs_cancel_again(talk: Session) -> Any:
    refused = await catch_api_error(lambda: talk.client.fine_tuning.jobs.cancel(talk.ids["1"]))
    return refused | {"message": refused["message"].replace(talk.ids["1"], "JOB")}


@step
async def jobs_suffix(talk: Session) -> Any:
    asked = {"model": BASE, "training_file": talk.ids["train.jsonl"], "suffix": "mine"}
    return await catch_api_error(
        lambda: talk.client.fine_tuning.jobs.create(**asked, extra_body={"method": talk.method})
    )


@step
async def jobs_unknown(talk: Session) -> Any:
    return await catch_api_error(lambda: talk.client.fine_tuning.jobs.retrieve("ftjob-none"))


@step
async def jobs_unknown_cursor(talk: Session) -> Any:
    return await catch_api_error(
        lambda: talk.client.fine_tuning.jobs.list_events(talk.program_input.job, after="ft-event-abc123")
    )


@step
async def jobs_finished(talk: Session) -> Any:
    job = await resolve(talk.client.fine_tuning.jobs.retrieve(talk.program_input.job))
    return job.to_dict(mode="json", warnings=False)


@step
async def events_list(talk: Session) -> Any:
    listed = await collect_all(talk.client.fine_tuning.jobs.list_events(talk.program_input.job, limit=10))
    return [event.to_dict(mode="json") for event in listed]


@step
async def checkpoints_list(talk: Session) -> Any:
    listed = await collect_all(talk.client.fine_tuning.jobs.checkpoints.list(talk.program_input.job, limit=1))
    return [checkpoint.to_dict(mode="json") for checkpoint in listed]


@step
async def projects_scope(talk: Session) -> Any:
    name = {"name": talk.program_input.client}
    project = await resolve(talk.client.post("/organization/projects", body=name, cast_to=object))
    inside = talk.client.with_options(default_headers={"OpenAI-Project": project["id"]})
    before = [file.filename for file in await collect_all(inside.files.list())]
    await resolve(inside.files.create(file=("inside.jsonl", b"{}\n"), purpose="fine-tune"))
    after = [file.filename for file in await collect_all(inside.files.list())]
    outside = [file.filename for file in await collect_all(talk.client.files.list()) if file.filename == "inside.jsonl"]
    return {"before": before, "inside": after, "outside": outside}


@step
async def key_garbled(talk: Session) -> Any:
    other = talk.client.with_options(api_key="not-a-key")
    return await catch_api_error(other.models.list)


@step
async def key_altered(talk: Session) -> Any:
    prefix, _, encoded = os.environ["OPENAI_API_KEY"].rpartition("-")
    signed = re.sub(rb"(?<=X-Amz-Signature=)\w+", b"0" * 64, base64.b64decode(encoded))
    other = talk.client.with_options(api_key=f"{prefix}-{base64.b64encode(signed).decode()}")
    return await catch_api_error(other.models.list)
