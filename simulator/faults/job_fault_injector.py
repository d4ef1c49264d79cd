"""The edge between a job and the world: where the faults of jobs are met. The job knows of none of them."""

from collections.abc import Callable

from simulator.faults.job_fault import AwsOperationEffect, CancelJobEffect, FailJobEffect, QueueDelayEffect
from simulator.faults.registry import FaultRegistry, RegisteredJobFault
from simulator.http.request_log import log_job_fault
from simulator.jobs.job import Event, Failure, FilesValidated, JobCancelled, JobFailed, StepCompleted
from simulator.jobs.lifecycle import Grade, LifecycleEffect


class JobFaultInjector:
    """Lets jobs meet the faults of a book. `carry_out` does an operation in the account, or says why it could not."""

    def __init__(self, registry: FaultRegistry, *, run_operation: Callable[[AwsOperationEffect], str | None]) -> None:
        self._registry = registry
        self._run_operation = run_operation

    def before_effect(self, job_id: str, effect: LifecycleEffect) -> Event | None:
        """Carry out what is due before a job's next move; return the event that ends the job in its place, or None."""
        for entry in self._registry.faults_of_job(job_id):
            if _is_due(entry, effect) and _record_met(entry) and (end := self._terminal_event(entry, effect.at)):
                return end
        return None

    def queue_delay(self, job_id: str) -> int:
        """Return how many simulated seconds a job is queued at least."""
        seconds = [0]
        for entry in self._registry.faults_of_job(job_id):
            if isinstance(entry.fault.effect, QueueDelayEffect):
                _record_met(entry)
                seconds.append(entry.fault.effect.seconds)
        return max(seconds)

    def _terminal_event(self, entry: RegisteredJobFault, at: int) -> Event | None:
        match entry.fault.effect:
            case FailJobEffect(code=code, message=message, param=param):
                return JobFailed(at=at, failure=Failure(code=code, message=message, param=param))
            case CancelJobEffect():
                return JobCancelled(at=at)
            case AwsOperationEffect() as operation:
                if why := self._run_operation(operation):
                    entry.mark_refused(why)
                    log_job_fault(f"{operation.service} {operation.name}", f"{entry.id}, and was not done: {why}")
        return None


def _record_met(entry: RegisteredJobFault) -> bool:
    """Note that its job has met a fault, and tell of it; return whether this was the first time."""
    first = entry.mark_met()
    if first:
        log_job_fault(str(entry.fault.job), entry.id)
    return first


def _is_due(entry: RegisteredJobFault, effect: LifecycleEffect) -> bool:
    """Whether a job is where its fault is."""
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
