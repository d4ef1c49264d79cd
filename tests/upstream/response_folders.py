"""Folders of recorded responses for tests, as `rft-sim doctor --rollouts` keeps them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from simulator.training.dataset import DatasetLimits, Record, read_records
from simulator.training.recorded_policy import Response
from simulator.upstream.response_cache import Asked, Cache, Parameters
from tests.training.recorded_responses import recordings

OPENING = "Hm.\n"
"""What every response that is kept for a test begins with, and no simulated one: it shows where words come from."""

SERVER = "http://127.0.0.1:1/v1"


def records_in(content: bytes) -> tuple[Record, ...]:
    """Return the records of a training file's bytes."""
    return read_records(io.BytesIO(content), DatasetLimits(min_records=1))


def keep(
    folder: Path,
    records: Sequence[Record],
    responses: Mapping[int, Sequence[Response]],
    *,
    model: str = "openai.gpt-oss-20b",
    parameters: Parameters | None = None,
) -> None:
    """Keep responses by line, those of the records that have any."""
    cache = Cache(folder)
    for record in records:
        asked = Asked(model=model, messages=record.messages, parameters=parameters or Parameters())
        if responses.get(record.line):
            cache.keep(asked, responses[record.line], server=SERVER)


def keep_simulated(folder: Path, content: bytes, *, model: str = "openai.gpt-oss-20b", count: int = 16) -> None:
    """Keep what the untrained simulated model answers to each record of a file: it stands for a real one."""
    records = records_in(content)
    responses = {
        line: [replace(response, text=OPENING + response.text) for response in several]
        for line, several in recordings(records, count=count).items()
    }
    keep(folder, records, responses, model=model)
