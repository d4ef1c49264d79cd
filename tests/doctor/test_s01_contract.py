"""S1: an ordinary call returns a list of results with usable scores."""

import json
import math
from pathlib import Path
from time import time
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.loading import load_reward_function
from simulator.doctor.probe_runner import run_probes
from simulator.doctor.probes.static.s01_contract import CONTRACT, check_contract
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import (
    FakeRewardFunction,
    Handler,
    findings_and_error,
    handler_for,
    probe_context,
    response_of,
)

MAX_WORDS = 40  # no worked right or wrong answer has more


def handler_with_result(**result: object) -> Handler:
    """Return a handler that gives every element the same result under its own id."""
    return lambda event: [{"id": element["id"], **result} for element in event]


def handler_with_lambda_error(error_type: str, message: str) -> Handler:
    """Return a handler that fails with an error type of Lambda's own."""

    def handler(_event: object) -> None:
        raise type(error_type, (Exception,), {})(message)

    return handler


def test_a_list_of_scores_is_ok(sums: tuple[Record, ...]) -> None:
    """Ids and numbers are enough."""
    ((finding,), error) = findings_and_error(check_contract, probe_context(handler_for(lambda _element: 0.5), sums))
    assert (finding.probe, finding.severity, error) == ("S1", Severity.OK, "")


@pytest.mark.parametrize(
    ("result", "message", "fix"),
    [
        ({"aggregate_reward_score": True}, '"aggregate_reward_score" is the bool true', "Wrap it: float(score)."),
        ({"aggregate_reward_score": "1.0"}, '"aggregate_reward_score" is a string', "Wrap it: float(score)."),
        ({"aggregate_reward_score": math.nan}, '"aggregate_reward_score" is nan', "Guard divisions"),
        ({"aggregate_reward_score": math.inf}, '"aggregate_reward_score" is inf', "Guard divisions"),
        (
            {"score": 1.0},
            '"aggregate_reward_score" is missing.',
            'Return the score under the name "aggregate_reward_score". The result has "score": rename it.',
        ),
        (
            {"aggregate_reward_score": 0.5, "note": math.inf},
            "the response holds Infinity, so it is not JSON.",
            "Remove the value that is not finite, or replace it by a number.",
        ),
    ],
)
def test_a_score_that_no_job_could_use_is_a_failure(
    sums: tuple[Record, ...], result: dict[str, Any], message: str, fix: str
) -> None:
    """The example shows the result. The doctor goes on, because the ids can still be checked."""
    (finding,), error = findings_and_error(check_contract, probe_context(handler_with_result(**result), sums))
    assert (finding.severity, finding.measured, error) == (Severity.FAIL, "8 of 8", "")
    assert finding.message.startswith(message)
    assert finding.fix.startswith(fix)
    assert finding.examples[0].note.startswith('the result: {"id": "train-1-line-')


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (None, '"metrics_list" is not a list.'),
        (["accuracy"], "metrics_list[0] is not an object."),
        ([{"value": 1.0, "type": "Reward"}], 'metrics_list[0] has no "name" that is a string.'),
        ([{"name": "accuracy", "type": "Reward"}], 'metrics_list[0] has no "value" that is a finite number.'),
        (
            [{"name": "accuracy", "value": math.nan, "type": "Reward"}],
            'metrics_list[0] has no "value" that is a finite number.',
        ),
        (
            [{"name": "accuracy", "value": 10**400, "type": "Reward"}],
            'metrics_list[0] has no "value" that is a finite number.',
        ),
        (
            [{"name": "accuracy", "value": 1.0, "type": "Reward", "note": math.inf}],
            "metrics_list[0] holds NaN or infinity, which are not JSON.",
        ),
        (
            [{"name": "accuracy", "value": 1.0, "type": "reward"}],
            'metrics_list[0] has no "type" that is one of Reward, Metric.',
        ),
    ],
)
def test_a_metrics_list_that_is_not_as_documented_is_a_failure(
    sums: tuple[Record, ...], metrics: object, message: str
) -> None:
    """AWS's own check of reward functions rejects it too."""
    handler = handler_with_result(aggregate_reward_score=0.5, metrics_list=metrics)
    (finding,), _ = findings_and_error(check_contract, probe_context(handler, sums))
    assert (finding.severity, finding.message) == (Severity.FAIL, message)


