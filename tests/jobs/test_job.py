"""The job's state machine."""

import json
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.http.service_calls import ServiceCalls
from simulator.jobs.codec import decode_event, decode_job, encode_event, encode_job, event_kind
from simulator.jobs.job import (
    TRANSITIONS,
    CheckpointSaved,
    ConvergenceDetected,
    Event,
    Failure,
    FilesValidated,
    HeldOutEvaluated,
    IllegalTransitionError,
    Job,
    JobCancelled,
    JobCreated,
    JobFailed,
    JobSpec,
    JobSucceeded,
    ModelCreated,
    RolloutsGraded,
    ServiceCallsFailed,
    StartDelayed,
    Status,
    StepCompleted,
    TrainingStarted,
    ValidationStarted,
    WarningIssued,
    apply,
)

JOB_SPEC = JobSpec(
    model="openai.gpt-oss-20b",
    training_file="file-1",
    training_sha256="0" * 64,
    grader_function="arn:aws:lambda:us-west-2:123456789012:function:reward",
    hyperparameters={"batch_size": 4, "learning_rate_multiplier": 1.0, "n_epochs": 1},
    seed=7,
    metadata={"team": "maths"},
    caller="arn:aws:iam::123456789012:root",
    account="123456789012",
    project="arn:aws:bedrock-mantle:us-west-2:123456789012:project/default",
)

times = st.integers(min_value=0, max_value=2**40)
counts = st.integers(min_value=0, max_value=10_000)
numbers = st.floats(allow_nan=False, allow_infinity=False)
measures = st.dictionaries(st.sampled_from(["critic_rewards_mean", "quality_mean"]), numbers)
words = st.text(max_size=20)
service_calls = st.builds(ServiceCalls, service=words, calls=counts, failed=counts, error=words)

EVENTS: dict[type, st.SearchStrategy[Event]] = {
    JobCreated: st.builds(JobCreated, at=times, job_id=st.just("ftjob-1"), spec=st.just(JOB_SPEC)),
    ValidationStarted: st.builds(ValidationStarted, at=times, training_file=words),
    FilesValidated: st.builds(FilesValidated, at=times, training_records=counts, held_out_records=counts),
    TrainingStarted: st.builds(TrainingStarted, at=times, total_steps=counts, arithmetic=counts),
    RolloutsGraded: st.builds(
        RolloutsGraded,
        at=times,
        split=st.sampled_from(["train", "held_out"]),
        step=counts,
        rewards=st.lists(st.lists(numbers, max_size=3).map(tuple), max_size=3).map(tuple),
        invocations=counts,
        warnings=st.lists(words, max_size=2).map(tuple),
        retry_seconds=counts,
        service_calls=st.lists(service_calls, max_size=2).map(tuple),
    ),
    ServiceCallsFailed: st.builds(ServiceCallsFailed, at=times, step=counts, service_calls=service_calls),
    StepCompleted: st.builds(StepCompleted, at=times, step=counts, tokens=counts, metrics=measures, truth=measures),
    StartDelayed: st.builds(StartDelayed, at=times, until=times),
    WarningIssued: st.builds(WarningIssued, at=times, message=words),
    HeldOutEvaluated: st.builds(HeldOutEvaluated, at=times, step=counts, metrics=measures, truth=measures),
    CheckpointSaved: st.builds(CheckpointSaved, at=times, step=counts, model=words, metrics=measures, weights=words),
    ConvergenceDetected: st.builds(ConvergenceDetected, at=times, step=counts, reason=words),
    ModelCreated: st.builds(ModelCreated, at=times, model=words),
    JobSucceeded: st.builds(JobSucceeded, at=times, weights=words),
    JobFailed: st.builds(
        JobFailed, at=times, failure=st.builds(Failure, code=words, message=words, param=st.none() | words)
    ),
    JobCancelled: st.builds(JobCancelled, at=times),
}


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """A log with a random number of events that TRANSITIONS allows."""
    log: list[Event] = [draw(EVENTS[JobCreated])]
    status = Status.VALIDATING_FILES
    for _ in range(draw(st.integers(min_value=0, max_value=12))):
        if not TRANSITIONS[status]:
            break
        kind = draw(st.sampled_from(sorted(TRANSITIONS[status], key=lambda kind: kind.__name__)))
        log.append(draw(EVENTS[kind]))
        status = TRANSITIONS[status][kind]
    return log


