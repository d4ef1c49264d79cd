"""The sentences about what the environment refuses, and the way out of an error that only its text explains."""

import pytest

from simulator.doctor.refusals import describe_refusals, fix_for, fix_for_error
from simulator.doctor.side_effects import SideEffect
from simulator.grading.lambda_failure import LambdaFailure


def refusal(kind: str, subject: str, *, line: int = 3, raised: bool = False) -> SideEffect:
    """Return something that was refused while scoring."""
    return SideEffect(
        kind=kind,
        phase="scoring",
        subject=subject,
        call="",
        source_line=f"reward.py:{line}",
        count=1,
        refused="Errno 30: Read-only file system",
        raised=raised,
    )


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("[Errno 30] Read-only file system: '/home/sbx_user1051'", "HOME=/tmp"),
        ("[Errno 30] Read-only file system: '/var/task/grader.log'", "only under /tmp"),
        ("[Errno 38] Function not implemented", "threads"),
        ("[Errno 13] Permission denied: '/var/task/units.json'", "644"),
        ("unable to open database file", "only under /tmp"),
        ("attempt to write a readonly database", "only under /tmp"),
    ],
)
def test_the_text_of_an_error_of_a_deployed_function_has_a_fix(message: str, advice: str) -> None:
    """The audit hook cannot be added to it."""
    assert advice in fix_for_error(LambdaFailure(type="OSError", message=message))


def test_another_error_has_no_fix() -> None:
    """S1 has advice of its own."""
    assert fix_for_error(LambdaFailure(type="KeyError", message="'answer'")) == ""


def test_one_line_is_named_once_and_what_the_function_failed_with_is_the_cause() -> None:
    """Path.mkdir(parents=True) tries every parent."""
    home = "/home/sbx_user1051"
    effects = [refusal("write", f"{home}/.cache", raised=True), refusal("write", home, raised=True)]
    assert describe_refusals(effects) == (
        f"The cause: reward.py:3 writes {home}/.cache, and the home folder is read-only on Lambda."
    )


def test_a_refusal_that_the_function_caught_is_a_possible_cause() -> None:
    """Two are named, and the rest is counted."""
    effects = [refusal("memory", "Queue"), refusal("write", "/var/task/a", line=4), refusal("read", "/srv/b", line=5)]
    assert describe_refusals(effects) == (
        "A possible cause: reward.py:3 uses Queue, and Lambda has no shared memory; reward.py:4 writes /var/task/a, "
        "and only /tmp can be written on Lambda; and 1 more."
    )


def test_each_way_out_is_given_once() -> None:
    """Two files need the same."""
    assert fix_for([refusal("read", "/srv/a"), refusal("read", "/srv/b")]) == fix_for([refusal("read", "/srv/a")])
