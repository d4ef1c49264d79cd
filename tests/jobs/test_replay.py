"""Replaying a job's rollouts from its log."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import pytest

from simulator.grading.grader import GradingResult
from simulator.grading.grader_error import GraderError
from simulator.http.service_calls import ServiceCalls
from simulator.jobs.job import Event, JobCancelled, RolloutsGraded, StartDelayed, StepCompleted, TrainingStarted
from simulator.jobs.lifecycle import Grade, Lifecycle, job_lifecycle
from simulator.jobs.replay import ChangedArithmeticError, ReplayError, replay_rollouts
from simulator.settings import Settings
from simulator.training.arithmetic import ARITHMETIC, ORIGINAL_ARITHMETIC
from tests.jobs.lifecycle_setup import MODEL, created_job, job_spec, run_lifecycle, score_correctness
from tests.training.training_files import make_training_file

FILES = {"train": make_training_file(100)}


def lifecycle(settings: Settings | None = None) -> Lifecycle:
    """Return a new lifecycle of the usual job."""

    @contextmanager
    def open_file(sha256: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(FILES[sha256])

    return job_lifecycle(created_job(job_spec()), open_file=open_file, model=MODEL, settings=settings or Settings())


def graded_rewards(log: list[Event]) -> list[tuple[Grade, tuple[float, ...]]]:
    """Return the replayed grading requests with their rewards in the order of the samples."""
    return [
        (request, tuple(reward for group in graded.rewards for reward in group))
        for request, graded in replay_rollouts(lifecycle(), log)
    ]


def test_every_replayed_sample_has_its_reward() -> None:
    """The same function gives the replayed samples the recorded scores."""
    replayed = graded_rewards(run_lifecycle(FILES))
    assert [(request.split, request.step) for request, _ in replayed][:3] == [
        ("held_out", 0),
        ("train", 1),
        ("train", 2),
    ]
    assert [rewards for _, rewards in replayed] == [score_correctness(request).rewards for request, _ in replayed]


def test_a_job_whose_grader_failed_is_replayed_up_to_the_failure() -> None:
    """Without the step that failed."""

    def fail_at_step_3(request: Grade) -> GradingResult:
        if request.step == 3:
            raise GraderError(function="reward", reason="it broke", advice="Mend it.")
        return score_correctness(request)

    steps = [(request.split, request.step) for request, _ in graded_rewards(run_lifecycle(FILES, score=fail_at_step_3))]
    assert steps == [("held_out", 0), ("train", 1), ("train", 2)]


def test_a_cancelled_job_is_replayed_up_to_the_cancellation() -> None:
    """The lifecycle would continue after the end of the log."""
    log = run_lifecycle(FILES)
    second = [event for event in log if isinstance(event, StepCompleted)][1]
    cut = [*log[: log.index(second) + 1], JobCancelled(at=second.at)]
    assert [request.step for request, _ in graded_rewards(cut)] == [0, 1, 2]


def test_a_job_with_a_queue_delay_is_replayed_completely() -> None:
    """It starts at the recorded time."""
    log = run_lifecycle(FILES, free_at=9_000)
    index = next(at for at, event in enumerate(log) if isinstance(event, TrainingStarted))
    delayed = [*log[:index], StartDelayed(at=1_045, until=9_000), *log[index:]]
    assert [request for request, _ in graded_rewards(delayed)] == [request for request, _ in graded_rewards(log)]


@pytest.mark.slow
def test_a_job_with_warnings_is_replayed_completely() -> None:
    """The log has them, so the function is not checked again."""
    log = run_lifecycle(FILES, warnings=("another Python", "another processor"))

    assert [request for request, _ in graded_rewards(log)] == [
        request for request, _ in graded_rewards(run_lifecycle(FILES))
    ]


def test_a_running_job_is_replayed_to_the_end_of_its_log() -> None:
    """The last entry has rewards whose step is not yet written."""
    log = run_lifecycle(FILES)
    first = next(event for event in log if isinstance(event, RolloutsGraded) and event.split == "train")
    assert [request.step for request, _ in graded_rewards(log[: log.index(first) + 1])] == [0, 1]


def test_a_replay_that_differs_from_the_log_raises() -> None:
    """With other settings the same rewards would belong to other texts."""
    log = run_lifecycle(FILES, settings=Settings(redteam=2.5))
    log = [replace(event, tokens=event.tokens + 1) if isinstance(event, StepCompleted) else event for event in log]
    with pytest.raises(ReplayError, match="the log has HeldOutEvaluated next, and the replay computes another event"):
        list(replay_rollouts(lifecycle(), log))


def test_a_job_with_failed_calls_to_a_service_is_replayed() -> None:
    """The log has the calls of each grading, so the replay computes the same reports."""
    calls = (ServiceCalls(service="bedrock-runtime", calls=8, failed=8, error="Denied: no"),)

    def score(request: Grade) -> GradingResult:
        return replace(score_correctness(request), service_calls=calls)

    log = run_lifecycle(FILES, score=score)
    assert [rewards for _, rewards in graded_rewards(log)] == [
        score_correctness(request).rewards for request, _ in graded_rewards(log)
    ]


def test_a_job_with_retries_is_replayed() -> None:
    """The log has how long they took, so the replay computes the same times."""
    log = run_lifecycle(FILES, score=lambda request: replace(score_correctness(request), retry_seconds=request.step))
    assert len(graded_rewards(log)) == len([event for event in log if isinstance(event, RolloutsGraded)])


@pytest.mark.parametrize("version", [ORIGINAL_ARITHMETIC, ARITHMETIC + 1])
def test_a_job_of_another_arithmetic_is_not_replayed(version: int) -> None:
    """Although the samples up to its first difference would be the same."""
    log = [
        replace(event, arithmetic=version) if isinstance(event, TrainingStarted) else event
        for event in run_lifecycle(FILES)
    ]
    with pytest.raises(ChangedArithmeticError, match=f"it began with version {version} of the simulator's arithmetic"):
        next(replay_rollouts(lifecycle(), log))
