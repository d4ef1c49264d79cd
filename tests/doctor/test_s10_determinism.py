"""S10: the same rollout always gets the same score."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s10_determinism import DETERMINISM, check_after_training, check_determinism
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import (
    FakeRewardFunction,
    StatefulHandler,
    handler_for,
    local_probe_context,
    probe_context,
    response_of,
)


@pytest.mark.parametrize("has_references", [True, False])
def test_a_deterministic_function_is_ok(has_references: bool, sums: tuple[Record, ...]) -> None:
    """Without right answers, rollouts of the base model are repeated."""
    records = sums if has_references else tuple(replace(record, fields={}) for record in sums)
    (finding,) = check_determinism(probe_context(handler_for(lambda element: len(response_of(element)) % 7), records))
    assert (finding.probe, finding.severity, finding.value) == ("S10", Severity.OK, 0.0)


def test_a_score_that_changes_from_call_to_call_fails(sums: tuple[Record, ...]) -> None:
    """The example shows both scores."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: calls % 3 / 2), sums))
    assert (finding.severity, finding.message, finding.value) == (
        Severity.FAIL,
        "The same rollout scores differently when it is scored again.",
        1.0,
    )
    assert "standard deviation" in finding.measured
    assert finding.examples[0].note.startswith("then ")


def test_little_noise_is_a_warning(sums: tuple[Record, ...]) -> None:
    """Training tolerates it."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: calls % 3 / 100), sums))
    assert (finding.severity, finding.value) == (Severity.WARN, 0.02)


def test_rare_noise_is_found_by_repeating_one_call(sums: tuple[Record, ...]) -> None:
    """Calls 1 to 6 score everything three times. One of the ten calls after them differs."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: float(calls == 12)), sums))
    assert (finding.severity, finding.value) == (Severity.FAIL, 1.0)


def test_a_rollout_that_loses_its_score_fails(sums: tuple[Record, ...]) -> None:
    """The example shows the error."""

    def score(calls: int, _element: dict[str, Any]) -> float:
        if calls >= 5:
            raise RuntimeError("too many calls")
        return 1.0

    (finding,) = check_determinism(probe_context(StatefulHandler(score), sums))
    assert (finding.severity, finding.message, finding.measured.partition(",")[0]) == (
        Severity.FAIL,
        "The same rollout has a score in one call and not in another.",
        "16 of 16 without a score",
    )
    assert finding.examples[0].note == "then no score: RuntimeError: too many calls"


def test_a_call_that_fails_only_in_a_fresh_environment_fails(sums: tuple[Record, ...]) -> None:
    """A first call failed too, but its rollouts got scores alone. Repeated calls get no such second chance."""
    calls = itertools.count()

    def handle(event: list[dict[str, Any]]) -> Any:
        if next(calls) == 1 or (reward_function.restarts and len(event) > 1):
            raise RuntimeError("not warm yet")
        return handler_for(lambda _element: 1.0)(event)

    reward_function = FakeRewardFunction(handle)
    (finding,) = check_determinism(probe_context(reward_function, sums))
    assert (finding.severity, finding.message, finding.measured) == (
        Severity.FAIL,
        "The same rollout has a score in one call and not in another.",
        "16 of 16 without a score",
    )


def test_dependence_on_earlier_calls_is_distinguished_from_noise(sums: tuple[Record, ...]) -> None:
    """The first two calls score 0, all later ones 1."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: float(calls > 2)), sums))
    assert finding.message == "A score depends on earlier calls: it differs from the first time."


def test_dependence_on_the_environment_is_found_by_a_restart(sums: tuple[Record, ...]) -> None:
    """A fresh environment has none of the function's state."""
    reward_function = FakeRewardFunction(handler_for(lambda _element: float(reward_function.restarts)))
    (finding,) = check_determinism(probe_context(reward_function, sums))
    assert finding.message == "A score changes in a new environment: the function keeps state between calls."


def test_dependence_on_the_rollout_id_is_found(sums: tuple[Record, ...]) -> None:
    """Here the score is the length of the id."""
    (finding,) = check_determinism(probe_context(handler_for(lambda element: len(element["id"]) / 100), sums))
    assert finding.message == "A score depends on the rollout's id."