def test_a_bad_metric_on_rollouts_of_the_untrained_model_is_found(sums: tuple[Record, ...]) -> None:
    """The first call has short responses only. Here a long response gets a value beyond any float."""

    def handler(event: list[dict[str, Any]]) -> object:
        return [
            {
                "id": element["id"],
                "aggregate_reward_score": 0.5,
                "metrics_list": [
                    {
                        "name": "length",
                        "value": 10**400 if len(response_of(element).split()) > MAX_WORDS else 1,
                        "type": "Metric",
                    }
                ],
            }
            for element in event
        ]

    context = probe_context(handler, sums)
    texts = [text for row in context.rows[:4] for text in (row.right_response, row.wrong_response)]
    assert max(len(text.split()) for text in texts) <= MAX_WORDS
    (finding,), _ = findings_and_error(check_contract, context)
    assert finding.message == 'metrics_list[0] has no "value" that is a finite number.'
    assert len(finding.examples[0].response.split()) > MAX_WORDS


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ('[{"id": "a", "aggregate_reward_score": 1.0}]', "the list of 1 results in its body"),
        ([1, 2], "the list of 2 results in its body"),
        ("no JSON", "the list itself"),
    ],
)
def test_the_envelope_of_sagemaker_gets_a_fix_of_its_own(sums: tuple[Record, ...], body: object, content: str) -> None:
    """It is right for SageMaker AI and wrong for Bedrock."""
    (finding,), error = findings_and_error(
        check_contract, probe_context(lambda _event: {"statusCode": 200, "body": body}, sums)
    )
    assert (finding.severity, finding.measured) == (Severity.FAIL, "not a list")
    assert "the envelope that SageMaker AI takes for open-weight models" in finding.fix
    assert f"Bedrock takes no envelope: return {content}." in finding.fix
    assert error == "the response is an object, not a list"


def test_results_that_are_not_objects_are_a_failure(sums: tuple[Record, ...]) -> None:
    """S2 ends the doctor run, because they have no ids."""
    (finding,), error = findings_and_error(check_contract, probe_context(lambda event: [1.0 for _ in event], sums))
    assert (finding.severity, finding.measured, error) == (Severity.FAIL, "8 of 8", "")


@pytest.mark.parametrize(
    ("error_type", "message", "fix"),
    [
        ("Runtime.ImportModuleError", "No module named 'x'", "Put every package that it imports into the zip"),
        ("Runtime.HandlerNotFound", "Handler 'f' missing", "Set the handler to MODULE.FUNCTION"),
        ("Runtime.UserCodeSyntaxError", "Syntax error", "Correct that line."),
        ("Sandbox.Timedout", "Task timed out", "Raise the function's Timeout, now 300 s"),
        ("Runtime.ExitError", "signal: killed", "The process ended during the call."),
        ("Runtime.MarshalError", "Unable to marshal", "Return plain JSON values"),
        ("Function.ResponseSizeTooLarge", "6 MB", "Return only ids, scores and short metrics"),
        ("KeyError", "'answer'", "Correct the function in that line."),
    ],
)
def test_a_function_that_fails_gets_the_fix_for_its_error(
    sums: tuple[Record, ...], error_type: str, message: str, fix: str
) -> None:
    """The doctor run ends with the function's own error."""
    (finding,), error = findings_and_error(
        check_contract, probe_context(handler_with_lambda_error(error_type, message), sums)
    )
    assert (finding.severity, finding.measured, error) == (Severity.FAIL, error_type, f"{error_type}: {message}")
    assert finding.examples[0].note == f"{error_type}: {message}"
    assert finding.fix.startswith(fix)


@pytest.mark.parametrize(("timeout", "calls"), [(300, 1), (3, 2)])
def test_few_calls_are_made_after_a_time_out(timeout: int, calls: int, sums: tuple[Record, ...]) -> None:
    """One rollout is sent alone only when that does not take minutes."""
    function = FakeRewardFunction(handler_with_lambda_error("Sandbox.Timedout", "Task timed out"), timeout=timeout)
    findings_and_error(check_contract, probe_context(function, sums))
    assert function.calls == calls


def test_the_doctor_goes_on_with_a_function_that_fails_only_on_batches(sums: tuple[Record, ...]) -> None:
    """The message says that a single rollout gets a score."""

    def score_one(event: list[dict[str, Any]]) -> object:
        (element,) = event
        return [{"id": element["id"], "aggregate_reward_score": 1.0}]

    (finding,), error = findings_and_error(check_contract, probe_context(score_one, sums))
    assert (finding.severity, error) == (Severity.FAIL, "")
    assert finding.message.endswith("This happens for 8 rollouts in one call; a single rollout gets a score.")