def fold(log: list[Event]) -> Job:
    """Return the job of a log."""
    job: Job | None = None
    for event in log:
        job = apply(job, event)
    assert job
    return job


def test_the_table_has_every_event() -> None:
    """Some status allows each event, and the strategies above draw every event."""
    allowed = {kind for transitions in TRANSITIONS.values() for kind in transitions}
    assert allowed == set(Event.__args__) == set(EVENTS) == set(EXAMPLES)


@pytest.mark.shows("statuses")
def test_only_succeeded_failed_and_cancelled_are_terminal() -> None:
    """A client must keep polling while a job is `validating_files` or `queued`."""
    assert {status for status in Status if status.is_terminal} == {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}


def test_a_job_that_has_not_ended_can_be_cancelled_and_can_fail() -> None:
    """TRANSITIONS has both events for every status that is not terminal."""
    for status in Status:
        if not status.is_terminal:
            assert TRANSITIONS[status][JobCancelled] is Status.CANCELLED
            assert TRANSITIONS[status][JobFailed] is Status.FAILED


FAILURE = Failure(code="grader_error", message="it broke")
EXAMPLES: dict[type, Event] = {
    JobCreated: JobCreated(at=1, job_id="ftjob-1", spec=JOB_SPEC),
    ValidationStarted: ValidationStarted(at=1, training_file="file-1"),
    FilesValidated: FilesValidated(at=2, training_records=90, held_out_records=10),
    StartDelayed: StartDelayed(at=3, until=9),
    WarningIssued: WarningIssued(at=4, message="The function runs on another Python."),
    TrainingStarted: TrainingStarted(at=4, total_steps=1),
    RolloutsGraded: RolloutsGraded(at=5, split="train", step=1, rewards=((0.5,),), invocations=1),
    ServiceCallsFailed: ServiceCallsFailed(
        at=5, step=1, service_calls=ServiceCalls(service="bedrock-runtime", calls=8, failed=8, error="Denied: no")
    ),
    StepCompleted: StepCompleted(at=5, step=1, tokens=7, metrics={}, truth={}),
    HeldOutEvaluated: HeldOutEvaluated(at=5, step=1, metrics={}, truth={}),
    CheckpointSaved: CheckpointSaved(at=5, step=1, model="ft:m:ckpt-step-1", metrics={}, weights="{}"),
    ConvergenceDetected: ConvergenceDetected(at=5, step=1, reason="plateau"),
    ModelCreated: ModelCreated(at=5, model="ft:m"),
    JobSucceeded: JobSucceeded(at=5, weights="{}"),
    JobFailed: JobFailed(at=5, failure=FAILURE),
    JobCancelled: JobCancelled(at=5),
}
EVENT_TYPES_BY_STATUS: dict[Status, list[type]] = {
    Status.VALIDATING_FILES: [JobCreated],
    Status.QUEUED: [JobCreated, FilesValidated],
    Status.RUNNING: [JobCreated, FilesValidated, TrainingStarted],
    Status.SUCCEEDED: [JobCreated, FilesValidated, TrainingStarted, JobSucceeded],
    Status.FAILED: [JobCreated, JobFailed],
    Status.CANCELLED: [JobCreated, JobCancelled],
}


@pytest.mark.parametrize("status", Status)
def test_an_illegal_transition_raises_and_changes_nothing(status: Status) -> None:
    """Every event is applied in every status. TRANSITIONS says whether it is legal."""
    job = fold([EXAMPLES[kind] for kind in EVENT_TYPES_BY_STATUS[status]])
    before = encode_job(job)
    assert job.status is status
    for kind, event in EXAMPLES.items():
        if kind in TRANSITIONS[status]:
            assert apply(job, event).status is TRANSITIONS[status][kind]
        else:
            with pytest.raises(IllegalTransitionError, match=f"{kind.__name__} cannot follow {status}"):
                apply(job, event)
    assert encode_job(job) == before


