"""The request that creates a job: its fields, their limits, and the errors for invalid ones."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import ApiError
from simulator.wire.job_requests import CreateJob
from simulator.wire.request_body import parse_body
from tests.simulators import MISSING_FUNCTION_ARN, reinforcement_method

JSON_TYPE = {"content-type": "application/json"}
JOB: dict[str, Any] = {"model": "openai.gpt-oss-20b", "training_file": "file-1", "method": reinforcement_method()}
HYPERPARAMETERS = "method.reinforcement.hyperparameters"
GRADER = "method.reinforcement.grader"
FUNCTION = f"{GRADER}.lambda.function"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def with_value(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the body with a new value at a dotted path. Missing objects are created."""
    body = deepcopy(body)
    parent: Any = body
    *parents, name = path.split(".")
    for part in parents:
        parent = parent.setdefault(part, {})
    parent[name] = value
    return body


def parse_job(body: dict[str, Any], **options: Any) -> CreateJob:
    """Parse a job creation."""
    return parse_body(CreateJob, json.dumps(body).encode(), JSON_TYPE, **options)


def error_of(body: dict[str, Any]) -> ApiError:
    """Return the error of an invalid job creation."""
    with pytest.raises(ApiError) as exc_info:
        parse_job(body)
    return exc_info.value


def parts_of(error: ApiError) -> tuple[int, str, str | None, str]:
    """Return status, code, param and message."""
    return error.kind.status, error.kind.code, error.param, error.message


def test_the_documented_request_is_valid() -> None:
    """As AWS's user guide has it."""
    hyperparameters = {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 1.0}
    reinforcement = parse_job(with_value(JOB, HYPERPARAMETERS, hyperparameters)).method.reinforcement
    assert reinforcement.grader.target.function == MISSING_FUNCTION_ARN
    assert reinforcement.hyperparameters.model_dump(exclude_unset=True) == hyperparameters


@pytest.mark.parametrize("field", ["model", "training_file"])
def test_a_missing_field_is_refused_by_its_name(field: str) -> None:
    """Model and training file are required."""
    error = error_of({name: value for name, value in JOB.items() if name != field})
    message = f"Missing required parameter: '{field}'."
    assert parts_of(error) == (400, "missing_required_parameter", field, message)


@pytest.mark.parametrize(
    "path",
    [
        "suffix",
        "hyperparameters",
        "foo-bar",
        "int",
        "method.supervised",
        f"{GRADER}.name",
        f"{GRADER}.lambda.qualifier",
        f"{HYPERPARAMETERS}.learningRate",
        f"{HYPERPARAMETERS}.top-k",
    ],
)
def test_an_unknown_field_is_refused_by_its_name(path: str) -> None:
    """AWS: "suffix is not supported". A mistyped hyperparameter must not be ignored silently."""
    error = error_of(with_value(JOB, path, {}))
    message = f"Unsupported parameter: '{path}' is not supported."
    assert parts_of(error) == (400, "unsupported_parameter", path, message)


@pytest.mark.parametrize("value", [[{"type": "wandb"}], ["wandb"], "wandb", {}, 0, False])
def test_integrations_are_refused_like_other_unsupported_fields(value: Any) -> None:
    """OpenAI has them, AWS does not mention them. The hint says what to do."""
    error = error_of(JOB | {"integrations": value})
    message = "Unsupported parameter: 'integrations' is not supported."
    assert parts_of(error) == (400, "unsupported_parameter", "integrations", message)
    assert error.hint == (
        "no AWS page has it; leave it out, or let it pass here with --set ignored_job_fields=integrations"
    )


@pytest.mark.parametrize("value", [None, []])
def test_empty_integrations_are_accepted(value: Any) -> None:
    """The SDK may send them."""
    assert parse_job(JOB | {"integrations": value}).integrations == value


def test_a_setting_lets_a_field_pass() -> None:
    """What the real service does with `suffix` is unknown."""
    assert parse_job(JOB | {"suffix": "mine"}, ignored_fields=("suffix",)) == parse_job(JOB)


