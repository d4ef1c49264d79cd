"""Rows for the stores of a test."""

from simulator.store.files import StoredFile
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from simulator.store.models import StoredModel
from simulator.store.projects import StoredProject

PROJECT = "arn:aws:bedrock-mantle:us-west-2:123456789012:project/default"
ACCOUNT = "123456789012"


def make_file(
    ordinal: int, *, sha256: str | None = None, purpose: str = "fine-tune", project: str = PROJECT
) -> StoredFile:
    """Return the metadata of a file."""
    return StoredFile(
        ordinal=ordinal,
        project=project,
        id=f"file-{ordinal}",
        filename="train.jsonl",
        purpose=purpose,
        bytes=10,
        sha256=sha256 or f"sha-{ordinal}",
        created_at=100 + ordinal,
    )


def make_entry(ordinal: int, *, job: str = "job", is_event: bool = True) -> StoredLogEntry:
    """Return a log entry."""
    return StoredLogEntry(
        ordinal=ordinal,
        kind="Happened",
        body=f'{{"at":{ordinal}}}',
        event_id=f"{job}-event-{ordinal}" if is_event else None,
    )


def make_model(name: str, *, job: str = "job", checkpoint: str | None = None, at: int = 7) -> StoredModel:
    """Return a model."""
    return StoredModel(
        id=name, job=job, account=ACCOUNT, base_model="base", created_at=at, weights="{}", checkpoint_id=checkpoint
    )


def make_project(ordinal: int, *, account: str = ACCOUNT, archived: bool = False) -> StoredProject:
    """Return a project."""
    return StoredProject(
        account=account,
        ordinal=ordinal,
        id=f"proj_{ordinal}",
        name=f"number {ordinal}",
        created_at=100 + ordinal,
        archived=archived,
        tags={"team": "maths"},
    )


def append_entry(
    logs: JobLogStore,
    job: str,
    *entries: StoredLogEntry,
    finished_at: int | None = None,
    model: StoredModel | None = None,
    project: str = PROJECT,
    projection: str | None = None,
) -> None:
    """Append entries to a job's log; the last one has the model, if any."""
    for entry in entries:
        logs.append(
            job=job,
            project=project,
            at=entry.ordinal,
            finished_at=finished_at,
            projection=projection or f"{job} after {entry.ordinal}",
            entry=entry,
            model=model,
        )
