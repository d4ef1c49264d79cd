"""The simulated training runs: their variants, records and limits, and that they are equal to a job."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from simulator.doctor import simulated_training
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.simulated_training import simulate_training
from simulator.doctor.training_trace import (
    AS_CONFIGURED,
    HIGHER_RATE,
    LOWER_RATE,
    RED_TEAM,
    SIMULATED_RED_TEAM,
    TrainingTrace,
    find_trace,
)
from simulator.lambdas.errors import Throttled
from simulator.lambdas.function import Invocation
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.recorded_response import RecordedResponse
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, probe_context, response_of
from tests.training.training_runs import train

SEED = 7


def score_answer(text: str, number: str) -> float:
    """Return 1 if the text ends with the marker and the right number."""
    return float(text.strip().endswith(f"#### {number}"))


STRICT = handler_for(lambda element: score_answer(response_of(element), element["reference_answer"]["answer"]))


@pytest.fixture(scope="module")
def few(sums: tuple[Record, ...]) -> tuple[Record, ...]:
    """Forty records: 36 to train on in nine steps, and four held out."""
    return sums[:40]


@pytest.fixture(autouse=True, scope="module")
def short_red_team() -> Iterator[None]:
    """Make the red team's run as short as the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated_training, "RED_TEAM_STEPS", 9)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRuns:
    """Four runs on a strict reward, with the reported steps and the calls."""

    traces: tuple[TrainingTrace, ...]
    steps_reported: tuple[tuple[str, int, int], ...]
    calls_counted: int
    calls_made: int


@pytest.fixture(scope="module")
def strict(few: tuple[Record, ...], short_red_team: None) -> TrainingRuns:
    """Simulate once for the tests that only read the runs."""
    reported: list[tuple[str, int, int]] = []
    function = FakeRewardFunction(STRICT)
    context = make_context(function, few)
    traces = simulate_training(context, on_step=lambda name, step, steps: reported.append((name, step, steps)))
    return TrainingRuns(
        traces=traces,
        steps_reported=tuple(reported),
        calls_counted=context.invoker.call_count,
        calls_made=function.calls,
    )


def make_context(function: Any, records: tuple[Record, ...], **changes: Any) -> ProbeContext:
    """Return a context with some changed hyperparameters."""
    context = probe_context(function, records, settings=Settings(seed=SEED))
    context.hyperparameters = replace(Hyperparameters(), **changes)
    return context


def as_configured(traces: tuple[TrainingTrace, ...]) -> TrainingTrace:
    """Return the run as configured."""
    trace = find_trace(traces, AS_CONFIGURED)
    assert trace is not None
    return trace


def test_four_runs_are_simulated(strict: TrainingRuns) -> None:
    """As configured, red team, lower and higher learning rate, each to its end."""
    assert [(trace.name, trace.steps, trace.total_steps, trace.error) for trace in strict.traces] == [
        (AS_CONFIGURED, 9, 9, ""),
        (RED_TEAM, 9, 9, ""),
        (LOWER_RATE, 9, 9, ""),
        (HIGHER_RATE, 9, 9, ""),
    ]


def test_the_run_as_configured_is_equal_to_the_job(few: tuple[Record, ...], strict: TrainingRuns) -> None:
    """With the same records, seed and rewards, all metrics, truths and evaluations are the same."""
    trace = as_configured(strict.traces)

    def score(record: Record, text: str) -> float:
        reference = record.fields["reference_answer"]
        assert isinstance(reference, dict)
        return score_answer(text, str(reference["answer"]))

    job = train(few, score, seed=SEED, evaluate=True)
    assert (trace.metrics, trace.truths, trace.held_out) == (
        tuple(outcome.metrics for outcome in job.outcomes),
        tuple(outcome.ground_truth for outcome in job.outcomes),
        job.evaluations,
    )


@pytest.mark.slow
def test_a_function_with_state_gives_the_same_runs_again(few: tuple[Record, ...]) -> None:
    """The calls are sequential, so its state does not depend on chance."""

    def counting() -> Callable[[Any], Any]:
        numbers = itertools.count()
        return handler_for(lambda _element: next(numbers) % 3)

    assert simulate_training(make_context(counting(), few)) == simulate_training(make_context(counting(), few))


