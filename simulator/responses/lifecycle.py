"""The operations of the Responses API: create, continue a conversation, background, cancel, delete, compact."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simulator.clock import Clock
from simulator.errors import CANNOT_CANCEL, INVALID_VALUE, MISSING_PARAMETER, NOT_FOUND, WRONG_API, ApiError
from simulator.ids import Ids
from simulator.inference.chat_request import Reply
from simulator.inference.model_catalogue import find_base_model
from simulator.inference.model_inference import Inference
from simulator.responses.compaction import decode_compaction, encode_compaction
from simulator.responses.conversation_items import ITEMS_ADAPTER, chat_request_from, dump_items
from simulator.settings import Settings
from simulator.store.responses import ResponseState, ResponseStore, StoredResponse
from simulator.training.token_counts import count_tokens
from simulator.wire.json_response import Json
from simulator.wire.response_requests import (
    CompactConversation,
    CompactionItem,
    ConversationRequest,
    CreateResponse,
    Item,
    ReferenceItem,
)
from simulator.wire.responses import (
    render_compaction,
    render_output,
    render_response,
    render_response_deletion,
    unfinished_response,
)

V1_PATH: Final = "/v1/responses"

_DAY: Final = 86_400  # seconds
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_MISSING_HINT: Final = (
    "it is unknown, deleted, not stored, expired or in another project, which all have the same answer; "
    "check `store` and the OpenAI-Project header"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedResponse:
    """A response to stream, in its final state. A running response ends when its stream ends."""

    response: Json
    running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedResponse:
    """A new response: `response` is the current state for the caller; `stream` and `reply` are the complete answer."""

    response: Json
    stream: StreamedResponse
    reply: Reply


class Responses:
    """The responses of all projects. `project` is an ARN; responses of other projects do not exist for it."""

    def __init__(
        self,
        *,
        store: ResponseStore,
        inference: Inference,
        ids: Ids,
        ordinals: Iterator[str],
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._store = store
        self._inference = inference
        self._ids = ids
        self._ordinals = ordinals
        self._clock = clock
        self._settings = settings
        self._streaming_ids: set[str] = set()  # ids of responses that run until their stream ends

    def create(self, request: CreateResponse, *, project: str, path: str) -> CreatedResponse:
        """Answer a request to `path`, and store the response unless `store` is false.

        The answer to a background request is computed at once. The caller gets it after enough retrieves or at the end
        of the stream.

        Raises:
            ApiError: the model, the previous response, a schema or an item cannot be used.
        """
        self._check_model(request.model, path)
        previous_items, new_items = self._previous_items(request, project), self._request_items(request, project)
        reply = self._inference.answer(chat_request_from(request, [*previous_items, *new_items]))
        response_id = self._ids.response(next(self._ordinals))
        output = render_output(
            reply, item_id=lambda prefix, position: self._ids.response_item(prefix, response_id, position)
        )
        created_at = self._clock.now()
        complete = render_response(request, response_id=response_id, created_at=created_at, reply=reply, output=output)
        running = bool(request.background)
        if request.store is not False:
            is_stored = self._store.add(
                StoredResponse(
                    id=response_id,
                    project=project,
                    created_at=created_at,
                    state=ResponseState.RUNNING if running else ResponseState.ENDED,
                    body=_encode(complete),
                ),
                previous=request.previous_response_id,
                turn=_encode([*dump_items(new_items), *output]),
                items=[item["id"] for item in output],
                remaining_polls=self._settings.background_retrieves if running else 0,
                min_created_at=self._oldest_created_at,
            )
            if not is_stored:  # another thread deleted the previous response meanwhile
                raise _previous_response_not_found(request.previous_response_id)
        visible = unfinished_response(complete, "in_progress") if running else complete
        return CreatedResponse(
            response=visible, stream=StreamedResponse(response=complete, running=running), reply=reply
        )

    def retrieve(self, response_id: str, *, project: str) -> Json:
        """Return the state of a response. Each retrieve of a background response advances it, unless it streams.

        Raises:
            ApiError: it does not exist.
        """
        read_response = self._store.get if response_id in self._streaming_ids else self._store.retrieve
        return _visible_response(
            _require_found(read_response(project, response_id, min_created_at=self._oldest_created_at), response_id)
        )

    def replay(self, response_id: str, *, project: str) -> StreamedResponse:
        """Return a response to stream.

        Raises:
            ApiError: it does not exist.
        """
        stored = _require_found(
            self._store.get(project, response_id, min_created_at=self._oldest_created_at), response_id
        )
        running = stored.state is ResponseState.RUNNING
        return StreamedResponse(
            response=json.loads(stored.body) if running else _visible_response(stored), running=running
        )

    def stream_until_cancelled(self, response_id: str, batches: Iterator[bytes], *, project: str) -> Iterator[bytes]:
        """Yield the stream of a running response. The response ends before the last batch, which reports its end.

        After a cancel or a delete the stream ends.
        """
        self._streaming_ids.add(response_id)
        try:
            batch = next(batches, b"")
            for next_batch in batches:
                if self._store.get_state(project, response_id, min_created_at=self._oldest_created_at) in (
                    None,
                    ResponseState.CANCELLED,
                ):
                    return
                yield batch
                batch = next_batch
            ended_response = self._store.change_state(
                project, response_id, ResponseState.ENDED, min_created_at=self._oldest_created_at
            )
            if ended_response and ended_response.state is ResponseState.ENDED:
                yield batch
        finally:
            self._streaming_ids.discard(response_id)

    def cancel(self, response_id: str, *, project: str) -> Json:
        """Cancel a background response. Cancelling it again changes nothing (OPENAI).

        Raises:
            ApiError: it does not exist, has ended or is not a background response.
        """
        stored = _require_found(
            self._store.change_state(
                project, response_id, ResponseState.CANCELLED, min_created_at=self._oldest_created_at
            ),
            response_id,
        )
        visible = _visible_response(stored)
        if stored.state is not ResponseState.CANCELLED:
            what = f"{visible['status']} response" if visible["background"] else "synchronous response"
            raise CANNOT_CANCEL(what=what)
        return visible

    def delete(self, response_id: str, *, project: str) -> Json:
        """Delete a response.

        Raises:
            ApiError: it does not exist.
        """
        if not self._store.delete(project, response_id, min_created_at=self._oldest_created_at):
            raise _response_not_found(response_id)
        return render_response_deletion(response_id)

    def compact(self, request: CompactConversation, *, project: str, path: str) -> Json:
        """Return a conversation as one opaque item, which a later input may start with.

        Raises:
            ApiError: the model or the previous response cannot be used, or there is nothing to compact.
        """
        self._check_model(request.model, path)
        if request.input is None and request.previous_response_id is None:
            raise MISSING_PARAMETER(param="input", hint="or `previous_response_id`: there is nothing to compact")
        items = [*self._previous_items(request, project), *self._request_items(request, project)]
        content = encode_compaction(items)
        response_id = self._ids.response(next(self._ordinals))
        return render_compaction(
            response_id=response_id,
            item_id=self._ids.response_item("cmp", response_id, 0),
            created_at=self._clock.now(),
            content=content,
            input_tokens=sum(count_tokens(_encode(item)) for item in dump_items(items)),
            output_tokens=count_tokens(content),
        )

    @property
    def _oldest_created_at(self) -> int:
        return self._clock.now() - self._settings.responses_kept_days * _DAY + 1

    def _check_model(self, model: str, path: str) -> None:
        base = find_base_model(self._inference.find_model(model).base_model)
        if not (base and base.has_responses_api):
            raise WRONG_API(model=model, api=path, hint="Qwen has chat completions only: POST /v1/chat/completions")
        if not (path.startswith(V1_PATH) or self._settings.responses_under_openai_v1):
            raise WRONG_API(
                model=model, api=path, hint=f"this model has the API at {V1_PATH}: use a base URL that ends in /v1"
            )

    def _previous_items(self, request: ConversationRequest, project: str) -> list[Item]:
        """Return the items of the conversation that the request continues."""
        previous = request.previous_response_id
        if previous is None:
            return []
        stored = self._store.get_conversation(project, previous, min_created_at=self._oldest_created_at)
        if stored is None:
            raise _previous_response_not_found(previous)
        if stored.state is ResponseState.RUNNING:
            raise INVALID_VALUE(param="previous_response_id", why=f"response '{previous}' is still in progress")
        return [item for turn in stored.turns for item in ITEMS_ADAPTER.validate_json(turn)]

    def _request_items(self, request: ConversationRequest, project: str) -> list[Item]:
        """Return the items of the request itself, with references and compactions expanded."""
        return [expanded_item for item in request.items for expanded_item in self._expand_item(item, project)]

    def _expand_item(self, item: Item, project: str) -> list[Item]:
        match item:
            case CompactionItem(encrypted_content=content):
                return decode_compaction(content)
            case ReferenceItem(id=item_id):
                stored = self._store.find_by_item(project, item_id, min_created_at=self._oldest_created_at)
                if stored is None or stored.state is not ResponseState.ENDED:
                    raise NOT_FOUND(noun="item", name=item_id, param="input", hint=_MISSING_HINT)
                output = json.loads(stored.body)["output"]
                return ITEMS_ADAPTER.validate_python([item for item in output if item["id"] == item_id])
            case _:
                return [item]


def _require_found(stored: StoredResponse | None, response_id: str) -> StoredResponse:
    if stored is None:
        raise _response_not_found(response_id)
    return stored


def _response_not_found(response_id: str) -> ApiError:
    return NOT_FOUND(noun="response", name=response_id, hint=_MISSING_HINT)


def _previous_response_not_found(response_id: str | None) -> ApiError:
    return NOT_FOUND(noun="response", name=response_id, param="previous_response_id", hint=_MISSING_HINT)


def _visible_response(stored: StoredResponse) -> Json:
    complete = json.loads(stored.body)
    match stored.state:
        case ResponseState.RUNNING:
            return unfinished_response(complete, "in_progress")
        case ResponseState.CANCELLED:
            return unfinished_response(complete, "cancelled")
        case ResponseState.ENDED:
            return complete
