"""The `Retry-After` header of an answer (RFC 9110, section 10.2.3)."""

from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime
from math import isfinite


def parse_retry_after(headers: Iterable[tuple[bytes, bytes]], wall_clock: Callable[[], float]) -> float | None:
    """Return the seconds to wait, from a number of seconds or a date; None without a usable header.

    `wall_clock` returns seconds since the Unix epoch.
    """
    text = next((value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"), None)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text, now=wall_clock())
    return seconds if isfinite(seconds) and seconds > 0 else None


def _seconds_until(date: str, *, now: float) -> float:
    """Return the seconds until an HTTP date; 0 if the text is no date."""
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (OverflowError, TypeError, ValueError):
        return 0.0
