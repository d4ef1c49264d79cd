"""Answers chats with a base or a tuned model.

A known prompt is answered as in training. Another prompt is answered with a guess, and the text says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from simulator.training.dataset import Json, Message, Record, prompt_text
from simulator.training.marked_answers import find_marked_answers
from simulator.training.policy import HeadDistributions, SimulatedPrompt, compute_distributions, prepare_prompt
from simulator.training.policy_actions import ATTEMPT, CONTENT, VERBOSITY
from simulator.training.profiles import EFFORT_SHIFTS, Profile, profile_for
from simulator.training.prompt_index import PromptIndex
from simulator.training.random_draws import uniform_draws
from simulator.training.recorded_policy import RecordedPrompt, prepare_recorded_prompt
from simulator.training.recorded_response import RecordedResponse
from simulator.training.response_text import choose_answer, render_response
from simulator.training.sampling import Rollout, sample_group
from simulator.training.softmax import Distribution, sample_index
from simulator.training.token_counts import CHARACTERS_PER_TOKEN, count_message_tokens, count_tokens, truncate_middle
from simulator.training.weights import BASE_WEIGHTS, Weights

UNKNOWN_PROMPT_PREFIX = "This simulated model has no reference answer for this prompt, so it can only guess:"

_GUESS_REASONING = "I look for anything that would settle this, and find nothing."
_GUESS_DRAWS = 3
_WRONG = "wrong"
_GREEDY_DRAWS = (0.5,) * _GUESS_DRAWS


FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAnswer:
    """The answer to a chat, as text.

    Attributes:
        known: whether the simulator has a reference answer or recorded responses for the prompt.
        is_whole_prompt: whether the whole conversation is the known prompt, and not only its last message.
        value: the right or wrong value of the answer: a number, a label or a JSON value. Without one: the text.
    """

    text: str
    reasoning: str
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    finish_reason: FinishReason
    known: bool
    is_whole_prompt: bool = True
    value: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedChat:
    """A chat for the simulated policy, with everything that does not depend on draws."""

    prompt: SimulatedPrompt
    profile: Profile
    weights: Weights
    policy: HeadDistributions
    temperature: float
    effort: str
    prompt_tokens: int
    is_whole_prompt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChat:
    """A chat whose prompt has recorded responses, with the probability of each."""

    prompt: RecordedPrompt
    distribution: Distribution
    temperature: float
    prompt_tokens: int
    is_whole_prompt: bool


def prepare_chat(
    messages: tuple[Message, ...],
    *,
    model: str,
    weights: Weights = BASE_WEIGHTS,
    index: PromptIndex,
    temperature: float,
    reasoning_effort: str = "medium",
    answer_path: str | None = None,
    find_responses: Callable[[Record], Sequence[RecordedResponse]] | None = None,
) -> SimulatedChat | RecordedChat:
    """Prepare the answer to a conversation. `model` is the base model's id, `weights` are the tuned model's.

    `find_responses` returns the recorded responses of a known prompt. If there are any, one of them is the answer.
    """
    conversation = _drop_tool_messages_at_end(messages)
    text = prompt_text(conversation)
    record = index.find(text)
    is_whole_prompt = record is not None
    if record is None and len(conversation) > 1 and conversation[-1].role == "user":
        record = index.find(conversation[-1].content)
    if record and find_responses and (responses := find_responses(record)):
        recorded_prompt = prepare_recorded_prompt(record, responses, labels=index.labels, answer_path=answer_path)
        return RecordedChat(
            prompt=recorded_prompt,
            distribution=recorded_prompt.chat_distribution(weights, temperature),
            temperature=temperature,
            prompt_tokens=count_message_tokens(messages),
            is_whole_prompt=is_whole_prompt,
        )
    profile = profile_for(model)
    prompt = prepare_prompt(
        record or Record(line=0, messages=(Message(role="user", content=truncate_middle(text)),), fields={}),
        profile=profile,
        labels=index.labels,
        effort=reasoning_effort,
        answer_path=answer_path,
    )
    return SimulatedChat(
        prompt=prompt,
        profile=profile,
        weights=weights,
        policy=compute_distributions(prompt, weights, temperature),
        temperature=temperature,
        effort=reasoning_effort,
        prompt_tokens=count_message_tokens(messages),
        is_whole_prompt=is_whole_prompt,
    )


def answer_chat(
    chat: SimulatedChat | RecordedChat,
    *,
    max_tokens: int,
    random_key: tuple[int | str, ...],
) -> ChatAnswer:
    """Return the answer of the model.

    `random_key` is the key of the random draws. At temperature 0 nothing is drawn. Reasoning uses `max_tokens` first.
    If no tokens are left for the text, the text is empty and the finish reason is `length`.
    """
    if isinstance(chat, RecordedChat):
        return _choose_recorded_answer(chat, max_tokens=max_tokens, random_key=random_key)
    prompt, profile, temperature = chat.prompt, chat.profile, chat.temperature
    if prompt.task.reference.kind == "none":
        draws = _GREEDY_DRAWS if temperature <= 0.0 else uniform_draws(*random_key, count=_GUESS_DRAWS)
        reasoning_tokens = min(
            round(profile.reasoning_tokens * EFFORT_SHIFTS[chat.effort].token_multiplier), max_tokens
        )
        text = _guess(chat, draws)
        tokens_left = max_tokens - reasoning_tokens
        return ChatAnswer(
            text=text[: tokens_left * CHARACTERS_PER_TOKEN],
            reasoning=_GUESS_REASONING[: reasoning_tokens * CHARACTERS_PER_TOKEN],
            prompt_tokens=chat.prompt_tokens,
            completion_tokens=reasoning_tokens + min(count_tokens(text), tokens_left),
            reasoning_tokens=reasoning_tokens,
            finish_reason="stop" if count_tokens(text) <= tokens_left else "length",
            known=False,
            is_whole_prompt=chat.is_whole_prompt,
            value=choose_answer(prompt.task, _WRONG, draws[2])[0],
        )
    (rollout,) = sample_group(
        prompt,
        weights=chat.weights,
        policy=chat.policy,
        profile=profile,
        temperature=temperature,
        max_tokens=max_tokens,
        effort=chat.effort,
        rollouts=1,
        random_key=random_key,
    ).rollouts
    return ChatAnswer(
        text=rollout.text,
        reasoning=rollout.reasoning,
        prompt_tokens=chat.prompt_tokens,
        completion_tokens=rollout.response_length,
        reasoning_tokens=rollout.reasoning_length,
        finish_reason="length" if rollout.truncated else "stop",
        known=True,
        is_whole_prompt=chat.is_whole_prompt,
        value=_answer_value(prompt, rollout, temperature, random_key),
    )


def _choose_recorded_answer(chat: RecordedChat, *, max_tokens: int, random_key: tuple[int | str, ...]) -> ChatAnswer:
    prompt = chat.prompt
    draw = 0.5 if chat.temperature <= 0.0 else uniform_draws(*random_key, count=1)[0]
    rollout = prompt.rollouts[sample_index(chat.distribution, draw)]
    reasoning_tokens = min(rollout.reasoning_length, max_tokens)
    length = min(rollout.response_length, max_tokens)
    text = _truncate(
        rollout.text, length - reasoning_tokens, total_tokens=rollout.response_length - rollout.reasoning_length
    )
    marked_answers = find_marked_answers(truncate_middle(text))
    return ChatAnswer(
        text=text,
        reasoning=_truncate(rollout.reasoning, reasoning_tokens, total_tokens=rollout.reasoning_length),
        prompt_tokens=chat.prompt_tokens,
        completion_tokens=length,
        reasoning_tokens=reasoning_tokens,
        finish_reason="length" if rollout.truncated or length < rollout.response_length else "stop",
        known=True,
        is_whole_prompt=chat.is_whole_prompt,
        value=prompt.task.reference.value if rollout.correct else marked_answers[-1] if marked_answers else text,
    )


def _truncate(text: str, tokens_left: int, *, total_tokens: int) -> str:
    """Return the first `tokens_left` of a text's `total_tokens` tokens. All tokens count as equally long."""
    return text if tokens_left >= total_tokens else text[: len(text) * tokens_left // total_tokens]


def _drop_tool_messages_at_end(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the conversation up to the last question, without the tool calls and results after it."""
    if messages[-1].role != "tool":
        return messages
    questions = [position for position, message in enumerate(messages) if message.role == "user"]
    return messages[: questions[-1] + 1] if questions else messages


def _answer_value(
    prompt: SimulatedPrompt, rollout: Rollout, temperature: float, random_key: tuple[int | str, ...]
) -> Json:
    if len(rollout.actions) == 1:  # the response type is not an attempt at an answer
        return rollout.text
    content = CONTENT.actions[rollout.actions[2]]
    return choose_answer(
        prompt.task, content, 0.5 if temperature <= 0.0 else uniform_draws(*random_key, "value", count=1)[0]
    )[0]


def _guess(chat: SimulatedChat, draws: tuple[float, ...]) -> str:
    actions = (
        ATTEMPT,
        VERBOSITY.actions.index("terse"),
        CONTENT.actions.index(_WRONG),
        sample_index(chat.policy.format, draws[0]),
        sample_index(chat.policy.style, draws[1]),
    )
    return f"{UNKNOWN_PROMPT_PREFIX}\n{render_response(chat.prompt.task, actions, draws[2])[0]}"
