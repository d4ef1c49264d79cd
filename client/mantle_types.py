"""Jobs, events and checkpoints as the API returns them.

They are read from the raw JSON: the SDK's types have no Lambda grader, and serializing them prints a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# OPENAI: the six statuses; DOCUMENTED by AWS: `succeeded` and the British `cancelled`.
ACTIVE_STATUSES = ("validating_files", "queued", "running")


TERMINAL_STATUSES = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A fine-tuning job; `body` is the service's own JSON object."""

    id: str
    status: str
    body: Mapping[str, Any]

    @property
    def has_ended(self) -> bool:
        """True for the three terminal statuses; an unknown status is not terminal."""
        return self.status in TERMINAL_STATUSES

    @property
    def has_known_status(self) -> bool:
        """True for a status that the API documents."""
        return self.status in ACTIVE_STATUSES or self.status in TERMINAL_STATUSES

    @property
    def model(self) -> str:
        """The base model's id."""
        return str(self.body.get("model"))

    @property
    def created_text(self) -> str:
        """The creation time in UTC, such as `2026-02-18 19:13`; empty if the service does not send it."""
        seconds = self.body.get("created_at")
        return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M}" if seconds else ""

    @property
    def tuned_model(self) -> str | None:
        """The id of the tuned model, or None before the job has succeeded."""
        name = self.body.get("fine_tuned_model")
        return str(name) if name else None

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata that the job was created with."""
        return self.body.get("metadata") or {}

    @property
    def function_arn(self) -> str:
        """The ARN of the reward function; empty if the service does not send it."""
        method = self.body.get("method") or {}
        grader = (method.get("reinforcement") or {}).get("grader") or {}
        return str((grader.get("lambda") or {}).get("function") or "")

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """The hyperparameters of the reinforcement method, as the service sends them."""
        method = self.body.get("method") or {}
        return (method.get("reinforcement") or {}).get("hyperparameters") or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a job's log; `created_at` in seconds since 1970, `metrics` only for a training step."""

    id: str
    created_at: int
    level: str
    message: str
    metrics: Mapping[str, float] | None
    body: Mapping[str, Any]

    @property
    def step(self) -> int | None:
        """The training step of the event, if it has one."""
        return None if self.metrics is None else int(self.metrics.get("step", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The model after `step`; `metrics` as the service sends them."""

    id: str
    step: int
    model: str
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """One page of events, in the order of the response."""

    events: tuple[Event, ...]
    has_more: bool


def parse_job(body: Mapping[str, Any]) -> Job:
    """Return the job of a `fine_tuning.job` object."""
    return Job(id=str(body["id"]), status=str(body["status"]), body=body)


def parse_event(body: Mapping[str, Any]) -> Event:
    """Return the event of a `fine_tuning.job.event` object. Metrics without a step number are dropped."""
    data = body.get("data")
    has_step = isinstance(data, dict) and isinstance(data.get("step"), int | float)
    metrics = data if body.get("type") == "metrics" and has_step else None
    return Event(
        id=str(body["id"]),
        created_at=int(body.get("created_at") or 0),
        level=str(body.get("level") or "info"),
        message=str(body.get("message") or ""),
        metrics=metrics,
        body=body,
    )
