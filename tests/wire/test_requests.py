"""JSON bodies in: every fault as the error that the service gives, and nothing but such an error."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import WRONG_CONTENT_TYPE, ApiError
from simulator.wire.chat_requests import ChatCompletion
from simulator.wire.requests import CreateJob, parse_body
from tests.simulators import MISSING_FUNCTION_ARN, reinforcement_method

JSON_TYPE = {"content-type": "application/json"}
JOB: dict[str, Any] = {"model": "openai.gpt-oss-20b", "training_file": "file-1", "method": reinforcement_method()}
CHAT: dict[str, Any] = {"model": "openai.gpt-oss-20b", "messages": [{"role": "user", "content": "2 + 2?"}]}
TUNING = "method.reinforcement.hyperparameters"
FUNCTION = "method.reinforcement.grader.lambda.function"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def with_value(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the body with the value at a dotted path replaced, objects made on the way."""
    body = deepcopy(body)
    place: Any = body
    *way, last = path.split(".")
    for part in way:
        place = place.setdefault(part, {})
    place[last] = value
    return body


def parse_error(shape: Any, body: dict[str, Any] | bytes) -> tuple[int, str, str | None, str]:
    """Return status, code, param and message of the error that a body meets."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ApiError) as refused:
        parse_body(shape, content, JSON_TYPE)
    return refused.value.kind.status, refused.value.kind.code, refused.value.param, refused.value.message


def test_the_documented_request_is_read() -> None:
    """As AWS's user guide prints it."""
    body = with_value(JOB, TUNING, {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 1.0})
    wanted = parse_body(CreateJob, json.dumps(body).encode(), JSON_TYPE)
    assert wanted.method.reinforcement.grader.target.function == MISSING_FUNCTION_ARN
    assert wanted.method.reinforcement.hyperparameters.model_dump(exclude_unset=True) == {
        "n_epochs": 1,
        "batch_size": 4,
        "learning_rate_multiplier": 1.0,
    }


@pytest.mark.parametrize("field", ["model", "training_file"])
def test_a_job_needs_its_model_and_its_file(field: str) -> None:
    """The message names the one that is missing."""
    body = {name: value for name, value in JOB.items() if name != field}
    message = f"Missing required parameter: '{field}'."
    assert parse_error(CreateJob, body) == (400, "missing_required_parameter", field, message)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("suffix", "suffix"),
        ("hyperparameters", "hyperparameters"),
        ("foo-bar", "foo-bar"),
        ("int", "int"),
        ("method.supervised", "method.supervised"),
        ("method.reinforcement.grader.name", "method.reinforcement.grader.name"),
        ("method.reinforcement.grader.lambda.qualifier", "method.reinforcement.grader.lambda.qualifier"),
        (f"{TUNING}.learningRate", f"{TUNING}.learningRate"),
        (f"{TUNING}.top-k", f"{TUNING}.top-k"),
    ],
)
def test_a_field_that_the_api_does_not_know_is_refused_by_its_name(path: str, param: str) -> None:
    """AWS: "suffix is not supported"; a mistyped hyperparameter must not be ignored in silence."""
    message = f"Unsupported parameter: '{param}' is not supported."
    assert parse_error(CreateJob, with_value(JOB, path, {})) == (400, "unsupported_parameter", param, message)


def test_a_field_may_be_ignored_by_setting() -> None:
    """What the real service does with `suffix` is not settled."""
    content = json.dumps(JOB | {"suffix": "mine"}).encode()
    assert parse_body(CreateJob, content, JSON_TYPE, ignored_fields=("suffix",)) == parse_body(
        CreateJob, json.dumps(JOB).encode(), JSON_TYPE
    )


