"""The AWS account of a simulator: moto's state, rebuilt from a journal of requests.

Each request that may change something is written to the journal before its response is sent, and replayed at the next
start: at its original time, with its original random draws, in the same order. Two side effects of reads are not
recorded: the last use of an access key, and the entries of reads in a bucket's access log.

A rejected upload keeps its number, because later ids depend on it. It is not replayed, because its body is not stored.
After a replay, the last use of its access key may therefore be an earlier request.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import RLock
from typing import BinaryIO, Final

from simulator.aws.error_responses import response_for_exception, response_without_html
from simulator.aws.journal import Journal, JournalEntry, RequestBody
from simulator.aws.moto_app import MotoApp
from simulator.aws.moto_state import MICROSECONDS_PER_SECOND, MotoContext, MotoState, OperationTime
from simulator.aws.request import AwsRequest, AwsResponse
from simulator.store.blobs import StagedBlob

LOGGER: Final = logging.getLogger("simulator.aws")
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500
_UPLOAD_SERVICES: Final = frozenset({"lambda", "s3"})


class Account:
    """Answers AWS requests, one at a time. Without a journal, nothing is stored.

    Requests signed with the session's own key are for this account. It also holds the resources of all other accounts.
    """

    def __init__(
        self,
        *,
        moto_app: MotoApp,
        seed: int,
        clock: Callable[[], int],
        caller_clock: Callable[[], float],
        journal: Journal | None,
    ) -> None:
        """Replay the journal, which takes about a millisecond for most requests.

        Args:
            moto_app: moto.
            seed: the simulator's seed. Ids and secrets are derived from it. An account with a journal keeps the seed of
                its first start.
            clock: the simulated time, in seconds since the Unix epoch.
            caller_clock: the callers' time, in seconds since the Unix epoch. It decides when credentials expire.
            journal: the earlier requests; later ones are appended.
        """
        self._moto_app = moto_app
        initial_seed = journal.seed if journal is not None else None
        self._seed = seed if initial_seed is None else initial_seed
        self._clock = clock
        self._caller_clock = caller_clock
        self._journal = journal
        self._lock = RLock()
        self._read_count = count()
        self._ordinal = 0
        self._latest_us = 0  # the simulated time of the latest write
        self.replay_count = 0
        """How often the journal was replayed. A replay discards all state that no request created."""
        self._state: MotoState | None = None
        self._loaded_state()

    def handle(self, request: AwsRequest, body: BinaryIO) -> AwsResponse:
        """Answer a request. Its changes are stored when this returns.

        Raises:
            StoreFullError: the disk is full; nothing was changed.
        """
        if request.is_read_only(body):
            with self.read_transaction() as context:
                return self._call_moto(request, body, context)
        stored_body = b"" if self._journal is None else self._journal.receive_body(body)
        with self._lock:
            return self._handle_write(request, body, stored_body)

    @contextmanager
    def read_transaction(self) -> Iterator[MotoContext]:
        """Activate this account's state in moto for a block that only reads.

        The block waits for the request in progress: its changes must not be visible before they are stored. Keep the
        block short, and do not wait for a request of another thread in it. Requests never wait for a Lambda function,
        because functions run outside of moto.
        """
        with self._lock:
            time = OperationTime(
                simulated_us=max(self._clock() * MICROSECONDS_PER_SECOND, self._latest_us),
                caller_seconds=self._caller_clock(),
            )
            with self._loaded_state().activate(time, "reading", next(self._read_count)) as context:
                yield context

    def close(self) -> None:
        """Close the resources of moto's state. All changes are already stored."""
        with self._lock:
            self._discard_state()

    def _handle_write(self, request: AwsRequest, body: BinaryIO, stored_body: RequestBody) -> AwsResponse:
        state = self._loaded_state()
        # Two writes in one simulated second get different times: S3 orders the versions of an object by time.
        time = OperationTime(
            simulated_us=max(self._clock() * MICROSECONDS_PER_SECOND, self._latest_us + 1),
            caller_seconds=self._caller_clock(),
        )
        with state.activate(time, "request", self._ordinal) as context:
            response = self._call_moto(request, body, context)
        if self._journal is not None:
            entry = JournalEntry(
                ordinal=self._ordinal, seed=self._seed, time=time, request=request, status=response.status
            )
            is_rejected = _is_rejected_upload(request, response, context)
            rejected_body = stored_body if is_rejected and isinstance(stored_body, StagedBlob) else None
            try:
                self._journal.append(entry, None if rejected_body else stored_body)
            except BaseException:
                self._discard_state()  # it differs from the journal, which the next request replays
                raise
            finally:
                if rejected_body:
                    self._journal.discard_body(rejected_body)
        self._ordinal, self._latest_us = self._ordinal + 1, time.simulated_us
        return response

    def _loaded_state(self) -> MotoState:
        if self._state is None:
            self._state = self._replay()
            self.replay_count += 1
        return self._state

    def _discard_state(self) -> None:
        state, self._state = self._state, None
        if state is not None:
            state.close()

    def _replay(self) -> MotoState:
        state = MotoState(seed=self._seed)
        self._ordinal = self._latest_us = 0
        for entry, body in () if self._journal is None else self._journal.entries():
            self._ordinal, self._latest_us = entry.ordinal + 1, entry.time.simulated_us
            if body is None:
                continue
            with state.activate(entry.time, "request", entry.ordinal) as context:
                context.is_accepted_replay = entry.status < _CLIENT_ERROR
                response = self._call_moto(entry.request, body, context, is_replay=True)
            if response.status != entry.status:
                LOGGER.warning(
                    "AWS request %d of the data folder (%s) had status %d and has status %d when it is replayed:"
                    " the resources that it created may be missing or differ. Was moto updated?",
                    *(entry.ordinal, _describe(entry.request, body), entry.status, response.status),
                )
        return state

    def _call_moto(
        self, request: AwsRequest, body: BinaryIO, context: MotoContext, *, is_replay: bool = False
    ) -> AwsResponse:
        try:
            response = self._moto_app.handle(request, body)
            return response_without_html(response, request, context)
        except Exception as error:  # the changes that it made before stay; a replay repeats them
            response = response_for_exception(error, request, body, context)
            if not is_replay:
                error_type, description = type(error).__name__, _describe(request, body)
                LOGGER.warning(
                    "moto failed with %s at an AWS request (%s): answered with %d",
                    *(error_type, description, response.status),
                )
                LOGGER.debug("the exception:", exc_info=True)
            return response


def _is_rejected_upload(request: AwsRequest, response: AwsResponse, context: MotoContext) -> bool:
    """Whether an upload was rejected and created nothing, not even an entry in a bucket's access log.

    Other services may carry out a part of a request before they reject it. In these two services a large body is one
    object or one package.
    """
    is_rejected = _CLIENT_ERROR <= response.status < _SERVER_ERROR and not response.failed
    return is_rejected and not context.created_count and request.service in _UPLOAD_SERVICES


def _describe(request: AwsRequest, body: BinaryIO) -> str:
    """Return method, path and operation of a request. Query and body are left out: they may hold secrets."""
    return " ".join(filter(None, (request.method, request.path, request.operation(body))))
