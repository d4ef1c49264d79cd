"""Chat with a base or a tuned model: known prompts are answered as in training, unknown ones honestly."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from simulator.training.answer_check import marked_answers
from simulator.training.dataset import Json, Message, Record, prompt_text
from simulator.training.policy import (
    BASE,
    Distribution,
    Distributions,
    Prompt,
    Weights,
    distributions,
    labels_of,
    prepare,
)
from simulator.training.policy_actions import ATTEMPT, CONTENT, VERBOSITY
from simulator.training.profiles import EFFORTS, Profile, profile_for
from simulator.training.random_draws import uniforms
from simulator.training.recorded_policy import RecordedPrompt, Response, recorded_prompt
from simulator.training.response_text import answered, rendered
from simulator.training.sampling import CHARACTERS_PER_TOKEN, Rollout, drawn, sampled_group
from simulator.training.unicode_normalization import normal_form

UNKNOWN_PROMPT = "This simulated model has no reference answer for this prompt, so it can only guess:"

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
    longest: int = 0  # characters of the longest of these words

    def found(self, text: str) -> Record | None:
        """Return the record whose prompt a text is; one that is far too long is not even normalised."""
        return self.records.get(normalised(text)) if len(text) <= _LOOSE * self.longest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
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


def normalised(text: str) -> str:
    """Return the text as compared between chats and files: case, spacing and compatibility forms do not matter."""
    return " ".join(normal_form(text).casefold().split())


def indexed(records: Iterable[Record], *, answer_path: str | None = None) -> PromptIndex:
    """Make the index of some records; of two with the same prompt the first one counts."""
    listed = tuple(records)
    by_words: dict[str, Record] = {}
    for record in listed:
        by_words.setdefault(normalised(prompt_text(record.messages)), record)
    for record in listed:
        # A chat often leaves the system message out.
        by_words.setdefault(normalised(record.messages[-1].content), record)
    return PromptIndex(
        records=by_words,
        labels=labels_of(listed, answer_path=answer_path),
        longest=max(map(len, by_words), default=0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A conversation made ready for one model at one temperature: all of an answer that does not depend on draws."""

    prompt: Prompt
    profile: Profile
    weights: Weights
    policy: Distributions
    temperature: float
    effort: str
    prompt_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """A conversation that a real model's responses are recorded of, made ready: how likely each of them is."""

    prompt: RecordedPrompt
    likelihoods: Distribution
    temperature: float
    prompt_tokens: int


def question(
    messages: tuple[Message, ...],
    *,
    model: str,
    weights: Weights = BASE,
    index: PromptIndex,
    temperature: float,
    reasoning_effort: str = "medium",
    answer_path: str | None = None,
    recorded: Callable[[Record], Sequence[Response]] | None = None,
) -> Question | Recollection:
    """Look a conversation up; `model` is the base model's id, `weights` what it was tuned to.

    `recorded` returns what is recorded of a known prompt: if there is anything, it is chosen from that.
    """
    asked = _asked(messages)
    text = prompt_text(asked)
    found = index.found(text)
    if found is None and len(asked) > 1 and asked[-1].role == "user":
        found = index.found(asked[-1].content)
    if found and recorded and (responses := recorded(found)):
        known = recorded_prompt(found, responses, labels=index.labels, answer_path=answer_path)
        return Recollection(
            prompt=known,
            likelihoods=known.likelihoods(weights, temperature),
            temperature=temperature,
            prompt_tokens=prompt_length(messages),
        )
    profile = profile_for(model)
    prompt = prepare(
        found or Record(line=0, messages=(Message(role="user", content=read(text)),), fields={}),
        profile=profile,
        labels=index.labels,
        effort=reasoning_effort,
        answer_path=answer_path,
    )
    return Question(
        prompt=prompt,
        profile=profile,
        weights=weights,
        policy=distributions(prompt, weights, temperature),
        temperature=temperature,
        effort=reasoning_effort,
        prompt_tokens=prompt_length(messages),
    )


