"""Chat with base, checkpoint and tuned models: which weights a model id means, and what the policy answers."""

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

# INFERRED: what the service allows when the caller sets no budget is not published.
DEFAULT_MAX_TOKENS: Final = 8192

_REMEMBERED: Final = 100_000  # requests; beyond that the counting begins anew
# Longer conversations are looked up anew each time, so that what is remembered stays within some tens of megabytes.
_REMEMBERED_CHARACTERS: Final = 4_096
_ANY_COUNT: Final = DatasetLimits(min_records=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model that answers: the base model behind it, what it was tuned to, and whose it is (None: everybody's)."""

    base_model: str
    weights: Weights
    account: str | None = None


class Inference:
    """Answers chats. Prompts of uploaded files are known; `known` of an answer says whether this one is.

    What `replay` holds of a known prompt is a model's answer to it, in place of the simulated policy's.
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
        self._replay = response_folder
        self._lock = Lock()
        self._indexed_generation = -1  # the generation of files that the index is of; -1 before the first
        self._index = PromptIndex(records={}, labels=())
        self._request_counts: Counter[str] = Counter()  # how often each request was made
        self._records = lru_cache(maxsize=32)(self._read_upload)
        self._prepared_chats = lru_cache(maxsize=4096)(self._prepare_chat)
        self._tuned: dict[str, ServedModel] = {}

    @property
    def is_index_current(self) -> bool:
        """Whether the index of prompts is that of the uploads as they are now; likewise what is recorded of them."""
        return self._files.generation == self._indexed_generation and (self._replay is None or self._replay.is_current)

    def refresh_index(self) -> None:
        """Index the prompts of every upload, the latest first. Reads whole files: not for the event loop.

        Raises:
            UpstreamError: what is recorded of them cannot be read.
        """
        if self._replay:
            self._replay.refresh()
        with self._lock:
            generation = self._files.generation
            if generation != self._indexed_generation:
                self._index = build_prompt_index(
                    (record for sha256 in self._files.all_sha256s() for record in self._records(sha256)),
                    answer_path=self._answer_path,
                )
                self._indexed_generation = generation

    def find_model(self, model_id: str) -> ServedModel:
        """Return the model behind an id.

        Raises:
            ApiError: neither a base model nor one that a job has made.
        """
        if base := find_base_model(model_id):
            return ServedModel(base_model=base.id, weights=BASE_WEIGHTS)
        if model_id not in self._tuned:
            model = self._models.get(model_id)
            if model is None:
                raise _model_not_found(model_id)
            self._tuned[model_id] = ServedModel(
                base_model=model.base_model, weights=load_weights(model.weights), account=model.account
            )
        return self._tuned[model_id]

    def check_access(self, model_id: str, *, account: str) -> None:
        """Make sure that an account has a model.

        Raises:
            ApiError: there is none of that id, or it is another account's: the answer is the same.
        """
        if self.find_model(model_id).account not in (None, account):
            raise _model_not_found(model_id)

    def answer(self, request: ChatRequest) -> Reply:
        """Return the model's answer: the only one of `answers`.

        Raises:
            ApiError: no such model.
        """
        return self.answers(request, 1)[0]

    def answers(self, request: ChatRequest, count: int) -> tuple[Reply, ...]:
        """Return `count` answers to the same wish.

        The draws belong to the request and to how often the very same one was made before (with a `seed`: to the
        request alone), not to when it came: a grader that asks side by side gets the same answers in every run. At
        temperature 0 there are none.

        Raises:
            ApiError: no such model.
        """
        messages = tuple([Message(role=turn.role, content=turn.content) for turn in request.messages])
        short = sum(len(message.content) for message in messages) <= _REMEMBERED_CHARACTERS
        # A folder of responses may grow at any time.
        question_of = self._prepared_chats if short and self._replay is None else self._prepare_chat
        asked = question_of(
            messages, request.model, request.temperature, request.reasoning_effort, self._indexed_generation
        )
        address = (self._seed, "chat", *self._random_key(_request_digest(request), request.seed))
        max_tokens = request.max_tokens or DEFAULT_MAX_TOKENS
        replies: list[Reply] = []
        for choice in range(count):
            own = (*address, "choice", choice) if choice else address
            words = answer_chat(
                asked,
                max_tokens=max_tokens if request.reasoning_enabled else DEFAULT_MAX_TOKENS,
                random_key=own,
            )
            replies.append(compose_reply(request, words, max_tokens=max_tokens, random_key=own))
        return tuple(replies)

    def _prepare_chat(
        self,
        messages: tuple[Message, ...],
        model: str,
        temperature: float,
        effort: str,
        generation: int,  # noqa: ARG002  of the index: what is remembered of an older one is not asked for again
    ) -> SimulatedChat | RecordedChat:
        served = self.find_model(model)
        # What a simulated policy learned, before there was such a folder, cannot choose among responses.
        replay = None if any(map(any, served.weights.columns)) else self._replay
        return prepare_chat(
            messages,
            model=served.base_model,
            weights=served.weights,
            index=self._index,
            temperature=temperature,
            reasoning_effort=effort,
            answer_path=self._answer_path,
            find_responses=partial(replay.find_responses, model=served.base_model) if replay else None,
        )

    def _random_key(self, request: str, seed: int | None) -> tuple[str | int, ...]:
        if seed is not None:
            return (request, "seed", seed)
        with self._lock:
            self._request_counts[request] += 1
            if len(self._request_counts) > _REMEMBERED:
                self._request_counts.clear()
                self._request_counts[request] = 1
            return (request, "time", self._request_counts[request])

    def _read_upload(self, sha256: str) -> tuple[Record, ...]:
        try:
            with self._uploads.open(sha256) as stream:
                return read_records(stream, _ANY_COUNT)
        except (DatasetError, FileNotFoundError):
            return ()  # its job, if there is one, says what is wrong with it


def _request_digest(wish: ChatRequest) -> str:
    """Return what tells a request from others: what is asked of whom, an alias being the model that it stands for."""
    model = find_base_model(wish.model)
    return digest(
        model.id if model else wish.model,
        *wish.messages,
        *wish.tools,
        wish.tool_choice,
        wish.json_schema,
        wish.temperature,
        wish.max_tokens,
        wish.reasoning_effort,
    ).hex()


def _model_not_found(model_id: str) -> ApiError:
    return MODEL_NOT_FOUND(model=model_id, hint=missing_model_hint(model_id))
