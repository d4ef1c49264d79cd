"""S8: the answer format that the prompt asks for."""

from dataclasses import replace

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s08_format_fit import check_format_fit
from simulator.training.dataset import Message, Record
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of


def test_the_format_that_is_asked_for_is_accepted(sums: tuple[Record, ...]) -> None:
    """The accepted ones are listed as they look."""
    exam = probe_context(
        handler_for(lambda e: float(response_of(e).rpartition("#### ")[2] == e["reference_answer"]["answer"])), sums
    )
    (finding,) = check_format_fit(exam)
    assert (finding.probe, finding.severity) == ("S8", Severity.OK)
    assert finding.measured == f"accepted: '#### {exam.row_subset[0].reference.text}'"


def test_a_prompt_that_asks_for_what_is_not_accepted_is_a_failure(sums: tuple[Record, ...]) -> None:
    """The prompt says `####`, the function wants a box: the model would be taught to disobey."""
    exam = probe_context(
        handler_for(lambda e: float(f"\\boxed{{{e['reference_answer']['answer']}}}" in response_of(e))), sums
    )
    (finding,) = check_format_fit(exam)
    written = exam.row_subset[0].reference.text
    assert finding.severity is Severity.FAIL
    assert finding.measured == f"accepted: '\\\\boxed{{{written}}}'"
    assert finding.threshold == f"'#### {written}' accepted"
    assert [exhibit.score for exhibit in finding.examples] == [0.0, 1.0]


def test_a_marker_that_no_prompt_asks_for_is_a_failure(sums: tuple[Record, ...]) -> None:
    """No model writes tags by itself."""
    free = tuple(replace(record, messages=(Message(role="user", content="How many?"),)) for record in sums)
    exam = probe_context(
        handler_for(lambda e: float(f"<answer>{e['reference_answer']['answer']}<" in response_of(e))), free
    )
    (finding,) = check_format_fit(exam)
    assert finding.severity is Severity.FAIL
    assert finding.fix.startswith("Ask in the prompt for the format that is accepted, '<answer>")


def test_a_usual_format_is_fine_where_none_is_asked_for(sums: tuple[Record, ...]) -> None:
    """The last number of the text, wherever it stands."""
    free = tuple(replace(record, messages=(Message(role="user", content="How many?"),)) for record in sums)
    (finding,) = check_format_fit(
        probe_context(handler_for(lambda e: float(e["reference_answer"]["answer"] in response_of(e))), free)
    )
    assert finding.severity is Severity.OK


def test_formats_are_not_measured_where_nothing_scores(sums: tuple[Record, ...]) -> None:
    """That is S3's."""
    (finding,) = check_format_fit(probe_context(handler_for(lambda _element: 0.0), sums))
    assert finding.severity is Severity.SKIPPED
