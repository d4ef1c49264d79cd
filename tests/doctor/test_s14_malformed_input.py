"""S14: a malformed rollout or record does not affect the rest of its call."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from reward_lambda.lambda_function import lambda_handler
from simulator.doctor.finding import Finding, Severity
from simulator.doctor.probe_context import ProbeContext
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
    """Score 1.0 for the right number after the marker, and 0.0 for malformed elements."""
    messages, reference = element["messages"], element.get("reference_answer")
    text = messages[-1].get("content") if messages else None
    if not isinstance(text, str) or not isinstance(reference, dict) or "answer" not in reference:
        return 0.0
    return float(text.rpartition("#### ")[2] == reference["answer"])


def score_carelessly(element: dict[str, Any]) -> float:
    """Score the same without checking for malformed elements."""
    return float(element["messages"][-1]["content"].rpartition("#### ")[2] == element["reference_answer"]["answer"])


def scores_by_label(context: ProbeContext) -> dict[str, list[float | None]]:
    """Return every kept score by the label of its case."""
    return {label: [result.score for result in results] for label, results in context.invoker.results_by_label.items()}


def measured_by_severity(handler: FakeRewardFunction | Handler, records: tuple[Record, ...]) -> dict[Severity, str]:
    """Return what S14 measures, by severity."""
    return {finding.severity: finding.measured for finding in check_malformed_input(probe_context(handler, records))}


@pytest.mark.parametrize("file", ["sums", "strings"])
def test_the_projects_reward_function_is_ok(file: str, request: pytest.FixtureRequest) -> None:
    """No probe of the contract, the layouts and the scores reports more than information."""
    context = probe_context(run_project_reward_function, request.getfixturevalue(file), row_count=32)
    findings: Iterator[Finding] = (
        finding for probe, check in STATIC_PROBES if probe.id in INDEPENDENT_PROBES for finding in check(context)
    )
    assert {finding.probe: finding.severity for finding in findings} == dict.fromkeys(
        INDEPENDENT_PROBES, Severity.OK
    ) | {"S12": Severity.INFO}


def test_a_function_that_checks_its_input_is_ok(sums: tuple[Record, ...]) -> None:
    """It scores every malformed element on its own."""
    assert measured_by_severity(handler_for(score_carefully), sums) == {Severity.OK: "12 sent"}


def test_input_that_the_documentation_excludes_is_information(sums: tuple[Record, ...]) -> None:
    """Every record of this file has a reference."""
    assert measured_by_severity(handler_for(score_carelessly), sums) == {
        Severity.INFO: (
            "7 of 12: no reference, a null reference, an empty reference, a reference of another type, null content, "
            "content in parts, no messages"
        )
    }


def test_a_missing_reference_that_a_record_of_the_file_has_is_a_failure(sums: tuple[Record, ...]) -> None:
    """The call with that record will fail."""
    records = (*sums[:-1], replace(sums[-1], fields={}))
    assert measured_by_severity(handler_for(score_carelessly), records)[Severity.FAIL] == "1 of 12: no reference"


def test_an_empty_response_that_raises_is_a_failure(sums: tuple[Record, ...]) -> None:
    """Models write empty responses. The example shows the error."""

    def score(element: dict[str, Any]) -> float:
        right = score_carefully(element)
        return right if element["messages"] and response_of(element).split()[0] else 0.0

    findings = {finding.severity: finding for finding in check_malformed_input(probe_context(handler_for(score), sums))}
    assert findings[Severity.FAIL].measured == "1 of 12: an empty response"
    assert findings[Severity.FAIL].examples[0].note == "an empty response; IndexError: list index out of range"


def test_an_ordinary_rollout_that_loses_its_score_is_a_failure(sums: tuple[Record, ...]) -> None:
    """After an empty response everything scores 0, and nothing raises."""

    def handle(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        empty = [index for index, e in enumerate(event) if e["messages"] and e["messages"][-1]["content"] == ""]
        end = min(empty, default=len(event))
        return [
            {"id": e["id"], "aggregate_reward_score": score_carefully(e) if index < end else 0.0}
            for index, e in enumerate(event)
        ]

    findings = {finding.severity: finding for finding in check_malformed_input(probe_context(handle, sums))}
    assert findings[Severity.FAIL].measured == "1 of 12: an empty response"
    assert findings[Severity.FAIL].examples[0].note == "beside an element with an empty response; 1 otherwise"


def test_elements_without_an_answer_that_score_are_a_warning(sums: tuple[Record, ...]) -> None:
    """The function scores 1 what it cannot read."""
    handler = handler_for(lambda e: score_carefully(e) if e["messages"] and e["messages"][-1].get("content") else 1.0)
    assert measured_by_severity(handler, sums) == {
        Severity.WARN: "3 of 12: an empty response, null content, no messages"
    }


def number_after_marker(element: dict[str, Any]) -> float:
    """Return the number after the marker. Raise ValueError without one."""
    messages = element["messages"]
    return float(str(messages[-1]["content"] if messages else "").rpartition("#### ")[2])


def score_with_error(
    element: dict[str, Any], *, unreadable: float, wrong: float = 0.0, reference: str = "answer"
) -> float:
    """Score 1.0 for the right number, and catch the error of an answer that is none."""
    try:
        found = number_after_marker(element)
        return 1.0 if found == float(element["reference_answer"][reference]) else wrong
    except (ValueError, KeyError, TypeError):
        return unreadable


@pytest.mark.parametrize(("unreadable", "wrong"), [(1.0, 0.0), (0.5, 0.0), (0.7, 0.6)])
def test_an_error_that_pays_is_a_failure(sums: tuple[Record, ...], unreadable: float, wrong: float) -> None:
    """Silence and junk then earn more than an attempt."""
    handler = handler_for(lambda element: score_with_error(element, unreadable=unreadable, wrong=wrong))
    findings = [
        finding for finding in check_malformed_input(probe_context(handler, sums)) if finding.severity is Severity.FAIL
    ]
    assert [(finding.message, finding.value) for finding in findings] == [
        ("A response that cannot be read scores more than a wrong answer: an error pays.", unreadable)
    ]


@pytest.mark.parametrize(
    ("unreadable", "wrong"),
    [
        pytest.param(0.0, 0.0, id="nothing for either"),
        pytest.param(0.3, 0.0, id="less than half for no answer"),
        pytest.param(0.6, 0.6, id="the same for the form"),
        pytest.param(0.0, -1.0, id="a wrong answer costs a point"),
    ],
)
def test_an_error_that_does_not_pay_is_ok(sums: tuple[Record, ...], unreadable: float, wrong: float) -> None:
    """Wrong answers score as much, or no answer is worth more than a wrong one on purpose."""
    handler = handler_for(lambda element: score_with_error(element, unreadable=unreadable, wrong=wrong))
    severities = {finding.severity for finding in check_malformed_input(probe_context(handler, sums))}
    assert Severity.FAIL not in severities


def test_an_answer_that_cannot_be_read_and_raises_is_a_failure(sums: tuple[Record, ...]) -> None:
    """A model can write two decimal points."""

    def score(element: dict[str, Any]) -> float:
        marked = str(element["messages"][-1]["content"] if element["messages"] else "").rpartition("#### ")[2]
        return float(
            bool(marked) and marked[0].isdigit() and float(marked) == float(element["reference_answer"]["answer"])
        )

    finding = next(iter(check_malformed_input(probe_context(handler_for(score), sums))))
    assert (finding.severity, finding.message) == (Severity.FAIL, NO_USABLE_SCORE)
    assert "two decimal points" in finding.measured


def test_a_right_answer_that_unknown_fields_lower_is_a_warning(sums: tuple[Record, ...]) -> None:
    """The service may add fields."""
    known_fields = {"id", "messages", "reference_answer", "metadata", "data_source"}
    handler = handler_for(lambda e: score_carefully(e) * (set(e) <= known_fields))
    assert measured_by_severity(handler, sums) == {Severity.WARN: "1 of 12: unknown fields"}


def test_noise_is_not_reported(sums: tuple[Record, ...]) -> None:
    """S10 reports it."""
    numbers = count()
    assert measured_by_severity(handler_for(lambda _element: 0.4 + next(numbers) / 1e6), sums) == {
        Severity.OK: "12 sent"
    }


class SlowRewardFunction(FakeRewardFunction):
    """A reward function whose time grows with its event."""

    def invoke(self, event: bytes) -> Invocation:
        """Take a millisecond for each ten bytes."""
        return replace(super().invoke(event), duration_ms=len(event) / 10)


def test_a_slow_function_gets_no_huge_response(sums: tuple[Record, ...]) -> None:
    """It takes seconds for 20,000 characters. With quadratic growth 200,000 would take minutes."""
    assert measured_by_severity(SlowRewardFunction(handler_for(score_carefully)), sums) == {
        Severity.OK: f"11 sent; {HUGE_RESPONSE:,} characters were not sent, because 20,000 took too long: see S15"
    }


def test_a_response_of_another_probe_without_a_score_is_a_failure(sums: tuple[Record, ...]) -> None:
    """A model can write `nan`, and a job ends with its call."""

    def score(element: dict[str, Any]) -> float:
        if response_of(element).endswith("nan"):
            raise ValueError("cannot convert float NaN to integer")
        return score_carefully(element)

    context = probe_context(handler_for(score), sums)
    tuple(check_exploits(context))
    (failure, *_) = check_malformed_input(context)
    assert (failure.severity, failure.message) == (Severity.FAIL, NO_USABLE_SCORE)
    assert failure.measured.endswith("responses: exploit, number: marker and 'nan'")
    (example,) = failure.examples
    assert (example.response, example.score, example.note) == (
        "#### nan",
        None,
        "exploit, number: marker and 'nan'; ValueError: cannot convert float NaN to integer",
    )


def test_rejected_calls_are_not_reported(sums: tuple[Record, ...]) -> None:
    """The function did not get the response."""
    context = probe_context(handler_for(score_carefully), sums)
    context.invoker.results_by_label["rejected"] = [
        replace(context.right_results[0], score=None, error="Rate Exceeded.", not_invoked=True)
    ]
    assert [finding.severity for finding in check_malformed_input(context)] == [Severity.OK]


def test_the_result_of_a_huge_response_is_not_kept(sums: tuple[Record, ...]) -> None:
    """Whether it is sent depends on a measured time, and golden files must not."""
    contexts = [
        probe_context(FakeRewardFunction(handler_for(score_carefully)), sums),
        probe_context(SlowRewardFunction(handler_for(score_carefully)), sums),
    ]
    for context in contexts:
        tuple(check_malformed_input(context))
    assert scores_by_label(contexts[0]) == scores_by_label(contexts[1])


def test_a_score_that_depends_on_the_batch_is_reported_only_by_s11(sums: tuple[Record, ...]) -> None:
    """S14, S3 and S4 do not report it. The score is the difference to the call's mean."""

    def difference_to_mean(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        scores = [score_carefully(element) for element in event]
        mean = sum(scores) / len(scores)
        return [
            {"id": element["id"], "aggregate_reward_score": score - mean}
            for element, score in zip(event, scores, strict=True)
        ]

    context = probe_context(difference_to_mean, sums)
    findings = [
        finding
        for probe, check in STATIC_PROBES
        if probe.id in ("S3", "S4", "S14", "S11")
        for finding in check(context)
        if finding.severity in (Severity.FAIL, Severity.WARN)
    ]
    assert {finding.probe for finding in findings} == {"S11"}


def test_a_small_penalty_for_length_is_ok(sums: tuple[Record, ...]) -> None:
    """Unusual characters cost less than a hundredth."""
    handler = handler_for(lambda e: score_carefully(e) * (1 - len(response_of(e)) / 1e4 if e["messages"] else 1))
    assert measured_by_severity(handler, sums) == {Severity.OK: "12 sent"}
