"""Rows of every kind of task, from the project's own prompt files."""

from functools import cache
from pathlib import Path

import pytest

from simulator.training.dataset import DatasetLimits, Record, read_records

PROMPTS = Path(__file__).parents[2] / "fixtures" / "prompts"


@cache
def records_of(name: str) -> tuple[Record, ...]:
    """Return the records of a prompt file."""
    with (PROMPTS / f"{name}.jsonl").open("rb") as stream:
        return read_records(stream, DatasetLimits())


@pytest.fixture(scope="session")
def sums() -> tuple[Record, ...]:
    """Arithmetic that asks for `####`."""
    return records_of("train")


@pytest.fixture(scope="session")
def labels() -> tuple[Record, ...]:
    """Tickets to be labelled."""
    return records_of("labels")


@pytest.fixture(scope="session")
def objects() -> tuple[Record, ...]:
    """Orders to be turned into JSON."""
    return records_of("json")


@pytest.fixture(scope="session")
def strings() -> tuple[Record, ...]:
    """Arithmetic with a bare string for the reference, as Amazon's sample data has it."""
    return records_of("string_reference")
