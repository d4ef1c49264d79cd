"""Compare the base and the tuned model on held-out rows, scored by the deployed reward function."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client.dataset import Row
from client.errors import Incomplete

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# From this reward on an answer counts as right (DOCUMENTED: scores are "e.g. 0.0-1.0 or task-defined range").
FULL_REWARD = 1.0
# gpt-oss reasons before it answers: with a small budget the answer stays empty.
MAX_ANSWER_TOKENS = 4096
_CONCURRENT_CHATS = 8
# Far below Lambda's 6 MB per request, and about as many as training sends.
_ROLLOUTS_PER_CALL = 32

ChatFunction = Callable[[Sequence[Mapping[str, object]]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRewards:
    """One model's rewards on the rows, in row order."""

    model: str
    rewards: tuple[float, ...]

    @property
    def correct_count(self) -> int:
        """Rows with full reward."""
        return sum(reward >= FULL_REWARD for reward in self.rewards)

    @property
    def mean_reward(self) -> float:
        """The mean reward."""
        return math.fsum(self.rewards) / len(self.rewards)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models on the same rows; `source` names where the rows come from."""

    source: str
    line_numbers: tuple[int, ...]
    base: ModelRewards
    tuned: ModelRewards

    @property
    def gained_count(self) -> int:
        """Rows that only the tuned model got right."""
        return sum(
            base_reward < FULL_REWARD <= tuned_reward
            for base_reward, tuned_reward in zip(self.base.rewards, self.tuned.rewards, strict=True)
        )

    @property
    def lost_count(self) -> int:
        """Rows that only the base model got right."""
        return sum(
            tuned_reward < FULL_REWARD <= base_reward
            for base_reward, tuned_reward in zip(self.base.rewards, self.tuned.rewards, strict=True)
        )


def compare_models(
    rows: Sequence[Row],
    *,
    source: str,
    base: str,
    tuned: str,
    chat_for_model: Callable[[str], ChatFunction],
    lambda_client: LambdaClient,
    function_arn: str,
) -> Comparison:
    """Ask both models each row at temperature 0, and score the answers with the deployed reward function.

    Args:
        rows: the held-out rows, at least one.
        source: where the rows come from, for the report.
        base: the base model's id.
        tuned: the tuned model's id.
        chat_for_model: returns, for a model id, a function from a prompt to the model's answer.
        lambda_client: a client for the account of the reward function.
        function_arn: the ARN of the reward function.

    Raises:
        Incomplete: the reward function failed, or its result is not one finite score per rollout.
    """

    def evaluate(model: str) -> ModelRewards:
        chat = chat_for_model(model)
        with ThreadPoolExecutor(max_workers=_CONCURRENT_CHATS) as executor:
            texts = list(executor.map(lambda row: chat(row.messages), rows))
        rollouts = [
            build_rollout(row, text, rollout_id=f"{model}/line-{row.line}")
            for row, text in zip(rows, texts, strict=True)
        ]
        scores: dict[str, float] = {}
        for start in range(0, len(rollouts), _ROLLOUTS_PER_CALL):
            scores |= _invoke_and_score(
                rollouts[start : start + _ROLLOUTS_PER_CALL], lambda_client=lambda_client, function_arn=function_arn
            )
        return ModelRewards(model=model, rewards=tuple(scores[item["id"]] for item in rollouts))

    return Comparison(
        source=source, line_numbers=tuple(row.line for row in rows), base=evaluate(base), tuned=evaluate(tuned)
    )


def build_rollout(row: Row, answer: str, *, rollout_id: str) -> dict[str, Any]:
    """Return one element of the Lambda event, in the shape that every published reward function can read.

    DOCUMENTED: the record's fields under `metadata`. SAMPLE: `reference_answer` at the root, a bare string as
    `{"text": ...}`. Both are sent, as in training.
    """
    fields = {key: value for key, value in row.record.items() if key not in {"id", "messages"}}
    reference = fields.get("reference_answer")
    wrapped_reference = {"reference_answer": {"text": reference}} if isinstance(reference, str) else {}
    prompt = [{"role": message["role"], "content": _flatten_content(message["content"])} for message in row.messages]
    return {
        **fields,
        **wrapped_reference,
        "id": rollout_id,
        "messages": [*prompt, {"role": "assistant", "content": answer}],
        "metadata": fields,
    }


def _flatten_content(content: object) -> object:
    # DOCUMENTED for the event: content is a "plain string", even if the file has text parts.
    if isinstance(content, list):
        return "".join(str(part["text"]) for part in content)
    return content


def _invoke_and_score(
    rollouts: Sequence[dict[str, Any]], *, lambda_client: LambdaClient, function_arn: str
) -> dict[str, float]:
    response = lambda_client.invoke(FunctionName=function_arn, Payload=json.dumps(rollouts).encode())
    text = response["Payload"].read().decode(errors="replace")
    if response.get("FunctionError"):
        raise Incomplete(f"The comparison stopped: the reward function raised an error: {text[:400]}")
    try:
        results = json.loads(text)
    except ValueError:
        results = None
    if not isinstance(results, list):
        raise Incomplete(
            f"The comparison stopped: the reward function returned something other than a JSON list: {text[:400]}"
        )
    return {rollout_id: _score_of(rollout_id, results) for rollout_id in (str(item["id"]) for item in rollouts)}


def _score_of(rollout_id: str, results: Sequence[object]) -> float:
    matches = [item for item in results if isinstance(item, dict) and item.get("id") == rollout_id]
    if len(matches) != 1:
        raise Incomplete(
            f"The comparison stopped: the reward function gave {len(matches)} results for rollout {rollout_id}."
        )
    score = matches[0].get("aggregate_reward_score")
    # `bool` is a subclass of `int` and not a score. A broken result must not count as 0.
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not math.isfinite(score):
        raise Incomplete(
            f"The comparison stopped: for rollout {rollout_id} the reward function gave {score!r} as "
            "aggregate_reward_score, which is not a finite number."
        )
    return float(score)
