"""The response of a reward function: one finite number per rollout, or an error with the reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.grading.grader_error import GraderError
from simulator.grading.lambda_response import finite_float, parse_rewards
from simulator.training.float32 import LARGEST_FLOAT32
from tests.grading.sample_rollouts import FUNCTION

ROLLOUT_IDS = ("r-0", "r-1")
TOO_MANY_DIGITS = "the response holds a number of too many digits"
GOOD = [{"id": "r-0", "aggregate_reward_score": 1}, {"id": "r-1", "aggregate_reward_score": 0.25}]

scores = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=4), st.integers(10**300, 10**320)
)
items = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"id": st.sampled_from([*ROLLOUT_IDS, "r-2", 7, None]), "aggregate_reward_score": scores}
    ),
    scores,
    st.lists(st.integers(), max_size=2),
)


def rewards(answer: Any) -> list[float]:
    """Parse a response to two rollouts: bytes, or a value that is encoded as JSON."""
    payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return parse_rewards(payload, rollout_ids=ROLLOUT_IDS, function=FUNCTION)


def result(score: Any, name: str = "r-1") -> list[dict[str, Any]]:
    """Return a response whose second result has this score."""
    return [GOOD[0], {"id": name, "aggregate_reward_score": score}]


@pytest.mark.shows("scores")
def test_scores_are_matched_by_id_and_not_by_position() -> None:
    """The results can come in any order."""
    assert rewards(GOOD) == rewards(GOOD[::-1]) == [1.0, 0.25]


@pytest.mark.parametrize("score", [0, 1, -3, 17.5, -0.0, 1e30])
def test_any_finite_number_is_a_score(score: float) -> None:
    """DOCUMENTED: a "task-defined range"; negative numbers are not forbidden."""
    assert rewards(result(score)) == [1.0, score]


@pytest.mark.shows("scores")
def test_other_fields_of_a_result_are_ignored() -> None:
    """The sample also returns `score`, and Nova `metrics_list`."""
    extra = {"metrics_list": [{"name": "accuracy", "value": 1.0, "type": "Reward"}], "score": 9}
    assert rewards([{**item, **extra} for item in GOOD]) == [1.0, 0.25]


@pytest.mark.parametrize(
    ("answer", "rollout", "reason"),
    [
        (b"", "r-0", "the response is not JSON"),
        (b"\xff\xfe", "r-0", "the response is not UTF-8"),
        (json.dumps(GOOD).encode("utf-16"), "r-0", "the response is not UTF-8"),
        (b"\xef\xbb\xbf[]", "r-0", "the response is not JSON"),
        (b"[" * 100_000, "r-0", "the response is nested too deeply"),
        (b'[{"id": "r-0", "aggregate_reward_score": ' + b"9" * 4_301 + b"}]", "r-0", TOO_MANY_DIGITS),
        (
            b'[{"id": "r-0", "aggregate_reward_score": 0, "aggregate_reward_score": 1}]',
            "r-0",
            'the response holds the key "aggregate_reward_score" twice in one object',
        ),
        (b'[{"id": "r-0", "id": "r-1"}]', "r-0", 'the response holds the key "id" twice in one object'),
        (b"[1,", "r-0", "the response is not JSON"),
        (None, "r-0", "the response is null, not a list"),
        (1.0, "r-0", "the response is a number, not a list"),
        (True, "r-0", "the response is the bool true, not a list"),
        ("ok", "r-0", "the response is a string, not a list"),
        ({"r-0": 1.0, "r-1": 1.0}, "r-0", "the response is an object, not a list"),
        ({"statusCode": 200, "body": "[]"}, "r-0", "the response is an object, not a list"),
        ([], "r-0", "the response has no result with this id (0 of 2 came back)"),
        ([GOOD[0]], "r-1", "the response has no result with this id (1 of 2 came back)"),
        ([*GOOD, GOOD[0]], "r-0", "the response holds this id twice"),
        ([*GOOD, GOOD[1] | {"aggregate_reward_score": 1}], "r-1", "the response holds this id twice"),
        ([1.0, 1.0], "r-0 and 1 more", "item 0 of the response is a number, not an object"),
        ([GOOD[0], [1.0]], "r-0 and 1 more", "item 1 of the response is a list, not an object"),
        (
            [*GOOD, {"id": "r-2"}],
            "r-0 and 1 more",
            'item 2 of the response has the id "r-2", which is not in the event',
        ),
        (
            [{"aggregate_reward_score": 1}],
            "r-0 and 1 more",
            "item 0 of the response has the id null, which is not in the event",
        ),
        ([{"id": 0}], "r-0 and 1 more", "item 0 of the response has the id 0, which is not in the event"),
        ([GOOD[0], {"id": "r-1", "score": 1}], "r-1", '"aggregate_reward_score" is missing'),
        (result(None), "r-1", '"aggregate_reward_score" is null, not a number'),
        (result(True), "r-1", '"aggregate_reward_score" is the bool true, not a number'),
        (result(False), "r-1", '"aggregate_reward_score" is the bool false, not a number'),
        (result("1.0"), "r-1", '"aggregate_reward_score" is a string, not a number'),
        (result([1.0]), "r-1", '"aggregate_reward_score" is a list, not a number'),
        (result({"value": 1.0}), "r-1", '"aggregate_reward_score" is an object, not a number'),
    ],
)
def test_an_invalid_response_names_the_rollout_and_the_reason(answer: Any, rollout: str | None, reason: str) -> None:
    """A score of 0 is never substituted."""
    with pytest.raises(GraderError) as error:
        rewards(answer)
    assert (error.value.function, error.value.rollout, error.value.reason) == (FUNCTION, rollout, reason)


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
def test_a_score_that_is_not_finite_is_refused(score: str) -> None:
    """Python's json module writes the first three; the others overflow."""
    payload = json.dumps(result("SCORE")).replace('"SCORE"', score).encode()
    with pytest.raises(
        GraderError, match=r"r-1: .*is (nan|inf|-inf|an integer of too many digits), not a finite"
    ) as error:
        rewards(payload)
    assert error.value.rollout == "r-1"


