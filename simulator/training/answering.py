"""Chat with a base or a tuned model: known prompts are answered as in training, unknown ones honestly."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from simulator.training.dataset import Message, Record, prompt_text
from simulator.training.draws import uniforms
from simulator.training.policy import BASE, Prompt, Weights, distributions, labels_of, prepare
from simulator.training.profiles import EFFORTS, profile_for
from simulator.training.rendering import rendered
from simulator.training.sampling import CHARACTERS_PER_TOKEN, drawn, sampled_group
from simulator.training.strategies import ATTEMPT, CONTENT, VERBOSITY

UNKNOWN_PROMPT = "This simulated model has no reference answer for this prompt, so it can only guess:"

# What a chat template adds to each message.
_TOKENS_PER_MESSAGE = 4
_PUZZLED = "I look for anything that would settle this, and find nothing."
_GUESS_DRAWS = 3
_GREEDY = (0.5,) * _GUESS_DRAWS

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptIndex:
    """The prompts whose right answer is known: records of uploaded files by their normalised words."""

    records: Mapping[str, Record]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One chat completion. `known` says whether the prompt is one whose right answer the simulator has."""

    text: str
    reasoning: str
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    finish_reason: FinishReason
    known: bool


def normalised(text: str) -> str:
    """Return the text as compared between chats and files: case, spacing and compatibility forms do not matter."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def indexed(records: Iterable[Record], *, answer_path: str | None = None) -> PromptIndex:
    """Make the index of some records; of two with the same prompt the first one counts."""
    listed = tuple(records)
    by_words: dict[str, Record] = {}
    for record in listed:
        by_words.setdefault(normalised(prompt_text(record.messages)), record)
    for record in listed:
        # A chat often leaves the system message out.
        by_words.setdefault(normalised(record.messages[-1].content), record)
    return PromptIndex(records=by_words, labels=labels_of(listed, answer_path=answer_path))


def answer(
    messages: tuple[Message, ...],
    *,
    model: str,
    weights: Weights = BASE,
    index: PromptIndex,
    temperature: float,
    max_tokens: int,
    reasoning_effort: str = "medium",
    answer_path: str | None = None,
    address: tuple[int | str, ...],
) -> Answer:
    """Answer a conversation as a model would; `model` is the base model's id, `weights` what it was tuned to.

    The draws belong to `address`; at temperature zero there are none. Thinking spends the budget first: when it
    spends all of it the text is empty and the finish reason `length`.
    """
    found = index.records.get(normalised(prompt_text(messages)))
    if found is None and messages[-1].role == "user":
        found = index.records.get(normalised(messages[-1].content))
    profile = profile_for(model)
    prompt = prepare(
        found or Record(line=0, messages=messages, fields={}),
        profile=profile,
        labels=index.labels,
        effort=reasoning_effort,
        answer_path=answer_path,
    )
    prompt_tokens = sum(_tokens(message.content) + _TOKENS_PER_MESSAGE for message in messages)
    if prompt.task.gold.kind == "none":
        draws = _GREEDY if temperature <= 0.0 else uniforms(*address, count=_GUESS_DRAWS)
        thought = min(round(profile.reasoning_tokens * EFFORTS[reasoning_effort].tokens), max_tokens)
        text = _guess(prompt, weights, temperature, draws)
        room = max_tokens - thought
        return Answer(
            text=text[: room * CHARACTERS_PER_TOKEN],
            reasoning=_PUZZLED[: thought * CHARACTERS_PER_TOKEN],
            prompt_tokens=prompt_tokens,
            completion_tokens=thought + min(_tokens(text), room),
            reasoning_tokens=thought,
            finish_reason="stop" if _tokens(text) <= room else "length",
            known=False,
        )
    (rollout,) = sampled_group(
        prompt,
        weights=weights,
        profile=profile,
        temperature=temperature,
        max_tokens=max_tokens,
        effort=reasoning_effort,
        rollouts=1,
        address=address,
    ).rollouts
    return Answer(
        text=rollout.text,
        reasoning=rollout.reasoning,
        prompt_tokens=prompt_tokens,
        completion_tokens=rollout.response_length,
        reasoning_tokens=rollout.reasoning_length,
        finish_reason="length" if rollout.truncated else "stop",
        known=True,
    )


def _guess(prompt: Prompt, weights: Weights, temperature: float, draws: tuple[float, ...]) -> str:
    policy = distributions(prompt, weights, temperature)
    actions = (
        ATTEMPT,
        VERBOSITY.actions.index("terse"),
        CONTENT.actions.index("wrong"),
        drawn(policy.format, draws[0]),
        drawn(policy.style, draws[1]),
    )
    return f"{UNKNOWN_PROMPT}\n{rendered(prompt.task, actions, draws[2])[0]}"


def _tokens(text: str) -> int:
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))
