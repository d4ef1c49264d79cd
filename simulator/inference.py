"""Chat with base, checkpoint and tuned models: which weights a model id means, and what the policy answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Final

from simulator.catalogue import base_model
from simulator.errors import MODEL_NOT_FOUND
from simulator.ids import digest
from simulator.store.database import Database
from simulator.store.uploads import Uploads
from simulator.training.answering import Answer, PromptIndex, answer, indexed
from simulator.training.checkpoint import loaded
from simulator.training.dataset import DatasetError, DatasetLimits, Message, Record, read_records
from simulator.training.policy import BASE, Weights

# INFERRED: what the service allows when the caller sets no budget is not published.
DEFAULT_MAX_TOKENS: Final = 8192

_REMEMBERED: Final = 100_000  # requests; beyond that the counting begins anew
_ANY_COUNT: Final = DatasetLimits(min_records=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model that answers: the base model behind it, and what it was tuned to."""

    base_model: str
    weights: Weights


class Inference:
    """Answers chats. Prompts of uploaded files are known; `known` of an answer says whether this one is."""

    def __init__(self, *, database: Database, uploads: Uploads, seed: int, answer_path: str | None) -> None:
        self._database = database
        self._uploads = uploads
        self._seed = seed
        self._answer_path = answer_path
        self._lock = Lock()
        self._indexed: tuple[str, ...] = ()
        self._index = PromptIndex(records={}, labels=())
        self._asked: Counter[str] = Counter()  # how often each request was made
        self._records = lru_cache(maxsize=32)(self._read)
        self._tuned: dict[str, Served] = {}

    @property
    def knows_all_uploads(self) -> bool:
        """Whether the index of prompts is that of the uploads as they are now."""
        return tuple(self._database.shas()) == self._indexed

    def learn_uploads(self) -> None:
        """Index the prompts of every upload, the latest first. Reads whole files: not for the event loop."""
        with self._lock:
            shas = tuple(self._database.shas())
            if shas != self._indexed:
                self._index = indexed(
                    (record for sha256 in shas for record in self._records(sha256)), answer_path=self._answer_path
                )
                self._indexed = shas

    def served(self, model_id: str) -> Served:
        """Return the model behind an id.

        Raises:
            ApiError: neither a base model nor one that a job has made.
        """
        if base := base_model(model_id):
            return Served(base_model=base.id, weights=BASE)
        if model_id not in self._tuned:
            model = self._database.model(model_id)
            if model is None:
                raise MODEL_NOT_FOUND(model=model_id, hint="a tuned model exists once its job has succeeded")
            self._tuned[model_id] = Served(base_model=model.base_model, weights=loaded(model.weights))
        return self._tuned[model_id]

    def answer(
        self,
        model_id: str,
        messages: Sequence[Message],
        *,
        temperature: float,
        max_tokens: int | None,
        reasoning_effort: str,
        seed: int | None,
    ) -> Answer:
        """Return the model's answer.

        Its draws belong to the request and to how often the very same one was made before (with a `seed`: to the
        request alone), not to when it came: a grader that asks side by side gets the same answers in every run. At
        temperature 0 there are none.

        Raises:
            ApiError: no such model.
        """
        served = self.served(model_id)
        request = digest(model_id, *messages, temperature, max_tokens, reasoning_effort).hex()
        return answer(
            tuple(messages),
            model=served.base_model,
            weights=served.weights,
            index=self._index,
            answer_path=self._answer_path,
            temperature=temperature,
            max_tokens=max_tokens or DEFAULT_MAX_TOKENS,
            reasoning_effort=reasoning_effort,
            address=(self._seed, "chat", *self._address(request, seed)),
        )

    def _address(self, request: str, seed: int | None) -> tuple[str | int, ...]:
        if seed is not None:
            return (request, "seed", seed)
        with self._lock:
            self._asked[request] += 1
            if len(self._asked) > _REMEMBERED:
                self._asked.clear()
                self._asked[request] = 1
            return (request, "time", self._asked[request])

    def _read(self, sha256: str) -> tuple[Record, ...]:
        try:
            with self._uploads.reading(sha256) as stream:
                return read_records(stream, _ANY_COUNT)
        except (DatasetError, FileNotFoundError):
            return ()  # its job, if there is one, says what is wrong with it
