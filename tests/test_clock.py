"""The simulator's own time, and its callers'."""

from dataclasses import dataclass

from simulator.clock import CallersTime, Clock, Lapse


@dataclass
class Machine:
    """A machine's clock, moved by hand; seconds."""

    at: float = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.at


def test_a_clock_stands_until_it_is_moved() -> None:
    """However much time passes on the machine."""
    machine = Machine()
    clock = Clock(epoch=1_000, seconds=machine)
    machine.at = 500.0
    assert (clock.now(), clock.wait_until(1_001)) == (1_000, None)


def test_it_is_moved_forward_only() -> None:
    """A time that has passed leaves it where it is."""
    clock = Clock(epoch=1_000, seconds=Machine())
    clock.move_to(1_500)
    clock.move_to(1_200)
    assert clock.now() == 1_500


def test_a_clock_that_runs_goes_by_the_machine_at_its_speed() -> None:
    """In whole seconds; a change of speed starts from where it is."""
    machine = Machine(at=100.0)
    clock = Clock(epoch=1_000, seconds=machine)
    clock.run(60.0)
    machine.at = 101.5
    seen = [clock.now()]
    clock.run(2.0)
    machine.at = 103.0
    seen.append(clock.now())
    clock.run(0.0)
    machine.at = 1_000.0
    assert [*seen, clock.now()] == [1_090, 1_093, 1_093]


def test_a_clock_that_runs_says_how_long_it_is_to_a_time() -> None:
    """In real seconds; none to a time that has come."""
    clock = Clock(epoch=1_000, seconds=Machine())
    clock.run(10.0)
    assert (clock.wait_until(1_025), clock.wait_until(1_000)) == (2.5, 0.0)


def test_moving_a_clock_that_runs_lets_it_run_on_from_there() -> None:
    """Nothing that passed is counted twice."""
    machine = Machine()
    clock = Clock(epoch=1_000, seconds=machine)
    clock.run(1.0)
    machine.at = 5.0
    clock.move_to(2_000)
    machine.at = 8.0
    assert clock.now() == 2_003


def test_a_clock_that_runs_stops_at_its_last_second() -> None:
    """What lies behind it is not waited for; only somebody's hand moves the clock there."""
    machine = Machine()
    clock = Clock(epoch=1_000, seconds=machine, last=2_000)
    clock.run(10.0)
    machine.at = 1e300
    seen = [clock.now(), clock.wait_until(2_001)]
    clock.move_to(2_500)
    machine.at = 2e300
    assert [*seen, clock.now()] == [2_000, None, 2_500]


def test_time_that_is_made_to_pass_ages_what_was_minted_before_and_nothing_after() -> None:
    """A key of noon is an hour old after an hour was made to pass; one that is minted then is new."""
    machine = Machine(at=1_000.0)
    callers = CallersTime(wall=machine)
    machine.at = 1_010.0
    callers.take(callers.with_another(3_600))
    machine.at = 1_011.0
    ages = [callers.now() - callers.of(minted) for minted in (1_000.0, 1_010.0, 1_011.0)]
    assert ages == [3_611.0, 3_601.0, 0.0]


def test_what_bears_the_second_of_a_lapse_cannot_be_told_apart_until_that_is_over() -> None:
    """Dates on the wire are whole seconds."""
    machine = Machine(at=1_000.2)
    callers = CallersTime(wall=machine)
    callers.take(callers.with_another(60))
    callers.take(callers.with_another(30))
    during = callers.untold()
    machine.at = 1_001.0
    assert (during, callers.untold(), callers.lapses) == (90, 0, (Lapse(at=1_000, seconds=90),))


def test_lapses_are_taken_up_by_the_next_start() -> None:
    """A key that was aged stays aged."""
    machine = Machine(at=5_000.0)
    callers = CallersTime(wall=machine, lapses=[Lapse(at=1_000, seconds=100)])
    assert (callers.now(), callers.of(999.0), callers.of(1_001.0)) == (5_100.0, 999.0, 1_101.0)
