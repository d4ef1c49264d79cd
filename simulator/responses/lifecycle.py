"""The Responses API's own doings: answering, going on with a conversation, background, cancelling, compacting."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simulator.clock import Clock
from simulator.errors import CANNOT_CANCEL, INVALID_VALUE, MISSING_PARAMETER, NOT_FOUND, WRONG_API, ApiError
from simulator.ids import Ids
from simulator.inference.chat_request import Reply
from simulator.inference.model_catalogue import base_model
from simulator.inference.model_inference import Inference
from simulator.responses.conversation_items import ITEMS, dumped, packed, unpacked, wish_of
from simulator.settings import Settings
from simulator.store.responses import ResponseState, ResponseStore, StoredResponse
from simulator.training.chat_answers import tokens
from simulator.wire.json_response import Json
from simulator.wire.response_requests import (
    Asked,
    CompactConversation,
    CompactionItem,
    CreateResponse,
    Item,
    ReferenceItem,
)
from simulator.wire.responses import (
    rendered_compaction,
    rendered_deletion,
    rendered_output,
    rendered_response,
    unfinished,
)

V1_PATH: Final = "/v1/responses"

_DAY: Final = 86_400  # seconds
_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode
_GONE: Final = (
    "unknown, deleted, never stored, no longer kept or another project's: the answer is the same; "
    "look at `store` and at the OpenAI-Project header"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A response to be streamed, as it is at its end. A running one ends with its stream, which may be cut off."""

    response: Json
    running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A new response: `shown` as its caller sees it now, `told` as its stream tells it; `reply` is the model's."""

    shown: Json
    told: Told
    reply: Reply


