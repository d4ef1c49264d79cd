"""Times and durations as people write them."""

import pytest

from simulator.moments import format_time, parse_duration, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1h30m", 5_400), ("2d", 172_800), ("1d2h3m4s", 93_784), ("0", 0)]
)
def test_a_duration_is_seconds_or_units(text: str, seconds: int) -> None:
    """The units in their order, each at most once."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1h 30m", "30m1h", "1.5h", "1H", "soon", "1e3", "٣s"])
def test_what_is_no_duration_is_refused_with_the_form(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="expected seconds or a duration such as 90s, 1h30m or 2d, got"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1767225600", 1_767_225_600),
        ("2026-01-01T00:00:00Z", 1_767_225_600),
        ("2026-01-01", 1_767_225_600),
        ("2026-01-01T02:00:00+02:00", 1_767_225_600),
        ("-1", -1),
    ],
)
def test_a_time_is_seconds_or_iso_8601(text: str, seconds: int) -> None:
    """Without a zone it is in UTC."""
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "1.5"])
def test_what_is_no_time_is_refused_with_the_form(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="expected seconds since 1970 or a time such as 2026-01-31T12:00:00Z, got"):
        parse_time(text)


def test_a_time_is_told_in_utc() -> None:
    """As it can be read again."""
    assert (format_time(1_767_225_600), parse_time(format_time(1_767_225_601))) == (
        "2026-01-01T00:00:00Z",
        1_767_225_601,
    )
