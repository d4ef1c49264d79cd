"""Sampled responses on disk: a folder with one JSON file for each prompt, to be read by people and replayed offline."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from simulator.training.dataset import Message
from simulator.training.recorded_response import RecordedResponse
from simulator.upstream.errors import UpstreamError

_FORMAT: Final = 1
_UNFINISHED: Final = ".unfinished-"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParameters:
    """How responses are drawn; None leaves it to the server.

    Attributes:
        temperature: 1.0 draws from the model as it is, which is what training starts from.
        max_tokens: the budget of a response, thinking included.
        reasoning_effort: how long the model thinks, of servers that know the setting.
    """

    temperature: float | None = 1.0
    max_tokens: int | None = None
    reasoning_effort: str | None = None

    def as_request_fields(self) -> dict[str, float | int | str]:
        """Return those that are not left to the server, as the API names them."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPrompt:
    """What responses belong to: a model, a prompt and how they are drawn. Not to where the server was."""

    model: str
    messages: tuple[Message, ...]
    parameters: SamplingParameters

    @property
    def key(self) -> str:
        """32 hex digits that name it."""
        return blake2b(json.dumps(self.as_json(), sort_keys=True).encode(), digest_size=16).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "model": self.model,
            "parameters": self.parameters.as_request_fields(),
            "messages": [asdict(message) for message in self.messages],
        }


class ResponseCache:
    """A folder of responses. Several processes may read it at once; of two that write a prompt the last one counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, prompt: CachedPrompt) -> Path:
        """Return where the responses to a prompt are kept, whether there are any or not."""
        return self._folder / f"{prompt.key}.json"

    def read(self, prompt: CachedPrompt) -> tuple[RecordedResponse, ...]:
        """Return the responses that are kept, in the order of their asking; none when there is no file.

        Raises:
            UpstreamError: a file that is none of ours, or cannot be read.
        """
        path = self.path(prompt)
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ()
        except OSError as fault:
            raise UpstreamError(f"{path}: {fault.strerror}; make it readable, or name another folder") from fault
        except ValueError as fault:
            raise _invalid_file_error(path, f"is not JSON ({fault})") from fault
        if not isinstance(value, dict) or value.get("format") != _FORMAT:
            raise _invalid_file_error(path, f"is not a file of format {_FORMAT}")
        try:
            return tuple(_response(item) for item in value["responses"])
        except (KeyError, TypeError) as fault:
            raise _invalid_file_error(path, f"holds a response that cannot be read ({fault!r})") from fault

    def list_origins(self) -> tuple[CachedPrompt, ...]:
        """Return one prompt of each model and way of drawing that the folder holds responses of.

        Raises:
            UpstreamError: there is no such folder, or a file in it is none of ours.
        """
        if not self._folder.is_dir():
            raise UpstreamError(f"{self._folder} is no folder of responses")
        found: dict[tuple[str, SamplingParameters], CachedPrompt] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                value = json.loads(path.read_text(encoding="utf-8"))
                parameters = SamplingParameters(**{"temperature": None, **value["parameters"]})
                messages = tuple(Message(**message) for message in value["messages"])
                asked = CachedPrompt(model=value["model"], messages=messages, parameters=parameters)
            except (OSError, ValueError, KeyError, TypeError) as fault:
                raise _invalid_file_error(path, f"cannot be read ({fault!r})") from fault
            found.setdefault((asked.model, parameters), asked)
        return tuple(found.values())

    def write(self, prompt: CachedPrompt, responses: Sequence[RecordedResponse], *, server: str) -> None:
        """Write a prompt's responses, atomically; `server` is noted for whoever reads the file.

        Raises:
            UpstreamError: the folder cannot be written to.
        """
        value = {
            "format": _FORMAT,
            "server": server,
            **prompt.as_json(),
            "responses": [asdict(response) for response in responses],
        }
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _replacing(self.path(prompt)) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
        except OSError as fault:
            raise UpstreamError(f"{self._folder}: {fault.strerror}; name a folder that can be written to") from fault


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a new file to write, which then takes the place of `path`, whole or not at all."""
    with NamedTemporaryFile(dir=path.parent, prefix=_UNFINISHED, delete=False) as made:
        unfinished = Path(made.name)
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _response(item: Mapping[str, Any]) -> RecordedResponse:
    response = RecordedResponse(
        text=item["text"],
        reasoning=item["reasoning"],
        tokens=item["tokens"],
        reasoning_tokens=item["reasoning_tokens"],
        finish_reason=item["finish_reason"],
    )
    for value, kind in zip(asdict(response).values(), (str, str, int, int, str), strict=True):
        if not isinstance(value, kind):
            raise TypeError(f"{json.dumps(value)[:40]} where {kind.__name__} is expected")
    return response


def _invalid_file_error(path: Path, reason: str) -> UpstreamError:
    return UpstreamError(f"{path} {reason}; remove it and sample again, or name another folder")
