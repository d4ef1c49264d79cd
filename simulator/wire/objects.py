"""Renders the API's objects. Keys are in alphabetical order, and a null key is present."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from simulator.jobs.job import (
    CheckpointSaved,
    ConvergenceDetected,
    Event,
    FilesValidated,
    Job,
    JobCancelled,
    JobCreated,
    JobFailed,
    JobSucceeded,
    ModelCreated,
    RolloutsGraded,
    ServiceCallsFailed,
    StepCompleted,
    TrainingStarted,
    ValidationStarted,
    WarningIssued,
)
from simulator.store.files import StoredFile
from simulator.training.dataset import Record
from simulator.training.sampling import Rollout
from simulator.wire.json_response import Json

# SAMPLE: the eight keys of a metrics event's `data`, in the order of the event in AWS's walkthrough.
METRIC_KEYS: Final = (
    "total_steps",
    "actor_grad_norm",
    "response_length_mean",
    "step",
    "actor_pg_loss",
    "critic_rewards_mean",
    "actor_entropy",
    "critic_advantages_mean",
)


def render_file(file: StoredFile) -> Json:
    """Return a file object (OPENAI). `expires_at` and `status_details` may not be null there, so they are absent."""
    return {
        "bytes": file.bytes,
        "created_at": file.created_at,
        "filename": file.filename,
        "id": file.id,
        "object": "file",
        "purpose": file.purpose,
        "status": "processed",
    }


def render_file_deletion(file_id: str) -> Json:
    """Return the answer to deleting a file (OPENAI)."""
    return {"deleted": True, "id": file_id, "object": "file"}


def render_job(job: Job) -> Json:
    """Return a fine-tuning job (OPENAI; the method as DOCUMENTED; `organization_id` INFERRED: the account)."""
    spec = job.spec
    failure = job.failure
    return {
        "created_at": job.created_at,
        "error": {"code": failure.code, "message": failure.message, "param": failure.param} if failure else None,
        "estimated_finish": None,
        "fine_tuned_model": job.fine_tuned_model if job.status.is_terminal else None,
        "finished_at": job.finished_at,
        "hyperparameters": {"batch_size": None, "learning_rate_multiplier": None, "n_epochs": None},
        "id": job.id,
        "integrations": [],
        "metadata": dict(sorted(spec.metadata.items())) if spec.metadata is not None else None,
        "method": {
            "reinforcement": {
                "grader": {"lambda": {"function": spec.grader_function}, "type": "lambda"},
                "hyperparameters": dict(sorted(spec.hyperparameters.items())),
            },
            "type": "reinforcement",
        },
        "model": spec.model,
        "object": "fine_tuning.job",
        "organization_id": spec.account,
        "result_files": [],
        "seed": spec.seed,
        "status": job.status.value,
        "trained_tokens": job.trained_tokens if job.fine_tuned_model and job.status.is_terminal else None,
        "training_file": spec.training_file,
        "validation_file": spec.validation_file,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDescription:
    """A domain event as the API lists it."""

    message: str
    level: str = "info"
    data: Mapping[str, int | float] | None = None


def describe_event(event: Event) -> EventDescription | None:  # noqa: C901, PLR0912  one case for each event
    """Return a domain event as the API's event list has it; None if it is not listed.

    Only the text of the metrics event is known (SAMPLE). The other texts are INFERRED from OpenAI's.
    """
    match event:
        case JobCreated():
            return EventDescription(message="Fine-tuning job created")
        case ValidationStarted(training_file=training_file):
            return EventDescription(message=f"Validating training file: {training_file}")
        case FilesValidated():
            return EventDescription(message="Files validated, moving job to queued state")
        case WarningIssued(message=message):
            return EventDescription(message=message, level="warn")
        case TrainingStarted():
            return EventDescription(message="Fine-tuning job started")
        case StepCompleted(step=step, metrics=metrics):
            return EventDescription(
                message=f"Step {step}/{metrics['total_steps']}: training metrics",
                data={key: metrics[key] for key in METRIC_KEYS},
            )
        case CheckpointSaved(step=step):
            return EventDescription(message=f"Checkpoint created at step {step}")
        case RolloutsGraded(warnings=(_, *_) as warnings, step=step):
            return EventDescription(message=f"Step {step}: " + "; ".join(warnings), level="warn")
        case ServiceCallsFailed(service_calls=service_calls):
            return EventDescription(message=service_calls.sentence, level="warn")
        case ConvergenceDetected(step=step, reason=reason):
            return EventDescription(message=f"Training converged at step {step}: {reason}")
        case ModelCreated():
            return EventDescription(message="New fine-tuned model created")
        case JobSucceeded():
            return EventDescription(message="The job has successfully completed")
        case JobFailed(failure=failure):
            return EventDescription(message=f"Fine-tuning job failed: {failure.message}", level="error")
        case JobCancelled():
            return EventDescription(message="Fine-tuning job cancelled")
        case _:
            return None


def render_event(event_id: str, event: Event) -> Json:
    """Return a `fine_tuning.job.event` (SAMPLE for metrics; the rest OPENAI)."""
    description = describe_event(event)
    if description is None:
        raise ValueError(f"{type(event).__name__} is not listed as an event")
    return {
        "created_at": event.at,
        "data": description.data,
        "id": event_id,
        "level": description.level,
        "message": description.message,
        "object": "fine_tuning.job.event",
        "type": "metrics" if description.data is not None else "message",
    }


def render_checkpoint(checkpoint_id: str, job_id: str, event: CheckpointSaved) -> Json:
    """Return a checkpoint object (OPENAI; `metrics` has the held-out means, INFERRED)."""
    return {
        "created_at": event.at,
        "fine_tuned_model_checkpoint": event.model,
        "fine_tuning_job_id": job_id,
        "id": checkpoint_id,
        "metrics": dict(event.metrics),
        "object": "fine_tuning.job.checkpoint",
        "step_number": event.step,
    }


def render_model(model_id: str, *, created: int, owner: str) -> Json:
    """Return a model object (OBSERVED, `status` included)."""
    return {"created": created, "id": model_id, "object": "model", "owned_by": owner, "status": "available"}


def render_rollout_line(
    record: Record, rollout: Rollout, *, rollout_id: str, split: str, step: int, reward: float
) -> str:
    """Return a graded rollout as a JSON line: its record, response and reward, and whether it is correct."""
    return json.dumps(
        {
            "correct": rollout.correct,
            "exploit": rollout.exploit,
            "id": rollout_id,
            "index": rollout.index,
            "line": record.line,
            "reasoning": rollout.reasoning,
            "record": {
                **record.fields,
                "messages": [{"role": message.role, "content": message.content} for message in record.messages],
            },
            "response": rollout.text,
            "reward": reward,
            "split": split,
            "step": step,
        },
        separators=(",", ":"),  # in ASCII: a lone surrogate that a record escapes has no UTF-8 encoding
    )


def render_log_line(kind: str, body: str) -> str:
    """Return one entry of a job's log as a JSON line, its kind first."""
    return json.dumps({"event": kind} | json.loads(body), ensure_ascii=False, separators=(",", ":"))
