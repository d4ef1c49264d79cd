"""S1 and S2: an ordinary call comes back as a list of results, one for each rollout, with a usable score."""

import json
import math
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s01_contract import check_contract
from simulator.doctor.probes.static.s02_ids import check_ids
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import (
    FakeRewardFunction,
    Handler,
    findings_and_error,
    handler_for,
    probe_context,
    response_of,
)

WORDS = 40  # more than a worked right or wrong answer has


def handler_with_result(**result: object) -> Handler:
    """Return a handler that gives every element the same result under its id."""
    return lambda event: [{"id": element["id"], **result} for element in event]


def handler_with_metric(entry: object) -> Handler:
    """Return a handler whose every result has one component."""
    return handler_with_result(aggregate_reward_score=0.5, metrics_list=[entry])


def handler_with_lambda_error(kind: str, message: str) -> Handler:
    """Return a handler that ends in an error of a type of Lambda's own."""

    def handler(_event: object) -> None:
        raise type(kind, (Exception,), {})(message)

    return handler


def test_a_list_of_scores_is_fine(sums: tuple[Record, ...]) -> None:
    """Nothing but ids and numbers is wanted: both probes have nothing to say."""
    exam = probe_context(handler_for(lambda _element: 0.5), sums)
    assert [
        (finding.probe, finding.severity)
        for probe in (check_contract, check_ids)
        for finding in findings_and_error(probe, exam)[0]
    ] == [
        ("S1", Severity.OK),
        ("S2", Severity.OK),
    ]


@pytest.mark.parametrize(
    ("result", "what", "fix"),
    [
        ({"aggregate_reward_score": True}, '"aggregate_reward_score" is the bool true', "Wrap it: float(score)."),
        ({"aggregate_reward_score": "1.0"}, '"aggregate_reward_score" is a string', "Wrap it: float(score)."),
        ({"aggregate_reward_score": math.nan}, '"aggregate_reward_score" is nan', "Guard divisions"),
        ({"aggregate_reward_score": math.inf}, '"aggregate_reward_score" is inf', "Guard divisions"),
        ({"score": 1.0}, '"aggregate_reward_score" is missing.', 'Return the score under the name "aggregate_reward'),
    ],
)
def test_a_score_that_no_job_could_use_is_a_failure(
    sums: tuple[Record, ...], result: dict[str, Any], what: str, fix: str
) -> None:
    """It is counted, and shown with the very result; the visit can still look at the ids."""
    (finding,), ended = findings_and_error(check_contract, probe_context(handler_with_result(**result), sums))
    assert (finding.severity, finding.measured, ended) == (Severity.FAIL, "8 of 8", "")
    assert finding.message.startswith(what)
    assert finding.fix.startswith(fix)
    assert finding.examples[0].note.startswith('the result: {"id": "train-1-line-')


def test_a_score_under_another_name_is_named(sums: tuple[Record, ...]) -> None:
    """The fix points at the number that is there."""
    (finding,), _ = findings_and_error(check_contract, probe_context(handler_with_result(score=1.0), sums))
    assert finding.fix.endswith('The result has "score": call it that.')


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("accuracy", "metrics_list[0] is no object."),
        ({"value": 1.0, "type": "Reward"}, 'metrics_list[0] has no "name" that is a string.'),
        ({"name": "accuracy", "type": "Reward"}, 'metrics_list[0] has no "value" that is a finite number.'),
        (
            {"name": "accuracy", "value": math.nan, "type": "Reward"},
            'metrics_list[0] has no "value" that is a finite number.',
        ),
        (
            {"name": "accuracy", "value": 10**400, "type": "Reward"},
            'metrics_list[0] has no "value" that is a finite number.',
        ),
        (
            {"name": "accuracy", "value": 1.0, "type": "Reward", "note": math.inf},
            "metrics_list[0] holds NaN or infinity, which JSON has no form for.",
        ),
        (
            {"name": "accuracy", "value": 1.0, "type": "reward"},
            'metrics_list[0] has no "type" that is one of Reward, Metric.',
        ),
    ],
)
def test_a_component_that_is_not_as_documented_is_a_failure(sums: tuple[Record, ...], entry: object, what: str) -> None:
    """AWS's own check of reward functions refuses it too."""
    (finding,), _ = findings_and_error(check_contract, probe_context(handler_with_metric(entry), sums))
    assert (finding.severity, finding.message) == (Severity.FAIL, what)


def test_a_component_that_is_at_fault_on_other_rollouts_is_found(sums: tuple[Record, ...]) -> None:
    """The untrained model's responses are looked at too: here a long one has a length beyond any float."""

    def handler(event: list[dict[str, Any]]) -> object:
        return [
            {
                "id": element["id"],
                "aggregate_reward_score": 0.5,
                "metrics_list": [
                    {
                        "name": "length",
                        "value": 10**400 if len(response_of(element).split()) > WORDS else 1,
                        "type": "Metric",
                    }
                ],
            }
            for element in event
        ]

    exam = probe_context(handler, sums)
    texts = [text for row in exam.rows[:4] for text in (row.right_response, row.wrong_response)]
    assert max(len(text.split()) for text in texts) <= WORDS
    (finding,), _ = findings_and_error(check_contract, exam)
    assert finding.message == 'metrics_list[0] has no "value" that is a finite number.'
    assert len(finding.examples[0].response.split()) > WORDS


