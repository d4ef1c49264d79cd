"""The message of a GraderError."""

from simulator.grading.grader_error import excerpt


def test_an_excerpt_says_how_much_is_missing() -> None:
    """A text at the limit is unchanged."""
    assert excerpt("x" * 501) == "x" * 500 + "… (1 more characters)"
    assert excerpt("x" * 500) == "x" * 500
