"""The Responses API's own doings: answering, going on with a conversation, background, cancelling, compacting."""

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
_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode
_GONE: Final = (
    "unknown, deleted, never stored, no longer kept or another project's: the answer is the same; "
    "look at `store` and at the OpenAI-Project header"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedResponse:
    """A response to be streamed, as it is at its end. A running one ends with its stream, which may be cut off."""

    response: Json
    running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedResponse:
    """A new response: `response` as its caller sees it now, `stream` as its stream tells it; `reply` is the model's."""

    response: Json
    stream: StreamedResponse
    reply: Reply


class Responses:
    """The responses of all projects. `project` is an ARN throughout; what another project has is not there."""

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
        self._kept = store
        self._inference = inference
        self._ids = ids
        self._ordinals = ordinals
        self._clock = clock
        self._settings = settings
        self._streamed: set[str] = set()  # those that run for as long as their stream does

    def create(self, request: CreateResponse, *, project: str, path: str) -> CreatedResponse:
        """Answer a request that came in at `path`, and store the answer unless told not to.

        A background response has its answer from the start, and does not show it until it was retrieved often enough,
        or its stream has told all of it.

        Raises:
            ApiError: the model, what came before, a schema or an item is not one to go on with.
        """
        self._check_model(request.model, path)
        before, own = self._previous_items(request, project), self._request_items(request, project)
        reply = self._inference.answer(chat_request_from(request, [*before, *own]))
        response_id = self._ids.response(next(self._ordinals))
        output = render_output(
            reply, item_id=lambda prefix, position: self._ids.response_item(prefix, response_id, position)
        )
        created_at = self._clock.now()
        whole = render_response(request, response_id=response_id, created_at=created_at, reply=reply, output=output)
        running = bool(request.background)
        if request.store is not False:
            kept = self._kept.add(
                StoredResponse(
                    id=response_id,
                    project=project,
                    created_at=created_at,
                    state=ResponseState.RUNNING if running else ResponseState.ENDED,
                    body=_encoded(whole),
                ),
                previous=request.previous_response_id,
                turn=_encoded([*dump_items(own), *output]),
                items=[item["id"] for item in output],
                remaining_polls=self._settings.background_retrieves if running else 0,
                min_created_at=self._oldest_created_at,
            )
            if not kept:  # deleted while this answer was thought of, in another thread
                raise _previous_response_not_found(request.previous_response_id)
        shown = unfinished_response(whole, "in_progress") if running else whole
        return CreatedResponse(response=shown, stream=StreamedResponse(response=whole, running=running), reply=reply)

    def retrieve(self, response_id: str, *, project: str) -> Json:
        """Return a response as it stands; a background one is brought on by being asked for, or by its stream.

        Raises:
            ApiError: there is none.
        """
        found = self._kept.get if response_id in self._streamed else self._kept.retrieve
        return _visible_response(
            _require_found(found(project, response_id, min_created_at=self._oldest_created_at), response_id)
        )

    def replay(self, response_id: str, *, project: str) -> StreamedResponse:
        """Return a response to be streamed.

        Raises:
            ApiError: there is none.
        """
        kept = _require_found(self._kept.get(project, response_id, min_created_at=self._oldest_created_at), response_id)
        running = kept.state is ResponseState.RUNNING
        return StreamedResponse(response=json.loads(kept.body) if running else _visible_response(kept), running=running)

    def stream_until_cancelled(self, response_id: str, batches: Iterator[bytes], *, project: str) -> Iterator[bytes]:
        """Yield the stream of a running response, which ends before the last batch goes out: that one tells of the end.

        Once it was cancelled (or deleted) nothing more comes.
        """
        self._streamed.add(response_id)
        try:
            batch = next(batches, b"")
            for following in batches:
                if self._kept.get_state(project, response_id, min_created_at=self._oldest_created_at) in (
                    None,
                    ResponseState.CANCELLED,
                ):
                    return
                yield batch
                batch = following
            ended = self._kept.change_state(
                project, response_id, ResponseState.ENDED, min_created_at=self._oldest_created_at
            )
            if ended and ended.state is ResponseState.ENDED:
                yield batch
        finally:
            self._streamed.discard(response_id)

    def cancel(self, response_id: str, *, project: str) -> Json:
        """Cancel a background response. Cancelling it again changes nothing (OPENAI).

        Raises:
            ApiError: there is none, or it is at its end, or it never ran in the background.
        """
        kept = _require_found(
            self._kept.change_state(
                project, response_id, ResponseState.CANCELLED, min_created_at=self._oldest_created_at
            ),
            response_id,
        )
        shown = _visible_response(kept)
        if kept.state is not ResponseState.CANCELLED:
            what = f"{shown['status']} response" if shown["background"] else "synchronous response"
            raise CANNOT_CANCEL(what=what)
        return shown

    def delete(self, response_id: str, *, project: str) -> Json:
        """Forget a response.

        Raises:
            ApiError: there is none.
        """
        if not self._kept.delete(project, response_id, min_created_at=self._oldest_created_at):
            raise _response_not_found(response_id)
        return render_response_deletion(response_id)

    def compact(self, request: CompactConversation, *, project: str, path: str) -> Json:
        """Return a conversation as one opaque item, which a later input may begin with.

        Raises:
            ApiError: the model, or what came before, is not one to go on with; or there is nothing to compact.
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
            input_tokens=sum(count_tokens(_encoded(item)) for item in dump_items(items)),
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
            raise WRONG_API(model=model, api=path, hint=f"it has it at {V1_PATH}: set the base URL to end in /v1")

    def _previous_items(self, wanted: ConversationRequest, project: str) -> list[Item]:
        """Return the items of the conversation that the request goes on with."""
        previous = wanted.previous_response_id
        if previous is None:
            return []
        kept = self._kept.get_conversation(project, previous, min_created_at=self._oldest_created_at)
        if kept is None:
            raise _previous_response_not_found(previous)
        if kept.state is ResponseState.RUNNING:
            raise INVALID_VALUE(param="previous_response_id", why=f"response '{previous}' is still in progress")
        return [item for turn in kept.turns for item in ITEMS_ADAPTER.validate_json(turn)]

    def _request_items(self, wanted: ConversationRequest, project: str) -> list[Item]:
        """Return the request's own items, each in full."""
        return [full for item in wanted.items for full in self._expand_item(item, project)]

    def _expand_item(self, item: Item, project: str) -> list[Item]:
        match item:
            case CompactionItem(encrypted_content=content):
                return decode_compaction(content)
            case ReferenceItem(id=name):
                kept = self._kept.find_by_item(project, name, min_created_at=self._oldest_created_at)
                if kept is None or kept.state is not ResponseState.ENDED:
                    raise NOT_FOUND(noun="item", name=name, param="input", hint=_GONE)
                output = json.loads(kept.body)["output"]
                return ITEMS_ADAPTER.validate_python([one for one in output if one["id"] == name])
            case _:
                return [item]


def _require_found(kept: StoredResponse | None, response_id: str) -> StoredResponse:
    if kept is None:
        raise _response_not_found(response_id)
    return kept


def _response_not_found(response_id: str) -> ApiError:
    return NOT_FOUND(noun="response", name=response_id, hint=_GONE)


def _previous_response_not_found(response_id: str | None) -> ApiError:
    return NOT_FOUND(noun="response", name=response_id, param="previous_response_id", hint=_GONE)


def _visible_response(kept: StoredResponse) -> Json:
    whole = json.loads(kept.body)
    match kept.state:
        case ResponseState.RUNNING:
            return unfinished_response(whole, "in_progress")
        case ResponseState.CANCELLED:
            return unfinished_response(whole, "cancelled")
        case ResponseState.ENDED:
            return whole
