"""Times and durations as people write them, in whole seconds."""

import re
from datetime import UTC, datetime
from typing import Final

_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION: Final = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,9}}){unit})?" for unit in _UNITS))
_SECONDS: Final = re.compile("-?[0-9]{1,12}")
_MAX_TIME: Final = 253_402_300_799  # 9999-12-31T23:59:59Z

DURATION_FORMAT: Final = "seconds or a duration such as 90s, 1h30m or 2d"
TIME_FORMAT: Final = "seconds since 1970 or a time such as 2026-01-31T12:00:00Z"


def parse_duration(text: str) -> int:
    """Return how many seconds a duration has.

    Raises:
        ValueError: it is not `DURATION_FORM`.
    """
    if _SECONDS.fullmatch(text):
        return int(text)
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"expected {DURATION_FORMAT}, got {text!r}")
    return sum(int(found[unit] or 0) * seconds for unit, seconds in _UNITS.items())


def parse_time(text: str) -> int:
    """Return a time in seconds since the Unix epoch; one that names no zone is in UTC.

    Raises:
        ValueError: it is not `TIME_FORM`.
    """
    if _SECONDS.fullmatch(text):
        return int(text)
    try:
        read = datetime.fromisoformat(text)
        return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise ValueError(f"expected {TIME_FORMAT}, got {text!r}") from None


def format_time(time: int) -> str:
    """Return a time, in seconds since the Unix epoch, as it is written in UTC: 2026-01-31T12:00:00Z."""
    return datetime.fromtimestamp(min(time, _MAX_TIME), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
