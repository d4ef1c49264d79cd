"""A job's story, driven by hand: what happens, in which order, and what ends it."""

from dataclasses import replace
from functools import reduce
from typing import TypeVar

import pytest

from simulator.grading.grader import GradingResult
from simulator.grading.grader_error import GraderError
from simulator.jobs.job import (
    CheckpointSaved,
    ConvergenceDetected,
    Event,
    Failure,
    FilesValidated,
    HeldOutEvaluated,
    JobFailed,
    JobSucceeded,
    ModelCreated,
    RolloutsGraded,
    Status,
    StepCompleted,
    TrainingStarted,
    ValidationStarted,
    apply,
)
from simulator.jobs.lifecycle import GRADER_PARAM, Grade
from simulator.settings import Settings
from tests.jobs.lifecycle_setup import MODEL, created_job, job_spec, run_lifecycle
from tests.training.training_files import make_training_file

Kind = TypeVar("Kind")


def events_of_type(events: list[Event], kind: type[Kind]) -> list[Kind]:
    """Return the events of one kind."""
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def long_story() -> list[Event]:
    """The walkthrough's run: 300 records, batch 4, one epoch."""
    return run_lifecycle({"train": make_training_file(300)})


@pytest.mark.shows("67-steps-and-4-checkpoints", "rules-behind-these")
def test_300_records_give_67_steps_and_4_checkpoints(long_story: list[Event]) -> None:
    """SAMPLE: what Amazon's notebook reports; a tenth is held out and the last partial batch is dropped."""
    assert [event.step for event in events_of_type(long_story, StepCompleted)] == list(range(1, 68))
    assert [event.step for event in events_of_type(long_story, CheckpointSaved)] == [20, 40, 60, 67]
    assert events_of_type(long_story, FilesValidated) == [
        FilesValidated(at=1_045, training_records=270, held_out_records=30)
    ]


def test_a_story_begins_and_ends_as_the_service_tells_it(long_story: list[Event]) -> None:
    """Validation, then the queue, then the run; at the end the model, then success."""
    assert [type(event) for event in long_story[:4]] == [
        ValidationStarted,
        FilesValidated,
        TrainingStarted,
        RolloutsGraded,
    ]
    assert [type(event) for event in long_story[-3:]] == [CheckpointSaved, ModelCreated, JobSucceeded]


def test_every_event_is_one_that_the_table_allows(long_story: list[Event]) -> None:
    """The story and the state machine agree: the fold of the story is a job that succeeded."""
    job = reduce(apply, long_story, created_job(job_spec()))
    assert (job.status, job.fine_tuned_model, job.step, job.total_steps) == (Status.SUCCEEDED, MODEL, 67, 67)


@pytest.mark.shows("rollouts")
def test_every_step_grades_eight_rollouts_of_four_prompts(long_story: list[Event]) -> None:
    """INFERRED from the sample event: 32 rollouts a step."""
    graded = [event for event in events_of_type(long_story, RolloutsGraded) if event.split == "train"]
    assert {tuple(len(group) for group in event.rewards) for event in graded} == {(8, 8, 8, 8)}


def test_the_held_out_records_are_evaluated_before_training_and_at_each_checkpoint(long_story: list[Event]) -> None:
    """Thirty of them, one rollout each; the checkpoint carries the means."""
    graded = [event for event in events_of_type(long_story, RolloutsGraded) if event.split == "held_out"]
    assert [(event.step, len(event.rewards)) for event in graded] == [(0, 30), (20, 30), (40, 30), (60, 30), (67, 30)]
    last = events_of_type(long_story, HeldOutEvaluated)[-1]
    assert events_of_type(long_story, CheckpointSaved)[-1].metrics == last.metrics


def test_the_clock_of_a_story_never_runs_back_and_a_run_looks_like_hours(long_story: list[Event]) -> None:
    """Times are modelled, not measured."""
    times = [event.at for event in long_story]
    assert times == sorted(times)
    assert 1 < (times[-1] - times[0]) / 3600 < 6


def test_the_truth_is_kept_apart_from_the_metrics(long_story: list[Event]) -> None:
    """The eight published keys are those eight; what only a simulator knows is beside them."""
    step = events_of_type(long_story, StepCompleted)[0]
    assert sorted(step.metrics) == [
        "actor_entropy",
        "actor_grad_norm",
        "actor_pg_loss",
        "critic_advantages_mean",
        "critic_rewards_mean",
        "response_length_mean",
        "step",
        "total_steps",
    ]
    assert not set(step.truth) & set(step.metrics)


