"""The AWS account of a simulator: the fold of its journal, as a job is the fold of its log.

Each request that may change something is written down before its answer leaves, and driven again at the next start: at
its own moments, with its own chance, in the same order. What a request only leaves behind while it reads is not kept:
when a key was last used to read, what the access log of a bucket says of reads.

An upload that was refused counts, for the ids of what follows, and is not driven again: its body would be kept for
nothing. That is when its key was last used, too, if it was never used again.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import RLock
from typing import BinaryIO, Final

from simulator.aws.error_responses import response_for_exception
from simulator.aws.journal import Journal, JournalEntry, RequestBody
from simulator.aws.moto_app import MotoApp
from simulator.aws.moto_state import MICROSECONDS_PER_SECOND, MotoContext, MotoState, OperationTime
from simulator.aws.request import AwsRequest, AwsResponse
from simulator.store.blobs import StagedBlob

LOGGER: Final = logging.getLogger("simulator.aws")
_REFUSED: Final = 400
_FAULT: Final = 500
_UPLOADED_TO: Final = frozenset({"lambda", "s3"})


class Account:
    """Answers AWS requests, one at a time. With no journal it lives as long as this does.

    It is the account of whoever signs with the session's own key, and holds what there is in any other account as well.
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
        """Fold the journal: that takes as long as its requests took, a millisecond for most.

        Args:
            moto_app: moto.
            seed: the simulator's; ids and secrets belong to it, and those of an account with a past to the one that
                it began with.
            clock: the simulated time, in seconds since the Unix epoch.
            caller_clock: the callers' time, by which credentials end, in seconds since then.
            journal: what came before, and where more is kept.
        """
        self._mount = moto_app
        begun = journal.seed if journal is not None else None
        self._seed = seed if begun is None else begun
        self._clock = clock
        self._callers = caller_clock
        self._journal = journal
        self._alone = RLock()
        self._readings = count()
        self._ordinal = 0
        self._latest = 0  # the moment of the last write
        self.replay_count = 0
        """How often the journal was folded: what no request put there is gone with each."""
        self._folded: MotoState | None = None
        self._world()

    def handle(self, request: AwsRequest, body: BinaryIO) -> AwsResponse:
        """Answer a request. What it changed is kept when this returns.

        Raises:
            StoreFullError: the disk is full; nothing was changed.
        """
        if request.is_read_only(body):
            with self.read_transaction() as turn:
                return self._served(request, body, turn)
        kept = b"" if self._journal is None else self._journal.receive_body(body)
        with self._alone:
            return self._written(request, body, kept)

    @contextmanager
    def read_transaction(self) -> Iterator[MotoContext]:
        """Have moto's state be this account's, now, for somebody who looks at it and changes nothing.

        Who looks waits for the request that is being answered: until that is kept, nobody may act on what it changed.
        So the block is to be short, and must not wait for a request of another thread. No request waits for a function
        that it runs: those are run outside of moto, and moto itself runs none.
        """
        with self._alone:
            now = OperationTime(
                simulated_us=max(self._clock() * MICROSECONDS_PER_SECOND, self._latest), caller_seconds=self._callers()
            )
            with self._world().activate(now, "reading", next(self._readings)) as turn:
                yield turn

    def close(self) -> None:
        """Close what is open in it; what is to be kept is kept."""
        with self._alone:
            self._forget()

    def _written(self, request: AwsRequest, body: BinaryIO, kept: RequestBody) -> AwsResponse:
        world = self._world()
        # Two writes of one simulated second still come one after the other: versions of an object go by that.
        moment = OperationTime(
            simulated_us=max(self._clock() * MICROSECONDS_PER_SECOND, self._latest + 1), caller_seconds=self._callers()
        )
        with world.activate(moment, "request", self._ordinal) as turn:
            answer = self._served(request, body, turn)
        if self._journal is not None:
            entry = JournalEntry(
                ordinal=self._ordinal, seed=self._seed, time=moment, request=request, status=answer.status
            )
            for_nothing = kept if isinstance(kept, StagedBlob) and _refused(request, answer, turn) else None
            try:
                self._journal.append(entry, None if for_nothing else kept)
            except BaseException:
                self._forget()  # it has what the journal has not; the next to come folds it anew
                raise
            finally:
                if for_nothing:
                    self._journal.discard_body(for_nothing)
        self._ordinal, self._latest = self._ordinal + 1, moment.simulated_us
        return answer

    def _world(self) -> MotoState:
        if self._folded is None:
            self._folded = self._fold()
            self.replay_count += 1
        return self._folded

    def _forget(self) -> None:
        forgotten, self._folded = self._folded, None
        if forgotten is not None:
            forgotten.close()

    def _fold(self) -> MotoState:
        world = MotoState(seed=self._seed)
        self._ordinal = self._latest = 0
        for entry, body in () if self._journal is None else self._journal.entries():
            self._ordinal, self._latest = entry.ordinal + 1, entry.time.simulated_us
            if body is None:
                continue
            with world.activate(entry.time, "request", entry.ordinal) as turn:
                answer = self._served(entry.request, body, turn, again=True)
            if answer.status != entry.status:
                LOGGER.warning(
                    "AWS request %d of the data folder (%s) was answered with %d, and now with %d:"
                    " what it made may be missing or differ. Was moto updated?",
                    *(entry.ordinal, _named(entry.request, body), entry.status, answer.status),
                )
        return world

    def _served(self, request: AwsRequest, body: BinaryIO, turn: MotoContext, *, again: bool = False) -> AwsResponse:
        try:
            return self._mount.handle(request, body)
        except Exception as fault:  # what it did until then is done, and will be again
            answer = response_for_exception(fault, request, body, turn)
            if not again:
                raised, named = type(fault).__name__, _named(request, body)
                LOGGER.warning(
                    "moto failed with %s at an AWS request (%s): answered with %d", raised, named, answer.status
                )
                LOGGER.debug("of which it said:", exc_info=True)
            return answer


def _refused(request: AwsRequest, answer: AwsResponse, turn: MotoContext) -> bool:
    """Whether an upload was refused and nothing was made for it, not even an entry in a bucket's access log.

    Other services may do half of what a request asks for before they refuse it; what goes to these two in a large body
    is one object or one package.
    """
    refused = _REFUSED <= answer.status < _FAULT and not answer.failed
    return refused and not turn.created_count and request.service in _UPLOADED_TO


def _named(request: AwsRequest, body: BinaryIO) -> str:
    """Return what a request is, for people; no query and no body is in it, which may hold what is secret."""
    return " ".join(filter(None, (request.method, request.path, request.operation(body))))
