"""A job's rollouts, told again from its log."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import pytest

from simulator.grading.grader import GradingResult
from simulator.grading.grader_error import GraderError
from simulator.jobs.job import Event, JobCancelled, RolloutsGraded, StartDelayed, StepCompleted, TrainingStarted
from simulator.jobs.lifecycle import Grade, Lifecycle, job_lifecycle
from simulator.jobs.replay import ReplayError, replay_rollouts
from simulator.settings import Settings
from tests.jobs.lifecycle_setup import MODEL, created_job, job_spec, run_lifecycle, score_correctness
from tests.training.training_files import make_training_file

FILES = {"train": make_training_file(100)}


def lifecycle(settings: Settings | None = None) -> Lifecycle:
    """Return the story of the usual order, not begun."""

    @contextmanager
    def open_file(sha256: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(FILES[sha256])

    return job_lifecycle(created_job(job_spec()), open_file=open_file, model=MODEL, settings=settings or Settings())


def graded_rewards(log: list[Event]) -> list[tuple[Grade, tuple[float, ...]]]:
    """Return what the retold story had graded, with the rewards laid out in its order."""
    return [
        (asked, tuple(reward for group in graded.rewards for reward in group))
        for asked, graded in replay_rollouts(lifecycle(), log)
    ]


def test_every_sample_comes_back_with_the_reward_that_it_earned() -> None:
    """Scored again by the same function, the retold samples earn what the log says."""
    again = graded_rewards(run_lifecycle(FILES))
    assert [(asked.split, asked.step) for asked, _ in again][:3] == [("held_out", 0), ("train", 1), ("train", 2)]
    assert [rewards for _, rewards in again] == [score_correctness(asked).rewards for asked, _ in again]


def test_a_job_whose_grader_broke_is_told_up_to_there() -> None:
    """The steps before the failure are there, the one that failed is not."""

    def breaks(request: Grade) -> GradingResult:
        if request.step == 3:
            raise GraderError(function="reward", reason="it broke", advice="Mend it.")
        return score_correctness(request)

    steps = [(asked.split, asked.step) for asked, _ in graded_rewards(run_lifecycle(FILES, score=breaks))]
    assert steps == [("held_out", 0), ("train", 1), ("train", 2)]


def test_a_cancelled_job_is_told_up_to_there() -> None:
    """The log ends where the story would have gone on."""
    log = run_lifecycle(FILES)
    second = [event for event in log if isinstance(event, StepCompleted)][1]
    cut = [*log[: log.index(second) + 1], JobCancelled(at=second.at)]
    assert [asked.step for asked, _ in graded_rewards(cut)] == [0, 1, 2]


def test_a_job_that_was_to_wait_in_the_queue_is_told_whole() -> None:
    """It started when its log says that it could."""
    log = run_lifecycle(FILES, free_at=9_000)
    place = next(at for at, event in enumerate(log) if isinstance(event, TrainingStarted))
    delayed = [*log[:place], StartDelayed(at=1_045, until=9_000), *log[place:]]
    assert [asked for asked, _ in graded_rewards(delayed)] == [asked for asked, _ in graded_rewards(log)]


def test_a_running_job_is_told_as_far_as_it_is() -> None:
    """A log that ends with rewards whose step is not yet written."""
    log = run_lifecycle(FILES)
    first = next(event for event in log if isinstance(event, RolloutsGraded) and event.split == "train")
    assert [asked.step for asked, _ in graded_rewards(log[: log.index(first) + 1])] == [0, 1]


def test_a_story_that_goes_otherwise_is_not_told() -> None:
    """Under other settings the same rewards would be shown beside other texts."""
    log = run_lifecycle(FILES, settings=Settings(redteam=2.5))
    log = [replace(event, tokens=event.tokens + 1) if isinstance(event, StepCompleted) else event for event in log]
    with pytest.raises(ReplayError, match="the log has HeldOutEvaluated next, and the replay computes another event"):
        list(replay_rollouts(lifecycle(), log))
