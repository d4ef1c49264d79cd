"""Real model outputs for a visit: sampled once from a server, or replayed from the folder that they are kept in."""

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
    """Records with what a real model answered to them; the other records of the files are left out of the visit.

    Attributes:
        records: those of the training file that have responses.
        train: their responses, by line.
        validation_records: those of the validation file, if there is one.
        validation: their responses.
        model: whose they are.
        left_out: how many records of the training file have none.
        validation_left_out: likewise of the validation file.
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
        """Whose rollouts they are, how many, and of how many records there are none, in words."""
        said = _describe_counts(self.train, self.model, self.left_out)
        if self.validation:
            said += f"; for validation {_describe_counts(self.validation, self.model, self.validation_left_out)}"
        return said

    @property
    def sha256(self) -> str:
        """Of all responses: other ones make other questions."""
        both = [
            [[line, [asdict(response) for response in responses]] for line, responses in sorted((some or {}).items())]
            for some in (self.train, self.validation)
        ]
        return hashlib.sha256(json.dumps(both, sort_keys=True).encode()).hexdigest()


class InterruptedSamplingError(Exception):
    """Somebody has interrupted the sampling; the message says what is kept, and how to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRequest:
    """How a server is asked.

    Attributes:
        url: its OpenAI-compatible base.
        model: its name of the model.
        api_key: sent to it and kept nowhere.
        folder: where the responses are kept.
        outputs_per_prompt: responses to each prompt.
        max_records: records of each file that are asked for, at the most.
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
    """Ask a server for what is not kept yet, with a bar on a terminal.

    Raises:
        UpstreamError: the server cannot be reached or does not answer. What is there by then is kept, and it says so.
        InterruptedSamplingError: at a KeyboardInterrupt.
    """
    chosen = _sample_records(records, request.max_records, seed)
    held_out = None if validation is None else _sample_records(validation, request.max_records, seed)
    upstream = sampling.ModelServer(url=request.url, model=request.model, api_key=request.api_key)
    cache = ResponseCache(request.folder)

    def asked(some: Sequence[Record]) -> ResponsesByLine:
        kept = ""

        def noted(there: int, wanted: int) -> None:
            nonlocal kept
            if there:
                kept = f"{there:,} of {wanted:,} responses are kept in {request.folder}, and the same command goes on there"
            shown(there, wanted)

        with _bar(console, f"asking {request.model}") as shown:
            try:
                return sampling.sample_responses(
                    some, server=upstream, cache=cache, count=request.outputs_per_prompt, progress=noted
                )
            except KeyboardInterrupt:
                raise InterruptedSamplingError(f"interrupted; {kept or 'no response is kept yet'}") from None
            except UpstreamError as fault:
                raise UpstreamError(f"{fault}. {kept}" if kept else str(fault)) from fault

    return ModelOutputs(
        records=chosen,
        train=asked(chosen),
        validation_records=held_out,
        validation=None if held_out is None else asked(held_out),
        model=request.model,
        left_out=len(records) - len(chosen),
        validation_left_out=len(validation or ()) - len(held_out or ()),
    )


def replay_outputs(
    records: Sequence[Record],
    validation: Sequence[Record] | None,
    *,
    folder: Path,
    model: str | None,
    outputs_per_prompt: int,
) -> ModelOutputs:
    """Take what a folder holds, with no server; a record with less than two responses is left out.

    Raises:
        UpstreamError: the folder holds no responses to these prompts, or those of several models and none is named.
    """
    cache = ResponseCache(folder)
    origins = {origin.model: origin for origin in cache.list_origins() if model in (None, origin.model)}
    if len(origins) != 1:
        held = f"those of {', '.join(sorted(origins))}: say which by --rollouts-model" if origins else "none"
        whose = f" of {model}" if model else ""
        raise UpstreamError(f"{folder} should hold the responses{whose} of one model, and it holds {held}")
    (origin,) = origins.values()

    def kept(some: Sequence[Record]) -> dict[int, tuple[RecordedResponse, ...]]:
        held = {
            record.line: cache.read(
                CachedPrompt(model=origin.model, messages=record.messages, parameters=origin.parameters)
            )
            for record in some
        }
        return {
            line: responses[:outputs_per_prompt] for line, responses in held.items() if len(responses) >= MIN_RESPONSES
        }

    train = kept(records)
    if not train:
        raise UpstreamError(f"{folder} holds no responses to the prompts of this file: sample them with --rollouts URL")
    held_out = None if validation is None else kept(validation)
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
    counts = {len(some) for some in responses.values()}
    each = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else str(*counts)
    rest = f", the other {left_out:,} left out" if left_out else ""
    return f"{each} responses of {model} to each of {len(responses):,} records{rest}"


def _sample_records(records: Sequence[Record], most: int, seed: int) -> tuple[Record, ...]:
    """Return a seeded sample, in the file's order. A larger one holds a smaller one, so that nothing is asked twice."""
    chosen = set(shuffle_lines([record.line for record in records], seed, "real outputs")[:most])
    return tuple(record for record in records if record.line in chosen)


@contextmanager
def _bar(console: Console, what: str) -> Iterator[sampling.ProgressCallback]:
    if not console.is_terminal:
        yield lambda _there, _wanted: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda there, wanted: progress.update(task, completed=there, total=wanted)
