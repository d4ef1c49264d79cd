"""What a reward function returned: one finite number a rollout, or an error that says what was wrong."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.grading.grader_error import GraderError, excerpt
from simulator.grading.lambda_failure import parse_failure
from simulator.grading.lambda_response import finite_float, parse_rewards
from simulator.training.metrics import LARGEST_FLOAT32
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
    """Read an answer to two rollouts; bytes as they are, anything else as JSON."""
    payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return parse_rewards(payload, rollout_ids=ROLLOUT_IDS, function=FUNCTION)


def result(score: Any, name: str = "r-1") -> list[dict[str, Any]]:
    """Return an answer whose second result has this score."""
    return [GOOD[0], {"id": name, "aggregate_reward_score": score}]


@pytest.mark.shows("scores")
def test_scores_are_joined_by_id_and_not_by_position() -> None:
    """The second rollout's result may come first."""
    assert rewards(GOOD) == rewards(GOOD[::-1]) == [1.0, 0.25]


@pytest.mark.parametrize("score", [0, 1, -3, 17.5, -0.0, 1e30])
def test_any_finite_number_is_a_score(score: float) -> None:
    """DOCUMENTED: a "task-defined range"; negative is not forbidden."""
    assert rewards(result(score)) == [1.0, score]


@pytest.mark.shows("scores")
def test_what_else_a_result_holds_does_not_matter() -> None:
    """The sample returns `score` beside it, and Nova's `metrics_list`."""
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
def test_an_answer_that_cannot_be_read_names_the_rollout_and_the_reason(
    answer: Any, rollout: str | None, reason: str
) -> None:
    """The rollout where one is to blame; never a score of 0 in its place."""
    with pytest.raises(GraderError) as error:
        rewards(answer)
    assert (error.value.function, error.value.rollout, error.value.reason) == (FUNCTION, rollout, reason)


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
def test_a_score_that_is_not_finite_is_no_score(score: str) -> None:
    """Python's JSON writes the first three; the others are what they become."""
    payload = json.dumps(result("SCORE")).replace('"SCORE"', score).encode()
    with pytest.raises(
        GraderError, match=r"r-1: .*is (nan|inf|-inf|an integer of too many digits), not a finite"
    ) as error:
        rewards(payload)
    assert error.value.rollout == "r-1"


@pytest.mark.shows("strictness-of-answers")
@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_word_that_json_does_not_have_makes_no_answer_wherever_it_stands(word: str) -> None:
    """Python writes it, and whoever reads the answer by the standard reads nothing at all of it."""
    metrics = [{"name": "length", "value": "WORD", "type": "Metric"}]
    payload = json.dumps([GOOD[0], {**GOOD[1], "metrics_list": metrics}]).replace('"WORD"', word).encode()
    with pytest.raises(GraderError) as error:
        rewards(payload)
    assert (error.value.rollout, error.value.reason) == ("r-1", f"the response holds {word}, so it is not JSON")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400 + ".5"])
def test_a_number_that_overflows_to_infinity_makes_no_answer_wherever_it_stands(number: str) -> None:
    """It is JSON, and infinity to whoever reads it; what is nearly 0 is not."""
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
def test_a_number_is_read_as_a_finite_float_or_not_at_all(value: object, number: float | None) -> None:
    """An integer of JSON may have any number of digits."""
    assert finite_float(value) == number


def test_the_message_shows_function_rollout_reason_response_and_what_to_do() -> None:
    """It is all that the job's owner gets to read; of the response, the result that is to blame."""
    with pytest.raises(GraderError) as error:
        rewards(result("1.0"))
    assert str(error.value) == (
        f'{FUNCTION} for rollout r-1: "aggregate_reward_score" is a string, not a number. '
        'Response: {"id": "r-1", "aggregate_reward_score": "1.0"} '
        "Return a float, for example 1.0."
    )


def test_a_long_response_is_shown_in_part() -> None:
    """And the message says how much is left out."""
    assert excerpt("x" * 501) == "x" * 500 + "… (1 more characters)"
    assert excerpt("x" * 500) == "x" * 500


