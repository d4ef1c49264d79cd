"""Which rehearsed runs a training rule looks at: what no chosen rule reads need not be rehearsed."""

import pytest

from simulator.doctor.finding import Probe
from simulator.doctor.probes.training.registry import RULES, Rule, read_by
from simulator.doctor.training_trace import FASTER, REDTEAM, SLOWER, USUAL, Course, Standing
from tests.doctor.training_traces import course

LOST = Standing(quality=0.1, exploits=0.9)
FLAT = (0.5, 0.5)

# Each course makes some rule say something else than without it.
TELLING = {
    "a run that does not rise, where a slower one does": (
        course(rewards=FLAT, after=LOST),
        course(SLOWER, rewards=(0.5, 0.9)),
        course(FASTER, rewards=FLAT, zero_steps=3),
        course(REDTEAM, rewards=FLAT),
    ),
    "a run that does not rise, where a faster one does": (
        course(rewards=FLAT),
        course(SLOWER, rewards=FLAT),
        course(FASTER, rewards=(0.5, 0.9)),
        course(REDTEAM, rewards=FLAT),
    ),
    "a run that does not rise, where the red team's does": (
        course(rewards=FLAT),
        course(SLOWER, rewards=FLAT),
        course(FASTER, rewards=FLAT),
        course(REDTEAM, rewards=(0.5, 0.9)),
    ),
    "a reward that the red team hacks": (
        course(after=LOST),
        course(SLOWER),
        course(FASTER, fault="a call has failed"),
        course(REDTEAM, after=LOST, exploit="empty", group=((1.0, False), (0.0, True))),
    ),
}


def told(rule: Rule, courses: tuple[Course, ...], names: frozenset[str]) -> list[object]:
    """Return what a rule finds where these runs were rehearsed, besides the one as it is."""
    return list(rule([run for run in courses if run.name == USUAL or run.name in names]))


@pytest.mark.parametrize("courses", TELLING.values(), ids=TELLING)
@pytest.mark.parametrize(("probe", "rule"), RULES, ids=[probe.id for probe, _ in RULES])
def test_a_rule_finds_the_same_without_the_runs_that_it_does_not_read(
    probe: Probe, rule: Rule, courses: tuple[Course, ...]
) -> None:
    """So that a chosen probe says what it says on a whole visit."""
    assert told(rule, courses, read_by([probe.id])) == told(rule, courses, frozenset({REDTEAM, SLOWER, FASTER}))


def test_no_run_is_rehearsed_for_a_rule_that_would_find_the_same_without() -> None:
    """Each run that is named makes a difference to its rule, in one of these stories at least."""
    idle = [
        (probe.id, name)
        for probe, rule in RULES
        for name in sorted(read_by([probe.id]))
        if all(
            told(rule, courses, read_by([probe.id])) == told(rule, courses, read_by([probe.id]) - {name})
            for courses in TELLING.values()
        )
    ]
    assert idle == []