@pytest.mark.parametrize(
    ("path", "value", "minimum"),
    [(f"{TUNING}.n_epochs", 0, "1"), (f"{TUNING}.batch_size", -4, "1"), ("seed", -1, "0")],
)
def test_a_number_below_its_minimum_has_a_code_of_its_own(path: str, value: int, minimum: str) -> None:
    """OBSERVED code."""
    assert parse_error(CreateJob, with_value(JOB, path, value)) == (
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
        ("method.reinforcement.grader.type", "python", "input should be 'lambda'"),
        ("method.reinforcement.grader.lambda", MISSING_FUNCTION_ARN, "input should be an object"),
        (TUNING, None, "input should be an object"),
        (f"{TUNING}.n_epochs", 51, "input should be less than or equal to 50"),
        (f"{TUNING}.n_epochs", 1.5, "input should be a valid integer"),
        (f"{TUNING}.n_epochs", True, "input should be a valid integer"),
        (f"{TUNING}.n_epochs", "1", "input should be a valid integer"),
        (f"{TUNING}.batch_size", 513, "input should be less than or equal to 512"),
        (f"{TUNING}.learning_rate_multiplier", 0, "input should be greater than 0"),
        (f"{TUNING}.learning_rate_multiplier", -1.5, "input should be greater than 0"),
        (f"{TUNING}.learning_rate_multiplier", 1e300, "input should be less than or equal to 1000"),
        (f"{TUNING}.reasoning_effort", "max", "input should be 'default', 'low', 'medium' or 'high'"),
        ("seed", 2**31, "input should be less than or equal to 2147483647"),
        ("seed", 1.5, "input should be a valid integer"),
        ("metadata", ["a"], "input should be an object"),
        ("metadata.team", 7, "input should be a valid string"),
        ("metadata.the-team", 7, "input should be a valid string"),
        ("integrations", [{"type": "wandb"}], "list should have at most 0 items after validation, not 1"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_its_place(path: str, value: Any, reason: str) -> None:
    """The place is written as the caller wrote it, and no word of Python's in it."""
    assert parse_error(CreateJob, with_value(JOB, path, value)) == (
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
def test_what_is_no_arn_of_a_function_is_refused(function: str) -> None:
    """The pattern is botocore's; the error names the field."""
    status, code, param, _ = parse_error(CreateJob, with_value(JOB, FUNCTION, function))
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
def test_an_arn_may_be_qualified(function: str) -> None:
    """By an alias, a version, or $LATEST."""
    wanted = parse_body(CreateJob, json.dumps(with_value(JOB, FUNCTION, function)).encode(), JSON_TYPE)
    assert wanted.method.reinforcement.grader.target.function == function


@pytest.mark.parametrize(
    "metadata",
    [{str(number): "x" for number in range(17)}, {"k" * 65: "x"}, {"k": "x" * 513}],
    ids=["seventeen pairs", "long key", "long value"],
)
def test_metadata_has_openais_limits(metadata: dict[str, str]) -> None:
    """16 pairs, 64 and 512 characters."""
    status, code, param, _ = parse_error(CreateJob, JOB | {"metadata": metadata})
    assert (status, code, param) == (400, "validation_error", "metadata")


def test_metadata_at_the_limits_is_taken() -> None:
    """The last that fits."""
    metadata = {f"{number:064d}": "x" * 512 for number in range(16)}
    assert parse_body(CreateJob, json.dumps(JOB | {"metadata": metadata}).encode(), JSON_TYPE).metadata == metadata


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"\xff", "it is not UTF-8"),
        (b'{"model": "\xed\xa0\x80"}', "it is not UTF-8"),
        (json.dumps(JOB).encode("utf-16"), "it is not UTF-8"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"seed": ' + b"1" * 5_000 + b"}", "a number has too many digits"),
        (b'{"seed": NaN}', "NaN is not a JSON number"),
        (b'{"seed": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"metadata": {"a": "\\ud800"}}', "a \\u escape is half of a surrogate pair"),
        (b'{"\\udc00": 1}', "a \\u escape is half of a surrogate pair"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_json_is_refused(content: bytes, reason: str) -> None:
    """In words that hold nothing of the parser's own house."""
    message = f"We could not parse the JSON body of your request: {reason}"
    assert parse_error(CreateJob, content) == (400, "validation_error", None, message)


@pytest.mark.parametrize("content", [b"[]", b"null", b'"text"', b"7"])
def test_what_is_not_an_object_is_refused(content: bytes) -> None:
    """Every request of this API is one."""
    message = "The JSON body of your request must be an object."
    assert parse_error(CreateJob, content) == (400, "validation_error", None, message)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(content_type: str) -> None:
    """What `curl -d` sends when it is not told otherwise, for one."""
    with pytest.raises(ApiError) as refused:
        parse_body(CreateJob, json.dumps(JOB).encode(), {"content-type": content_type})
    assert refused.value.kind is WRONG_CONTENT_TYPE


@pytest.mark.parametrize("headers", [{}, {"content-type": "Application/JSON; charset=utf-8"}])
def test_json_may_be_declared_in_any_case_or_not_at_all(headers: dict[str, str]) -> None:
    """With parameters or without."""
    assert parse_body(CreateJob, json.dumps(JOB).encode(), headers).model == JOB["model"]


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("messages", [], "validation_error"),
        ("messages", "2 + 2?", "validation_error"),
        ("max_tokens", 0, "integer_below_min_value"),
        ("max_tokens", "many", "validation_error"),
        ("max_completion_tokens", 0, "integer_below_min_value"),
        ("temperature", 2.1, "validation_error"),
        ("temperature", -0.1, "decimal_below_min_value"),
        ("temperature", True, "validation_error"),
        ("reasoning_effort", "minimal", "validation_error"),
        ("stream", "yes", "validation_error"),
        ("stream_options", True, "validation_error"),
    ],
)
def test_a_bad_chat_is_refused_by_its_field(path: str, value: Any, code: str) -> None:
    """As a job is."""
    status, found, param, _ = parse_error(ChatCompletion, with_value(CHAT, path, value))
    assert (status, found, param) == (400, code, path)


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ({"content": "x"}, "missing_required_parameter", "messages[0].role"),
        ({"role": "narrator", "content": "x"}, "validation_error", "messages[0].role"),
        ({"role": "user", "content": 7}, "validation_error", "messages[0].content"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "validation_error", "messages[0].content[0].type"),
        ("2 + 2?", "validation_error", "messages[0]"),
    ],
)
def test_a_bad_message_is_refused_by_its_place(message: Any, code: str, param: str) -> None:
    """The first fault counts."""
    status, found, place, _ = parse_error(ChatCompletion, CHAT | {"messages": [message]})
    assert (status, found, place) == (400, code, param)


