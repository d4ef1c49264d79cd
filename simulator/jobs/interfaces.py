"""The interfaces through which a running job reaches the rest of the simulator."""

from typing import Protocol

from simulator.grading.grader import GradingResult, Sample
from simulator.jobs.job import Event, Job, JobSpec
from simulator.jobs.lifecycle import LifecycleEffect


class Graders(Protocol):
    """The reward functions of all jobs."""

    def denial_reason(self, spec: JobSpec, /) -> str | None:
        """Return why the job's caller may not invoke the job's function, or None if it may."""

    def refusal_reason(self, spec: JobSpec, /) -> str | None:
        """Return why the simulator, unlike AWS, cannot run the job's function, or None."""

    def warnings(self, spec: JobSpec, /) -> tuple[str, ...]:
        """Return in which ways the job's function runs here in another way than at AWS."""

    def grade(
        self, job_id: str, spec: JobSpec, samples: tuple[Sample, ...], /, *, split: str, step: int
    ) -> GradingResult:
        """Return the rewards of the samples.

        Raises:
            GraderError: the function failed or returned no usable reward.
        """

    def release(self, job_id: str, /) -> None:
        """End the execution environments of a job that grades no more."""


class JobLogWriter(Protocol):
    """Writes the job logs and answers a run's questions about scheduling. `closing` is true once it shuts down."""

    closing: bool

    def append(self, job_id: str, event: Event) -> Job:
        """Write an event to a job's log."""

    def slot_free_at(self, job_id: str) -> int | None:
        """Return the simulated time from which the job has a slot, or None while it must wait in the queue."""

    def time_limit(self, job_id: str) -> int | None:
        """Return the simulated time beyond which the job may not advance now, or None if there is no limit."""

    def fail_job(self, job_id: str) -> None:
        """End a job because of an internal error of the simulator."""


class JobHooks(Protocol):
    """Interventions from outside the lifecycle, such as scripted faults."""

    def before_effect(self, job_id: str, effect: LifecycleEffect, /) -> Event | None:
        """Apply the interventions that are due before an effect; return an event that ends the job instead, or None."""

    def queue_delay(self, job_id: str, /) -> int:
        """Return the minimum time in the queue in simulated seconds."""
