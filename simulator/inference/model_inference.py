"""Answers requests to base models, checkpoints and tuned models: finds the weights and runs the policy."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import Lock
from typing import Final

from simulator.errors import MODEL_NOT_FOUND, ApiError
from simulator.ids import digest
from simulator.inference.chat_request import ChatRequest, Reply
from simulator.inference.model_catalogue import find_base_model, missing_model_hint
from simulator.inference.replies import compose_reply
from simulator.store.blobs import BlobStore
from simulator.store.files import FileStore
from simulator.store.models import ModelStore
from simulator.training.chat_answers import RecordedChat, SimulatedChat, answer_chat, prepare_chat
from simulator.training.checkpoint import load_weights
from simulator.training.dataset import DatasetError, DatasetLimits, Message, Record, read_records
from simulator.training.prompt_index import PromptIndex, build_prompt_index
from simulator.training.weights import BASE_WEIGHTS, Weights
from simulator.upstream.response_folder import ResponseFolder

# INFERRED: the service's limit for requests without `max_tokens` is not published.
DEFAULT_MAX_TOKENS: Final = 8192

_MAX_COUNTED: Final = 100_000  # different requests; then the counts start again
# Longer conversations are not cached, so that the cache stays within some tens of megabytes.
_MAX_CACHED_CHARACTERS: Final = 4_096
_ANY_COUNT: Final = DatasetLimits(min_records=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model to answer with: its base model, its weights and the account that owns it (None: no owner)."""

    base_model: str
    weights: Weights
    account: str | None = None


