"""Chat with a base or a tuned model: known prompts are answered as in training, unknown ones honestly."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from simulator.training.answer_check import find_marked_answers
from simulator.training.dataset import Json, Message, Record, prompt_text
from simulator.training.policy import (
    BASE_WEIGHTS,
    Distribution,
    HeadDistributions,
    SimulatedPrompt,
    Weights,
    collect_labels,
    compute_distributions,
    prepare_prompt,
)
from simulator.training.policy_actions import ATTEMPT, CONTENT, VERBOSITY
from simulator.training.profiles import EFFORT_SHIFTS, Profile, profile_for
from simulator.training.random_draws import uniform_draws
from simulator.training.recorded_policy import RecordedPrompt, RecordedResponse, prepare_recorded_prompt
from simulator.training.response_text import choose_answer, render_response
from simulator.training.sampling import CHARACTERS_PER_TOKEN, Rollout, sample_group, sample_index
from simulator.training.unicode_normalization import normalize_unicode

UNKNOWN_PROMPT_PREFIX = "This simulated model has no reference answer for this prompt, so it can only guess:"

# What a chat template adds to each message.
_TOKENS_PER_MESSAGE = 4
_PUZZLED = "I look for anything that would settle this, and find nothing."
_GUESS_DRAWS = 3
_WRONG = "wrong"
_GREEDY = (0.5,) * _GUESS_DRAWS

# Spacing and compatibility forms make a text so much longer than what it is compared as, and hardly ever more.
_LOOSE = 8
# What a prompt asks for stands at its beginning or its end: of a longer one so many characters of each are read.
_READ = 32_768

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptIndex:
    """The prompts whose right answer is known: records of uploaded files by their normalised words."""

    records: Mapping[str, Record]
    labels: tuple[str, ...]
    max_characters: int = 0  # characters of the longest of these words

    def find(self, text: str) -> Record | None:
        """Return the record whose prompt a text is; one that is far too long is not even normalised."""
        return self.records.get(normalize_prompt(text)) if len(text) <= _LOOSE * self.max_characters else None


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


def normalize_prompt(text: str) -> str:
    """Return the text as compared between chats and files: case, spacing and compatibility forms do not matter."""
    return " ".join(normalize_unicode(text).casefold().split())


def build_prompt_index(records: Iterable[Record], *, answer_path: str | None = None) -> PromptIndex:
    """Make the index of some records; of two with the same prompt the first one counts."""
    listed = tuple(records)
    by_words: dict[str, Record] = {}
    for record in listed:
        by_words.setdefault(normalize_prompt(prompt_text(record.messages)), record)
    for record in listed:
        # A chat often leaves the system message out.
        by_words.setdefault(normalize_prompt(record.messages[-1].content), record)
    return PromptIndex(
        records=by_words,
        labels=collect_labels(listed, answer_path=answer_path),
        max_characters=max(map(len, by_words), default=0),
    )


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


def count_message_tokens(messages: Iterable[Message]) -> int:
    """Return how many tokens a prompt is taken to be, those around each message included."""
    return sum(count_tokens(message.content) + _TOKENS_PER_MESSAGE for message in messages)


def truncate_middle(text: str) -> str:
    """Return what of a prompt is read for what it asks: all of it, or the beginning and the end of a very long one."""
    return text if len(text) <= 2 * _READ else f"{text[:_READ]}\n{text[-_READ:]}"


def count_tokens(text: str) -> int:
    """Return how many tokens a text is taken to be; nothing is less than one."""
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


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
