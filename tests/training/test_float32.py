"""Rounding to single precision."""

from simulator.training.float32 import LARGEST_FLOAT32, float32


def test_float32_rounds_to_the_nearest_single_precision_number() -> None:
    """The double 0.1 is not one."""
    assert float32(0.1) == 0.10000000149011612


def test_float32_saturates() -> None:
    """JSON has no infinity."""
    assert (float32(1e300), float32(-1e300)) == (LARGEST_FLOAT32, -LARGEST_FLOAT32)