def answer(
    asked: Question | Recollection,
    *,
    max_tokens: int,
    address: tuple[int | str, ...],
) -> Answer:
    """Answer as a model would.

    The draws belong to `address`; at temperature zero there are none. Thinking spends the budget first: when it
    spends all of it the text is empty and the finish reason `length`.
    """
    if isinstance(asked, Recollection):
        return _recalled(asked, max_tokens=max_tokens, address=address)
    prompt, profile, temperature = asked.prompt, asked.profile, asked.temperature
    if prompt.task.gold.kind == "none":
        draws = _GREEDY if temperature <= 0.0 else uniforms(*address, count=_GUESS_DRAWS)
        thought = min(round(profile.reasoning_tokens * EFFORTS[asked.effort].tokens), max_tokens)
        text = _guess(asked, draws)
        room = max_tokens - thought
        return Answer(
            text=text[: room * CHARACTERS_PER_TOKEN],
            reasoning=_PUZZLED[: thought * CHARACTERS_PER_TOKEN],
            prompt_tokens=asked.prompt_tokens,
            completion_tokens=thought + min(tokens(text), room),
            reasoning_tokens=thought,
            finish_reason="stop" if tokens(text) <= room else "length",
            known=False,
            value=answered(prompt.task, _WRONG, draws[2])[0],
        )
    (rollout,) = sampled_group(
        prompt,
        weights=asked.weights,
        policy=asked.policy,
        profile=profile,
        temperature=temperature,
        max_tokens=max_tokens,
        effort=asked.effort,
        rollouts=1,
        address=address,
    ).rollouts
    return Answer(
        text=rollout.text,
        reasoning=rollout.reasoning,
        prompt_tokens=asked.prompt_tokens,
        completion_tokens=rollout.response_length,
        reasoning_tokens=rollout.reasoning_length,
        finish_reason="length" if rollout.truncated else "stop",
        known=True,
        value=_value(prompt, rollout, temperature, address),
    )


def _recalled(asked: Recollection, *, max_tokens: int, address: tuple[int | str, ...]) -> Answer:
    prompt = asked.prompt
    u = 0.5 if asked.temperature <= 0.0 else uniforms(*address, count=1)[0]
    rollout = prompt.rollouts[drawn(asked.likelihoods, u)]
    thought = min(rollout.reasoning_length, max_tokens)
    length = min(rollout.response_length, max_tokens)
    text = _cut(rollout.text, length - thought, of=rollout.response_length - rollout.reasoning_length)
    marked = marked_answers(read(text))
    return Answer(
        text=text,
        reasoning=_cut(rollout.reasoning, thought, of=rollout.reasoning_length),
        prompt_tokens=asked.prompt_tokens,
        completion_tokens=length,
        reasoning_tokens=thought,
        finish_reason="length" if rollout.truncated or length < rollout.response_length else "stop",
        known=True,
        value=prompt.task.gold.value if rollout.correct else marked[-1] if marked else text,
    )


def _cut(text: str, tokens_left: int, *, of: int) -> str:
    """Return so many of a text's tokens: nobody knows where the model that wrote it parted them, so evenly."""
    return text if tokens_left >= of else text[: len(text) * tokens_left // of]


def prompt_length(messages: Iterable[Message]) -> int:
    """Return how many tokens a prompt is taken to be, those around each message included."""
    return sum(tokens(message.content) + _TOKENS_PER_MESSAGE for message in messages)


def read(text: str) -> str:
    """Return what of a prompt is read for what it asks: all of it, or the beginning and the end of a very long one."""
    return text if len(text) <= 2 * _READ else f"{text[:_READ]}\n{text[-_READ:]}"


def tokens(text: str) -> int:
    """Return how many tokens a text is taken to be; nothing is less than one."""
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


def _asked(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the conversation up to what was asked: calls of tools and their results come after it."""
    if messages[-1].role != "tool":
        return messages
    asked = [position for position, message in enumerate(messages) if message.role == "user"]
    return messages[: asked[-1] + 1] if asked else messages


def _value(prompt: Prompt, rollout: Rollout, temperature: float, address: tuple[int | str, ...]) -> Json:
    if len(rollout.actions) == 1:  # no attempt
        return rollout.text
    content = CONTENT.actions[rollout.actions[2]]
    return answered(prompt.task, content, 0.5 if temperature <= 0.0 else uniforms(*address, "value", count=1)[0])[0]


def _guess(asked: Question, draws: tuple[float, ...]) -> str:
    actions = (
        ATTEMPT,
        VERBOSITY.actions.index("terse"),
        CONTENT.actions.index(_WRONG),
        drawn(asked.policy.format, draws[0]),
        drawn(asked.policy.style, draws[1]),
    )
    return f"{UNKNOWN_PROMPT}\n{rendered(asked.prompt.task, actions, draws[2])[0]}"
