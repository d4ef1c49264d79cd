"""Run a job's lifecycle without an engine: send results, collect events."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from simulator.grading.grader import GradingResult, Sample
from simulator.jobs.job import Event, Job, JobCreated, JobSpec, apply
from simulator.jobs.lifecycle import AcquireSlot, CheckGrader, Grade, Lifecycle, job_lifecycle
from simulator.settings import Settings
from simulator.upstream.response_folder import ResponseFolder

PROJECT = "arn:aws:bedrock-mantle:us-west-2:123456789012:project/default"
MODEL = "ft:openai.gpt-oss-20b:123456789012::abcdefgh"
ScoreFunction = Callable[[Grade], GradingResult]


def job_spec(*, batch_size: int = 4, n_epochs: int = 1, validation: bool = False) -> JobSpec:
    """Return a spec for the files that `run_lifecycle` opens."""
    return JobSpec(
        model="openai.gpt-oss-20b",
        training_file="file-train",
        training_sha256="train",
        validation_file="file-validation" if validation else None,
        validation_sha256="validation" if validation else None,
        grader_function="arn:aws:lambda:us-west-2:123456789012:function:reward",
        hyperparameters={"batch_size": batch_size, "learning_rate_multiplier": 1.0, "n_epochs": n_epochs},
        seed=7,
        caller="arn:aws:iam::123456789012:root",
        account="123456789012",
        project=PROJECT,
    )


def created_job(spec: JobSpec) -> Job:
    """Return a job that has just been created."""
    return apply(None, JobCreated(at=1_000, job_id="ftjob-1", spec=spec))


def score_correctness(request: Grade) -> GradingResult:
    """Score 1 for a right answer after the requested marker, as a correct reward function does."""
    return GradingResult(rewards=tuple(_correctness(sample) for sample in request.samples), invocations=4, warnings=())


def _correctness(sample: Sample) -> float:
    reference = sample.record.fields["reference_answer"]
    assert isinstance(reference, dict)
    last_line = sample.rollout.text.rsplit("\n", 1)[-1]
    return float(last_line == f"#### {reference['answer']}")


def run_lifecycle(
    files: dict[str, bytes],
    *,
    spec: JobSpec | None = None,
    settings: Settings | None = None,
    refusal: str | None = None,
    warnings: tuple[str, ...] = (),
    score: ScoreFunction = score_correctness,
    free_at: int = 0,
    recorded_responses: ResponseFolder | None = None,
) -> list[Event]:
    """Run a lifecycle to its end, with a slot that is free from `free_at` on; return every event after the creation."""

    @contextmanager
    def open_file(sha256: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(files[sha256])

    lifecycle = job_lifecycle(
        created_job(spec or job_spec()),
        open_file=open_file,
        model=MODEL,
        settings=settings or Settings(),
        recorded_responses=recorded_responses,
    )
    return list(_advance(lifecycle, check=refusal or warnings, score=score, free_at=free_at))


def _advance(
    lifecycle: Lifecycle, *, check: str | tuple[str, ...], score: ScoreFunction, free_at: int
) -> Iterator[Event]:
    effect = next(lifecycle, None)
    while effect is not None:
        try:
            match effect:
                case AcquireSlot():
                    effect = lifecycle.send(free_at)
                case CheckGrader():
                    effect = lifecycle.send(check)
                case Grade():
                    try:
                        result = score(effect)
                    except Exception as error:  # noqa: BLE001  the lifecycle handles every exception of the score function
                        effect = lifecycle.throw(error)
                    else:
                        effect = lifecycle.send(result)
                case event:
                    yield event
                    effect = next(lifecycle)
        except StopIteration:
            return
