"""S10 and S11: the same rollout scores the same."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s10_determinism import company, determinism
from simulator.lambdas.errors import Throttled
from simulator.lambdas.function import Invocation
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import Called, Handler, answer_of, examination, scoring


class Remembering:
    """A handler that knows how many calls it has answered since it was restarted."""

    def __init__(self, score: Callable[[int, dict[str, Any]], float]) -> None:
        self.calls = 0
        self._score = score

    def __call__(self, event: list[dict[str, Any]]) -> Any:
        """Count the call and score its elements."""
        self.calls += 1
        return scoring(lambda element: self._score(self.calls, element))(event)


def test_a_steady_function_is_fine(sums: tuple[Record, ...]) -> None:
    """The same score at every time: S10 has nothing to say."""
    (finding,) = determinism(examination(scoring(lambda element: len(answer_of(element)) % 2), sums))
    assert (finding.probe, finding.severity, finding.value) == ("S10", Severity.OK, 0.0)


def test_a_score_that_changes_at_once_is_shown_with_both_values(sums: tuple[Record, ...]) -> None:
    """A score that alternates from call to call: the exhibit holds what the rollout scored first and what then."""
    (finding,) = determinism(examination(Remembering(lambda calls, _element: calls % 3 / 2), sums))
    assert (finding.severity, finding.what, finding.value) == (
        Severity.FAIL,
        "The same rollout scores differently when it is scored again.",
        1.0,
    )
    assert "standard deviation" in finding.measured
    assert finding.exhibits[0].note.startswith("then ")


def test_little_noise_is_a_warning(sums: tuple[Record, ...]) -> None:
    """Below the large noise training still finds its way."""
    (finding,) = determinism(examination(Remembering(lambda calls, _element: calls % 3 / 100), sums))
    assert (finding.severity, finding.value) == (Severity.WARN, 0.02)


def test_noise_that_comes_seldom_is_met_by_repeating_a_call(sums: tuple[Record, ...]) -> None:
    """The first six calls are three scorings of eight right and eight wrong answers; one of the ten after differs."""
    (finding,) = determinism(examination(Remembering(lambda calls, _element: float(calls == 12)), sums))
    assert (finding.severity, finding.value) == (Severity.FAIL, 1.0)


def test_a_rollout_that_is_scored_one_time_only_fails(sums: tuple[Record, ...]) -> None:
    """It is no noise in a score, but no score at all."""

    def fail(calls: int, _element: dict[str, Any]) -> float:
        if calls >= 5:
            raise RuntimeError("too many calls")
        return 1.0

    (finding,) = determinism(examination(Remembering(fail), sums))
    assert (finding.severity, finding.what, finding.measured.partition(",")[0]) == (
        Severity.FAIL,
        "The same rollout is scored one time and not another.",
        "16 of 16 without a score",
    )
    assert finding.exhibits[0].note == "then no score: RuntimeError: too many calls"


def test_a_call_that_fails_in_a_fresh_environment_fails(sums: tuple[Record, ...]) -> None:
    """It failed at first too, and its rollouts were scored when they were asked alone: that must not hide it."""
    calls = itertools.count()

    def fail(event: list[dict[str, Any]]) -> Any:
        if next(calls) == 1 or (patient.restarts and len(event) > 1):
            raise RuntimeError("not warm yet")
        return scoring(lambda _element: 1.0)(event)

    patient = Called(fail)
    (finding,) = determinism(examination(patient, sums))
    assert (finding.severity, finding.what, finding.measured) == (
        Severity.FAIL,
        "The same rollout is scored one time and not another.",
        "16 of 16 without a score",
    )


def test_a_score_that_hangs_on_the_past_is_told_apart_from_noise(sums: tuple[Record, ...]) -> None:
    """The first calls scored 0, all later ones 1: it is steady now, and was not what it is."""
    (finding,) = determinism(examination(Remembering(lambda calls, _element: float(calls > 2)), sums))
    assert finding.what == "A score depends on what was scored before it: it is not what it was at first."


def test_a_score_that_hangs_on_the_environment_is_found_by_a_fresh_one(sums: tuple[Record, ...]) -> None:
    """What a function remembers is gone with its environment."""
    patient = Called(scoring(lambda _element: float(patient.restarts)))
    (finding,) = determinism(examination(patient, sums))
    assert finding.what == "A score changes in a fresh environment: the function remembers something."


def test_a_score_that_hangs_on_the_id_is_found_by_other_ids(sums: tuple[Record, ...]) -> None:
    """The id says nothing of the answer."""
    (finding,) = determinism(examination(scoring(lambda element: len(element["id"]) / 100), sums))
    assert finding.what == "A score depends on the rollout's id."


def test_a_function_without_a_score_is_not_measured(sums: tuple[Record, ...]) -> None:
    """There is nothing to compare, and that is no steadiness."""

    def fail(_element: dict[str, Any]) -> float:
        raise ValueError("no")

    (finding,) = determinism(examination(scoring(fail), sums, rows=4))
    assert finding.severity is Severity.SKIPPED


def test_rows_without_a_known_answer_are_asked_about_with_rollouts(sums: tuple[Record, ...]) -> None:
    """Steadiness needs no right answer."""
    nothing_known = tuple(replace(record, fields={}) for record in sums)
    assert [
        next(iter(probe(examination(scoring(lambda element: len(answer_of(element)) % 7), nothing_known)))).severity
        for probe in (determinism, company)
    ] == [Severity.OK, Severity.OK]


def test_rollouts_that_are_scored_each_by_itself_are_fine(sums: tuple[Record, ...]) -> None:
    """Company changes nothing: S11 has nothing to say."""
    (finding,) = company(examination(scoring(lambda element: len(str(answer_of(element))) % 5), sums))
    assert (finding.probe, finding.severity, finding.value) == ("S11", Severity.OK, 0.0)


def _share_of_the_longest(event: list[dict[str, Any]]) -> Any:
    longest = max(len(str(answer_of(element))) for element in event)
    return scoring(lambda element: len(str(answer_of(element))) / longest)(event)


def _by_position(event: list[dict[str, Any]]) -> Any:
    places = itertools.count()
    return scoring(lambda _element: next(places) / 8)(event)


def _stumbling(event: list[dict[str, Any]]) -> Any:
    broken = any(element["messages"][-1]["content"] is None for element in event)
    return scoring(lambda element: 0.0 if broken else len(answer_of(element)) % 3)(event)


ORDER = "A score depends on the order of the rollouts."
ALONE = "A rollout scores otherwise alone than together with others."
BROKEN = "A score depends on a broken rollout beside it."


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        pytest.param(_share_of_the_longest, {ORDER, ALONE}, id="relative to the batch"),
        pytest.param(_by_position, {ORDER, ALONE, BROKEN}, id="by position"),
        pytest.param(_stumbling, {BROKEN}, id="a broken neighbour"),
    ],
)
def test_a_score_that_hangs_on_its_company_fails(handler: Handler, found: set[str], sums: tuple[Record, ...]) -> None:
    """Each kind of company is named."""
    findings = list(company(examination(handler, sums)))
    assert {(finding.severity, finding.what) for finding in findings} == {(Severity.FAIL, what) for what in found}


def test_a_score_that_changes_by_itself_is_not_blamed_on_its_company(sums: tuple[Record, ...]) -> None:
    """S10 says so, once."""
    (finding,) = company(examination(Remembering(lambda calls, _element: float(calls)), sums))
    assert finding.severity is Severity.SKIPPED


IN_COMPANY = "Calls fail in company: their rollouts all score when each is sent alone. A job would have ended there."
NOW_AND_THEN = IN_COMPANY.replace("in company", "now and then")


def test_a_call_that_fails_now_and_then_is_told_though_its_rollouts_score_alone(sums: tuple[Record, ...]) -> None:
    """As `fixtures/graders/fails_on_third_call`: the job would have ended at that call."""
    calls = itertools.count(1)

    def tiring(event: list[dict[str, Any]]) -> Any:
        if next(calls) == 2:
            raise RuntimeError("the connection pool is exhausted")
        return scoring(lambda _element: 1.0)(event)

    exam = examination(tiring, sums)
    assert {answer.score for answer in (*exam.right, *exam.wrong)} == {1.0}
    (finding,) = company(exam)
    assert (finding.severity, finding.what, finding.value) == (Severity.FAIL, NOW_AND_THEN, 1.0)
    assert finding.exhibits[0].note == "alone; in a call with 7 others: RuntimeError: the connection pool is exhausted"


def test_a_call_that_always_fails_of_its_company_is_told_apart(sums: tuple[Record, ...]) -> None:
    """A function that can take one rollout at a time: nothing is left to compare, and that is no steadiness."""

    def alone(event: list[dict[str, Any]]) -> Any:
        (element,) = event
        return scoring(lambda _element: 1.0)([element])

    (finding,) = company(examination(alone, sums))
    assert (finding.severity, finding.what) == (Severity.FAIL, IN_COMPANY)


def test_a_call_that_was_not_run_is_no_fault_of_the_function(sums: tuple[Record, ...]) -> None:
    """Throttled: for want of concurrency."""

    class Busy(Called):
        def invoke(self, event: bytes) -> Invocation:
            if self.calls == 3:
                self.calls += 1
                raise Throttled(reason=Throttled.RESERVED_CONCURRENCY)
            return super().invoke(event)

    (finding,) = company(examination(Busy(scoring(lambda _element: 1.0)), sums))
    assert finding.severity is Severity.OK


def test_a_call_that_fails_of_a_broken_rollout_is_another_probes_matter(sums: tuple[Record, ...]) -> None:
    """S11 looks at those that were scored; that none was is S14's."""
    (finding,) = company(examination(scoring(lambda element: float(len(element["messages"][-1]["content"]) % 3)), sums))
    assert finding.severity is Severity.OK
