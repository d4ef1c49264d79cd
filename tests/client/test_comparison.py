"""The comparison of the base and the tuned model."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest

from client.comparison import ChatFunction, Comparison, ModelRewards, build_rollout, compare_models
from client.dataset import Row
from client.errors import Incomplete
from tests.client.conftest import grade_sums

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class InProcessLambda:
    """The `invoke` of a Lambda client, with a handler in this process."""

    def __init__(self, handler: Callable[[Any], Any], error: str | None = None) -> None:
        self.handler = handler
        self.error = error
        self.sizes: list[int] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Call the handler as Lambda does."""
        assert FunctionName == "arn"
        event = json.loads(Payload)
        self.sizes.append(len(event))
        answer: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(self.handler(event)).encode())}
        return answer | ({"FunctionError": self.error} if self.error else {})


def make_row(number: int, **record: Any) -> Row:
    """Return a row whose right answer is `number`."""
    messages = [{"role": "user", "content": f"What is {number}?"}]
    return Row(
        line=number,
        messages=messages,
        record={"messages": messages, "reference_answer": {"answer": str(number)}} | record,
    )


def chat_for_model(model: str) -> ChatFunction:
    """Return the chat of a model: the tuned one knows every answer, the base one the even ones."""

    def answer(messages: Sequence[Mapping[str, object]]) -> str:
        number = int(str(messages[-1]["content"]).removeprefix("What is ").removesuffix("?"))
        return f"#### {number}" if model == "tuned" or number % 2 == 0 else "#### nothing"

    return answer


def run_comparison(in_process_lambda: InProcessLambda, rows: int = 3) -> Comparison:
    """Compare the models on the rows 1 to `rows`."""
    return compare_models(
        [make_row(number) for number in range(1, rows + 1)],
        source="here",
        base="base",
        tuned="tuned",
        chat_for_model=chat_for_model,
        lambda_client=cast("LambdaClient", in_process_lambda),
        function_arn="arn",
    )


def test_both_models_are_scored_by_the_reward_function() -> None:
    """Each on its own answers."""
    assert run_comparison(InProcessLambda(lambda event: grade_sums(event, None))) == Comparison(
        source="here",
        line_numbers=(1, 2, 3),
        base=ModelRewards(model="base", rewards=(0.0, 1.0, 0.0)),
        tuned=ModelRewards(model="tuned", rewards=(1.0, 1.0, 1.0)),
    )


def test_rows_gained_and_lost_are_counted() -> None:
    """From the rewards of both models."""
    comparison = Comparison(
        source="",
        line_numbers=(1, 2, 3, 4),
        base=ModelRewards(model="b", rewards=(1.0, 0.0, 0.0, 0.5)),
        tuned=ModelRewards(model="t", rewards=(0.2, 1.0, 0.9, 1.5)),
    )
    assert (
        comparison.base.correct_count,
        comparison.tuned.correct_count,
        comparison.gained_count,
        comparison.lost_count,
    ) == (
        1,
        2,
        2,
        1,
    )


def test_a_large_comparison_is_split() -> None:
    """Into invocations of at most 32 rollouts."""
    in_process_lambda = InProcessLambda(lambda event: grade_sums(event, None))
    run_comparison(in_process_lambda, rows=70)
    assert in_process_lambda.sizes == [32, 32, 6, 32, 32, 6]


def test_a_rollout_has_the_same_shape_as_in_training() -> None:
    """Fields at the root and under `metadata`; a bare string as {"text": ...} at the root; text parts joined."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "What "}, {"type": "text", "text": "is 1?"}]}]
    record = {"id": "own", "messages": messages, "reference_answer": "#### 1", "domain": "sums"}
    assert build_rollout(Row(line=1, messages=messages, record=record), "#### 1", rollout_id="r-1") == {
        "id": "r-1",
        "messages": [{"role": "user", "content": "What is 1?"}, {"role": "assistant", "content": "#### 1"}],
        "reference_answer": {"text": "#### 1"},
        "domain": "sums",
        "metadata": {"reference_answer": "#### 1", "domain": "sums"},
    }


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (lambda _: {"statusCode": 200}, "other than a JSON list"),
        (lambda _: [], "gave 0 results for rollout base/line-1"),
        (lambda event: grade_sums(event, None) * 2, "gave 2 results for rollout base/line-1"),
        (lambda event: [{"id": r["id"], "aggregate_reward_score": True} for r in event], "gave True"),
        (lambda event: [{"id": r["id"], "aggregate_reward_score": "1"} for r in event], "gave '1'"),
        (lambda event: [{"id": r["id"], "aggregate_reward_score": float("nan")} for r in event], "gave nan"),
        (lambda event: [{"id": [r["id"]]} for r in event], "gave 0 results"),
    ],
)
def test_a_malformed_result_is_an_error_and_not_a_reward_of_0(handler: Callable[[Any], Any], reason: str) -> None:
    """Anything but one finite number per rollout stops the comparison."""
    with pytest.raises(Incomplete, match=reason):
        run_comparison(InProcessLambda(handler))


def test_an_exception_of_the_reward_function_is_reported() -> None:
    """With the payload of Lambda's FunctionError."""
    with pytest.raises(Incomplete, match=r"raised an error: .*KeyError"):
        run_comparison(InProcessLambda(lambda _: {"errorType": "KeyError"}, error="Unhandled"))
