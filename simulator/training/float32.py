"""Single-precision numbers, in which verl computes advantages and Bedrock publishes metrics."""

from math import copysign
from struct import Struct
from typing import Final

LARGEST_FLOAT32: Final = 3.4028234663852886e38

_FLOAT32: Final = Struct("<f")


def float32(value: float) -> float:
    """Return the nearest single-precision number, as a double, which is equal on all machines.

    A number that is too large becomes the largest one. A sum, difference or quotient of two single-precision numbers
    that is computed in double precision and rounded here equals the one of single-precision arithmetic.
    """
    if abs(value) > LARGEST_FLOAT32:
        return copysign(LARGEST_FLOAT32, value)
    as_double: float = _FLOAT32.unpack(_FLOAT32.pack(value))[0]
    return as_double
