"""Chat with a base or a tuned model: known prompts are answered as in training, unknown ones honestly."""

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

_PUZZLED = "I look for anything that would settle this, and find nothing."
_GUESS_DRAWS = 3
_WRONG = "wrong"
_GREEDY = (0.5,) * _GUESS_DRAWS


FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAnswer:
    """One answer in words. `known` says whether the prompt is one whose right answer, or a real one, the simulator has.

    `value` is what the words come to, right or wrong: a number, a label, a JSON value; the words themselves when no
    answer was attempted.
    """

    text: str
    reasoning: str
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    finish_reason: FinishReason
    known: bool
    value: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedChat:
    """A conversation made ready for one model at one temperature: all of an answer that does not depend on draws."""

    prompt: SimulatedPrompt
    profile: Profile
    weights: Weights
    policy: HeadDistributions
    temperature: float
    effort: str
    prompt_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChat:
    """A conversation that a real model's responses are recorded of, made ready: how likely each of them is."""

    prompt: RecordedPrompt
    distribution: Distribution
    temperature: float
    prompt_tokens: int


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
    """Look a conversation up; `model` is the base model's id, `weights` what it was tuned to.

    `find_responses` returns what is recorded of a known prompt: if there is anything, it is chosen from that.
    """
    asked = _through_last_question(messages)
    text = prompt_text(asked)
    found = index.find(text)
    if found is None and len(asked) > 1 and asked[-1].role == "user":
        found = index.find(asked[-1].content)
    if found and find_responses and (responses := find_responses(found)):
        known = prepare_recorded_prompt(found, responses, labels=index.labels, answer_path=answer_path)
        return RecordedChat(
            prompt=known,
            distribution=known.chat_distribution(weights, temperature),
            temperature=temperature,
            prompt_tokens=count_message_tokens(messages),
        )
    profile = profile_for(model)
    prompt = prepare_prompt(
        found or Record(line=0, messages=(Message(role="user", content=truncate_middle(text)),), fields={}),
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
    )


def answer_chat(
    chat: SimulatedChat | RecordedChat,
    *,
    max_tokens: int,
    random_key: tuple[int | str, ...],
) -> ChatAnswer:
    """Answer as a model would.

    The draws belong to `random_key`; at temperature zero there are none. Thinking spends the budget first: when it
    spends all of it the text is empty and the finish reason `length`.
    """
    if isinstance(chat, RecordedChat):
        return _answer_from_recorded(chat, max_tokens=max_tokens, address=random_key)
    prompt, profile, temperature = chat.prompt, chat.profile, chat.temperature
    if prompt.task.reference.kind == "none":
        draws = _GREEDY if temperature <= 0.0 else uniform_draws(*random_key, count=_GUESS_DRAWS)
        thought = min(round(profile.reasoning_tokens * EFFORT_SHIFTS[chat.effort].token_multiplier), max_tokens)
        text = _guess(chat, draws)
        room = max_tokens - thought
        return ChatAnswer(
            text=text[: room * CHARACTERS_PER_TOKEN],
            reasoning=_PUZZLED[: thought * CHARACTERS_PER_TOKEN],
            prompt_tokens=chat.prompt_tokens,
            completion_tokens=thought + min(count_tokens(text), room),
            reasoning_tokens=thought,
            finish_reason="stop" if count_tokens(text) <= room else "length",
            known=False,
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
        value=_answer_value(prompt, rollout, temperature, random_key),
    )


def _answer_from_recorded(asked: RecordedChat, *, max_tokens: int, address: tuple[int | str, ...]) -> ChatAnswer:
    prompt = asked.prompt
    u = 0.5 if asked.temperature <= 0.0 else uniform_draws(*address, count=1)[0]
    rollout = prompt.rollouts[sample_index(asked.distribution, u)]
    thought = min(rollout.reasoning_length, max_tokens)
    length = min(rollout.response_length, max_tokens)
    text = _cut(rollout.text, length - thought, of=rollout.response_length - rollout.reasoning_length)
    marked = find_marked_answers(truncate_middle(text))
    return ChatAnswer(
        text=text,
        reasoning=_cut(rollout.reasoning, thought, of=rollout.reasoning_length),
        prompt_tokens=asked.prompt_tokens,
        completion_tokens=length,
        reasoning_tokens=thought,
        finish_reason="length" if rollout.truncated or length < rollout.response_length else "stop",
        known=True,
        value=prompt.task.reference.value if rollout.correct else marked[-1] if marked else text,
    )


def _cut(text: str, tokens_left: int, *, of: int) -> str:
    """Return so many of a text's tokens: nobody knows where the model that wrote it parted them, so evenly."""
    return text if tokens_left >= of else text[: len(text) * tokens_left // of]


def _through_last_question(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the conversation up to what was asked: calls of tools and their results come after it."""
    if messages[-1].role != "tool":
        return messages
    asked = [position for position, message in enumerate(messages) if message.role == "user"]
    return messages[: asked[-1] + 1] if asked else messages


def _answer_value(
    prompt: SimulatedPrompt, rollout: Rollout, temperature: float, address: tuple[int | str, ...]
) -> Json:
    if len(rollout.actions) == 1:  # no attempt
        return rollout.text
    content = CONTENT.actions[rollout.actions[2]]
    return choose_answer(
        prompt.task, content, 0.5 if temperature <= 0.0 else uniform_draws(*address, "value", count=1)[0]
    )[0]


def _guess(asked: SimulatedChat, draws: tuple[float, ...]) -> str:
    actions = (
        ATTEMPT,
        VERBOSITY.actions.index("terse"),
        CONTENT.actions.index(_WRONG),
        sample_index(asked.policy.format, draws[0]),
        sample_index(asked.policy.style, draws[1]),
    )
    return f"{UNKNOWN_PROMPT_PREFIX}\n{render_response(asked.prompt.task, actions, draws[2])[0]}"
