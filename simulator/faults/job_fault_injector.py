"""Inject job faults through the job hooks. The job itself does not know them."""

from collections.abc import Callable

from simulator.faults.job_fault import AwsOperationEffect, CancelJobEffect, FailJobEffect, QueueDelayEffect
from simulator.faults.registered_fault import RegisteredJobFault
from simulator.faults.registry import FaultRegistry
from simulator.http.request_log import log_job_fault
from simulator.jobs.job import Event, Failure, FilesValidated, JobCancelled, JobFailed, StepCompleted
from simulator.jobs.lifecycle import Grade, LifecycleEffect


class JobFaultInjector:
    """Injects the registry's job faults. `run_operation` carries out an AWS operation, or returns why it could not."""

    def __init__(self, registry: FaultRegistry, *, run_operation: Callable[[AwsOperationEffect], str | None]) -> None:
        self._registry = registry
        self._run_operation = run_operation

    def before_effect(self, job_id: str, effect: LifecycleEffect) -> Event | None:
        """Apply the faults that are due before an effect; return the event that ends the job instead, or None."""
        for entry in self._registry.faults_of_job(job_id):
            if _is_due(entry, effect) and _record_reached(entry) and (event := self._apply(entry, effect.at)):
                return event
        return None

    def queue_delay(self, job_id: str) -> int:
        """Return the minimum time in the queue in simulated seconds."""
        seconds = [0]
        for entry in self._registry.faults_of_job(job_id):
            if isinstance(entry.fault.effect, QueueDelayEffect):
                _record_reached(entry)
                seconds.append(entry.fault.effect.seconds)
        return max(seconds)

    def _apply(self, entry: RegisteredJobFault, at: int) -> Event | None:
        match entry.fault.effect:
            case FailJobEffect(code=code, message=message, param=param):
                return JobFailed(at=at, failure=Failure(code=code, message=message, param=param))
            case CancelJobEffect():
                return JobCancelled(at=at)
            case AwsOperationEffect() as operation:
                if reason := self._run_operation(operation):
                    entry.mark_refused(reason)
                    log_job_fault(
                        f"{operation.service} {operation.name}", f"{entry.id}, and was not carried out: {reason}"
                    )
        return None


def _record_reached(entry: RegisteredJobFault) -> bool:
    """Record and log that the job has reached a fault; return whether this is the first time."""
    is_first = entry.mark_reached()
    if is_first:
        log_job_fault(str(entry.fault.job), entry.id)
    return is_first


def _is_due(entry: RegisteredJobFault, effect: LifecycleEffect) -> bool:
    """Return whether a fault is due before an effect."""
    fault = entry.fault
    match fault.effect:
        case FailJobEffect() if fault.step is None:
            return isinstance(effect, FilesValidated)
        case FailJobEffect() | AwsOperationEffect():
            return isinstance(effect, Grade) and (effect.split, effect.step) == ("train", fault.step)
        case CancelJobEffect():
            return isinstance(effect, StepCompleted) and effect.step == fault.step
        case QueueDelayEffect():
            return False
