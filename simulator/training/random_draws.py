"""Random draws addressed by a key: each is a hash of its key, so neither order nor concurrency can change it."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from statistics import NormalDist
from struct import Struct

_WORDS = Struct(">8Q")
_PER_DIGEST = 8
# 52 of a word's 64 bits, so that (n + 0.5) * 2**-52 is exact and lies strictly between 0 and 1.
_DROPPED_BITS = 12
_UNIT = 2.0**-52
_inverse_cdf = NormalDist().inv_cdf


def stable_hash(*random_key: int | str) -> int:
    """Return the 64-bit hash of a key. Unlike `hash()` it is the same in every process."""
    return int.from_bytes(blake2b(_encode_key(random_key), digest_size=8).digest(), "big")


def uniform_draws(*random_key: int | str, count: int) -> tuple[float, ...]:
    """Return `count` independent numbers in the open interval (0, 1) for this key."""
    encoded = _encode_key(random_key)
    words = _WORDS.unpack(blake2b(encoded).digest())
    for block in range(1, -(-count // _PER_DIGEST)):
        words += _WORDS.unpack(blake2b(encoded, salt=block.to_bytes(16, "big")).digest())
    return tuple([((word >> _DROPPED_BITS) + 0.5) * _UNIT for word in words[:count]])


def normal_draws(*random_key: int | str, count: int) -> tuple[float, ...]:
    """Return `count` independent standard normal numbers for this key."""
    return tuple([_inverse_cdf(value) for value in uniform_draws(*random_key, count=count)])


def shuffle_lines(lines: Iterable[int], *random_key: int | str) -> Sequence[int]:
    """Return the lines in the order of this key. The order of the argument does not matter."""
    return sorted(lines, key=lambda line: (stable_hash(*random_key, line), line))


def _encode_key(random_key: tuple[int | str, ...]) -> bytes:
    # A prompt may hold an unpaired surrogate, because JSON allows "\ud800".
    return "\x1f".join(map(str, random_key)).encode("utf-8", "surrogatepass")
