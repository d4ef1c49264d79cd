"""Encode domain events and jobs as JSON and decode them exactly: floats keep every bit."""

from typing import Final

from pydantic import TypeAdapter

from simulator.jobs.job import Event, Job, RolloutsGraded

_EVENT_TYPES: Final = {kind.__name__: kind for kind in Event.__args__}
_EVENT_ADAPTERS: Final = {name: TypeAdapter(kind) for name, kind in _EVENT_TYPES.items()}
_JOB_ADAPTER: Final = TypeAdapter(Job)


def event_kind(event: Event) -> str:
    """Return the event's name in the log: the name of its class."""
    return type(event).__name__


def encode_event(event: Event) -> str:
    """Return the event's fields as JSON text, without its kind."""
    # Without such calls and retries the log has the same bytes as before they were recorded.
    omitted = None
    if isinstance(event, RolloutsGraded):
        omitted = {name for name in ("retry_seconds", "service_calls") if not getattr(event, name)}
    return _EVENT_ADAPTERS[event_kind(event)].dump_json(event, exclude=omitted).decode()


def decode_event(kind: str, body: str) -> Event:
    """Return the event that `encode_event` wrote.

    Raises:
        KeyError: this version does not know the kind.
        pydantic.ValidationError: the body does not fit the kind.
    """
    event: Event = _EVENT_ADAPTERS[kind].validate_json(body)
    return event


def encode_job(job: Job) -> str:
    """Return the job as JSON text."""
    return _JOB_ADAPTER.dump_json(job).decode()


def decode_job(text: str) -> Job:
    """Return the job that `encode_job` wrote."""
    return _JOB_ADAPTER.validate_json(text)