def test_parts_of_text_are_one_text() -> None:
    """As a training record's are."""
    parts = [{"type": "text", "text": "2 + "}, {"type": "text", "text": "2?"}]
    body = CHAT | {"messages": [{"role": "user", "content": parts}]}
    assert parse_body(ChatCompletion, json.dumps(body).encode(), JSON_TYPE).messages[0].text == "2 + 2?"


@pytest.mark.parametrize(
    ("fields", "budget"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
    ],
)
def test_the_newer_name_of_the_budget_wins(fields: dict[str, int], budget: int | None) -> None:
    """OPENAI deprecates `max_tokens`."""
    assert parse_body(ChatCompletion, json.dumps(CHAT | fields).encode(), JSON_TYPE).token_budget == budget


@given(st.sampled_from([*JOB, "seed", "metadata", "integrations", FUNCTION, TUNING, f"{TUNING}.batch_size"]), values)
def test_no_value_anywhere_breaks_the_reader(path: str, value: Any) -> None:
    """A request or an ApiError, never anything else; what was taken can be written again."""
    try:
        wanted = parse_body(CreateJob, json.dumps(with_value(JOB, path, value)).encode(), JSON_TYPE)
    except ApiError:
        return
    json.dumps(wanted.model_dump(), allow_nan=False, ensure_ascii=False).encode()


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    """Neither do bytes that are no JSON at all."""
    with pytest.raises(ApiError):
        parse_body(CreateJob, content, JSON_TYPE)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        (
            {"method": {"type": "supervised"}},
            "Mantle tunes by reinforcement alone; pass it to the OpenAI SDK by extra_body={'method': ...}",
        ),
        ({"suffix": "mine"}, "AWS: not supported; --set ignored_job_fields=suffix lets it pass here"),
    ],
)
def test_what_tuning_does_not_offer_is_refused_with_what_to_do_instead(changes: dict[str, Any], hint: str) -> None:
    """In the hint, for the body is the service's."""
    with pytest.raises(ApiError) as refused:
        parse_body(CreateJob, json.dumps(JOB | changes).encode(), JSON_TYPE)
    assert refused.value.hint == hint