@settings(max_examples=50)
@given(logs())
def test_the_job_is_the_fold_of_its_log(log: list[Event]) -> None:
    """Decoded events give the same job as the original ones."""
    read_back = [decode_event(event_kind(event), encode_event(event)) for event in log]
    assert read_back == log
    assert reduce(apply, read_back, None) == fold(log)


@settings(max_examples=50)
@given(logs())
def test_a_job_is_equal_after_encoding_and_decoding(log: list[Event]) -> None:
    """Floats are equal too."""
    job = fold(log)
    assert decode_job(encode_job(job)) == job


def test_a_complete_log_gives_all_fields_of_the_job() -> None:
    """Each event sets its own fields."""
    job = fold(
        [
            JobCreated(at=100, job_id="ftjob-1", spec=JOB_SPEC),
            ValidationStarted(at=100, training_file="file-1"),
            FilesValidated(at=145, training_records=90, held_out_records=10),
            TrainingStarted(at=385, total_steps=1),
            StepCompleted(at=485, step=1, tokens=1200, metrics={}, truth={}),
            CheckpointSaved(at=485, step=1, model="ft:m:ckpt-step-1", metrics={}, weights="{}"),
            ModelCreated(at=485, model="ft:m"),
            JobSucceeded(at=485, weights="{}"),
        ]
    )
    assert job == Job(
        id="ftjob-1",
        spec=JOB_SPEC,
        status=Status.SUCCEEDED,
        created_at=100,
        changed_at=485,
        finished_at=485,
        fine_tuned_model="ft:m",
        trained_tokens=1200,
        step=1,
        total_steps=1,
    )


def test_a_failed_job_has_no_model() -> None:
    """This is also true if the job fails after its model was created."""
    running: list[Event] = [
        JobCreated(at=0, job_id="ftjob-1", spec=JOB_SPEC),
        FilesValidated(at=1, training_records=90, held_out_records=10),
        TrainingStarted(at=2, total_steps=1),
        ModelCreated(at=3, model="ft:m"),
    ]
    failure = Failure(code="grader_error", message="it broke", param=None)
    job = fold([*running, JobFailed(at=4, failure=failure)])
    assert (job.status, job.fine_tuned_model, job.failure, job.finished_at) == (Status.FAILED, None, failure, 4)


def test_the_log_stores_the_spec_as_order() -> None:
    """Data folders and readers of `/_simulator/jobs/ID/log` depend on the key `order`."""
    created = JobCreated(at=100, job_id="ftjob-1", spec=JOB_SPEC)
    for text in (encode_event(created), encode_job(apply(None, created))):
        stored = json.loads(text)
        assert "spec" not in stored
        assert stored["order"]["model"] == JOB_SPEC.model


def test_the_log_of_a_grading_without_failed_calls_and_retries_does_not_mention_them() -> None:
    """Its bytes are those of logs that were written before these were recorded."""
    graded = RolloutsGraded(at=5, split="train", step=1, rewards=((0.5,),), invocations=1)
    assert json.loads(encode_event(graded)) == {
        "at": 5,
        "invocations": 1,
        "rewards": [[0.5]],
        "split": "train",
        "step": 1,
        "warnings": [],
    }


def test_the_log_of_a_job_names_the_version_of_its_arithmetic_and_older_logs_have_version_1() -> None:
    """A job continues only with the arithmetic that it began with."""
    assert json.loads(encode_event(TrainingStarted(at=5, total_steps=22, arithmetic=2)))["arithmetic"] == 2
    assert decode_event("TrainingStarted", '{"at":5,"total_steps":22}') == TrainingStarted(
        at=5, total_steps=22, arithmetic=1
    )
