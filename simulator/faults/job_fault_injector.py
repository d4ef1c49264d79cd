"""The edge between a job and the world: where the faults of jobs are met. The job knows of none of them."""

from collections.abc import Callable

from simulator.faults.job_fault import Cancel, Fail, Operation, Queue
from simulator.faults.registry import Book, JobEntry
from simulator.http.request_log import log_job_fault
from simulator.jobs.job import Event, Failure, FilesValidated, JobCancelled, JobFailed, StepCompleted
from simulator.jobs.lifecycle import Effect, Grade


class ScriptedInterventions:
    """Lets jobs meet the faults of a book. `carry_out` does an operation in the account, or says why it could not."""

    def __init__(self, book: Book, *, carry_out: Callable[[Operation], str | None]) -> None:
        self._book = book
        self._carry_out = carry_out

    def before(self, job_id: str, effect: Effect) -> Event | None:
        """Carry out what is due before a job's next move; return the event that ends the job in its place, or None."""
        for entry in self._book.of_job(job_id):
            if _is_there(entry, effect) and _met(entry) and (end := self._end(entry, effect.at)):
                return end
        return None

    def wait(self, job_id: str) -> int:
        """Return how many simulated seconds a job is queued at least."""
        seconds = [0]
        for entry in self._book.of_job(job_id):
            if isinstance(entry.fault.effect, Queue):
                _met(entry)
                seconds.append(entry.fault.effect.seconds)
        return max(seconds)

    def _end(self, entry: JobEntry, at: int) -> Event | None:
        match entry.fault.effect:
            case Fail(code=code, message=message, param=param):
                return JobFailed(at=at, failure=Failure(code=code, message=message, param=param))
            case Cancel():
                return JobCancelled(at=at)
            case Operation() as operation:
                if why := self._carry_out(operation):
                    entry.refused(why)
                    log_job_fault(f"{operation.service} {operation.name}", f"{entry.id}, and was not done: {why}")
        return None


def _met(entry: JobEntry) -> bool:
    """Note that its job has met a fault, and tell of it; return whether this was the first time."""
    first = entry.met()
    if first:
        log_job_fault(str(entry.fault.job), entry.id)
    return first


def _is_there(entry: JobEntry, effect: Effect) -> bool:
    """Whether a job is where its fault is."""
    fault = entry.fault
    match fault.effect:
        case Fail() if fault.step is None:
            return isinstance(effect, FilesValidated)
        case Fail() | Operation():
            return isinstance(effect, Grade) and (effect.split, effect.step) == ("train", fault.step)
        case Cancel():
            return isinstance(effect, StepCompleted) and effect.step == fault.step
        case Queue():
            return False
