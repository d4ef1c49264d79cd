"""Sampled responses on disk: a folder with one JSON file per prompt. People can read the files."""

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
_TEMPORARY_PREFIX: Final = ".unfinished-"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParameters:
    """How responses are sampled; None leaves a parameter to the server.

    Attributes:
        temperature: at 1.0 the probabilities are those of the model, as at the start of training.
        max_tokens: the budget of a response, including its reasoning.
        reasoning_effort: how long the model reasons, for servers that have the setting.
    """

    temperature: float | None = 1.0
    max_tokens: int | None = None
    reasoning_effort: str | None = None

    def as_request_fields(self) -> dict[str, float | int | str]:
        """Return the parameters that are not left to the server, by their names in the API."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPrompt:
    """A model, a prompt and the sampling parameters. They identify the responses; the server does not matter."""

    model: str
    messages: tuple[Message, ...]
    parameters: SamplingParameters

    @property
    def key(self) -> str:
        """32 hex digits that identify the model, the prompt and the parameters."""
        return blake2b(json.dumps(self.as_json(), sort_keys=True).encode(), digest_size=16).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return the prompt as a JSON value."""
        return {
            "model": self.model,
            "parameters": self.parameters.as_request_fields(),
            "messages": [asdict(message) for message in self.messages],
        }


class ResponseCache:
    """A folder of responses. Several processes can read it at once. A write replaces earlier responses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, prompt: CachedPrompt) -> Path:
        """Return the path of the responses to a prompt. The file can be missing."""
        return self._folder / f"{prompt.key}.json"

    def read(self, prompt: CachedPrompt) -> tuple[RecordedResponse, ...]:
        """Return the stored responses in the order of sampling; none if there is no file.

        Raises:
            UpstreamError: the file has another format or cannot be read.
        """
        path = self.path(prompt)
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise UpstreamError(f"{path}: {error.strerror}; make the file readable, or use another folder") from error
        except ValueError as error:
            raise _invalid_file_error(path, f"is not JSON ({error})") from error
        if not isinstance(value, dict) or value.get("format") != _FORMAT:
            raise _invalid_file_error(path, f"is not a file of format {_FORMAT}")
        try:
            return tuple(_parse_response(item) for item in value["responses"])
        except (KeyError, TypeError) as error:
            raise _invalid_file_error(path, f"holds a response that cannot be read ({error!r})") from error

    def list_sampled_models(self) -> tuple[CachedPrompt, ...]:
        """Return one prompt for each combination of model and sampling parameters in the folder.

        Raises:
            UpstreamError: the folder does not exist, or a file in it has another format.
        """
        if not self._folder.is_dir():
            raise UpstreamError(f"{self._folder} is not a folder of responses")
        prompts: dict[tuple[str, SamplingParameters], CachedPrompt] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                value = json.loads(path.read_text(encoding="utf-8"))
                parameters = SamplingParameters(**{"temperature": None, **value["parameters"]})
                messages = tuple(Message(**message) for message in value["messages"])
                prompt = CachedPrompt(model=value["model"], messages=messages, parameters=parameters)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise _invalid_file_error(path, f"cannot be read ({error!r})") from error
            prompts.setdefault((prompt.model, parameters), prompt)
        return tuple(prompts.values())

    def write(self, prompt: CachedPrompt, responses: Sequence[RecordedResponse], *, server: str) -> None:
        """Write the responses to a prompt, atomically; `server` is for people who read the file.

        Raises:
            UpstreamError: the folder is not writable.
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
            with _replace_atomically(self.path(prompt)) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UpstreamError(f"{self._folder}: {error.strerror}; use a writable folder") from error


@contextmanager
def _replace_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces `path` at the end, atomically."""
    with NamedTemporaryFile(dir=path.parent, prefix=_TEMPORARY_PREFIX, delete=False) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _parse_response(item: Mapping[str, Any]) -> RecordedResponse:
    response = RecordedResponse(
        text=item["text"],
        reasoning=item["reasoning"],
        tokens=item["tokens"],
        reasoning_tokens=item["reasoning_tokens"],
        finish_reason=item["finish_reason"],
    )
    for value, kind in zip(asdict(response).values(), (str, str, int, int, str), strict=True):
        if not isinstance(value, kind):
            raise TypeError(f"expected {kind.__name__}, not {json.dumps(value)[:40]}")
    return response


def _invalid_file_error(path: Path, reason: str) -> UpstreamError:
    return UpstreamError(f"{path} {reason}; remove the file and sample again, or use another folder")
