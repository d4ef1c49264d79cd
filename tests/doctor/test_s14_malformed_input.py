"""S14: an odd rollout or record leaves the rest of its call alone."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from reward_lambda.lambda_function import lambda_handler
from simulator.doctor.finding import Finding, Severity
from simulator.doctor.probes.registry import STATIC_PROBES
from simulator.doctor.probes.static.s09_exploits import check_exploits
from simulator.doctor.probes.static.s14_malformed_input import HUGE_RESPONSE, NO_USABLE_SCORE, check_malformed_input
from simulator.lambdas.function import Invocation
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import FakeRewardFunction, Handler, handler_for, probe_context, response_of

INDEPENDENT_PROBES = ("S1", "S2", "S3", "S4", "S8", "S12", "S14", "S18")


def run_project_reward_function(event: list[dict[str, Any]]) -> Any:
    """Call the project's own reward function."""
    return lambda_handler(event, None)


def score_carefully(element: dict[str, Any]) -> float:
    """Score 1 for the right number after the marker; whatever is odd scores 0."""
    messages, reference = element["messages"], element.get("reference_answer")
    text = messages[-1].get("content") if messages else None
    if not isinstance(text, str) or not isinstance(reference, dict) or "answer" not in reference:
        return 0.0
    return float(text.rpartition("#### ")[2] == reference["answer"])


def score_carelessly(element: dict[str, Any]) -> float:
    """Score the same with no care at all."""
    return float(element["messages"][-1]["content"].rpartition("#### ")[2] == element["reference_answer"]["answer"])


def measured_by_severity(handler: FakeRewardFunction | Handler, records: tuple[Record, ...]) -> dict[Severity, str]:
    """Return what S14 measures, by severity."""
    return {finding.severity: finding.measured for finding in check_malformed_input(probe_context(handler, records))}


@pytest.mark.parametrize("file", ["sums", "strings"])
def test_the_own_reward_function_is_sound(file: str, request: pytest.FixtureRequest) -> None:
    """None of the probes of form and shape has more than something to tell."""
    exam = probe_context(run_project_reward_function, request.getfixturevalue(file), row_count=32)
    findings: Iterator[Finding] = (
        finding for probe, examine in STATIC_PROBES if probe.id in INDEPENDENT_PROBES for finding in examine(exam)
    )
    assert {finding.probe: finding.severity for finding in findings} == dict.fromkeys(
        INDEPENDENT_PROBES, Severity.OK
    ) | {"S12": Severity.INFO}


def test_a_careful_function_is_fine(sums: tuple[Record, ...]) -> None:
    """Every odd element is scored by itself."""
    assert measured_by_severity(handler_for(score_carefully), sums) == {Severity.OK: "12 sent"}


def test_what_the_documentation_excludes_is_told_and_no_more(sums: tuple[Record, ...]) -> None:
    """A function without care raises on it; only a missing reference is worth a warning with this file."""
    assert measured_by_severity(handler_for(score_carelessly), sums) == {
        Severity.WARN: "2 of 12: no reference, a null reference",
        Severity.INFO: (
            "5 of 12: an empty reference, a reference of another type, null content, content in parts, no messages"
        ),
    }


def test_a_reference_that_a_record_lacks_is_a_failure(sums: tuple[Record, ...]) -> None:
    """This file has such a record, so the call that holds it will fail."""
    lacking = (*sums[:-1], replace(sums[-1], fields={}))
    assert measured_by_severity(handler_for(score_carelessly), lacking)[Severity.FAIL] == "1 of 12: no reference"


def test_an_empty_response_that_raises_is_a_failure(sums: tuple[Record, ...]) -> None:
    """Models do answer nothing; the exhibit has the error."""

    def score(element: dict[str, Any]) -> float:
        right = score_carefully(element)
        return right if element["messages"] and response_of(element).split()[0] else 0.0

    found = {finding.severity: finding for finding in check_malformed_input(probe_context(handler_for(score), sums))}
    assert found[Severity.FAIL].measured == "1 of 12: an empty response"
    assert found[Severity.FAIL].examples[0].note == "an empty response; IndexError: list index out of range"


