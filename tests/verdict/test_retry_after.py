"""The `Retry-After` header: seconds or a date."""

import pytest

from simulator.verdict.retry_after import parse_retry_after
from tests.verdict.middleware_harness import NOW


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        ([(b"Retry-After", b"5")], 5.0),
        ([(b"retry-after", b"0.5")], 0.5),
        ([(b"retry-after", b"0")], None),
        ([(b"retry-after", b"-1")], None),
        ([(b"retry-after", b"nan")], None),
        ([(b"retry-after", b"soon")], None),
        ([(b"retry-after", b"Wed, 21 Oct 2026 13:02:00 GMT")], 120.0),
        ([(b"retry-after", b"Wed, 21 Oct 2026 12:58:00 GMT")], None),
        ([(b"retry-after", b"Wed, 21 Oct 9999999 12:58:00 GMT")], None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: list[tuple[bytes, bytes]], seconds: float | None) -> None:
    """RFC 9110, 10.2.3. A time that is over requests no wait."""
    assert parse_retry_after(headers, lambda: NOW) == seconds
