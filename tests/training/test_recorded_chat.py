"""Chats with recorded responses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from simulator.training.chat_answers import ChatAnswer, answer_chat, prepare_chat
from simulator.training.dataset import Message, Record
from simulator.training.prompt_index import build_prompt_index
from simulator.training.recorded_policy import prepare_recorded_prompt
from simulator.training.recorded_response import RecordedResponse
from simulator.training.response_features import RESPONSE_FEATURE_NAMES
from simulator.training.weights import BASE_WEIGHTS, Weights
from tests.training.training_runs import GPT

PROMPT = 'How much is 6 * 7? Put the answer after "####".'
RECORD = Record(line=1, messages=(Message(role="user", content=PROMPT),), fields={"reference_answer": "42"})
SENTENCE = RecordedResponse(text="The answer is 42.", reasoning="Six times seven.", tokens=30, reasoning_tokens=20)
MARKED = RecordedResponse(text="#### 42", tokens=2)
WRONG = RecordedResponse(text="#### 43", tokens=2, finish_reason="length")
RESPONSES = (MARKED, SENTENCE, WRONG, SENTENCE)
PREFERS_MARKED = replace(
    BASE_WEIGHTS, feature_weights=tuple(9.0 if name == "hash" else 0.0 for name in RESPONSE_FEATURE_NAMES)
)


def chat(
    responses: Sequence[RecordedResponse] = RESPONSES,
    *,
    weights: Weights = BASE_WEIGHTS,
    temperature: float = 0.0,
    max_tokens: int = 2048,
    number: int = 0,
    record: Record = RECORD,
) -> ChatAnswer:
    """Return the answer to the one prompt, at temperature 0 by default."""
    recorded: Mapping[int, Sequence[RecordedResponse]] = {1: responses}
    prepared = prepare_chat(
        RECORD.messages,
        model=GPT,
        weights=weights,
        index=build_prompt_index([record]),
        temperature=temperature,
        find_responses=lambda known: recorded[known.line],
    )
    return answer_chat(prepared, max_tokens=max_tokens, random_key=("chat", number))


def test_the_base_model_gives_its_most_frequent_response_unchanged() -> None:
    """Text, reasoning and token counts."""
    answer = chat()
    assert answer == ChatAnswer(
        text="The answer is 42.",
        reasoning="Six times seven.",
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=30,
        reasoning_tokens=20,
        finish_reason="stop",
        known=True,
        value=42,
    )


def test_a_tuned_model_gives_the_response_with_the_highest_weight() -> None:
    """The first one of several."""
    assert chat(weights=PREFERS_MARKED).text == "#### 42"


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 1 / 2), (0.5, 2 / 3), (2.0, 2**0.5 / (2 + 2**0.5))])
def test_the_temperature_applies_to_the_distribution_over_texts(temperature: float, share: float) -> None:
    """Two of four at 1; four against one and one at 0.5; flatter at 2."""
    prompt = prepare_recorded_prompt(RECORD, RESPONSES)
    probabilities = prompt.chat_distribution(BASE_WEIGHTS, temperature).probabilities
    assert sum(probabilities[index] for index in (1, 3)) == pytest.approx(share)
    texts = Counter(chat(temperature=temperature, number=number).text for number in range(200))
    assert texts["The answer is 42."] / 200 == pytest.approx(share, abs=0.1)


def test_sampled_responses_depend_on_the_random_key() -> None:
    """At temperature 0 there is one answer."""
    texts = [[chat(temperature=1.0, number=number).text for number in range(10)] for _ in range(2)]
    assert texts[0] == texts[1]
    assert {chat(number=number).text for number in range(10)} == {"The answer is 42."}


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (30, ("The answer is 42.", "Six times seven.", 30, 20, "stop")),
        (25, ("The answ", "Six times seven.", 25, 20, "length")),
        (20, ("", "Six times seven.", 20, 20, "length")),
        (10, ("", "Six time", 10, 10, "length")),
    ],
)
def test_reasoning_comes_first_in_the_budget(budget: int, expected: tuple[str, str, int, int, str]) -> None:
    """The rest of the budget is for the text."""
    answer = chat([SENTENCE], max_tokens=budget)
    assert (
        answer.text, answer.reasoning, answer.completion_tokens, answer.reasoning_tokens, answer.finish_reason
    ) == expected  # fmt: skip


def test_a_response_truncated_when_recorded_is_reported_as_such() -> None:
    """Also within a larger budget; its value is the marked answer."""
    answer = chat([WRONG])
    assert (answer.finish_reason, answer.value) == ("length", "43")


def test_a_prompt_without_a_reference_gets_a_recorded_response() -> None:
    """It is not a guess."""
    answer = chat(record=replace(RECORD, fields={}))
    assert (answer.text, answer.known) == ("The answer is 42.", True)


def test_a_known_prompt_without_recorded_responses_gets_a_simulated_one() -> None:
    """As without a folder of responses."""
    simulated = prepare_chat(RECORD.messages, model=GPT, index=build_prompt_index([RECORD]), temperature=0.0)
    assert chat([]) == answer_chat(simulated, max_tokens=2048, random_key=("chat", 0))
