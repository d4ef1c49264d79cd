"""Chats with the base model and a tuned model."""

from dataclasses import replace

import pytest

from simulator.training.chat_answers import UNKNOWN_PROMPT_PREFIX, ChatAnswer, answer_chat, prepare_chat
from simulator.training.dataset import Message, Record
from simulator.training.prompt_index import PromptIndex, build_prompt_index, normalize_prompt
from simulator.training.weights import BASE_WEIGHTS, Weights
from tests.training.reward_functions import strict_hash
from tests.training.training_runs import GPT, train


@pytest.fixture(scope="module")
def tuned(sums: tuple[Record, ...]) -> Weights:
    """Weights after a whole run with the strict reward."""
    return train(sums, strict_hash).state.weights


@pytest.fixture(scope="module")
def index(sums: tuple[Record, ...]) -> PromptIndex:
    """The index of all prompts of the file."""
    return build_prompt_index(sums)


def chat(
    messages: tuple[Message, ...],
    index: PromptIndex,
    weights: Weights = BASE_WEIGHTS,
    *,
    temperature: float = 0.0,
    max_tokens: int = 2048,
    random_key: str = "chat",
) -> ChatAnswer:
    """Return the answer to a chat, at temperature 0 by default."""
    prepared = prepare_chat(messages, model=GPT, weights=weights, index=index, temperature=temperature)
    return answer_chat(prepared, max_tokens=max_tokens, random_key=(random_key,))


def test_a_tuned_model_answers_known_prompts_in_the_trained_format(
    sums: tuple[Record, ...], index: PromptIndex, tuned: Weights
) -> None:
    """At temperature 0, the tuned model gets a much higher reward than the base model."""
    base = [strict_hash(record, chat(record.messages, index).text) for record in sums]
    after = [strict_hash(record, chat(record.messages, index, tuned).text) for record in sums]
    assert sum(base) / len(base) < 0.65
    assert sum(after) / len(after) > 0.85


def test_a_prompt_is_found_without_case_spacing_and_system_message(
    sums: tuple[Record, ...], index: PromptIndex
) -> None:
    """All of these are normalized before the lookup."""
    words = sums[0].messages[0].content
    shouted = Message(role="user", content="  " + words.upper().replace(" ", "\n "))
    system = Message(role="system", content="Be brief.")
    answer = chat((system, shouted), index)
    assert answer == replace(chat(sums[0].messages, index), prompt_tokens=answer.prompt_tokens, is_whole_prompt=False)
    assert normalize_prompt(" \uff37ord\n TWO ") == "word two"


@pytest.mark.slow
def test_instructions_are_found_at_both_ends_of_a_very_long_prompt(index: PromptIndex) -> None:
    """The middle part is ignored, but its tokens count."""
    long = "x " * 100_000
    at_start, at_end, in_middle = (
        prepare_chat((Message(role="user", content=text),), model=GPT, index=index, temperature=0.0)
        for text in (f"ANSWER: {long}", f"{long} ANSWER:", f"{long} ANSWER: {long}")
    )
    assert [prepared.prompt.task.requested_format.format for prepared in (at_start, at_end, in_middle)] == [
        "colon",
        "colon",
        "none",
    ]
    assert in_middle.prompt_tokens > 90_000


def test_a_text_far_longer_than_all_prompts_is_not_normalized(
    index: PromptIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot match any of them."""
    lengths: list[int] = []

    def record_length(text: str) -> str:
        lengths.append(len(text))
        return text

    monkeypatch.setattr("simulator.training.prompt_index.normalize_prompt", record_length)
    for length in (index.max_characters, 9 * index.max_characters):
        chat((Message(role="user", content="x" * length),), index)
    assert lengths == [index.max_characters]


def test_an_unknown_prompt_gets_a_marked_guess_in_the_trained_format(index: PromptIndex, tuned: Weights) -> None:
    """The trained heads choose the format of the guess."""
    question = (Message(role="user", content='How many moons has Mars? Put the answer after "####".'),)
    answer = chat(question, index, tuned)
    first, guess = answer.text.split("\n")
    assert (first, answer.known, answer.finish_reason) == (UNKNOWN_PROMPT_PREFIX, False, "stop")
    assert guess.startswith("#### ")


def test_answers_depend_on_the_random_key_except_at_temperature_0(sums: tuple[Record, ...], index: PromptIndex) -> None:
    """Equal keys give equal answers; ten keys give several answers."""
    messages = sums[0].messages
    greedy = {chat(messages, index, random_key=str(number)) for number in range(10)}
    sampled = {chat(messages, index, temperature=1.0, random_key=str(number)) for number in range(10)}
    repeated = {chat(messages, index, temperature=1.0, random_key=str(number)) for number in range(10)}
    assert len(greedy) == 1
    assert len(sampled) > 3
    assert repeated == sampled


@pytest.mark.parametrize("is_known", [True, False])
def test_reasoning_comes_first_in_the_budget(sums: tuple[Record, ...], index: PromptIndex, is_known: bool) -> None:
    """With 40 tokens, all are reasoning and the finish reason is `length`."""
    messages = sums[0].messages if is_known else (Message(role="user", content="Who are you?"),)
    answer = chat(messages, index, max_tokens=40)
    assert (answer.text, answer.completion_tokens, answer.reasoning_tokens, answer.finish_reason, answer.known) == (
        "", 40, 40, "length", is_known,
    )  # fmt: skip
