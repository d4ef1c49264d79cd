"""Jobs and logs with chosen metric curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from client.diagnosis.report import Diagnosis, Finding, diagnose_job
from client.diagnosis.rule import Severity
from client.mantle_types import Checkpoint, Event, Job
from tests.client.mantle_stub import Json

STEPS = 60


Curve = Callable[[int], object]


def constant_curve(value: object) -> Curve:
    """Return a curve with the same value at every step."""
    return lambda _: value


# A sound run of `STEPS` steps, counted from 1.
HEALTHY_CURVES: dict[str, Curve] = {
    "critic_rewards_mean": lambda step: 0.5 + 0.4 * step / STEPS,
    "critic_advantages_mean": lambda step: 0.01 * (-1) ** step,
    "actor_entropy": lambda step: 0.6 - 0.2 * step / STEPS,
    "actor_grad_norm": constant_curve(0.001),
    "actor_pg_loss": lambda step: 0.05 * (-1) ** step,
    "response_length_mean": constant_curve(300.0),
}


def step_curve(first: float, last: float) -> Curve:
    """Return a curve with one value in the first half of a run and another in the second."""
    return lambda step: first if step <= STEPS // 2 else last


def make_job(status: str = "succeeded", **fields: Any) -> Job:
    """Return a job with the documented hyperparameters."""
    hyperparameters = {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 1.0}
    method = {"type": "reinforcement", "reinforcement": {"hyperparameters": hyperparameters}}
    return Job(id="ftjob-1", status=status, body={"model": "m", "method": method, "error": None} | fields)


def step_event(step: object, **data: object) -> Event:
    """Return a metrics event with this data."""
    body: Json = {"type": "metrics", "data": {"step": step, **data}}
    has_step = isinstance(step, int)
    return Event(
        id=f"e{step}", created_at=0, level="info", message="", metrics=body["data"] if has_step else None, body=body
    )


def make_log(steps: int = STEPS, /, **curves: Curve) -> list[Event]:
    """Return the events of a run on these curves; the other metrics are sound."""
    return [
        step_event(step, total_steps=STEPS, **{name: curve(step) for name, curve in (HEALTHY_CURVES | curves).items()})
        for step in range(1, steps + 1)
    ]


def finding_named(name: str, events: Iterable[Event], **context: Any) -> Finding:
    """Return one finding by its name."""
    findings = diagnose_job(context.pop("job", make_job()), events, context.pop("checkpoints", ()), **context).findings
    (finding,) = [finding for finding in findings if finding.name == name]
    return finding


def failures_and_warnings(diagnosis: Diagnosis) -> set[str]:
    """Return the failures and warnings as `severity id name`."""
    severities = {Severity.FAIL, Severity.WARN}
    return {f"{item.severity} {item.id} {item.name}" for item in diagnosis.findings if item.severity in severities}


def make_checkpoint(step: int, **metrics: object) -> Checkpoint:
    """Return a checkpoint with these metrics."""
    return Checkpoint(id=str(step), step=step, model="m", metrics={"step": step, **metrics})


DEAD = {"actor_grad_norm": constant_curve(0.0), "actor_pg_loss": constant_curve(0.0)}
BROKEN = {"critic_rewards_mean": constant_curve(0.0), **DEAD}
