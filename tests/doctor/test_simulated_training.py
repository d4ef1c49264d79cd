"""Rehearsals: which runs are taken, on which records, and that they are those of a job."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from simulator.doctor import simulated_training as rehearsing
from simulator.doctor.probe_context import Examination
from simulator.doctor.simulated_training import rehearsed
from simulator.doctor.training_trace import FASTER, REDTEAM, SIMULATED_REDTEAM, SLOWER, USUAL, Course, named
from simulator.lambdas.errors import Throttled
from simulator.lambdas.function import Invocation
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.recorded_policy import Response
from tests.doctor.fake_reward_functions import Called, answer_of, examination, scoring
from tests.training.training_runs import trained

SEED = 7


def marked(text: str, number: str) -> float:
    """Score the marker with the right number behind it."""
    return float(text.strip().endswith(f"#### {number}"))


STRICT = scoring(lambda element: marked(answer_of(element), element["reference_answer"]["answer"]))


@pytest.fixture(scope="module")
def few(sums: tuple[Record, ...]) -> tuple[Record, ...]:
    """Forty records: 36 to train on in nine steps, and four held out."""
    return sums[:40]


@pytest.fixture(autouse=True, scope="module")
def short_hunt() -> Iterator[None]:
    """Let the red team's run be as short as the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsing, "REDTEAM_STEPS", 9)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Four runs on a strict reward, and what was told and counted meanwhile."""

    courses: tuple[Course, ...]
    told: tuple[tuple[str, int, int], ...]
    calls_counted: int
    calls_made: int


@pytest.fixture(scope="module")
def strict(few: tuple[Record, ...], short_hunt: None) -> Rehearsal:
    """Rehearse once for all tests that look at it."""
    told: list[tuple[str, int, int]] = []
    patient = Called(STRICT)
    exam = examined(patient, few)
    courses = rehearsed(exam, told=lambda course, step, steps: told.append((course, step, steps)))
    return Rehearsal(courses=courses, told=tuple(told), calls_counted=exam.ask.calls, calls_made=patient.calls)


def examined(patient: Any, records: tuple[Record, ...], **changes: Any) -> Examination:
    """Return an examination with some hyperparameters of its own."""
    exam = examination(patient, records, settings=Settings(seed=SEED))
    exam.hyperparameters = replace(Hyperparameters(), **changes)
    return exam


def usual(courses: tuple[Course, ...]) -> Course:
    """Return the run as it is."""
    course = named(courses, USUAL)
    assert course is not None
    return course


def test_four_runs_are_rehearsed(strict: Rehearsal) -> None:
    """As it is, red team, slower and faster; each to its end."""
    assert [(course.name, course.steps, course.total_steps, course.fault) for course in strict.courses] == [
        (USUAL, 9, 9, ""),
        (REDTEAM, 9, 9, ""),
        (SLOWER, 9, 9, ""),
        (FASTER, 9, 9, ""),
    ]


def test_the_run_as_it_is_is_the_one_that_a_job_would_take(few: tuple[Record, ...], strict: Rehearsal) -> None:
    """The same records, seed and rewards: the same metrics, truths and evaluations, to the last bit."""
    course = usual(strict.courses)

    def score(record: Record, text: str) -> float:
        reference = record.fields["reference_answer"]
        assert isinstance(reference, dict)
        return marked(text, str(reference["answer"]))

    job = trained(few, score, seed=SEED, evaluate=True)
    assert (course.metrics, course.truths, course.held_out) == (
        tuple(outcome.metrics for outcome in job.outcomes),
        tuple(outcome.truth for outcome in job.outcomes),
        job.evaluations,
    )


def test_the_same_inputs_give_the_same_runs_whatever_the_function_remembers(few: tuple[Record, ...]) -> None:
    """Calls are made one after another, so that what a function keeps between them does not depend on chance."""

    def forgetful() -> Callable[[Any], Any]:
        numbers = itertools.count()
        return scoring(lambda _element: next(numbers) % 3)

    assert rehearsed(examined(forgetful(), few)) == rehearsed(examined(forgetful(), few))


def test_another_learning_rate_changes_nothing_of_the_first_step(strict: Rehearsal) -> None:
    """No draw depends on the rate: the slower and the faster run begin with the same rollouts."""
    alike = [course for course in strict.courses if course.name != REDTEAM]
    first = [[scored for scored in course.scored if scored.step == 1] for course in alike]
    assert first[0] == first[1] == first[2]