@pytest.mark.parametrize("depth", [960, 970, 980, 985, 988, 990, 991, 992, 993, 995])
@pytest.mark.parametrize("place", ["id", "aggregate_reward_score", "metrics_list"])
def test_a_response_that_can_just_be_read_is_an_error_of_the_graders_too(place: str, depth: int) -> None:
    """Python reads a little deeper than it writes, and the message shows what was read."""
    nested = b"[" * depth + b"]" * depth
    payload = json.dumps([GOOD[0], {"id": "r-1", "aggregate_reward_score": "1", place: "DEEP"}]).encode()
    with pytest.raises(GraderError):
        rewards(payload.replace(b'"DEEP"', nested))


def test_a_message_holds_nothing_that_a_terminal_obeys() -> None:
    """Whatever the function said, and however it is shown; lines stay lines."""
    with pytest.raises(GraderError) as error:
        rewards(b"\x1b[2J \xc2\x9b31m \r\n \xe2\x80\xae \x00")
    assert str(error.value) == (
        f"{FUNCTION} for rollout r-0: the response is not JSON. "
        "Response: \\x1b[2J \\x9b31m \\r\n \\u202e \\x00 Return a list of objects."
    )


@given(st.lists(items, max_size=4) | items)
def test_an_answer_gives_finite_floats_or_a_grader_error(answer: Any) -> None:
    """And nothing else, whatever came back."""
    try:
        read = rewards(answer)
    except GraderError as error:
        read = []
        said = str(error)
    else:
        said = FUNCTION
    assert said.startswith(FUNCTION)
    assert all(isinstance(score, float) and abs(score) < float("inf") for score in read)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_answer_are_a_grader_error(payload: bytes) -> None:
    """Nothing short of both ids can be read as two scores."""
    with pytest.raises(GraderError):
        rewards(payload)


edits = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=4)


@given(edits, st.sampled_from([None, 0, -1.5, True, "1.0", 1e300]))
def test_a_damaged_answer_is_read_for_what_it_says_or_refused(
    changes: list[tuple[int, int, bytes]], extra: Any
) -> None:
    """Never a score that stands nowhere in it, and never a refusal that names no rollout."""
    payload = json.dumps([GOOD[0] | {"note": extra}, GOOD[1]]).encode()
    for place, length, instead in changes:
        payload = payload[:place] + instead + payload[place + length :]
    try:
        scores = dict(zip(ROLLOUT_IDS, rewards(payload), strict=True))
    except GraderError as error:
        assert error.rollout in {*ROLLOUT_IDS, "r-0 and 1 more"}  # noqa: PT017 # either outcome is right
    else:
        said = json.loads(payload.decode("utf-8"))
        assert scores == {item["id"]: item["aggregate_reward_score"] for item in said}


@given(st.recursive(scores, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=6))
def test_whatever_stands_for_a_score_is_a_number_or_refused_by_its_rollout(value: Any) -> None:
    """A number of Python's is that score; all else is blamed on the one rollout that has it."""
    is_score = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_FLOAT32
    try:
        told: Any = rewards(result(value))
    except GraderError as error:
        told = error.rollout
    assert told == ([1.0, float(value)] if is_score else "r-1")


def test_the_place_of_a_failure_is_a_line_of_the_functions_own() -> None:
    """Not the standard library's, which the reader cannot mend; of a trace all outside, the innermost line."""
    own = '  File "/var/task/lambda_function.py", line 7, in lambda_handler\n    json.loads(text)\n'
    library = '  File "/usr/lib/json/decoder.py", line 355, in raw_decode\n    raise\n'

    def place(*trace: str) -> str:
        return parse_failure(json.dumps({"errorType": "E", "errorMessage": "m", "stackTrace": trace}).encode()).location

    assert place(own, library) == ' (File "/var/task/lambda_function.py", line 7, in lambda_handler)'
    assert place(library) == ' (File "/usr/lib/json/decoder.py", line 355, in raw_decode)'
