"""S8: the function accepts the answer format that the prompt asks for."""

import re
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s08_format_fit import check_format_fit
from simulator.training.dataset import Message, Record
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of


def test_a_function_that_accepts_the_requested_format_is_ok(sums: tuple[Record, ...]) -> None:
    """The measured value lists the accepted formats."""
    context = probe_context(
        handler_for(lambda e: float(response_of(e).endswith(f"#### {e['reference_answer']['answer']}"))), sums
    )
    (finding,) = check_format_fit(context)
    assert (finding.probe, finding.severity) == ("S8", Severity.OK)
    assert finding.measured == f"accepted: '#### {context.row_subset[0].reference.text}'"


def test_a_requested_format_that_is_not_accepted_is_a_failure(sums: tuple[Record, ...]) -> None:
    """The prompt asks for `####`, the function accepts a box."""
    context = probe_context(
        handler_for(lambda e: float(f"\\boxed{{{e['reference_answer']['answer']}}}" in response_of(e))), sums
    )
    (finding,) = check_format_fit(context)
    answer = context.row_subset[0].reference.text
    assert finding.severity is Severity.FAIL
    assert finding.measured == f"accepted: '\\\\boxed{{{answer}}}'"
    assert finding.threshold == f"'#### {answer}' accepted"
    assert [example.score for example in finding.examples] == [0.0, 1.0]


def test_a_format_that_no_prompt_requests_and_no_model_uses_is_a_failure(sums: tuple[Record, ...]) -> None:
    """Here tags."""
    free = tuple(replace(record, messages=(Message(role="user", content="How many?"),)) for record in sums)
    context = probe_context(
        handler_for(lambda e: float(f"<answer>{e['reference_answer']['answer']}<" in response_of(e))), free
    )
    (finding,) = check_format_fit(context)
    assert finding.severity is Severity.FAIL
    assert finding.fix.startswith("Ask in the prompt for the accepted format, '<answer>")


def test_a_common_format_is_ok_where_the_prompt_requests_none(sums: tuple[Record, ...]) -> None:
    """The function finds the number anywhere in the text."""
    free = tuple(replace(record, messages=(Message(role="user", content="How many?"),)) for record in sums)
    (finding,) = check_format_fit(
        probe_context(handler_for(lambda e: float(e["reference_answer"]["answer"] in response_of(e))), free)
    )
    assert finding.severity is Severity.OK


def test_formats_are_not_measured_where_nothing_scores(sums: tuple[Record, ...]) -> None:
    """S3 reports that."""
    (finding,) = check_format_fit(probe_context(handler_for(lambda _element: 0.0), sums))
    assert finding.severity is Severity.SKIPPED


@pytest.mark.parametrize(
    ("pattern", "severity"),
    [
        (r"<reasoning>.*</reasoning>\s*<answer>.*</answer>", Severity.FAIL),
        (r"<reasoning>\n.*\n</reasoning>\n<answer>\n.*\n</answer>", Severity.FAIL),
        (r"(?s)<reasoning>.*</reasoning>\s*<answer>.*</answer>", Severity.OK),
    ],
)
def test_a_pattern_that_stops_at_line_breaks_is_a_failure(
    tagged: tuple[Record, ...], pattern: str, severity: Severity
) -> None:
    """The prompt shows each tag on its own line, so that no answer in its layout gets the points for it."""

    def score(element: dict[str, Any]) -> float:
        text = response_of(element)
        said = text.rpartition("<answer>")[2].partition("</answer>")[0].strip()
        return 0.5 * float(said == element["metadata"]["reference_answer"]) + 0.5 * bool(re.match(pattern, text))

    findings = list(check_format_fit(probe_context(handler_for(score), tagged)))
    assert [finding.severity for finding in findings] == [Severity.OK, Severity.FAIL][: 1 + (severity == Severity.FAIL)]
