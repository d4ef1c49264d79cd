"""Rehearsals: which runs are taken, on which records, and that they are those of a job."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from simulator.doctor import simulated_training as rehearsing
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.simulated_training import simulate_training
from simulator.doctor.training_trace import (
    AS_CONFIGURED,
    HIGHER_RATE,
    LOWER_RATE,
    RED_TEAM,
    SIMULATED_RED_TEAM,
    TrainingTrace,
    find_trace,
)
from simulator.lambdas.errors import Throttled
from simulator.lambdas.function import Invocation
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.recorded_response import RecordedResponse
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, probe_context, response_of
from tests.training.training_runs import train

SEED = 7


def marked(text: str, number: str) -> float:
    """Score the marker with the right number behind it."""
    return float(text.strip().endswith(f"#### {number}"))


STRICT = handler_for(lambda element: marked(response_of(element), element["reference_answer"]["answer"]))


@pytest.fixture(scope="module")
def few(sums: tuple[Record, ...]) -> tuple[Record, ...]:
    """Forty records: 36 to train on in nine steps, and four held out."""
    return sums[:40]


@pytest.fixture(autouse=True, scope="module")
def short_red_team() -> Iterator[None]:
    """Let the red team's run be as short as the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsing, "RED_TEAM_STEPS", 9)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRuns:
    """Four runs on a strict reward, and what was told and counted meanwhile."""

    traces: tuple[TrainingTrace, ...]
    steps_reported: tuple[tuple[str, int, int], ...]
    calls_counted: int
    calls_made: int


@pytest.fixture(scope="module")
def strict(few: tuple[Record, ...], short_red_team: None) -> TrainingRuns:
    """Rehearse once for all tests that look at it."""
    told: list[tuple[str, int, int]] = []
    patient = FakeRewardFunction(STRICT)
    exam = make_context(patient, few)
    courses = simulate_training(exam, on_step=lambda course, step, steps: told.append((course, step, steps)))
    return TrainingRuns(
        traces=courses, steps_reported=tuple(told), calls_counted=exam.invoker.call_count, calls_made=patient.calls
    )


def make_context(patient: Any, records: tuple[Record, ...], **changes: Any) -> ProbeContext:
    """Return an examination with some hyperparameters of its own."""
    exam = probe_context(patient, records, settings=Settings(seed=SEED))
    exam.hyperparameters = replace(Hyperparameters(), **changes)
    return exam


def as_configured(courses: tuple[TrainingTrace, ...]) -> TrainingTrace:
    """Return the run as it is."""
    course = find_trace(courses, AS_CONFIGURED)
    assert course is not None
    return course


def test_four_runs_are_rehearsed(strict: TrainingRuns) -> None:
    """As it is, red team, slower and faster; each to its end."""
    assert [(course.name, course.steps, course.total_steps, course.error) for course in strict.traces] == [
        (AS_CONFIGURED, 9, 9, ""),
        (RED_TEAM, 9, 9, ""),
        (LOWER_RATE, 9, 9, ""),
        (HIGHER_RATE, 9, 9, ""),
    ]


def test_the_run_as_it_is_is_the_one_that_a_job_would_take(few: tuple[Record, ...], strict: TrainingRuns) -> None:
    """The same records, seed and rewards: the same metrics, truths and evaluations, to the last bit."""
    course = as_configured(strict.traces)

    def score(record: Record, text: str) -> float:
        reference = record.fields["reference_answer"]
        assert isinstance(reference, dict)
        return marked(text, str(reference["answer"]))

    job = train(few, score, seed=SEED, evaluate=True)
    assert (course.metrics, course.truths, course.held_out) == (
        tuple(outcome.metrics for outcome in job.outcomes),
        tuple(outcome.ground_truth for outcome in job.outcomes),
        job.evaluations,
    )


def test_the_same_inputs_give_the_same_runs_whatever_the_function_remembers(few: tuple[Record, ...]) -> None:
    """Calls are made one after another, so that what a function keeps between them does not depend on chance."""

    def forgetful() -> Callable[[Any], Any]:
        numbers = itertools.count()
        return handler_for(lambda _element: next(numbers) % 3)

    assert simulate_training(make_context(forgetful(), few)) == simulate_training(make_context(forgetful(), few))


def test_another_learning_rate_changes_nothing_of_the_first_step(strict: TrainingRuns) -> None:
    """No draw depends on the rate: the slower and the faster run begin with the same rollouts."""
    alike = [course for course in strict.traces if course.name != RED_TEAM]
    first = [[scored for scored in course.rollouts if scored.step == 1] for course in alike]
    assert first[0] == first[1] == first[2]


