"""Records of every kind of task, from the project's prompt files."""

from functools import cache
from pathlib import Path

import pytest

from simulator.training.dataset import DatasetLimits, Record, read_records

PROMPTS_FOLDER = Path(__file__).parents[2] / "fixtures" / "prompts"


@cache
def load_records(name: str) -> tuple[Record, ...]:
    """Return the records of a prompt file."""
    with (PROMPTS_FOLDER / f"{name}.jsonl").open("rb") as stream:
        return read_records(stream, DatasetLimits())


@pytest.fixture(scope="session")
def sums() -> tuple[Record, ...]:
    """Arithmetic whose prompts request `####`."""
    return load_records("train")


@pytest.fixture(scope="session")
def labels() -> tuple[Record, ...]:
    """Tickets to label."""
    return load_records("labels")


@pytest.fixture(scope="session")
def objects() -> tuple[Record, ...]:
    """Orders to turn into JSON."""
    return load_records("json")


@pytest.fixture(scope="session")
def strings() -> tuple[Record, ...]:
    """Arithmetic with a bare string as the reference, as in Amazon's sample data."""
    return load_records("string_reference")


@pytest.fixture(scope="session")
def tagged() -> tuple[Record, ...]:
    """Arithmetic whose prompts show tags for the reasoning and the answer, on lines of their own."""
    return load_records("tagged")