def test_a_neighbour_that_loses_its_score_is_a_failure(sums: tuple[Record, ...]) -> None:
    """What comes after an empty response scores 0, though nothing raises."""

    def until_empty(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        places = [place for place, e in enumerate(event) if e["messages"] and e["messages"][-1]["content"] == ""]
        end = min(places, default=len(event))
        return [
            {"id": e["id"], "aggregate_reward_score": score_carefully(e) if place < end else 0.0}
            for place, e in enumerate(event)
        ]

    found = {finding.severity: finding for finding in check_malformed_input(probe_context(until_empty, sums))}
    assert found[Severity.FAIL].measured == "1 of 12: an empty response"
    assert found[Severity.FAIL].examples[0].note == "beside an element with an empty response; 1 otherwise"


def test_elements_without_an_answer_that_score_are_a_warning(sums: tuple[Record, ...]) -> None:
    """What cannot be read is scored 1 here."""
    handler = handler_for(lambda e: score_carefully(e) if e["messages"] and e["messages"][-1].get("content") else 1.0)
    assert measured_by_severity(handler, sums) == {
        Severity.WARN: "3 of 12: an empty response, null content, no messages"
    }


def test_a_right_answer_that_unknown_fields_spoil_is_a_warning(sums: tuple[Record, ...]) -> None:
    """The service may add fields; a function that insists on the known ones stops scoring that day."""
    known = {"id", "messages", "reference_answer", "metadata", "data_source"}
    handler = handler_for(lambda e: score_carefully(e) * (set(e) <= known))
    assert measured_by_severity(handler, sums) == {Severity.WARN: "1 of 12: unknown fields"}


def test_scores_that_change_by_themselves_are_not_blamed_on_the_company(sums: tuple[Record, ...]) -> None:
    """That is S10's."""
    numbers = count()
    assert measured_by_severity(handler_for(lambda _element: 0.4 + next(numbers) / 1e6), sums) == {
        Severity.OK: "12 sent"
    }


class SlowRewardFunction(FakeRewardFunction):
    """A patient whose time grows with its event."""

    def invoke(self, event: bytes) -> Invocation:
        """Take a millisecond for each ten bytes."""
        return replace(super().invoke(event), duration_ms=len(event) / 10)


def test_a_huge_response_is_spared_a_slow_function(sums: tuple[Record, ...]) -> None:
    """At 20,000 characters it takes seconds already; by the square that would be minutes, and S15 has said so."""
    assert measured_by_severity(SlowRewardFunction(handler_for(score_carefully)), sums) == {
        Severity.OK: f"11 sent; {HUGE_RESPONSE:,} characters were not sent, as 20,000 took too long: see S15"
    }


def test_a_response_that_got_no_score_before_is_a_failure(sums: tuple[Record, ...]) -> None:
    """Whichever probe put it: a model can write `nan`, and a job ends with the call that holds it."""

    def score(element: dict[str, Any]) -> float:
        if response_of(element).endswith("nan"):
            raise ValueError("cannot convert float NaN to integer")
        return score_carefully(element)

    exam = probe_context(handler_for(score), sums)
    tuple(check_exploits(exam))
    (failure, *_) = check_malformed_input(exam)
    assert (failure.severity, failure.message) == (Severity.FAIL, NO_USABLE_SCORE)
    assert failure.measured.endswith("responses: exploit, number: marker and 'nan'")
    (shown,) = failure.examples
    assert (shown.response, shown.score, shown.note) == (
        "#### nan",
        None,
        "exploit, number: marker and 'nan'; ValueError: cannot convert float NaN to integer",
    )


def test_calls_that_were_not_run_are_not_blamed_on_the_response(sums: tuple[Record, ...]) -> None:
    """Lambda refused them, and the function never saw the response."""
    exam = probe_context(handler_for(score_carefully), sums)
    exam.invoker.results_by_label["refused"] = [
        replace(exam.right_results[0], score=None, error="Rate Exceeded.", not_invoked=True)
    ]
    assert [finding.severity for finding in check_malformed_input(exam)] == [Severity.OK]


def test_a_huge_response_leaves_no_trace_among_the_answers_kept(sums: tuple[Record, ...]) -> None:
    """Whether it is sent depends on a measured time, and two golden files must not differ by that."""
    exams = [
        probe_context(FakeRewardFunction(handler_for(score_carefully)), sums),
        probe_context(SlowRewardFunction(handler_for(score_carefully)), sums),
    ]
    for exam in exams:
        tuple(check_malformed_input(exam))
    assert exams[0].invoker.scores_by_label == exams[1].invoker.scores_by_label


def test_a_score_that_depends_on_the_batch_is_not_blamed_on_odd_company(sums: tuple[Record, ...]) -> None:
    """Scores less the call's mean: that is S11's to say, and S3 and S4 advise no other layout either."""

    def less_the_mean(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        scores = [score_carefully(element) for element in event]
        mean = sum(scores) / len(scores)
        return [
            {"id": element["id"], "aggregate_reward_score": score - mean}
            for element, score in zip(event, scores, strict=True)
        ]

    exam = probe_context(less_the_mean, sums)
    found = [
        finding
        for probe, examine in STATIC_PROBES
        if probe.id in ("S3", "S4", "S14", "S11")
        for finding in examine(exam)
        if finding.severity in (Severity.FAIL, Severity.WARN)
    ]
    assert {finding.probe for finding in found} == {"S11"}


def test_a_penalty_for_length_is_no_loss_to_odd_company(sums: tuple[Record, ...]) -> None:
    """A few characters cost a hundredth: a tie-break, and no defect."""
    handler = handler_for(lambda e: score_carefully(e) * (1 - len(response_of(e)) / 1e4 if e["messages"] else 1))
    assert measured_by_severity(handler, sums) == {Severity.OK: "12 sent"}
