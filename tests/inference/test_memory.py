"""What inference keeps in memory."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from simulator.inference.chat_request import ChatRequest, Turn
from simulator.inference.structured.instances import check_schema
from tests.simulators import BASE_MODEL, RunningSimulator

_SIZE = 100_000  # characters


def retained_bytes(function: Callable[[int], object], *, calls: int) -> int:
    """Return the bytes that are still in use after some calls of a function."""
    function(0)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1, calls + 1):
            function(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_long_conversations_are_not_cached(local_simulator: RunningSimulator) -> None:
    """Each is prepared again."""
    inference = local_simulator.instance.context.inference

    def ask(number: int) -> object:
        return inference.answer(
            ChatRequest(model=BASE_MODEL, messages=(Turn(role="user", content=f"{number}" + "x" * _SIZE),))
        )

    assert retained_bytes(ask, calls=8) < _SIZE


def test_few_long_schemas_are_cached() -> None:
    """Out of many."""
    retained = retained_bytes(lambda number: check_schema({"description": f"{number}" + "x" * _SIZE}), calls=24)
    assert retained < 24 * _SIZE
