"""Pools with a fixed clock and numbered request ids."""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simulator.lambdas.pool import EnvironmentPool

SIMULATED_TIME = 1_767_225_600.0


@pytest.fixture
def make_pool() -> Iterator[Callable[..., EnvironmentPool]]:
    """Return a function that creates pools; they are closed after the test."""
    pools: list[EnvironmentPool] = []

    def make(**options: Any) -> EnvironmentPool:
        numbers = itertools.count(1)
        settings: dict[str, Any] = {
            "new_request_id": lambda: f"00000000-0000-4000-8000-{next(numbers):012d}",
            "now": lambda: SIMULATED_TIME,
            "wall": time.time,
            "max_environments": 2,
        }
        pools.append(EnvironmentPool(**{**settings, **options}))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def pool(make_pool: Callable[..., EnvironmentPool]) -> EnvironmentPool:
    """A pool of two environments."""
    return make_pool()