def test_the_same_order_files_and_rewards_tell_the_same_story() -> None:
    """To the last bit, weights included."""
    assert run_lifecycle({"train": make_training_file(120)}) == run_lifecycle({"train": make_training_file(120)})


@pytest.mark.shows("held-out")
def test_a_validation_file_leaves_every_training_record_to_training() -> None:
    """100 records of its own to evaluate on, so 300 / 4 = 75 steps."""
    events = run_lifecycle(
        {"train": make_training_file(300), "validation": make_training_file(100, first=300)},
        spec=job_spec(validation=True),
    )
    assert events_of_type(events, FilesValidated)[0].held_out_records == 100
    assert events_of_type(events, StepCompleted)[-1].step == 75


@pytest.mark.parametrize("param", ["training_file", "validation_file"])
def test_a_faulty_file_fails_the_job_with_its_line_and_its_parameter(param: str) -> None:
    """The fault is told with the line; nothing is trained."""
    files = {"train": make_training_file(100), "validation": make_training_file(100)}
    name = param.removesuffix("_file").replace("training", "train")
    files[name] = files[name].replace(b'"role": "user"', b'"role": "robot"', 1)
    *_, last = events = run_lifecycle(files, spec=job_spec(validation=True))
    assert isinstance(last, JobFailed)
    assert (last.failure.code, last.failure.param) == (f"invalid_{param}", param)
    assert "line 1" in last.failure.message
    assert [type(event) for event in events] == [ValidationStarted, JobFailed]


def test_a_batch_that_the_records_cannot_fill_fails_the_job() -> None:
    """90 records are left after a tenth of 100 is held out."""
    *_, last = run_lifecycle({"train": make_training_file(100)}, spec=job_spec(batch_size=128))
    assert isinstance(last, JobFailed)
    assert "90 training records do not fill one batch of 128" in last.failure.message


def test_a_refused_grader_fails_the_job_before_training_with_the_reason() -> None:
    """What the world answers to the request is what the caller reads."""
    *_, last = events = run_lifecycle({"train": make_training_file(100)}, refusal="User: you is not authorized")
    assert last == JobFailed(
        at=1_285,
        failure=Failure(code="grader_error", message="User: you is not authorized", param=GRADER_PARAM),
    )
    assert not events_of_type(events, TrainingStarted)


def test_a_grader_that_breaks_fails_the_job_and_nothing_is_scored_in_its_place() -> None:
    """The step that could not be graded never completes."""

    def breaks_at_step_3(request: Grade) -> GradingResult:
        if (request.split, request.step) == ("train", 3):
            raise GraderError(function="f", reason="it returned NaN", advice="Guard it.", rollout="r-9")
        return GradingResult(rewards=(0.5,) * len(request.samples), invocations=4, warnings=())

    *_, last = events = run_lifecycle({"train": make_training_file(100)}, score=breaks_at_step_3)
    assert isinstance(last, JobFailed)
    assert last.failure.code == "grader_error"
    assert last.failure.message == "f for rollout r-9: it returned NaN. Guard it."
    assert [event.step for event in events_of_type(events, StepCompleted)] == [1, 2]


@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_a_reward_that_never_differs_teaches_exactly_nothing(reward: float) -> None:
    """Gradient norm exactly 0, and the weights of the last checkpoint are those of the base model."""

    def constant(request: Grade) -> GradingResult:
        return GradingResult(rewards=(reward,) * len(request.samples), invocations=4, warnings=())

    events = run_lifecycle({"train": make_training_file(120)}, score=constant)
    assert {event.metrics["actor_grad_norm"] for event in events_of_type(events, StepCompleted)} == {0.0}
    assert {event.weights for event in events_of_type(events, CheckpointSaved)} == {
        '{"columns":{},"nuisance":[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0],"version":1}'
    }


@pytest.mark.shows("early-stopping")
def test_convergence_detection_ends_a_run_early_and_says_so() -> None:
    """A setting: a run that learns nothing is a plateau, and its last checkpoint becomes the model."""

    def constant(request: Grade) -> GradingResult:
        return GradingResult(rewards=(0.5,) * len(request.samples), invocations=4, warnings=())

    events = run_lifecycle(
        {"train": make_training_file(300)}, score=constant, settings=replace(Settings(), detect_convergence=True)
    )
    (converged,) = events_of_type(events, ConvergenceDetected)
    assert (converged.step, converged.reason) == (30, "plateau")
    assert [event.step for event in events_of_type(events, CheckpointSaved)] == [20, 30]
    assert isinstance(events[-1], JobSucceeded)
