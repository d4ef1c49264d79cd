"""A job's lifecycle: which events occur, in which order, and what ends it."""

from dataclasses import replace
from functools import reduce
from typing import TypeVar

import pytest

from simulator.grading.grader import GradingResult
from simulator.grading.grader_error import GraderError
from simulator.http.service_calls import ServiceCalls
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
    ServiceCallsFailed,
    Status,
    StepCompleted,
    TrainingStarted,
    ValidationStarted,
    WarningIssued,
    apply,
)
from simulator.jobs.lifecycle import GRADER_PARAM, Grade
from simulator.settings import Settings
from tests.jobs.lifecycle_setup import MODEL, created_job, job_spec, run_lifecycle, score_correctness
from tests.training.training_files import make_training_file

Kind = TypeVar("Kind")


def events_of_type(events: list[Event], kind: type[Kind]) -> list[Kind]:
    """Return the events of one kind."""
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def long_log() -> list[Event]:
    """The walkthrough's run: 300 records, batch size 4, one epoch."""
    return run_lifecycle({"train": make_training_file(300)})


@pytest.mark.shows("67-steps-and-4-checkpoints", "rules-behind-these")
def test_300_records_give_67_steps_and_4_checkpoints(long_log: list[Event]) -> None:
    """SAMPLE: as in Amazon's notebook. A tenth is held out, and the last incomplete batch is dropped."""
    assert [event.step for event in events_of_type(long_log, StepCompleted)] == list(range(1, 68))
    assert [event.step for event in events_of_type(long_log, CheckpointSaved)] == [20, 40, 60, 67]
    assert events_of_type(long_log, FilesValidated) == [
        FilesValidated(at=1_045, training_records=270, held_out_records=30)
    ]


def test_a_lifecycle_starts_with_validation_and_ends_with_the_model(long_log: list[Event]) -> None:
    """Validation, queue and training; at the end the model and success."""
    assert [type(event) for event in long_log[:4]] == [
        ValidationStarted,
        FilesValidated,
        TrainingStarted,
        RolloutsGraded,
    ]
    assert [type(event) for event in long_log[-3:]] == [CheckpointSaved, ModelCreated, JobSucceeded]


def test_warnings_about_the_function_come_before_the_start(long_log: list[Event]) -> None:
    """Without warnings the log is the same except for them."""
    log = run_lifecycle({"train": make_training_file(300)}, warnings=("another Python", "another processor"))

    assert events_of_type(log, WarningIssued) == [
        WarningIssued(at=1_285, message="another Python"),
        WarningIssued(at=1_285, message="another processor"),
    ]
    assert [event for event in log if not isinstance(event, WarningIssued)] == long_log


def test_the_state_machine_accepts_every_event_of_a_lifecycle(long_log: list[Event]) -> None:
    """Their fold is a job that has succeeded."""
    job = reduce(apply, long_log, created_job(job_spec()))
    assert (job.status, job.fine_tuned_model, job.step, job.total_steps) == (Status.SUCCEEDED, MODEL, 67, 67)


@pytest.mark.shows("rollouts")
def test_every_step_grades_eight_rollouts_of_four_prompts(long_log: list[Event]) -> None:
    """INFERRED from the sample event: 32 rollouts per step."""
    events = [event for event in events_of_type(long_log, RolloutsGraded) if event.split == "train"]
    assert {tuple(len(group) for group in event.rewards) for event in events} == {(8, 8, 8, 8)}


def test_the_held_out_records_are_evaluated_before_training_and_at_each_checkpoint(long_log: list[Event]) -> None:
    """Thirty records, one rollout each. The checkpoint has the means."""
    events = [event for event in events_of_type(long_log, RolloutsGraded) if event.split == "held_out"]
    assert [(event.step, len(event.rewards)) for event in events] == [(0, 30), (20, 30), (40, 30), (60, 30), (67, 30)]
    last = events_of_type(long_log, HeldOutEvaluated)[-1]
    assert events_of_type(long_log, CheckpointSaved)[-1].metrics == last.metrics


