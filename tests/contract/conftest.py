"""What the contract tests of inference share."""

from collections.abc import Iterator

import pytest

from tests.simulators import World, inner_world
from tests.training.training_files import jsonl


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A simulator without AWS that knows ten prompts: base models need no job."""
    with inner_world() as made:
        made.upload(jsonl(10))
        yield made
