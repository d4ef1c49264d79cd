"""A folder of recorded responses, which jobs and chats use instead of the simulated policy."""

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
"""The name of a model, and the parameters with which its responses were sampled."""

_log: Final = logging.getLogger(__name__)


class ResponseFolder:
    """The recorded responses of a folder, by model. Files that are added later count too.

    The responses of a model are those under its id or an alias. If there are none and the folder has one model only,
    its responses are used for every model: those of a small local model for a large one that is tuned.
    """

    def __init__(self, folder: Path, *, resolve_alias: Callable[[str], str]) -> None:
        """Read the folder. `resolve_alias` returns the model id of an alias.

        Raises:
            UpstreamError: the folder does not exist, or a file in it has another format.
        """
        self._folder = folder
        self._cache = ResponseCache(folder)
        self._resolve_alias = resolve_alias
        self._scanned: tuple[int | None, tuple[_Origin, ...]] = (None, ())
        self._origin = lru_cache(maxsize=64)(self._choose_origin)
        self.refresh()

    def responses_by_line(self, records: Sequence[Record], *, model: str) -> ResponsesByLine:
        """Return the responses to each record, by its line, as they are in the folder now.

        Raises:
            DatasetError: a record has too few responses. The error has the line of the first such record.
            UpstreamError: the folder or a file in it cannot be read, or the responses of the model are ambiguous.
        """
        responses_by_line = {record.line: self.find_responses(record, model=model) for record in records}
        lines = [line for line, responses in responses_by_line.items() if len(responses) < MIN_RESPONSES]
        if lines:
            line = lines[0]
            raise DatasetError(
                line,
                f"{self._folder} holds {len(responses_by_line[line])} of the {MIN_RESPONSES} responses of {model} "
                f"that training needs at least (and too few for {len(lines)} of {len(records)} records): sample them "
                f"with `rft-sim doctor REWARD --data FILE --rollouts URL --rollouts-records {len(records)} "
                f"--rollouts-folder {self._folder}`, or leave such records out",
            )
        return responses_by_line

    def find_responses(self, record: Record, *, model: str) -> tuple[RecordedResponse, ...]:
        """Return the recorded responses to one prompt, if there are any.

        Raises:
            UpstreamError: as for `responses_by_line`.
        """
        self.refresh()
        origin = self._origin(self._resolve_alias(model), self._scanned[1])
        if origin is None:
            return ()
        name, parameters = origin
        return self._cache.read(CachedPrompt(model=name, messages=record.messages, parameters=parameters))

    @property
    def is_current(self) -> bool:
        """Whether no file was added or removed since the last `refresh`."""
        return self._scanned[0] == self._modified_at()

    def refresh(self) -> None:
        """Find the models in the folder, if it has changed. Reads all files: do not call it in the event loop.

        Raises:
            UpstreamError: as for the constructor.
        """
        modified_at = self._modified_at()
        if modified_at is None or modified_at != self._scanned[0]:
            self._scanned = (
                modified_at,
                tuple([(origin.model, origin.parameters) for origin in self._cache.list_sampled_models()]),
            )

    def _modified_at(self) -> int | None:
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return None  # `list_sampled_models` then raises with the reason

    def _choose_origin(self, model: str, origins: tuple[_Origin, ...]) -> _Origin | None:
        names = sorted({name for name, _ in origins})
        candidates = [(name, parameters) for name, parameters in origins if self._resolve_alias(name) == model]
        if not candidates and len(names) == 1:
            candidates = list(origins)
            _log.warning("%s: using the responses of %s for %s", self._folder, names[0], model)
        elif not candidates and names:
            _log.warning(
                "%s: no responses of %s; the folder has responses of: %s", self._folder, model, ", ".join(names)
            )
        if len(candidates) > 1:
            variants = "; ".join(f"{name} with {parameters.as_request_fields()}" for name, parameters in candidates)
            raise UpstreamError(
                f"{self._folder} has responses with different sampling parameters ({variants}): use one folder for each"
            )
        return candidates[0] if candidates else None