def test_times_never_decrease_and_a_run_takes_hours(long_log: list[Event]) -> None:
    """The times are modelled, not measured."""
    times = [event.at for event in long_log]
    assert times == sorted(times)
    assert 1 < (times[-1] - times[0]) / 3600 < 6


def test_ground_truth_is_separate_from_the_metrics(long_log: list[Event]) -> None:
    """The metrics have exactly the eight published keys."""
    step = events_of_type(long_log, StepCompleted)[0]
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


def test_the_same_spec_files_and_rewards_give_the_same_events() -> None:
    """To the last bit, including the weights."""
    assert run_lifecycle({"train": make_training_file(100)}) == run_lifecycle({"train": make_training_file(100)})


@pytest.mark.shows("held-out")
def test_a_validation_file_leaves_every_training_record_to_training() -> None:
    """The validation file has 50 records, so there are 100 / 4 = 25 steps."""
    events = run_lifecycle(
        {"train": make_training_file(100), "validation": make_training_file(50, first=100)},
        spec=job_spec(validation=True),
    )
    assert events_of_type(events, FilesValidated)[0].held_out_records == 50
    assert events_of_type(events, StepCompleted)[-1].step == 25


@pytest.mark.parametrize("param", ["training_file", "validation_file"])
def test_an_invalid_file_fails_the_job_with_its_line_and_parameter(param: str) -> None:
    """Nothing is trained."""
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


def test_a_denied_grader_fails_the_job_before_training() -> None:
    """The job's error has the reason."""
    *_, last = events = run_lifecycle({"train": make_training_file(100)}, refusal="User: you is not authorized")
    assert last == JobFailed(
        at=1_285,
        failure=Failure(code="grader_error", message="User: you is not authorized", param=GRADER_PARAM),
    )
    assert not events_of_type(events, TrainingStarted)


def test_a_failing_grader_fails_the_job_without_substitute_scores() -> None:
    """The step that could not be graded does not complete."""

    def breaks_at_step_3(request: Grade) -> GradingResult:
        if (request.split, request.step) == ("train", 3):
            raise GraderError(function="f", reason="it returned NaN", advice="Guard it.", rollout="r-9")
        return GradingResult(rewards=(0.5,) * len(request.samples), invocations=4, warnings=())

    *_, last = events = run_lifecycle({"train": make_training_file(100)}, score=breaks_at_step_3)
    assert isinstance(last, JobFailed)
    assert last.failure.code == "grader_error"
    assert last.failure.message == "f for rollout r-9: it returned NaN. Guard it."
    assert [event.step for event in events_of_type(events, StepCompleted)] == [1, 2]


@pytest.mark.parametrize("delayed", [("train", 2), ("held_out", 0)])
def test_retries_make_everything_after_them_later(delayed: tuple[str, int]) -> None:
    """By the simulated seconds between the attempts. The numbers of the job are the same."""

    def score(request: Grade) -> GradingResult:
        retry_seconds = 3 if (request.split, request.step) == delayed else 0
        return replace(score_correctness(request), retry_seconds=retry_seconds)

    files = {"train": make_training_file(100)}
    undisturbed, late = run_lifecycle(files), run_lifecycle(files, score=score)
    index, graded = next(
        (index, event)
        for index, event in enumerate(undisturbed)
        if isinstance(event, RolloutsGraded) and (event.split, event.step) == delayed
    )
    assert late[: index + 1] == [*undisturbed[:index], replace(graded, retry_seconds=3)]
    assert late[index + 1 :] == [replace(event, at=event.at + 3) for event in undisturbed[index + 1 :]]


def test_a_job_fails_after_the_waits_of_its_retries() -> None:
    """1 + 2 + 4 seconds after the first attempt."""

    def fail(request: Grade) -> GradingResult:
        if request.split == "train":
            raise GraderError(function="f", reason="it timed out", advice="Wait.", retry_seconds=7)
        return score_correctness(request)

    log = run_lifecycle({"train": make_training_file(100)})
    (first, *_) = [event for event in events_of_type(log, RolloutsGraded) if event.split == "train"]
    assert run_lifecycle({"train": make_training_file(100)}, score=fail)[-1].at == first.at + 7


