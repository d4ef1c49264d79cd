"""Folders of recorded responses, as from `rft-sim doctor --rollouts`."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from simulator.training.dataset import DatasetLimits, Record, read_records
from simulator.training.recorded_response import RecordedResponse
from simulator.upstream.response_cache import CachedPrompt, ResponseCache, SamplingParameters
from tests.training.recorded_responses import record_responses

RECORDED_PREFIX = "Hm.\n"
"""The beginning of every recorded response in tests; simulated responses never start with it."""

SERVER = "http://127.0.0.1:1/v1"


def parse_records(content: bytes) -> tuple[Record, ...]:
    """Return the records of a training file."""
    return read_records(io.BytesIO(content), DatasetLimits(min_records=1))


def write_responses(
    folder: Path,
    records: Sequence[Record],
    responses: Mapping[int, Sequence[RecordedResponse]],
    *,
    model: str = "openai.gpt-oss-20b",
    parameters: SamplingParameters | None = None,
) -> None:
    """Write the responses to the records that have any."""
    cache = ResponseCache(folder)
    for record in records:
        prompt = CachedPrompt(model=model, messages=record.messages, parameters=parameters or SamplingParameters())
        if responses.get(record.line):
            cache.write(prompt, responses[record.line], server=SERVER)


def write_simulated_responses(
    folder: Path, content: bytes, *, model: str = "openai.gpt-oss-20b", count: int = 16
) -> None:
    """Write the responses of the untrained simulated model to each record of a file."""
    records = parse_records(content)
    responses = {
        line: [replace(response, text=RECORDED_PREFIX + response.text) for response in responses_of_line]
        for line, responses_of_line in record_responses(records, count=count).items()
    }
    write_responses(folder, records, responses, model=model)
