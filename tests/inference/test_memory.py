"""What inference keeps of the conversations and schemas that came by."""

import gc
import tracemalloc
from collections.abc import Callable

from simulator.inference.chat_request import ChatRequest, Turn
from simulator.inference.structured.instances import check_schema
from tests.simulators import BASE_MODEL, RunningSimulator

_PIECE = 100_000  # characters
_TIMES = 40


def retained_bytes(work: Callable[[int], object]) -> int:
    """Return how many bytes are still held after work was done so many times."""
    work(0)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1, _TIMES + 1):
            work(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_long_conversations_are_not_kept(local_simulator: RunningSimulator) -> None:
    """Each is looked up anew."""
    inference = local_simulator.instance.context.inference

    def ask(number: int) -> object:
        return inference.answer(
            ChatRequest(model=BASE_MODEL, messages=(Turn(role="user", content=f"{number}" + "x" * _PIECE),))
        )

    assert retained_bytes(ask) < _PIECE


def test_few_long_schemas_are_kept() -> None:
    """Of all that came by."""
    assert retained_bytes(lambda number: check_schema({"description": f"{number}" + "x" * _PIECE})) < _TIMES * _PIECE