@pytest.mark.parametrize(
    ("path", "value", "minimum"),
    [(f"{HYPERPARAMETERS}.n_epochs", 0, "1"), (f"{HYPERPARAMETERS}.batch_size", -4, "1"), ("seed", -1, "0")],
)
def test_an_integer_below_its_minimum_has_its_own_code(path: str, value: int, minimum: str) -> None:
    """OBSERVED code."""
    assert parts_of(error_of(with_value(JOB, path, value))) == (
        400,
        "integer_below_min_value",
        path,
        f"Invalid '{path}': integer below minimum value. Expected a value >= {minimum}, but got {value} instead.",
    )


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("model", 7, "input should be a valid string"),
        ("model", None, "input should be a valid string"),
        ("training_file", ["file-1"], "input should be a valid string"),
        ("method", "reinforcement", "input should be an object"),
        ("method", None, "input should be an object"),
        ("method.type", "supervised", "input should be 'reinforcement'"),
        (f"{GRADER}.type", "python", "input should be 'lambda'"),
        (f"{GRADER}.lambda", MISSING_FUNCTION_ARN, "input should be an object"),
        (HYPERPARAMETERS, None, "input should be an object"),
        (f"{HYPERPARAMETERS}.n_epochs", 51, "input should be less than or equal to 50"),
        (f"{HYPERPARAMETERS}.n_epochs", 1.5, "input should be a valid integer"),
        (f"{HYPERPARAMETERS}.n_epochs", True, "input should be a valid integer"),
        (f"{HYPERPARAMETERS}.n_epochs", "1", "input should be a valid integer"),
        (f"{HYPERPARAMETERS}.batch_size", 513, "input should be less than or equal to 512"),
        (f"{HYPERPARAMETERS}.learning_rate_multiplier", 0, "input should be greater than 0"),
        (f"{HYPERPARAMETERS}.learning_rate_multiplier", -1.5, "input should be greater than 0"),
        (f"{HYPERPARAMETERS}.learning_rate_multiplier", 1e300, "input should be less than or equal to 1000"),
        (f"{HYPERPARAMETERS}.reasoning_effort", "max", "input should be 'default', 'low', 'medium' or 'high'"),
        ("seed", 2**31, "input should be less than or equal to 2147483647"),
        ("seed", 1.5, "input should be a valid integer"),
        ("metadata", ["a"], "input should be an object"),
        ("metadata.team", 7, "input should be a valid string"),
        ("metadata.the-team", 7, "input should be a valid string"),
    ],
)
def test_an_invalid_value_is_refused_by_its_path(path: str, value: Any, reason: str) -> None:
    """The path is the caller's, without the names of Python types."""
    assert parts_of(error_of(with_value(JOB, path, value))) == (
        400,
        "validation_error",
        path,
        f"Invalid '{path}': {reason}.",
    )


@pytest.mark.parametrize(
    "function",
    [
        "",
        "reward",
        "arn:aws:lambda:us-west-2:123456789012:function:",
        "arn:aws:lambda:us-west-2:1234:function:reward",
        "arn:aws:lambda:us-west-2:١٢٣٤٥٦٧٨٩٠١٢:function:reward",
        "arn:aws:s3:us-west-2:123456789012:function:reward",
        f"{MISSING_FUNCTION_ARN}\n",
        f"{MISSING_FUNCTION_ARN}:prod:1",
        f"{MISSING_FUNCTION_ARN}{'x' * 512}",
    ],
)
def test_an_invalid_function_arn_is_refused(function: str) -> None:
    """The pattern is botocore's."""
    status, code, param, _ = parts_of(error_of(with_value(JOB, FUNCTION, function)))
    assert (status, code, param) == (400, "validation_error", FUNCTION)


@pytest.mark.parametrize(
    "function",
    [
        MISSING_FUNCTION_ARN,
        f"{MISSING_FUNCTION_ARN}:prod",
        f"{MISSING_FUNCTION_ARN}:7",
        f"{MISSING_FUNCTION_ARN}:$LATEST",
    ],
)
def test_a_function_arn_may_have_a_qualifier(function: str) -> None:
    """An alias, a version, or $LATEST."""
    assert parse_job(with_value(JOB, FUNCTION, function)).method.reinforcement.grader.target.function == function


