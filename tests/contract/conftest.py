"""What the contract tests of inference share."""

from collections.abc import Iterator

import pytest

from tests.records import jsonl
from tests.world import World, inner_world


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A simulator without AWS that knows ten prompts: base models need no job."""
    with inner_world() as made:
        made.upload(jsonl(10))
        yield made