def test_a_function_that_raises_only_on_the_configured_layout_gets_the_exact_fix(strings: tuple[Record, ...]) -> None:
    """It expects a bare string as the reference, which arrives wrapped."""
    handler = handler_for(lambda element: float(element["reference_answer"].rsplit()[-1] in response_of(element)))
    (finding,), error = findings_and_error(check_contract, probe_context(handler, strings))
    assert finding.fix == (
        "It gives a score with a bare string reference as it stands. "
        'Read event[i]["reference_answer"]["text"]: a bare string arrives wrapped.'
    )
    assert error.startswith("AttributeError")


def test_the_example_is_the_rollout_that_fails_its_call(objects: tuple[Record, ...]) -> None:
    """One response of eight raises, and it is not the first of the call."""

    def score(element: dict[str, Any]) -> float:
        return float(json.loads(response_of(element))["customer"] == element["reference_answer"]["customer"])

    (finding,) = check_contract(probe_context(handler_for(score), objects))
    assert (finding.severity, "all 8 rollouts of its call lose their scores" in finding.message) == (
        Severity.FAIL,
        True,
    )
    (example,) = finding.examples
    assert "customer" not in json.loads(example.response)


@pytest.mark.parametrize(
    ("file", "header", "message", "fix"),
    [
        pytest.param(
            "_fast.cpython-311-darwin.so",
            b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01",
            "The function cannot start. _fast.cpython-311-darwin.so is built for Python 3.11, macOS on arm64, but the "
            "function has Runtime python3.11 on x86_64, so Lambda cannot load it.",
            "Install its package for Lambda with `pip install --platform manylinux2014_x86_64 --python-version 3.11",
            id="Lambda cannot load it",
        ),
        pytest.param(
            "_fast.cpython-39-x86_64-linux-gnu.so",
            b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00",
            "The function cannot start. _fast.cpython-39-x86_64-linux-gnu.so is built for Python 3.9, Linux on x86_64, "
            "but the function has Runtime python3.11 on x86_64, so Lambda cannot load it.",
            "Install its package for Lambda with `pip install --platform manylinux2014_x86_64 --python-version 3.11",
            id="another Python",
        ),
    ],
)
@pytest.mark.slow
def test_a_compiled_module_that_python_cannot_load_is_named(
    tmp_path: Path, sums: tuple[Record, ...], file: str, header: bytes, message: str, fix: str
) -> None:
    """Python itself says only `No module named '_fast'`."""
    (tmp_path / "lambda_function.py").write_text("import _fast\ndef lambda_handler(event, context): return []\n")
    (tmp_path / file).write_bytes(header + bytes(64))
    with load_reward_function(str(tmp_path), wall_clock=time, runtime="python3.11") as reward_function:
        (finding,), _ = findings_and_error(check_contract, probe_context(reward_function, sums))

    assert (finding.severity, finding.measured) == (Severity.FAIL, "Runtime.ImportModuleError")
    assert finding.message == message
    assert finding.fix.startswith(fix)


@pytest.mark.slow
def test_a_package_that_is_right_for_lambda_is_not_blamed(tmp_path: Path, sums: tuple[Record, ...]) -> None:
    """Its modules are for a Python that this machine does not have. The doctor run ends without a finding."""
    (tmp_path / "lambda_function.py").write_text("import _fast\ndef lambda_handler(event, context): return []\n")
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00" + bytes(64)
    (tmp_path / "_fast.cpython-314-x86_64-linux-gnu.so").write_bytes(header)
    with load_reward_function(str(tmp_path), wall_clock=time, runtime="python3.14") as reward_function:
        report = run_probes(
            probe_context(reward_function, sums),
            data_name="sums.jsonl",
            data_sha256="",
            static_probes=[(CONTRACT, check_contract)],
        )

    (finding,) = report.findings
    assert finding.severity is Severity.SKIPPED
    assert "_fast.cpython-314-x86_64-linux-gnu.so is built for Python 3.14, Linux on x86_64, which Lambda can load" in (
        finding.message
    )
    assert (report.verdict, report.passes(strict=False)) == (
        "Nothing was measured, so the doctor cannot say whether to pay for this run.",
        False,
    )
