"""Real model outputs for a doctor run: sampled from a server, or read from the folder that stores them."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from simulator.training.dataset import Record
from simulator.training.random_draws import shuffle_lines
from simulator.training.recorded_response import MIN_RESPONSES, RecordedResponse, ResponsesByLine
from simulator.upstream import sampling
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import CachedPrompt, ResponseCache


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOutputs:
    """The records that have responses of a real model, with these responses. The doctor ignores the other records.

    Attributes:
        records: the records of the training file that have responses.
        train: their responses, by line.
        validation_records: the records of the validation file that have responses. None without such a file.
        validation: their responses, by line.
        model: the model that gave the responses.
        left_out: the number of records of the training file without responses.
        validation_left_out: the number of records of the validation file without responses.
    """

    records: tuple[Record, ...]
    train: ResponsesByLine
    validation_records: tuple[Record, ...] | None
    validation: ResponsesByLine | None
    model: str
    left_out: int
    validation_left_out: int = 0

    @property
    def source(self) -> str:
        """The model, the number of responses and the number of records without any, in words. Golden files hold it."""
        text = _describe_counts(self.train, self.model, self.left_out)
        if self.validation:
            text += f"; for validation {_describe_counts(self.validation, self.model, self.validation_left_out)}"
        return text

    @property
    def sha256(self) -> str:
        """The digest of all responses. Scores can only be compared if it is equal."""
        both = [
            [
                [line, [asdict(response) for response in responses]]
                for line, responses in sorted((by_line or {}).items())
            ]
            for by_line in (self.train, self.validation)
        ]
        return hashlib.sha256(json.dumps(both, sort_keys=True).encode()).hexdigest()


class InterruptedSamplingError(Exception):
    """The user interrupted the sampling. The message says what is stored, and how to continue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRequest:
    """What to sample from a server.

    Attributes:
        url: the base URL of its OpenAI-compatible API.
        model: the server's name of the model.
        api_key: sent to the server, and never stored.
        folder: the folder that stores the responses.
        outputs_per_prompt: the number of responses to each prompt.
        max_records: the largest number of records of each file.
    """

    url: str
    model: str
    api_key: str | None
    folder: Path
    outputs_per_prompt: int
    max_records: int


def sample_outputs(
    records: Sequence[Record],
    validation: Sequence[Record] | None,
    *,
    request: SamplingRequest,
    seed: int,
    console: Console,
) -> ModelOutputs:
    """Sample the responses that are not stored yet, with a progress bar on a terminal.

    Raises:
        UpstreamError: the server cannot be reached or fails. The message says which responses are stored.
        InterruptedSamplingError: the user interrupted it.
    """
    train_records = _sample_records(records, request.max_records, seed)
    validation_records = None if validation is None else _sample_records(validation, request.max_records, seed)
    server = sampling.ModelServer(url=request.url, model=request.model, api_key=request.api_key)
    cache = ResponseCache(request.folder)

    def sample(some: Sequence[Record]) -> ResponsesByLine:
        stored = ""

        def on_progress(count: int, total: int) -> None:
            nonlocal stored
            if count:
                stored = (
                    f"{count:,} of {total:,} responses are stored in {request.folder}, and the same command continues "
                    "from there"
                )
            update_bar(count, total)

        with _progress_bar(console, f"sampling {request.model}") as update_bar:
            try:
                return sampling.sample_responses(
                    some, server=server, cache=cache, count=request.outputs_per_prompt, progress=on_progress
                )
            except KeyboardInterrupt:
                raise InterruptedSamplingError(f"interrupted; {stored or 'no response is stored yet'}") from None
            except UpstreamError as error:
                raise UpstreamError(f"{error}. {stored}" if stored else str(error)) from error

    return ModelOutputs(
        records=train_records,
        train=sample(train_records),
        validation_records=validation_records,
        validation=None if validation_records is None else sample(validation_records),
        model=request.model,
        left_out=len(records) - len(train_records),
        validation_left_out=len(validation or ()) - len(validation_records or ()),
    )


def replay_outputs(
    records: Sequence[Record],
    validation: Sequence[Record] | None,
    *,
    folder: Path,
    model: str | None,
    outputs_per_prompt: int,
) -> ModelOutputs:
    """Read the responses of a folder, without a server. Records with fewer than two responses are left out.

    Raises:
        UpstreamError: the folder has no responses to these prompts, or responses of several models and none is named.
    """
    cache = ResponseCache(folder)
    origins = {origin.model: origin for origin in cache.list_sampled_models() if model in (None, origin.model)}
    if len(origins) != 1:
        if origins:
            raise UpstreamError(
                f"{folder} contains responses of {', '.join(sorted(origins))}: select one with --rollouts-model"
            )
        raise UpstreamError(f"{folder} contains no responses{f' of {model}' if model else ''}")
    (origin,) = origins.values()

    def read(some: Sequence[Record]) -> dict[int, tuple[RecordedResponse, ...]]:
        stored = {
            record.line: cache.read(
                CachedPrompt(model=origin.model, messages=record.messages, parameters=origin.parameters)
            )
            for record in some
        }
        return {
            line: responses[:outputs_per_prompt]
            for line, responses in stored.items()
            if len(responses) >= MIN_RESPONSES
        }

    train = read(records)
    if not train:
        raise UpstreamError(
            f"{folder} contains no responses to the prompts of this file: sample them with --rollouts URL"
        )
    held_out = None if validation is None else read(validation)
    return ModelOutputs(
        records=tuple(record for record in records if record.line in train),
        train=train,
        validation_records=None
        if held_out is None
        else tuple(record for record in validation or () if record.line in held_out),
        validation=held_out,
        model=origin.model,
        left_out=len(records) - len(train),
        validation_left_out=len(validation or ()) - len(held_out or ()),
    )


def _describe_counts(responses: ResponsesByLine, model: str, left_out: int) -> str:
    counts = {len(own) for own in responses.values()}
    each = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else str(*counts)
    rest = f", the other {left_out:,} left out" if left_out else ""
    return f"{each} responses of {model} to each of {len(responses):,} records{rest}"


def _sample_records(records: Sequence[Record], max_records: int, seed: int) -> tuple[Record, ...]:
    """Return a seeded sample, in the file's order. A larger sample contains a smaller one: no prompt is sent again."""
    lines = set(shuffle_lines([record.line for record in records], seed, "real outputs")[:max_records])
    return tuple(record for record in records if record.line in lines)


@contextmanager
def _progress_bar(console: Console, description: str) -> Iterator[sampling.ProgressCallback]:
    if not console.is_terminal:
        yield lambda _count, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(description, total=None)
        yield lambda count, total: progress.update(task, completed=count, total=total)