@pytest.mark.parametrize(
    "metadata",
    [{str(number): "x" for number in range(17)}, {"k" * 65: "x"}, {"k": "x" * 513}],
    ids=["seventeen pairs", "long key", "long value"],
)
def test_metadata_has_openais_limits(metadata: dict[str, str]) -> None:
    """16 pairs, 64 and 512 characters."""
    status, code, param, _ = parts_of(error_of(JOB | {"metadata": metadata}))
    assert (status, code, param) == (400, "validation_error", "metadata")


def test_metadata_at_the_limits_is_accepted() -> None:
    """The most that fits."""
    metadata = {f"{number:064d}": "x" * 512 for number in range(16)}
    assert parse_job(JOB | {"metadata": metadata}).metadata == metadata


EXAMPLE_METHOD = (
    "{'type': 'reinforcement', 'reinforcement': {'grader': {'type': 'lambda', 'lambda': {'function': "
    "'arn:aws:lambda:us-west-2:123456789012:function:NAME'}}}}"
)


def test_a_job_without_a_method_is_refused_with_an_example() -> None:
    """The error is the one for another method, as the service has it. The hint says what is missing."""
    missing = error_of({name: value for name, value in JOB.items() if name != "method"})
    supervised = error_of(JOB | {"method": {"type": "supervised"}})
    message = "Invalid 'method.type': input should be 'reinforcement'."
    assert parts_of(missing) == parts_of(supervised) == (400, "validation_error", "method.type", message)
    assert missing.hint is not None
    assert missing.hint.startswith("the job has no 'method', and Mantle takes only reinforcement")
    assert f"extra_body={{'method': {EXAMPLE_METHOD}}}" in missing.hint


def test_the_example_method_is_valid() -> None:
    """A client can copy it."""
    assert parse_job(JOB | {"method": json.loads(EXAMPLE_METHOD.replace("'", '"'))})


@pytest.mark.parametrize("name", ["lambda_arn", "function_arn"])
@pytest.mark.parametrize(
    ("parent", "keeps_function", "param"),
    [
        (GRADER, False, f"{GRADER}.lambda"),
        (f"{GRADER}.lambda", False, FUNCTION),
        (GRADER, True, f"{GRADER}."),
    ],
    ids=["instead of lambda", "instead of function", "beside lambda"],
)
def test_a_misplaced_function_arn_is_refused_with_the_right_field(
    name: str, parent: str, keeps_function: bool, param: str
) -> None:
    """The error stays that of the missing or the unknown field."""
    path = f"{parent}.{name}"
    grader: dict[str, Any] = {"type": "lambda"}
    if keeps_function:
        grader["lambda"] = {"function": MISSING_FUNCTION_ARN}
    error = error_of(with_value(with_value(JOB, GRADER, grader), path, MISSING_FUNCTION_ARN))
    code = "unsupported_parameter" if keeps_function else "missing_required_parameter"
    assert parts_of(error)[:3] == (400, code, path if keeps_function else param)
    assert error.hint == f"the function's ARN belongs in '{FUNCTION}', not in '{path}'"


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        (
            {"method": {"type": "supervised"}},
            "Mantle takes only reinforcement; with the OpenAI SDK, pass it as extra_body={'method': ...}",
        ),
        ({"suffix": "mine"}, "AWS: not supported; --set ignored_job_fields=suffix lets it pass here"),
    ],
)
def test_an_unsupported_value_is_refused_with_an_alternative(changes: dict[str, Any], hint: str) -> None:
    """In the hint, because the body is the service's."""
    assert error_of(JOB | changes).hint == hint


@settings(max_examples=60)
@given(
    st.sampled_from([*JOB, "seed", "metadata", "integrations", FUNCTION, HYPERPARAMETERS, f"{GRADER}.lambda_arn"]),
    json_values,
)
def test_any_value_is_parsed_or_refused(path: str, value: Any) -> None:
    """Only ApiErrors are raised, and a parsed request is valid JSON again."""
    try:
        request = parse_job(with_value(JOB, path, value))
    except ApiError:
        return
    json.dumps(request.model_dump(), allow_nan=False, ensure_ascii=False).encode()