class Responses:
    """The responses of all projects. `project` is an ARN throughout; what another project has is not there."""

    def __init__(
        self,
        *,
        kept: ResponseStore,
        inference: Inference,
        ids: Ids,
        ordinals: Iterator[str],
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._kept = kept
        self._inference = inference
        self._ids = ids
        self._ordinals = ordinals
        self._clock = clock
        self._settings = settings
        self._streamed: set[str] = set()  # those that run for as long as their stream does

    def create(self, wanted: CreateResponse, *, project: str, path: str) -> Created:
        """Answer a request that came in at `path`, and store the answer unless told not to.

        A background response has its answer from the start, and does not show it until it was retrieved often enough,
        or its stream has told all of it.

        Raises:
            ApiError: the model, what came before, a schema or an item is not one to go on with.
        """
        self._check_model(wanted.model, path)
        before, own = self._before(wanted, project), self._own(wanted, project)
        reply = self._inference.answer(wish_of(wanted, [*before, *own]))
        response_id = self._ids.response(next(self._ordinals))
        output = rendered_output(
            reply, name=lambda prefix, position: self._ids.response_item(prefix, response_id, position)
        )
        created_at = self._clock.now()
        whole = rendered_response(wanted, response_id=response_id, created_at=created_at, reply=reply, output=output)
        running = bool(wanted.background)
        if wanted.store is not False:
            kept = self._kept.add(
                StoredResponse(
                    id=response_id,
                    project=project,
                    created_at=created_at,
                    state=ResponseState.RUNNING if running else ResponseState.ENDED,
                    body=_encoded(whole),
                ),
                previous=wanted.previous_response_id,
                turn=_encoded([*dumped(own), *output]),
                items=[item["id"] for item in output],
                remaining_polls=self._settings.background_retrieves if running else 0,
                min_created_at=self._oldest,
            )
            if not kept:  # deleted while this answer was thought of, in another thread
                raise _no_previous(wanted.previous_response_id)
        shown = unfinished(whole, "in_progress") if running else whole
        return Created(shown=shown, told=Told(response=whole, running=running), reply=reply)

    def retrieve(self, response_id: str, *, project: str) -> Json:
        """Return a response as it stands; a background one is brought on by being asked for, or by its stream.

        Raises:
            ApiError: there is none.
        """
        found = self._kept.get if response_id in self._streamed else self._kept.retrieve
        return _shown(_there(found(project, response_id, min_created_at=self._oldest), response_id))

    def replay(self, response_id: str, *, project: str) -> Told:
        """Return a response to be streamed.

        Raises:
            ApiError: there is none.
        """
        kept = _there(self._kept.get(project, response_id, min_created_at=self._oldest), response_id)
        running = kept.state is ResponseState.RUNNING
        return Told(response=json.loads(kept.body) if running else _shown(kept), running=running)

    def until_cancelled(self, response_id: str, batches: Iterator[bytes], *, project: str) -> Iterator[bytes]:
        """Yield the stream of a running response, which ends before the last batch goes out: that one tells of the end.

        Once it was cancelled (or deleted) nothing more comes.
        """
        self._streamed.add(response_id)
        try:
            batch = next(batches, b"")
            for following in batches:
                if self._kept.get_state(project, response_id, min_created_at=self._oldest) in (
                    None,
                    ResponseState.CANCELLED,
                ):
                    return
                yield batch
                batch = following
            ended = self._kept.change_state(project, response_id, ResponseState.ENDED, min_created_at=self._oldest)
            if ended and ended.state is ResponseState.ENDED:
                yield batch
        finally:
            self._streamed.discard(response_id)

    def cancel(self, response_id: str, *, project: str) -> Json:
        """Cancel a background response. Cancelling it again changes nothing (OPENAI).

        Raises:
            ApiError: there is none, or it is at its end, or it never ran in the background.
        """
        kept = _there(
            self._kept.change_state(project, response_id, ResponseState.CANCELLED, min_created_at=self._oldest),
            response_id,
        )
        shown = _shown(kept)
        if kept.state is not ResponseState.CANCELLED:
            what = f"{shown['status']} response" if shown["background"] else "synchronous response"
            raise CANNOT_CANCEL(what=what)
        return shown

    def delete(self, response_id: str, *, project: str) -> Json:
        """Forget a response.

        Raises:
            ApiError: there is none.
        """
        if not self._kept.delete(project, response_id, min_created_at=self._oldest):
            raise _missing(response_id)
        return rendered_deletion(response_id)

    def compact(self, wanted: CompactConversation, *, project: str, path: str) -> Json:
        """Return a conversation as one opaque item, which a later input may begin with.

        Raises:
            ApiError: the model, or what came before, is not one to go on with; or there is nothing to compact.
        """
        self._check_model(wanted.model, path)
        if wanted.input is None and wanted.previous_response_id is None:
            raise MISSING_PARAMETER(param="input", hint="or `previous_response_id`: there is nothing to compact")
        items = [*self._before(wanted, project), *self._own(wanted, project)]
        content = packed(items)
        response_id = self._ids.response(next(self._ordinals))
        return rendered_compaction(
            response_id=response_id,
            item_id=self._ids.response_item("cmp", response_id, 0),
            created_at=self._clock.now(),
            content=content,
            input_tokens=sum(tokens(_encoded(item)) for item in dumped(items)),
            output_tokens=tokens(content),
        )

    @property
    def _oldest(self) -> int:
        return self._clock.now() - self._settings.responses_kept_days * _DAY + 1

    def _check_model(self, model: str, path: str) -> None:
        base = base_model(self._inference.served(model).base_model)
        if not (base and base.responses):
            raise WRONG_API(model=model, api=path, hint="Qwen has chat completions only: POST /v1/chat/completions")
        if not (path.startswith(V1_PATH) or self._settings.responses_under_openai_v1):
            raise WRONG_API(model=model, api=path, hint=f"it has it at {V1_PATH}: set the base URL to end in /v1")

    def _before(self, wanted: Asked, project: str) -> list[Item]:
        """Return the items of the conversation that the request goes on with."""
        previous = wanted.previous_response_id
        if previous is None:
            return []
        kept = self._kept.get_conversation(project, previous, min_created_at=self._oldest)
        if kept is None:
            raise _no_previous(previous)
        if kept.state is ResponseState.RUNNING:
            raise INVALID_VALUE(param="previous_response_id", why=f"response '{previous}' is still in progress")
        return [item for turn in kept.turns for item in ITEMS.validate_json(turn)]

    def _own(self, wanted: Asked, project: str) -> list[Item]:
        """Return the request's own items, each in full."""
        return [full for item in wanted.items for full in self._in_full(item, project)]

    def _in_full(self, item: Item, project: str) -> list[Item]:
        match item:
            case CompactionItem(encrypted_content=content):
                return unpacked(content)
            case ReferenceItem(id=name):
                kept = self._kept.find_by_item(project, name, min_created_at=self._oldest)
                if kept is None or kept.state is not ResponseState.ENDED:
                    raise NOT_FOUND(noun="item", name=name, param="input", hint=_GONE)
                output = json.loads(kept.body)["output"]
                return ITEMS.validate_python([one for one in output if one["id"] == name])
            case _:
                return [item]


def _there(kept: StoredResponse | None, response_id: str) -> StoredResponse:
    if kept is None:
        raise _missing(response_id)
    return kept


def _missing(response_id: str) -> ApiError:
    return NOT_FOUND(noun="response", name=response_id, hint=_GONE)


def _no_previous(response_id: str | None) -> ApiError:
    return NOT_FOUND(noun="response", name=response_id, param="previous_response_id", hint=_GONE)


def _shown(kept: StoredResponse) -> Json:
    whole = json.loads(kept.body)
    match kept.state:
        case ResponseState.RUNNING:
            return unfinished(whole, "in_progress")
        case ResponseState.CANCELLED:
            return unfinished(whole, "cancelled")
        case ResponseState.ENDED:
            return whole
