"""S8: the function accepts the answer format that the prompt asks for."""

from dataclasses import replace

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