def test_a_function_that_fails_ends_the_rehearsal_with_its_words(few: tuple[Record, ...]) -> None:
    """The steps before it are kept, and no further run is paid for."""
    calls = itertools.count(1)

    def tiring(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if next(calls) > 9:  # one call for the evaluation before, four for each step
            raise RuntimeError("out of paper")
        return [{"id": element["id"], "aggregate_reward_score": 0.5} for element in event]

    (course,) = rehearsed(examined(tiring, few))
    assert (course.steps, "the function failed with RuntimeError: out of paper" in course.fault) == (2, True)


def test_a_result_under_another_id_ends_the_rehearsal(few: tuple[Record, ...]) -> None:
    """What a job would end with."""
    (course,) = rehearsed(examined(lambda event: [{"id": "x", "aggregate_reward_score": 1.0} for _ in event], few))
    assert (course.steps, 'has the id "x", which is not in the event' in course.fault) == (0, True)


def test_a_throttled_call_is_made_again(few: tuple[Record, ...]) -> None:
    """As a job would: throttling passes."""

    class Busy(Called):
        def invoke(self, event: bytes) -> Invocation:
            if self.calls == 3:
                self.calls += 1
                raise Throttled(reason=Throttled.RESERVED_CONCURRENCY)
            return super().invoke(event)

    assert usual(rehearsed(examined(Busy(STRICT), few))).fault == ""


def test_of_a_large_file_a_sample_is_trained_on(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A seeded sample of the training records, and none of those that a job would hold out."""
    monkeypatch.setattr(rehearsing, "MOST_RECORDS", 16)
    course = usual(rehearsed(examined(STRICT, few)))
    lines = {scored.line for scored in course.scored}
    assert (course.trained_on, course.trainable, len(lines), max(lines) <= 36) == (16, 36, 16, True)


def test_of_a_long_run_the_first_steps_are_taken(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The run says how long it would have been, and is evaluated at its end."""
    monkeypatch.setattr(rehearsing, "MOST_STEPS", 5)
    course = usual(rehearsed(examined(STRICT, few)))
    assert (course.steps, course.total_steps, [seen.step for seen in course.held_out]) == (5, 9, [0, 5])


def test_of_large_batches_fewer_steps_are_taken(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap is one of rollouts, too: 100 of them are three steps of 32."""
    monkeypatch.setattr(rehearsing, "MOST_ROLLOUTS", 100)
    assert usual(rehearsed(examined(STRICT, few))).steps == 3


def test_a_batch_larger_than_the_file_is_told_and_the_reward_still_judged(few: tuple[Record, ...]) -> None:
    """The run cannot start; the red team has a batch size of its own."""
    courses = rehearsed(examined(STRICT, few, batch_size=64))
    assert [(course.name, course.steps) for course in courses] == [(USUAL, 0), (REDTEAM, 9), (SLOWER, 0), (FASTER, 0)]
    assert courses[0].fault == ("36 training records do not fill one batch of 64: add records, or lower batch_size")


def test_validation_records_are_held_out_in_the_place_of_a_tenth(few: tuple[Record, ...]) -> None:
    """All records of the file are trained on then."""
    course = usual(rehearsed(examined(STRICT, few[:20]), validation=few[20:]))
    assert (course.trained_on, course.held_out_records) == (20, 20)


def test_each_step_is_told(strict: Rehearsal) -> None:
    """The course's name, the step and how many there will be: for a progress bar."""
    assert list(strict.told) == [(name, step, 9) for name in (USUAL, REDTEAM, SLOWER, FASTER) for step in range(1, 10)]


def test_every_call_is_counted(strict: Rehearsal) -> None:
    """The examination's count is the patient's own."""
    assert strict.calls_counted == strict.calls_made


def test_truth_is_unknown_where_no_right_answer_is_found(few: tuple[Record, ...]) -> None:
    """A rollout of a record without a reference is neither right nor wrong."""
    bare = tuple(replace(record, fields={}) for record in few)
    course = usual(rehearsed(examined(scoring(lambda element: len(answer_of(element)) / 9_999), bare)))
    assert {scored.correct for scored in course.scored} == {None}


def test_the_red_team_ends_once_it_has_learned_a_loophole(
    few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Praise alone earns 1.0: soon no rollout gives anything else, and the rest of the run would show nothing new."""
    monkeypatch.setattr(rehearsing, "REDTEAM_STEPS", 200)
    praise = scoring(lambda element: float("Verified step by step" in answer_of(element)))
    course = named(rehearsed(examined(praise, few)), REDTEAM)
    assert course is not None
    assert course.before is not None
    assert course.after is not None
    assert (course.steps < 200, course.before.quality > 0.8, course.after.quality < 0.1) == (True, True, True)
    assert course.after.exploits > 0.9


def test_recorded_responses_take_the_place_of_the_simulated_policy(few: tuple[Record, ...]) -> None:
    """What is scored is what was recorded, but by the red team: nobody recorded the loopholes, so it is simulated."""
    recorded = {
        record.line: [Response(text=f"{said} {record.line}", tokens=9) for said in ("a", "b")] for record in few
    }
    courses = rehearsed(examined(scoring(lambda element: float("a" in answer_of(element))), few), recorded=recorded)
    responses = {scored.response.partition(" ")[0] for scored in courses[0].scored}
    assert ([(course.name, course.recorded) for course in courses], responses) == (
        [(USUAL, ("number",)), (SIMULATED_REDTEAM, ()), (SLOWER, ("number",)), (FASTER, ("number",))],
        {"a", "b"},
    )
    assert {scored.exploit is None for scored in courses[1].scored} == {True, False}
