"""Driving a job's story by hand: answers in, events out."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from simulator.grading.grader import Graded, Sample
from simulator.jobs.job import Event, Job, JobCreated, Order, apply
from simulator.jobs.lifecycle import CheckGrader, Grade, Story, TakePlace, story
from simulator.settings import Settings
from simulator.upstream.response_folder import Replay

PROJECT = "arn:aws:bedrock-mantle:us-west-2:123456789012:project/default"
MODEL = "ft:openai.gpt-oss-20b:123456789012::abcdefgh"
Score = Callable[[Grade], Graded]


def order(*, batch_size: int = 4, n_epochs: int = 1, validation: bool = False) -> Order:
    """Return an order for the files that `told` opens."""
    return Order(
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


def job_of(wanted: Order) -> Job:
    """Return a job that has just been created."""
    return apply(None, JobCreated(at=1_000, job_id="ftjob-1", order=wanted))


def correctness(request: Grade) -> Graded:
    """Score 1 for a right answer after the asked-for marker, as a sound reward function does."""
    return Graded(rewards=tuple(_sound(sample) for sample in request.samples), invocations=4, warnings=())


def _sound(sample: Sample) -> float:
    reference = sample.record.fields["reference_answer"]
    assert isinstance(reference, dict)
    last_line = sample.rollout.text.rsplit("\n", 1)[-1]
    return float(last_line == f"#### {reference['answer']}")


def told(
    files: dict[str, bytes],
    *,
    wanted: Order | None = None,
    settings: Settings | None = None,
    refusal: str | None = None,
    score: Score = correctness,
    free_at: int = 0,
    replay: Replay | None = None,
) -> list[Event]:
    """Drive a story to its end, with a place that is free from `free_at` on; return every event after the creation."""

    @contextmanager
    def open_file(sha256: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(files[sha256])

    telling = story(
        job_of(wanted or order()), open_file=open_file, model=MODEL, settings=settings or Settings(), replay=replay
    )
    return list(_driven(telling, refusal=refusal, score=score, free_at=free_at))


def _driven(telling: Story, *, refusal: str | None, score: Score, free_at: int) -> Iterator[Event]:
    effect = next(telling, None)
    while effect is not None:
        try:
            match effect:
                case TakePlace():
                    effect = telling.send(free_at)
                case CheckGrader():
                    effect = telling.send(refusal)
                case Grade():
                    try:
                        graded = score(effect)
                    except Exception as error:  # noqa: BLE001  whatever the score raises is the story's to handle
                        effect = telling.throw(error)
                    else:
                        effect = telling.send(graded)
                case event:
                    yield event
                    effect = next(telling)
        except StopIteration:
            return