class Inference:
    """Answers requests. The prompts of uploaded files have known answers; other prompts get a guess.

    For a known prompt with responses in `response_folder` the answer is one of these, not the simulated policy's.
    """

    def __init__(
        self,
        *,
        files: FileStore,
        models: ModelStore,
        uploads: BlobStore,
        seed: int,
        answer_path: str | None,
        response_folder: ResponseFolder | None = None,
    ) -> None:
        self._files = files
        self._models = models
        self._uploads = uploads
        self._seed = seed
        self._answer_path = answer_path
        self._response_folder = response_folder
        self._lock = Lock()
        self._indexed_generation = -1  # the generation of files of the index; -1: no index yet
        self._index = PromptIndex(records={}, labels=())
        self._request_counts: Counter[str] = Counter()  # by digest of the request
        self._records = lru_cache(maxsize=32)(self._read_upload)
        self._prepared_chats = lru_cache(maxsize=4096)(self._prepare_chat)
        self._tuned_models: dict[str, ServedModel] = {}

    @property
    def is_index_current(self) -> bool:
        """Whether the index of prompts and the folder of responses are up to date."""
        return self._files.generation == self._indexed_generation and (
            self._response_folder is None or self._response_folder.is_current
        )

    def refresh_index(self) -> None:
        """Index the prompts of all uploads, newest first. Reads whole files: do not call it in the event loop.

        Raises:
            UpstreamError: the folder of responses cannot be read.
        """
        if self._response_folder:
            self._response_folder.refresh()
        with self._lock:
            generation = self._files.generation
            if generation != self._indexed_generation:
                self._index = build_prompt_index(
                    (record for sha256 in self._files.all_sha256s() for record in self._records(sha256)),
                    answer_path=self._answer_path,
                )
                self._indexed_generation = generation

    def find_model(self, model_id: str) -> ServedModel:
        """Return the model with this id.

        Raises:
            ApiError: there is no such base model, tuned model or checkpoint.
        """
        if base := find_base_model(model_id):
            return ServedModel(base_model=base.id, weights=BASE_WEIGHTS)
        if model_id not in self._tuned_models:
            model = self._models.get(model_id)
            if model is None:
                raise _model_not_found(model_id)
            self._tuned_models[model_id] = ServedModel(
                base_model=model.base_model, weights=load_weights(model.weights), account=model.account
            )
        return self._tuned_models[model_id]

    def check_access(self, model_id: str, *, account: str) -> None:
        """Check that an account may use a model.

        Raises:
            ApiError: the model does not exist or belongs to another account; both have the same error.
        """
        if self.find_model(model_id).account not in (None, account):
            raise _model_not_found(model_id)

    def answer(self, request: ChatRequest) -> Reply:
        """Return one reply, as `answers` does.

        Raises:
            ApiError: no such model.
        """
        return self.answers(request, 1)[0]

    def answers(self, request: ChatRequest, count: int) -> tuple[Reply, ...]:
        """Return `count` replies to the same request.

        The random draws depend on the request and on its `seed`. Without a `seed` they depend on the number of equal
        requests before it. They do not depend on the time, so a reward function with concurrent requests gets the same
        replies in every run. At temperature 0 there are no draws.

        Raises:
            ApiError: no such model.
        """
        messages = tuple([Message(role=turn.role, content=turn.content) for turn in request.messages])
        is_short = sum(len(message.content) for message in messages) <= _MAX_CACHED_CHARACTERS
        # The folder of responses may change at any time, so its answers are not cached.
        prepare = self._prepared_chats if is_short and self._response_folder is None else self._prepare_chat
        chat = prepare(messages, request.model, request.temperature, request.reasoning_effort, self._indexed_generation)
        random_key = (self._seed, "chat", *self._random_key(_request_digest(request), request.seed))
        max_tokens = request.max_tokens or DEFAULT_MAX_TOKENS
        replies: list[Reply] = []
        for choice in range(count):
            choice_key = (*random_key, "choice", choice) if choice else random_key
            answer = answer_chat(
                chat,
                max_tokens=max_tokens if request.reasoning_enabled else DEFAULT_MAX_TOKENS,
                random_key=choice_key,
            )
            replies.append(compose_reply(request, answer, max_tokens=max_tokens, random_key=choice_key))
        return tuple(replies)

    def _prepare_chat(
        self,
        messages: tuple[Message, ...],
        model: str,
        temperature: float,
        effort: str,
        generation: int,  # noqa: ARG002  part of the key of the cache
    ) -> SimulatedChat | RecordedChat:
        served_model = self.find_model(model)
        # Weights of the simulated policy cannot choose among recorded responses.
        response_folder = None if any(map(any, served_model.weights.columns)) else self._response_folder
        return prepare_chat(
            messages,
            model=served_model.base_model,
            weights=served_model.weights,
            index=self._index,
            temperature=temperature,
            reasoning_effort=effort,
            answer_path=self._answer_path,
            find_responses=partial(response_folder.find_responses, model=served_model.base_model)
            if response_folder
            else None,
        )

    def _random_key(self, request: str, seed: int | None) -> tuple[str | int, ...]:
        if seed is not None:
            return (request, "seed", seed)
        with self._lock:
            self._request_counts[request] += 1
            if len(self._request_counts) > _MAX_COUNTED:
                self._request_counts.clear()
                self._request_counts[request] = 1
            return (request, "time", self._request_counts[request])

    def _read_upload(self, sha256: str) -> tuple[Record, ...]:
        try:
            with self._uploads.open(sha256) as stream:
                return read_records(stream, _ANY_COUNT)
        except (DatasetError, FileNotFoundError):
            return ()  # a job with this file reports the error


def _request_digest(request: ChatRequest) -> str:
    """Return a digest of a request. An alias has the digest of its model."""
    model = find_base_model(request.model)
    return digest(
        model.id if model else request.model,
        *request.messages,
        *request.tools,
        request.tool_choice,
        request.json_schema,
        request.temperature,
        request.max_tokens,
        request.reasoning_effort,
    ).hex()


def _model_not_found(model_id: str) -> ApiError:
    return MODEL_NOT_FOUND(model=model_id, hint=missing_model_hint(model_id))
