"""Domain events and jobs to JSON and back, exactly: floats survive to the last bit."""

from typing import Final

from pydantic import TypeAdapter

from simulator.jobs import job as domain
from simulator.jobs.job import Event, Job

_EVENT_TYPES: Final = {kind.__name__: kind for kind in Event.__args__}
_ADAPTERS: Final = {name: TypeAdapter(kind) for name, kind in _EVENT_TYPES.items()}
_JOB: Final = TypeAdapter(domain.Job)


def event_kind(event: Event) -> str:
    """Return the event's name in the log, which is its class's."""
    return type(event).__name__


def encode_event(event: Event) -> str:
    """Return the event's fields as JSON text, without its kind."""
    return _ADAPTERS[event_kind(event)].dump_json(event).decode()


def decode_event(kind: str, body: str) -> Event:
    """Return the event that `encode_event` wrote.

    Raises:
        KeyError: a kind that this version does not know.
        pydantic.ValidationError: a body that does not fit the kind.
    """
    event: Event = _ADAPTERS[kind].validate_json(body)
    return event


def encode_job(job: Job) -> str:
    """Return the job as JSON text."""
    return _JOB.dump_json(job).decode()


def decode_job(text: str) -> Job:
    """Return the job that `encode_job` wrote."""
    return _JOB.validate_json(text)
