"""Chat after training, and the checkpoints that it is done with."""

import json
from dataclasses import replace

import pytest

from simulator.training.chat_answers import UNKNOWN_PROMPT_PREFIX, ChatAnswer, answer_chat, prepare_chat
from simulator.training.checkpoint import CheckpointError, content_hash, dump_weights, load_weights
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
    """Every prompt of the file."""
    return build_prompt_index(sums)


def chat(
    messages: tuple[Message, ...],
    index: PromptIndex,
    weights: Weights = BASE_WEIGHTS,
    *,
    temperature: float = 0.0,
    max_tokens: int = 2048,
    address: str = "chat",
) -> ChatAnswer:
    """Ask the model, greedily unless told otherwise."""
    asked = prepare_chat(messages, model=GPT, weights=weights, index=index, temperature=temperature)
    return answer_chat(asked, max_tokens=max_tokens, random_key=(address,))


def test_a_tuned_model_answers_known_prompts_in_the_format_it_learned(
    sums: tuple[Record, ...], index: PromptIndex, tuned: Weights
) -> None:
    """The demonstration that follows a fine-tuning: base and tuned side by side, greedily."""
    base = [strict_hash(record, chat(record.messages, index).text) for record in sums]
    after = [strict_hash(record, chat(record.messages, index, tuned).text) for record in sums]
    assert sum(base) / len(base) < 0.65
    assert sum(after) / len(after) > 0.85


def test_a_prompt_is_known_by_its_words(sums: tuple[Record, ...], index: PromptIndex) -> None:
    """Neither case nor spacing matters, nor a system message in front."""
    words = sums[0].messages[0].content
    shouted = Message(role="user", content="  " + words.upper().replace(" ", "\n "))
    system = Message(role="system", content="Be brief.")
    answer = chat((system, shouted), index)
    assert answer == replace(chat(sums[0].messages, index), prompt_tokens=answer.prompt_tokens, is_whole_prompt=False)
    assert normalize_prompt(" \uff37ord\n TWO ") == "word two"


def test_of_a_very_long_prompt_the_beginning_and_the_end_are_read(index: PromptIndex) -> None:
    """What it asks for stands there; all of it counts as tokens."""
    long = "x " * 100_000
    begun, ended, between = (
        prepare_chat((Message(role="user", content=text),), model=GPT, index=index, temperature=0.0)
        for text in (f"ANSWER: {long}", f"{long} ANSWER:", f"{long} ANSWER: {long}")
    )
    assert [asked.prompt.task.requested_format.format for asked in (begun, ended, between)] == [
        "colon",
        "colon",
        "none",
    ]
    assert between.prompt_tokens > 90_000


def test_what_is_far_longer_than_any_prompt_is_not_normalised(
    index: PromptIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be none of them."""
    seen: list[int] = []

    def watched(text: str) -> str:
        seen.append(len(text))
        return text

    monkeypatch.setattr("simulator.training.prompt_index.normalize_prompt", watched)
    for length in (index.max_characters, 9 * index.max_characters):
        chat((Message(role="user", content="x" * length),), index)
    assert seen == [index.max_characters]


def test_an_unknown_prompt_gets_an_honest_sentence_and_a_guess_in_the_learned_format(
    index: PromptIndex, tuned: Weights
) -> None:
    """The trained heads choose the format; nobody pretends that the guess is right."""
    question = (Message(role="user", content='How many moons has Mars? Put the answer after "####".'),)
    given = chat(question, index, tuned)
    first, guess = given.text.split("\n")
    assert (first, given.known, given.finish_reason) == (UNKNOWN_PROMPT_PREFIX, False, "stop")
    assert guess.startswith("#### ")


def test_greedy_answers_need_no_draws_and_sampled_ones_belong_to_their_address(
    sums: tuple[Record, ...], index: PromptIndex
) -> None:
    """The same address, the same answer; ten addresses, several answers."""
    messages = sums[0].messages
    greedy = {chat(messages, index, address=str(number)) for number in range(10)}
    sampled = {chat(messages, index, temperature=1.0, address=str(number)) for number in range(10)}
    again = {chat(messages, index, temperature=1.0, address=str(number)) for number in range(10)}
    assert len(greedy) == 1
    assert len(sampled) > 3
    assert again == sampled


@pytest.mark.parametrize("known", [True, False])
def test_thinking_spends_the_budget_first(sums: tuple[Record, ...], index: PromptIndex, known: bool) -> None:
    """Forty tokens: all thought, nothing said, and the finish reason says why."""
    messages = sums[0].messages if known else (Message(role="user", content="Who are you?"),)
    given = chat(messages, index, max_tokens=40)
    assert (given.text, given.completion_tokens, given.reasoning_tokens, given.finish_reason, given.known) == (
        "", 40, 40, "length", known,
    )  # fmt: skip


def test_a_checkpoint_is_read_back_to_nine_digits(tuned: Weights) -> None:
    """Writing it again gives the same text, and so the same hash."""
    text = dump_weights(tuned)
    assert dump_weights(load_weights(text)) == text
    assert content_hash(load_weights(text)) == content_hash(tuned)
    assert load_weights(text).nuisance == pytest.approx(tuned.nuisance, rel=1e-8)
    assert load_weights(dump_weights(BASE_WEIGHTS)) == BASE_WEIGHTS


def test_a_last_bit_does_not_change_the_hash(tuned: Weights) -> None:
    """Another machine's `exp` may differ there."""
    nudged = replace(tuned, nuisance=tuple(value * (1 + 1e-15) for value in tuned.nuisance))
    assert nudged != tuned
    assert content_hash(nudged) == content_hash(tuned)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", '{"columns": {"99": []}, "nuisance": [], "version": 1}',
        json.dumps({"columns": {}, "nuisance": [0.0] * 8, "version": 2}),
        json.dumps({"columns": {"0": [1.0]}, "nuisance": [0.0] * 8, "version": 1}),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    """Also a checkpoint of a policy with other heads."""
    with pytest.raises(CheckpointError):
        load_weights(text)