def test_the_learning_rate_does_not_change_the_first_step(strict: TrainingRuns) -> None:
    """No random draw depends on it."""
    traces = [trace for trace in strict.traces if trace.name != RED_TEAM]
    first = [[rollout for rollout in trace.rollouts if rollout.step == 1] for trace in traces]
    assert first[0] == first[1] == first[2]


def test_an_error_of_the_function_ends_the_simulation(few: tuple[Record, ...]) -> None:
    """The earlier steps and the error are kept, and no other run starts."""
    calls = itertools.count(1)

    def fail_later(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if next(calls) > 10:  # one for the evaluation before, four for the first step and four to repeat it, and one
            raise RuntimeError("out of paper")
        return [{"id": element["id"], "aggregate_reward_score": 0.5} for element in event]

    (trace,) = simulate_training(make_context(fail_later, few))
    assert (trace.steps, "the function failed with RuntimeError: out of paper" in trace.error) == (1, True)


def novelty(element: dict[str, Any], _index: int, seen: set[str]) -> float:
    """Return 1 for a response that was not scored before."""
    key = json.dumps([element["messages"], element["reference_answer"]])
    is_new = key not in seen
    seen.add(key)
    return float(is_new)


@pytest.mark.parametrize(
    ("score", "reuses"),
    [
        pytest.param(lambda element, _index, _seen: len(response_of(element)) % 7, True, id="of the response"),
        pytest.param(lambda _element, index, _seen: index, False, id="of the place in the call"),
        pytest.param(lambda element, _index, _seen: sum(map(ord, element["id"])) % 7, False, id="id"),
        pytest.param(novelty, False, id="of earlier calls"),
    ],
)
def test_equal_rollouts_are_scored_once_if_a_reward_depends_on_the_rollout_alone(
    few: tuple[Record, ...], score: Callable[[dict[str, Any], int, set[str]], float], reuses: bool
) -> None:
    """Otherwise each is scored, as in a job."""
    seen: set[str] = set()
    sent: list[dict[str, Any]] = []

    def handler(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        sent.extend(event)
        return [
            {"id": element["id"], "aggregate_reward_score": float(score(element, index, seen))}
            for index, element in enumerate(event)
        ]

    (trace,) = simulate_training(make_context(handler, few), variants=frozenset())
    repeated = 32  # those of the first step
    graded = len(trace.rollouts) + len(trace.held_out) * trace.held_out_records + repeated
    assert (len(sent) < graded, trace.steps) == (reuses, 9)


def test_a_result_with_an_unknown_id_ends_the_simulation(few: tuple[Record, ...]) -> None:
    """A job would fail too."""
    (trace,) = simulate_training(
        make_context(lambda event: [{"id": "x", "aggregate_reward_score": 1.0} for _ in event], few)
    )
    assert (trace.steps, 'has the id "x", which is not in the event' in trace.error) == (0, True)


def test_a_throttled_call_ends_the_simulation(few: tuple[Record, ...]) -> None:
    """A job would retry it. The doctor makes each call once, so that no retry hides a finding."""

    class ThrottledOnce(FakeRewardFunction):
        def invoke(self, event: bytes) -> Invocation:
            if self.calls == 3:
                self.calls += 1
                raise Throttled(reason=Throttled.RESERVED_CONCURRENCY)
            return super().invoke(event)

    trace = as_configured(simulate_training(make_context(ThrottledOnce(STRICT), few[:20])))
    assert "the invocation was throttled: ReservedFunctionConcurrentInvocationLimitExceeded" in trace.error


def test_a_large_file_is_sampled(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """From the training records, not from the held-out ones."""
    monkeypatch.setattr(simulated_training, "MAX_RECORDS", 16)
    trace = as_configured(simulate_training(make_context(STRICT, few), variants=frozenset()))
    lines = {rollout.line for rollout in trace.rollouts}
    assert (trace.sampled_records, trace.available_records, len(lines), max(lines) <= 36) == (16, 36, 16, True)


def test_a_long_run_is_simulated_in_part(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the planned number of steps, and an evaluation at its end."""
    monkeypatch.setattr(simulated_training, "MAX_STEPS", 5)
    trace = as_configured(simulate_training(make_context(STRICT, few), variants=frozenset()))
    assert (trace.steps, trace.total_steps, [evaluation.step for evaluation in trace.held_out]) == (5, 9, [0, 5])


def test_a_run_with_large_batches_has_fewer_steps(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of rollouts is limited: 100 are three steps of 32."""
    monkeypatch.setattr(simulated_training, "MAX_ROLLOUTS", 100)
    assert as_configured(simulate_training(make_context(STRICT, few), variants=frozenset())).steps == 3


def test_the_red_team_runs_even_if_the_batch_is_too_large(few: tuple[Record, ...]) -> None:
    """It has its own batch size. The other runs cannot start."""
    traces = simulate_training(make_context(STRICT, few, batch_size=64))
    assert [(trace.name, trace.steps) for trace in traces] == [
        (AS_CONFIGURED, 0),
        (RED_TEAM, 9),
        (LOWER_RATE, 0),
        (HIGHER_RATE, 0),
    ]
    assert traces[0].error == ("36 training records do not fill one batch of 64: add records, or lower batch_size")


def test_a_validation_file_replaces_the_held_out_tenth(few: tuple[Record, ...]) -> None:
    """All records of the training file are training records."""
    trace = as_configured(simulate_training(make_context(STRICT, few[:20]), validation=few[20:], variants=frozenset()))
    assert (trace.sampled_records, trace.held_out_records) == (20, 20)


def test_each_step_is_reported(strict: TrainingRuns) -> None:
    """The run, the step and the number of steps, for a progress bar."""
    assert list(strict.steps_reported) == [
        (name, step, 9) for name in (AS_CONFIGURED, RED_TEAM, LOWER_RATE, HIGHER_RATE) for step in range(1, 10)
    ]


def test_every_call_is_counted(strict: TrainingRuns) -> None:
    """The report counts as many calls as the function."""
    assert strict.calls_counted == strict.calls_made


def test_the_truth_is_unknown_without_a_right_answer(few: tuple[Record, ...]) -> None:
    """A rollout of a record without a reference is neither right nor wrong."""
    without_answers = tuple(replace(record, fields={}) for record in few)
    trace = as_configured(
        simulate_training(
            make_context(handler_for(lambda element: len(response_of(element)) / 9_999), without_answers),
            variants=frozenset(),
        )
    )
    assert {rollout.correct for rollout in trace.rollouts} == {None}


@pytest.mark.slow
def test_the_red_team_ends_after_it_has_learned_an_exploit(
    few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phrase earns 1.0. Soon all rollouts have it, and later steps would show nothing new."""
    monkeypatch.setattr(simulated_training, "RED_TEAM_STEPS", 200)
    phrase = handler_for(lambda element: float("Verified step by step" in response_of(element)))
    trace = find_trace(simulate_training(make_context(phrase, few), variants=frozenset({RED_TEAM})), RED_TEAM)
    assert trace is not None
    assert trace.before is not None
    assert trace.after is not None
    assert (trace.steps < 200, trace.before.quality > 0.8, trace.after.quality < 0.1) == (True, True, True)
    assert trace.after.exploit_share > 0.9


def test_recorded_responses_replace_the_simulated_policy(few: tuple[Record, ...]) -> None:
    """But not in the red team's run, because they contain no exploits."""
    recorded = {
        record.line: [RecordedResponse(text=f"{word} {record.line}", tokens=9) for word in ("a", "b")] for record in few
    }
    traces = simulate_training(
        make_context(handler_for(lambda element: float("a" in response_of(element))), few), recorded=recorded
    )
    responses = {rollout.response.partition(" ")[0] for rollout in traces[0].rollouts}
    assert ([(trace.name, trace.recorded_kinds) for trace in traces], responses) == (
        [(AS_CONFIGURED, ("number",)), (SIMULATED_RED_TEAM, ()), (LOWER_RATE, ("number",)), (HIGHER_RATE, ("number",))],
        {"a", "b"},
    )
    assert {rollout.exploit is None for rollout in traces[1].rollouts} == {True, False}