def test_a_function_that_fails_ends_the_rehearsal_with_its_words(few: tuple[Record, ...]) -> None:
    """The steps before it are kept, and no further run is paid for."""
    calls = itertools.count(1)

    def tiring(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if next(calls) > 9:  # one call for the evaluation before, four for each step
            raise RuntimeError("out of paper")
        return [{"id": element["id"], "aggregate_reward_score": 0.5} for element in event]

    (course,) = simulate_training(make_context(tiring, few))
    assert (course.steps, "the function failed with RuntimeError: out of paper" in course.error) == (2, True)


def test_a_result_under_another_id_ends_the_rehearsal(few: tuple[Record, ...]) -> None:
    """What a job would end with."""
    (course,) = simulate_training(
        make_context(lambda event: [{"id": "x", "aggregate_reward_score": 1.0} for _ in event], few)
    )
    assert (course.steps, 'has the id "x", which is not in the event' in course.error) == (0, True)


def test_a_throttled_call_is_made_again(few: tuple[Record, ...]) -> None:
    """As a job would: throttling passes."""

    class Busy(FakeRewardFunction):
        def invoke(self, event: bytes) -> Invocation:
            if self.calls == 3:
                self.calls += 1
                raise Throttled(reason=Throttled.RESERVED_CONCURRENCY)
            return super().invoke(event)

    assert as_configured(simulate_training(make_context(Busy(STRICT), few))).error == ""


def test_of_a_large_file_a_sample_is_trained_on(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A seeded sample of the training records, and none of those that a job would hold out."""
    monkeypatch.setattr(rehearsing, "MAX_RECORDS", 16)
    course = as_configured(simulate_training(make_context(STRICT, few)))
    lines = {scored.line for scored in course.rollouts}
    assert (course.sampled_records, course.available_records, len(lines), max(lines) <= 36) == (16, 36, 16, True)


def test_of_a_long_run_the_first_steps_are_taken(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The run says how long it would have been, and is evaluated at its end."""
    monkeypatch.setattr(rehearsing, "MAX_STEPS", 5)
    course = as_configured(simulate_training(make_context(STRICT, few)))
    assert (course.steps, course.total_steps, [seen.step for seen in course.held_out]) == (5, 9, [0, 5])


def test_of_large_batches_fewer_steps_are_taken(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap is one of rollouts, too: 100 of them are three steps of 32."""
    monkeypatch.setattr(rehearsing, "MAX_ROLLOUTS", 100)
    assert as_configured(simulate_training(make_context(STRICT, few))).steps == 3


def test_a_batch_larger_than_the_file_is_told_and_the_reward_still_judged(few: tuple[Record, ...]) -> None:
    """The run cannot start; the red team has a batch size of its own."""
    courses = simulate_training(make_context(STRICT, few, batch_size=64))
    assert [(course.name, course.steps) for course in courses] == [
        (AS_CONFIGURED, 0),
        (RED_TEAM, 9),
        (LOWER_RATE, 0),
        (HIGHER_RATE, 0),
    ]
    assert courses[0].error == ("36 training records do not fill one batch of 64: add records, or lower batch_size")


def test_validation_records_are_held_out_in_the_place_of_a_tenth(few: tuple[Record, ...]) -> None:
    """All records of the file are trained on then."""
    course = as_configured(simulate_training(make_context(STRICT, few[:20]), validation=few[20:]))
    assert (course.sampled_records, course.held_out_records) == (20, 20)


def test_each_step_is_told(strict: TrainingRuns) -> None:
    """The course's name, the step and how many there will be: for a progress bar."""
    assert list(strict.steps_reported) == [
        (name, step, 9) for name in (AS_CONFIGURED, RED_TEAM, LOWER_RATE, HIGHER_RATE) for step in range(1, 10)
    ]


def test_every_call_is_counted(strict: TrainingRuns) -> None:
    """The examination's count is the patient's own."""
    assert strict.calls_counted == strict.calls_made


def test_truth_is_unknown_where_no_right_answer_is_found(few: tuple[Record, ...]) -> None:
    """A rollout of a record without a reference is neither right nor wrong."""
    bare = tuple(replace(record, fields={}) for record in few)
    course = as_configured(
        simulate_training(make_context(handler_for(lambda element: len(response_of(element)) / 9_999), bare))
    )
    assert {scored.correct for scored in course.rollouts} == {None}


def test_the_red_team_ends_once_it_has_learned_a_loophole(
    few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Praise alone earns 1.0: soon no rollout gives anything else, and the rest of the run would show nothing new."""
    monkeypatch.setattr(rehearsing, "RED_TEAM_STEPS", 200)
    praise = handler_for(lambda element: float("Verified step by step" in response_of(element)))
    course = find_trace(simulate_training(make_context(praise, few)), RED_TEAM)
    assert course is not None
    assert course.before is not None
    assert course.after is not None
    assert (course.steps < 200, course.before.quality > 0.8, course.after.quality < 0.1) == (True, True, True)
    assert course.after.exploit_share > 0.9


def test_recorded_responses_take_the_place_of_the_simulated_policy(few: tuple[Record, ...]) -> None:
    """What is scored is what was recorded, but by the red team: nobody recorded the loopholes, so it is simulated."""
    recorded = {
        record.line: [RecordedResponse(text=f"{said} {record.line}", tokens=9) for said in ("a", "b")] for record in few
    }
    courses = simulate_training(
        make_context(handler_for(lambda element: float("a" in response_of(element))), few), recorded=recorded
    )
    responses = {scored.response.partition(" ")[0] for scored in courses[0].rollouts}
    assert ([(course.name, course.recorded_kinds) for course in courses], responses) == (
        [(AS_CONFIGURED, ("number",)), (SIMULATED_RED_TEAM, ()), (LOWER_RATE, ("number",)), (HIGHER_RATE, ("number",))],
        {"a", "b"},
    )
    assert {scored.exploit is None for scored in courses[1].rollouts} == {True, False}
