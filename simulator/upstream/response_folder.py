"""A folder of responses in the place of the simulated policy: what jobs train on, and what chats are answered with."""

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from simulator.training.dataset import DatasetError, Record
from simulator.training.recorded_response import MIN_RESPONSES, RecordedResponse, ResponsesByLine
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import CachedPrompt, ResponseCache, SamplingParameters

_Origin: TypeAlias = tuple[str, SamplingParameters]
"""A model's name, and how its responses were drawn."""

_log: Final = logging.getLogger(__name__)


class ResponseFolder:
    """The responses that a folder holds, by the model that they stand for; what is added to the folder is seen.

    They are the model's own, under its id or an alias. Failing that the only model that the folder holds stands for
    every other one: a small local model for the large one that is to be tuned.
    """

    def __init__(self, folder: Path, *, resolve_alias: Callable[[str], str]) -> None:
        """Look into a folder. `resolve_alias` returns the id that a model's alias stands for.

        Raises:
            UpstreamError: there is no such folder, or a file in it is none of ours.
        """
        self._folder = folder
        self._cache = ResponseCache(folder)
        self._unaliased = resolve_alias
        self._scanned: tuple[int | None, tuple[_Origin, ...]] = (None, ())
        self._origin = lru_cache(maxsize=64)(self._choose_origin)
        self.refresh()

    def responses_by_line(self, records: Sequence[Record], *, model: str) -> ResponsesByLine:
        """Return the responses to all of some records, read from the folder now.

        Raises:
            DatasetError: the first record that has too few of them, with its line and what to do.
            UpstreamError: the folder, or a file in it, cannot be read, or it leaves open which responses are meant.
        """
        found = {record.line: self.find_responses(record, model=model) for record in records}
        short = [line for line, responses in found.items() if len(responses) < MIN_RESPONSES]
        if short:
            raise DatasetError(
                short[0],
                f"{self._folder} holds {len(found[short[0]])} of the {MIN_RESPONSES} responses of {model} that training needs "
                f"at least (and too few for {len(short)} of {len(records)} records): sample them with `rft-sim doctor "
                f"REWARD --data FILE --rollouts URL --rollouts-records {len(records)} --rollouts-folder {self._folder}`"
                ", or leave such records out",
            )
        return found

    def find_responses(self, record: Record, *, model: str) -> tuple[RecordedResponse, ...]:
        """Return what is recorded of one prompt; often nothing.

        Raises:
            UpstreamError: as `recordings` does.
        """
        self.refresh()
        origin = self._origin(self._unaliased(model), self._scanned[1])
        if origin is None:
            return ()
        name, parameters = origin
        return self._cache.read(CachedPrompt(model=name, messages=record.messages, parameters=parameters))

    @property
    def is_current(self) -> bool:
        """Whether no file came or went since the folder was looked into."""
        return self._scanned[0] == self._modified_at()

    def refresh(self) -> None:
        """See which models the folder holds, unless that is known. Reads all of its files: not for the event loop.

        Raises:
            UpstreamError: as when this was made.
        """
        changed = self._modified_at()
        if changed is None or changed != self._scanned[0]:
            self._scanned = (
                changed,
                tuple([(origin.model, origin.parameters) for origin in self._cache.list_origins()]),
            )

    def _modified_at(self) -> int | None:
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return None  # looking into it says why

    def _choose_origin(self, model: str, origins: tuple[_Origin, ...]) -> _Origin | None:
        names = sorted({name for name, _ in origins})
        meant = [(name, parameters) for name, parameters in origins if self._unaliased(name) == model]
        if not meant and len(names) == 1:
            meant = list(origins)
            _log.warning("%s: the responses of %s stand for those of %s", self._folder, names[0], model)
        elif not meant and names:
            _log.warning("%s: no responses of %s; it holds those of: %s", self._folder, model, ", ".join(names))
        if len(meant) > 1:
            ways = "; ".join(f"{name} with {parameters.as_request_fields()}" for name, parameters in meant)
            raise UpstreamError(
                f"{self._folder} holds responses that were drawn in several ways ({ways}): "
                "keep those of each in a folder of its own"
            )
        return meant[0] if meant else None
