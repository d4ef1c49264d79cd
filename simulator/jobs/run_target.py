"""Targets of jobs that a user runs explicitly: how far each job must run, and which targets are still open."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.jobs.job import Job


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunTarget:
    """How far a job runs: until `is_reached` is true, and not beyond the simulated time `until` if there is one.

    Two targets are never equal, so that two runs of one job with the same target remain separate.
    """

    is_reached: Callable[[Job], bool]
    until: int | None = None

    def is_reached_or_past(self, job: Job) -> bool:
        """Return whether the job has reached the target or is past its time."""
        return self.is_reached(job) or (self.until is not None and job.changed_at > self.until)


class RunTargets:
    """The open targets of all jobs. The scheduler's lock protects them."""

    def __init__(self) -> None:
        self._targets: dict[str, list[RunTarget]] = {}  # by job id; no list is empty
        self._reached_targets: set[RunTarget] = set()  # until `close` removes them

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._targets

    def is_open(self, job_id: str, target: RunTarget) -> bool:
        """Return whether a job has still to reach a target."""
        return target in self._targets.get(job_id, ())

    def add(self, job_id: str, target: RunTarget) -> None:
        """Add a target of a job."""
        self._targets.setdefault(job_id, []).append(target)

    def close(self, job_id: str, target: RunTarget) -> bool:
        """Remove a target; return whether the job has reached it or is past it."""
        is_reached = target in self._reached_targets
        self._reached_targets.discard(target)
        self._remove(job_id, target)
        return is_reached

    def remove_job(self, job_id: str) -> None:
        """Remove all targets of a job. Those that are open count as not reached."""
        self._targets.pop(job_id, None)

    def update(self, job: Job) -> None:
        """Remove the targets that a job has reached or is past."""
        for target in [target for target in self._targets.get(job.id, ()) if target.is_reached_or_past(job)]:
            self._reached_targets.add(target)
            self._remove(job.id, target)

    def _remove(self, job_id: str, target: RunTarget) -> None:
        targets = self._targets.get(job_id, [])
        if target in targets:
            targets.remove(target)
        if not targets:
            self._targets.pop(job_id, None)

    def time_limit(self, job_id: str) -> int | None:
        """Return the latest simulated time that the targets of a job allow, or None if one has no limit."""
        limits = [target.until for target in self._targets.get(job_id, ())]
        time_limits = [limit for limit in limits if limit is not None]
        return max(time_limits) if time_limits and len(time_limits) == len(limits) else None