def test_infinity_beside_the_score_is_a_failure(sums: tuple[Record, ...]) -> None:
    """The whole answer is no JSON, though the score is a number."""
    (finding,), _ = findings_and_error(
        check_contract, probe_context(handler_with_result(aggregate_reward_score=0.5, note=math.inf), sums)
    )
    assert (finding.severity, finding.message, finding.fix) == (
        Severity.FAIL,
        "the response holds Infinity, so it is not JSON.",
        "Leave out, or replace by a number, what is not finite.",
    )


def test_metrics_that_are_no_list_are_a_failure(sums: tuple[Record, ...]) -> None:
    """Null is no list either: it is to be left out."""
    (finding,), _ = findings_and_error(
        check_contract, probe_context(handler_with_result(aggregate_reward_score=0.5, metrics_list=None), sums)
    )
    assert (finding.severity, finding.message) == (Severity.FAIL, '"metrics_list" is no list.')


def test_an_api_gateway_response_gets_a_fix(sums: tuple[Record, ...]) -> None:
    """No API Gateway stands between: its envelope hides the list."""
    (finding,), ended = findings_and_error(
        check_contract, probe_context(lambda _event: {"statusCode": 200, "body": "[]"}, sums)
    )
    assert (finding.severity, finding.measured) == (Severity.FAIL, "no list")
    assert finding.fix.startswith("Return the list itself")
    assert ended == "the response is an object, not a list"


def test_results_that_are_no_objects_are_a_failure(sums: tuple[Record, ...]) -> None:
    """Bare numbers cannot be joined to anything; the visit ends when the ids are to be looked at."""
    exam = probe_context(lambda event: [1.0 for _ in event], sums)
    (finding,), ended = findings_and_error(check_contract, exam)
    assert (finding.severity, finding.measured, ended) == (Severity.FAIL, "8 of 8", "")
    (second,), ended = findings_and_error(check_ids, exam)
    assert (second.severity, ended) == (Severity.SKIPPED, "item 0 of the response is a number, not an object")


@pytest.mark.parametrize(
    ("kind", "message", "advice"),
    [
        ("Runtime.ImportModuleError", "No module named 'x'", "Put every package that it imports into the zip"),
        ("Runtime.HandlerNotFound", "Handler 'f' missing", "Set the handler to MODULE.FUNCTION"),
        ("Runtime.UserCodeSyntaxError", "Syntax error", "Correct that line."),
        ("Sandbox.Timedout", "Task timed out", "Raise the function's Timeout, now 300 s"),
        ("Runtime.ExitError", "signal: killed", "The process ended in the middle of the call."),
        ("Runtime.MarshalError", "Unable to marshal", "Return plain JSON values"),
        ("Function.ResponseSizeTooLarge", "6 MB", "Return ids, scores and short metrics only"),
        ("KeyError", "'answer'", "Correct the function in that line."),
    ],
)
def test_a_function_that_fails_is_shown_with_its_own_words(
    sums: tuple[Record, ...], kind: str, message: str, advice: str
) -> None:
    """Each error of Lambda's gets the advice that fits; the visit ends, for nothing else could be measured."""
    (finding,), ended = findings_and_error(
        check_contract, probe_context(handler_with_lambda_error(kind, message), sums)
    )
    assert (finding.severity, finding.measured, ended) == (Severity.FAIL, kind, f"{kind}: {message}")
    assert finding.examples[0].note == f"{kind}: {message}"
    assert finding.fix.startswith(advice)


@pytest.mark.parametrize(("timeout", "calls"), [(300, 1), (3, 2)])
def test_few_calls_are_made_after_a_timeout(timeout: int, calls: int, sums: tuple[Record, ...]) -> None:
    """Once for the call, and once more for a rollout alone where that does not cost minutes."""
    patient = FakeRewardFunction(handler_with_lambda_error("Sandbox.Timedout", "Task timed out"), timeout=timeout)
    findings_and_error(check_contract, probe_context(patient, sums))
    assert patient.calls == calls


def test_a_function_that_fails_on_a_batch_alone_is_examined_further(sums: tuple[Record, ...]) -> None:
    """A single rollout gets a score: that is said, and the visit goes on with what can be measured."""

    def one_at_a_time(event: list[dict[str, Any]]) -> object:
        (element,) = event
        return [{"id": element["id"], "aggregate_reward_score": 1.0}]

    (finding,), ended = findings_and_error(check_contract, probe_context(one_at_a_time, sums))
    assert (finding.severity, ended) == (Severity.FAIL, "")
    assert finding.message.endswith("So it does for 8 in one call; a single one gets a score.")


def test_a_function_that_raises_on_this_layout_alone_gets_the_exact_fix(strings: tuple[Record, ...]) -> None:
    """It takes the reference for a bare string, which arrives wrapped."""
    handler = handler_for(lambda element: float(element["reference_answer"].rsplit()[-1] in response_of(element)))
    (finding,), ended = findings_and_error(check_contract, probe_context(handler, strings))
    assert finding.fix == (
        "It gives a score with a bare string reference as it stands. "
        'Read event[i]["reference_answer"]["text"]: a bare string arrives wrapped.'
    )
    assert ended.startswith("AttributeError")


def test_the_example_is_the_rollout_that_fails_its_call(objects: tuple[Record, ...]) -> None:
    """One response of eight raises: the exhibit is that one, and not the first of the call."""

    def picky(element: dict[str, Any]) -> float:
        return float(json.loads(response_of(element))["customer"] == element["reference_answer"]["customer"])

    exam = probe_context(handler_for(picky), objects)
    (finding,) = check_contract(exam)
    assert (finding.severity, "all 8 of its call lose their scores" in finding.message) == (Severity.FAIL, True)
    (shown,) = finding.examples
    assert "customer" not in json.loads(shown.response)
