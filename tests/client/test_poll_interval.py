"""The delay between reads of a job."""

from __future__ import annotations

from client.poll_interval import PollInterval


def test_the_delay_grows_without_changes_and_shrinks_with_them() -> None:
    """Between the shortest and the longest."""
    poll_interval = PollInterval(shortest=0.05, longest=1.0)
    delay, delays = poll_interval.shortest, []
    for has_changes in [False] * 8 + [True] * 6:
        delay = poll_interval.next_delay(delay, has_changes=has_changes)
        delays.append(round(delay, 3))
    assert delays == [0.075, 0.113, 0.169, 0.253, 0.38, 0.57, 0.854, 1.0, 0.5, 0.25, 0.125, 0.062, 0.05, 0.05]