def test_a_function_without_scores_is_not_measured(sums: tuple[Record, ...]) -> None:
    """There is nothing to compare."""

    def score(_element: dict[str, Any]) -> float:
        raise ValueError("no")

    (finding,) = check_determinism(probe_context(handler_for(score), sums, row_count=4))
    assert finding.severity is Severity.SKIPPED


REWARD = """
import datetime
import time
from datetime import datetime as moment

calls = 0

def score(text):
    global calls
    calls += 1
    {body}

def lambda_handler(event, context):
    return [{{"id": one["id"], "aggregate_reward_score": score(one["messages"][-1]["content"])}} for one in event]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "clock",
    [
        "time.time() % 60 / 60",
        "float(time.strftime('%S')) / 60",
        "moment.utcnow().second / 60",
        "datetime.date.today().month / 12",
        "isinstance(moment.now(), datetime.date) * moment.now(datetime.timezone.utc).day / 31",
    ],
)
def test_a_score_that_follows_the_clock_fails_without_waiting(
    clock: str, tmp_path: Path, sums: tuple[Record, ...]
) -> None:
    """Every way to read the time of day is moved, whatever the time of the test."""
    with local_probe_context(tmp_path, REWARD.format(body=f"return {clock}"), sums) as context:
        (finding,) = check_determinism(context)
    assert (finding.severity, finding.message.partition(":")[0]) == (Severity.FAIL, "The score follows the clock")


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        "start = time.time(); print(moment.now().isoformat(), time.ctime()); return 0.5 + 0 * (time.time() - start)",
        "return float(moment.fromisoformat('2020-05-01') < moment.now() and moment.strptime('1', '%d').day == 1)",
    ],
)
def test_a_function_that_only_logs_the_time_is_ok(body: str, tmp_path: Path, sums: tuple[Record, ...]) -> None:
    """It reads the clock, and the score does not follow it."""
    with local_probe_context(tmp_path, REWARD.format(body=body), sums) as context:
        (finding,) = check_determinism(context)
    assert (finding.severity, finding.message) == (
        Severity.OK,
        "The same rollouts got the same scores again, under other ids, in a new environment and at other times.",
    )


@pytest.mark.slow
def test_a_wait_for_the_clock_ends_while_it_is_moved(tmp_path: Path, sums: tuple[Record, ...]) -> None:
    """Within a call time passes."""
    body = "end = time.time() + (calls == 1) * 0.3\n    while time.time() < end: pass\n    return 0.5"
    with local_probe_context(tmp_path, REWARD.format(body=body), sums) as context:
        (finding,) = check_determinism(context)
    assert finding.severity is Severity.OK


@pytest.mark.slow
@pytest.mark.parametrize(
    ("score", "severity"),
    [("1 / (1 + calls / 100)", Severity.FAIL), ("0.5 + calls / 1e6", Severity.WARN)],
)
def test_a_score_that_depends_on_the_number_of_calls_is_no_noise(
    score: str, severity: Severity, tmp_path: Path, sums: tuple[Record, ...]
) -> None:
    """It changes in the same way in two new environments."""
    with local_probe_context(tmp_path, REWARD.format(body=f"return {score}"), sums) as context:
        (finding,) = check_determinism(context)
    assert (finding.severity, finding.message) == (
        severity,
        "A score depends on the number of calls before it: it changes in the same way in a new environment.",
    )


def test_the_first_calls_are_repeated_after_the_training(sums: tuple[Record, ...]) -> None:
    """A cache of 1,000 calls is full by then."""
    handler = StatefulHandler(lambda calls, _element: float(calls <= 1000))
    context = probe_context(handler, sums)
    findings = list(check_determinism(context))
    before = check_after_training(context, findings)
    handler.calls = 2000
    (finding,) = check_after_training(context, findings)
    assert ([finding.severity for finding in findings], before, finding.severity, finding.message) == (
        [Severity.OK],
        [],
        Severity.FAIL,
        "A score depends on the number of calls: it differs from the first time after the simulated training.",
    )


def test_a_drift_that_is_reported_already_is_not_reported_after_the_training(sums: tuple[Record, ...]) -> None:
    """One cause, one finding."""
    context = probe_context(StatefulHandler(lambda calls, _element: calls / 1000), sums)
    assert check_after_training(context, [DETERMINISM.finding(Severity.WARN, "noise")]) == []