@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_a_constant_reward_changes_no_weight(reward: float) -> None:
    """The gradient norm is exactly 0, and the last checkpoint has the weights of the base model."""

    def constant(request: Grade) -> GradingResult:
        return GradingResult(rewards=(reward,) * len(request.samples), invocations=4, warnings=())

    events = run_lifecycle({"train": make_training_file(100)}, score=constant)
    assert {event.metrics["actor_grad_norm"] for event in events_of_type(events, StepCompleted)} == {0.0}
    assert {event.weights for event in events_of_type(events, CheckpointSaved)} == {
        '{"columns":{},"nuisance":[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0],"version":1}'
    }


@pytest.mark.shows("early-stopping")
def test_convergence_detection_ends_a_run_early() -> None:
    """A constant reward is a plateau. The last checkpoint becomes the model."""

    def constant(request: Grade) -> GradingResult:
        return GradingResult(rewards=(0.5,) * len(request.samples), invocations=4, warnings=())

    events = run_lifecycle(
        {"train": make_training_file(300)}, score=constant, settings=replace(Settings(), detect_convergence=True)
    )
    (converged,) = events_of_type(events, ConvergenceDetected)
    assert (converged.step, converged.reason) == (30, "plateau")
    assert [event.step for event in events_of_type(events, CheckpointSaved)] == [20, 30]
    assert isinstance(events[-1], JobSucceeded)


def run_with_failing_calls(failing_steps: set[int]) -> list[Event]:
    """Run a job of 5 steps whose function calls two services 8 times in each grading; the judge fails in some."""

    def score(request: Grade) -> GradingResult:
        failed = 8 if request.step in failing_steps else 0
        judge = ServiceCalls(service="bedrock-runtime", calls=8, failed=failed, error="Denied: no" if failed else "")
        storage = ServiceCalls(service="s3", calls=8, failed=0)
        return replace(score_correctness(request), service_calls=(judge, storage))

    return run_lifecycle({"train": make_training_file(100)}, spec=job_spec(batch_size=16), score=score)


@pytest.mark.parametrize(
    ("failing_steps", "expected"),
    [
        pytest.param(set(), [], id="none"),
        # The gradings are the evaluation before step 1, 5 steps, and the evaluation after the last one.
        pytest.param({0, 1, 2, 3, 4, 5}, [(0, 8, 8), (5, 56, 56)], id="all"),
        pytest.param({4}, [(4, 8, 8), (5, 8, 24)], id="one step: the calls count from there on"),
        pytest.param({5}, [(5, 8, 8), (5, 16, 16)], id="the last step"),
    ],
)
def test_failed_calls_are_reported_at_the_first_failure_and_in_total_at_the_end(
    failing_steps: set[int], expected: list[tuple[int, int, int]]
) -> None:
    """The first report precedes the metrics of its step. Services without failed calls are not mentioned."""
    log = run_with_failing_calls(failing_steps)
    reports = events_of_type(log, ServiceCallsFailed)
    assert [(event.step, event.service_calls.failed, event.service_calls.calls) for event in reports] == expected
    assert {event.service_calls.service for event in reports} <= {"bedrock-runtime"}
    if reports:
        assert isinstance(log[log.index(reports[0]) - 1], RolloutsGraded)


def test_a_log_holds_no_calls_before_the_first_failure() -> None:
    """So the log of a job whose calls all succeed does not change."""
    graded = events_of_type(run_with_failing_calls({4}), RolloutsGraded)
    assert [(event.step, sum(calls.calls for calls in event.service_calls)) for event in graded] == [
        *((step, 0) for step in (0, 1, 2, 3)),
        (4, 8),
        (5, 8),
        (5, 8),
    ]
