"""The simulator's clock, the callers' time, and the formats of times and durations."""

from dataclasses import dataclass

import pytest

from simulator.clock import CallerClock, Clock, ClockAdvance, format_time, parse_duration, parse_time


@dataclass
class FakeMonotonic:
    """A monotonic clock in seconds that the test moves."""

    at: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at


def test_a_stopped_clock_changes_only_when_it_is_moved() -> None:
    """It does not depend on real time."""
    machine = FakeMonotonic()
    clock = Clock(epoch=1_000, monotonic=machine)
    machine.at = 500.0
    assert (clock.now(), clock.seconds_until(1_001)) == (1_000, None)


def test_a_clock_moves_forward_only() -> None:
    """A time that has passed leaves it unchanged."""
    clock = Clock(epoch=1_000, monotonic=FakeMonotonic())
    clock.move_to(1_500)
    clock.move_to(1_200)
    assert clock.now() == 1_500


def test_a_running_clock_follows_real_time_at_its_speed() -> None:
    """In whole seconds. A change of speed starts at the current time."""
    machine = FakeMonotonic(at=100.0)
    clock = Clock(epoch=1_000, monotonic=machine)
    clock.set_speed(60.0)
    machine.at = 101.5
    readings = [clock.now()]
    clock.set_speed(2.0)
    machine.at = 103.0
    readings.append(clock.now())
    clock.set_speed(0.0)
    machine.at = 1_000.0
    assert [*readings, clock.now()] == [1_090, 1_093, 1_093]


def test_a_running_clock_knows_the_real_seconds_until_a_time() -> None:
    """0 for a time that has passed."""
    clock = Clock(epoch=1_000, monotonic=FakeMonotonic())
    clock.set_speed(10.0)
    assert (clock.seconds_until(1_025), clock.seconds_until(1_000)) == (2.5, 0.0)


def test_a_running_clock_that_is_moved_runs_on_from_there() -> None:
    """No time counts twice."""
    machine = FakeMonotonic()
    clock = Clock(epoch=1_000, monotonic=machine)
    clock.set_speed(1.0)
    machine.at = 5.0
    clock.move_to(2_000)
    machine.at = 8.0
    assert clock.now() == 2_003


def test_a_running_clock_stops_at_its_last_second() -> None:
    """A later time is never reached by itself; a user can still move the clock there."""
    machine = FakeMonotonic()
    clock = Clock(epoch=1_000, monotonic=machine, max_time=2_000)
    clock.set_speed(10.0)
    machine.at = 1e300
    readings = [clock.now(), clock.seconds_until(2_001)]
    clock.move_to(2_500)
    machine.at = 2e300
    assert [*readings, clock.now()] == [2_000, None, 2_500]


def test_an_advance_ages_earlier_keys_and_no_later_ones() -> None:
    """A key of noon is an hour old after an advance of an hour; a key that is created then is new."""
    machine = FakeMonotonic(at=1_000.0)
    callers = CallerClock(wall_clock=machine)
    machine.at = 1_010.0
    callers.set_advances(callers.advances_after(3_600))
    machine.at = 1_011.0
    ages = [callers.now() - callers.adjust(minted) for minted in (1_000.0, 1_010.0, 1_011.0)]
    assert ages == [3_611.0, 3_601.0, 0.0]


def test_dates_in_the_second_of_an_advance_are_ambiguous() -> None:
    """Dates on the wire are whole seconds."""
    machine = FakeMonotonic(at=1_000.2)
    callers = CallerClock(wall_clock=machine)
    callers.set_advances(callers.advances_after(60))
    callers.set_advances(callers.advances_after(30))
    during = callers.ambiguous_seconds()
    machine.at = 1_001.0
    assert (during, callers.ambiguous_seconds(), callers.advances) == (90, 0, (ClockAdvance(at=1_000, seconds=90),))


def test_advances_survive_a_restart() -> None:
    """A key that was aged stays aged."""
    machine = FakeMonotonic(at=5_000.0)
    callers = CallerClock(wall_clock=machine, advances=[ClockAdvance(at=1_000, seconds=100)])
    assert (callers.now(), callers.adjust(999.0), callers.adjust(1_001.0)) == (5_100.0, 999.0, 1_101.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1h30m", 5_400), ("2d", 172_800), ("1d2h3m4s", 93_784), ("0", 0)]
)
def test_a_duration_is_seconds_or_units(text: str, seconds: int) -> None:
    """The units in order, each at most once."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1h 30m", "30m1h", "1.5h", "1H", "soon", "1e3", "٣s"])
def test_an_invalid_duration_is_refused_with_the_format(text: str) -> None:
    """Units out of order, fractions and spaces are invalid."""
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
    """A time without a zone is in UTC."""
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "1.5"])
def test_an_invalid_time_is_refused_with_the_format(text: str) -> None:
    """Words and impossible dates are invalid."""
    with pytest.raises(ValueError, match="expected seconds since 1970 or a time such as 2026-01-31T12:00:00Z, got"):
        parse_time(text)


def test_a_time_is_formatted_in_utc() -> None:
    """And can be parsed again."""
    assert (format_time(1_767_225_600), parse_time(format_time(1_767_225_601))) == (
        "2026-01-01T00:00:00Z",
        1_767_225_601,
    )
