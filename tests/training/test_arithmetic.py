"""The version of the arithmetic of training."""

from simulator.training.arithmetic import ARITHMETIC, ORIGINAL_ARITHMETIC, describe_change


def test_the_same_arithmetic_has_no_change() -> None:
    """A job that began with it continues."""
    assert describe_change(ARITHMETIC) is None


def test_an_older_arithmetic_is_described_by_what_changed_since() -> None:
    """A user reads this in the error of a job."""
    assert describe_change(ORIGINAL_ARITHMETIC) == (
        f"it began with version 1 of the simulator's arithmetic, and this simulator has {ARITHMETIC}: advantages are "
        "computed in single precision, as in verl 0.9.1, and the simulated policy answers in the format that the "
        "prompt asks for"
    )


def test_a_newer_arithmetic_is_refused_although_its_changes_are_unknown() -> None:
    """An older simulator can open a folder that a newer one wrote."""
    assert describe_change(ARITHMETIC + 1) == (
        f"it began with version {ARITHMETIC + 1} of the simulator's arithmetic, and this simulator has {ARITHMETIC}"
    )