@pytest.mark.shows("strictness-of-answers")
@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinity_anywhere_in_a_response_are_refused(literal: str) -> None:
    """Python writes them, and a standard parser rejects the whole response."""
    metrics = [{"name": "length", "value": "WORD", "type": "Metric"}]
    payload = json.dumps([GOOD[0], {**GOOD[1], "metrics_list": metrics}]).replace('"WORD"', literal).encode()
    with pytest.raises(GraderError) as error:
        rewards(payload)
    assert (error.value.rollout, error.value.reason) == ("r-1", f"the response holds {literal}, so it is not JSON")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400 + ".5"])
def test_a_number_that_overflows_anywhere_in_a_response_is_refused(number: str) -> None:
    """It is valid JSON and becomes infinity. A number that is nearly 0 is accepted."""
    metrics = [{"name": "length", "value": "NUMBER", "type": "Metric"}]
    template = json.dumps([GOOD[0], {**GOOD[1], "metrics_list": metrics}])
    with pytest.raises(GraderError) as error:
        rewards(template.replace('"NUMBER"', number).encode())
    reason = f"the response holds {number[:80]}, which no float can hold"
    assert (error.value.rollout, error.value.reason) == ("r-1", reason)
    assert rewards(template.replace('"NUMBER"', "1e-999").encode()) == [1.0, 0.25]


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (-0.5, -0.5), (10**400, None), (float("nan"), None), (float("inf"), None), (True, None), ("1", None)],
)
def test_finite_float_accepts_only_finite_numbers(value: object, number: float | None) -> None:
    """A JSON integer can have any number of digits."""
    assert finite_float(value) == number


def test_the_message_has_function_rollout_reason_response_and_advice() -> None:
    """Of the response it has the result that is invalid."""
    with pytest.raises(GraderError) as error:
        rewards(result("1.0"))
    assert str(error.value) == (
        f'{FUNCTION} for rollout r-1: "aggregate_reward_score" is a string, not a number. '
        'Response: {"id": "r-1", "aggregate_reward_score": "1.0"} '
        "Return a float, for example 1.0."
    )


@pytest.mark.parametrize("position", ["id", "aggregate_reward_score", "metrics_list"])
def test_a_response_at_the_limit_of_nesting_is_a_grader_error(position: str) -> None:
    """Python parses slightly deeper nesting than it encodes, and the message encodes the result."""
    payload = json.dumps([GOOD[0], {"id": "r-1", "aggregate_reward_score": "1", position: "DEEP"}]).encode()
    for depth in (960, 970, 980, 985, 988, 990, 991, 992, 993, 995):
        with pytest.raises(GraderError):
            rewards(payload.replace(b'"DEEP"', b"[" * depth + b"]" * depth))


def test_a_message_has_no_control_characters() -> None:
    """Newlines remain."""
    with pytest.raises(GraderError) as error:
        rewards(b"\x1b[2J \xc2\x9b31m \r\n \xe2\x80\xae \x00")
    assert str(error.value) == (
        f"{FUNCTION} for rollout r-0: the response is not JSON. "
        "Response: \\x1b[2J \\x9b31m \\r\n \\u202e \\x00 Return a list of objects."
    )


@given(st.lists(items, max_size=4) | items)
def test_any_json_gives_finite_floats_or_a_grader_error(answer: Any) -> None:
    """And no other exception."""
    try:
        parsed = rewards(answer)
    except GraderError as error:
        parsed = []
        message = str(error)
    else:
        message = FUNCTION
    assert message.startswith(FUNCTION)
    assert all(isinstance(score, float) and abs(score) < float("inf") for score in parsed)


@given(st.binary(max_size=60))
def test_random_bytes_are_a_grader_error(payload: bytes) -> None:
    """Two scores need both ids."""
    with pytest.raises(GraderError):
        rewards(payload)


edits = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=4)


@given(edits, st.sampled_from([None, 0, -1.5, True, "1.0", 1e300]))
def test_a_damaged_response_gives_its_own_scores_or_a_grader_error(
    edits_of_payload: list[tuple[int, int, bytes]], extra: Any
) -> None:
    """The error names a rollout."""
    payload = json.dumps([GOOD[0] | {"note": extra}, GOOD[1]]).encode()
    for position, length, replacement in edits_of_payload:
        payload = payload[:position] + replacement + payload[position + length :]
    try:
        scores = dict(zip(ROLLOUT_IDS, rewards(payload), strict=True))
    except GraderError as error:
        assert error.rollout in {*ROLLOUT_IDS, "r-0 and 1 more"}  # noqa: PT017 # either outcome is right
    else:
        message = json.loads(payload.decode("utf-8"))
        assert scores == {item["id"]: item["aggregate_reward_score"] for item in message}


@pytest.mark.slow
@given(st.recursive(scores, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=6))
def test_any_value_as_a_score_is_a_number_or_refused_with_its_rollout(value: Any) -> None:
    """The error names the one rollout that has the value."""
    is_score = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_FLOAT32
    try:
        outcome: Any = rewards(result(value))
    except GraderError as error:
        outcome = error.rollout
    assert outcome == ([1.0, float(value)] if is_score else "r-1")
