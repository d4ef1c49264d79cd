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

from tests.conformance.openai_session import BASE, Talk, refusal, shown, step
from tests.conformance.step_runner import answered, every


@step
async def models_list(talk: Talk) -> Any:
    return [shown(model) for model in await every(talk.client.models.list()) if not model.id.startswith("ft:")]


@step
async def models_retrieve(talk: Talk) -> Any:
    return shown(await answered(talk.client.models.retrieve(talk.scene.model)))


@step
async def models_unknown(talk: Talk) -> Any:
    return await refusal(lambda: talk.client.models.retrieve("gpt-4o"))


@step
async def files_upload_path(talk: Talk) -> Any:
    return await talk.upload(Path(talk.scene.training))


@step
async def files_upload_bytes(talk: Talk) -> Any:
    return await talk.upload(("bytes.jsonl", talk.content))


@step
async def files_upload_stream(talk: Talk) -> Any:
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

    return await talk.upload(("stream.jsonl", Pipe(talk.content)))


@step
async def files_list(talk: Talk) -> Any:
    own = set(talk.ids.values())
    listed = await every(talk.client.files.list(limit=1, purpose="fine-tune"))
    return [file.filename for file in listed if file.id in own]


@step
async def files_retrieve(talk: Talk) -> Any:
    return shown(await answered(talk.client.files.retrieve(talk.ids["train.jsonl"])))


@step
async def files_content(talk: Talk) -> Any:
    digests = []
    for name in ("train.jsonl", "bytes.jsonl", "stream.jsonl"):
        content = await answered(talk.client.files.content(talk.ids[name]))
        digests.append(sha256(content.content).hexdigest())
    return digests


@step
async def files_delete(talk: Talk) -> Any:
    return shown(await answered(talk.client.files.delete(talk.ids["bytes.jsonl"])))


@step
async def files_deleted(talk: Talk) -> Any:
    refused = await refusal(lambda: talk.client.files.retrieve(talk.ids["bytes.jsonl"]))
    return refused | {"message": refused["message"].replace(talk.ids["bytes.jsonl"], "FILE")}


@step
async def files_wrong_purpose(talk: Talk) -> Any:
    return await refusal(lambda: talk.client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch"))


@step
async def files_at_this_base(talk: Talk) -> Any:
    try:
        await answered(talk.client.files.list())
    except openai.NotFoundError as error:
        return error.response.headers["x-simulator-hint"]
    return "they are here"


@step
async def jobs_create(talk: Talk) -> Any:
    job = shown(await talk.create("1"))
    return job | {"training_file": job["training_file"] == talk.ids["train.jsonl"]}


@step
async def jobs_list(talk: Talk) -> Any:
    await talk.create("2")
    await talk.create("3")
    listed = await every(talk.client.fine_tuning.jobs.list(limit=2))
    return [job.metadata["order"] for job in listed if (job.metadata or {}).get("client") == talk.scene.client]


@step
async def jobs_retrieve(talk: Talk) -> Any:
    job = await answered(talk.client.fine_tuning.jobs.retrieve(talk.ids["2"]))
    return [job.id == talk.ids["2"], job.status, job.metadata]


@step
async def jobs_cancel(talk: Talk) -> Any:
    cancelled = [await answered(talk.client.fine_tuning.jobs.cancel(talk.ids[order])) for order in "123"]
    return [[job.status, job.fine_tuned_model, job.finished_at is None] for job in cancelled]


@step
async def jobs_cancel_again(talk: Talk) -> Any:
    refused = await refusal(lambda: talk.client.fine_tuning.jobs.cancel(talk.ids["1"]))
    return refused | {"message": refused["message"].replace(talk.ids["1"], "JOB")}


@step
async def jobs_suffix(talk: Talk) -> Any:
    asked = {"model": BASE, "training_file": talk.ids["train.jsonl"], "suffix": "mine"}
    return await refusal(lambda: talk.client.fine_tuning.jobs.create(**asked, extra_body={"method": talk.method}))


@step
async def jobs_unknown(talk: Talk) -> Any:
    return await refusal(lambda: talk.client.fine_tuning.jobs.retrieve("ftjob-none"))


@step
async def jobs_unknown_cursor(talk: Talk) -> Any:
    return await refusal(lambda: talk.client.fine_tuning.jobs.list_events(talk.scene.job, after="ft-event-abc123"))


@step
async def jobs_finished(talk: Talk) -> Any:
    job = await answered(talk.client.fine_tuning.jobs.retrieve(talk.scene.job))
    return job.to_dict(mode="json", warnings=False)


@step
async def events_list(talk: Talk) -> Any:
    listed = await every(talk.client.fine_tuning.jobs.list_events(talk.scene.job, limit=10))
    return [event.to_dict(mode="json") for event in listed]


@step
async def checkpoints_list(talk: Talk) -> Any:
    listed = await every(talk.client.fine_tuning.jobs.checkpoints.list(talk.scene.job, limit=1))
    return [checkpoint.to_dict(mode="json") for checkpoint in listed]


@step
async def projects_scope(talk: Talk) -> Any:
    name = {"name": talk.scene.client}
    project = await answered(talk.client.post("/organization/projects", body=name, cast_to=object))
    inside = talk.client.with_options(default_headers={"OpenAI-Project": project["id"]})
    before = [file.filename for file in await every(inside.files.list())]
    await answered(inside.files.create(file=("inside.jsonl", b"{}\n"), purpose="fine-tune"))
    after = [file.filename for file in await every(inside.files.list())]
    outside = [file.filename for file in await every(talk.client.files.list()) if file.filename == "inside.jsonl"]
    return {"before": before, "inside": after, "outside": outside}


@step
async def key_garbled(talk: Talk) -> Any:
    other = talk.client.with_options(api_key="not-a-key")
    return await refusal(other.models.list)


@step
async def key_altered(talk: Talk) -> Any:
    prefix, _, encoded = os.environ["OPENAI_API_KEY"].rpartition("-")
    signed = re.sub(rb"(?<=X-Amz-Signature=)\w+", b"0" * 64, base64.b64decode(encoded))
    other = talk.client.with_options(api_key=f"{prefix}-{base64.b64encode(signed).decode()}")
    return await refusal(other.models.list)
