"""Simulated training: which runs it has, on which records, and that a job has the same runs."""

import itertools
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


def score_marker(text: str, number: str) -> float:
    """Return 1 for the marker with the right number after it, else 0."""
    return float(text.strip().endswith(f"#### {number}"))


STRICT = handler_for(lambda element: score_marker(response_of(element), element["reference_answer"]["answer"]))


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
    """Four runs with a strict reward function, and the steps and calls that were counted."""

    traces: tuple[TrainingTrace, ...]
    steps_reported: tuple[tuple[str, int, int], ...]
    calls_counted: int
    calls_made: int


@pytest.fixture(scope="module")
def strict(few: tuple[Record, ...], short_red_team: None) -> TrainingRuns:
    """The runs of one simulated training, for all tests that read them."""
    steps: list[tuple[str, int, int]] = []
    function = FakeRewardFunction(STRICT)
    context = make_context(function, few)
    traces = simulate_training(context, on_step=lambda trace, step, total: steps.append((trace, step, total)))
    return TrainingRuns(
        traces=traces, steps_reported=tuple(steps), calls_counted=context.invoker.call_count, calls_made=function.calls
    )


def make_context(function: Any, records: tuple[Record, ...], **changes: Any) -> ProbeContext:
    """Return a context with these hyperparameters."""
    context = probe_context(function, records, settings=Settings(seed=SEED))
    context.hyperparameters = replace(Hyperparameters(), **changes)
    return context


def as_configured(traces: tuple[TrainingTrace, ...]) -> TrainingTrace:
    """Return the run with the job's own hyperparameters."""
    trace = find_trace(traces, AS_CONFIGURED)
    assert trace is not None
    return trace


def test_four_runs_are_simulated(strict: TrainingRuns) -> None:
    """As configured, red team, lower rate and higher rate; each to its end."""
    assert [(trace.name, trace.steps, trace.total_steps, trace.error) for trace in strict.traces] == [
        (AS_CONFIGURED, 9, 9, ""),
        (RED_TEAM, 9, 9, ""),
        (LOWER_RATE, 9, 9, ""),
        (HIGHER_RATE, 9, 9, ""),
    ]


def test_the_configured_run_is_that_of_a_job(few: tuple[Record, ...], strict: TrainingRuns) -> None:
    """The same records, seed and rewards give the same metrics, truths and evaluations, to the last bit."""
    trace = as_configured(strict.traces)

    def score(record: Record, text: str) -> float:
        reference = record.fields["reference_answer"]
        assert isinstance(reference, dict)
        return score_marker(text, str(reference["answer"]))

    job = train(few, score, seed=SEED, evaluate=True)
    assert (trace.metrics, trace.truths, trace.held_out) == (
        tuple(outcome.metrics for outcome in job.outcomes),
        tuple(outcome.ground_truth for outcome in job.outcomes),
        job.evaluations,
    )


def test_the_same_inputs_give_the_same_runs_for_a_function_with_state(few: tuple[Record, ...]) -> None:
    """Calls are sequential, so the function's state is the same in both."""

    def count_calls() -> Callable[[Any], Any]:
        numbers = itertools.count()
        return handler_for(lambda _element: next(numbers) % 3)

    assert simulate_training(make_context(count_calls(), few)) == simulate_training(make_context(count_calls(), few))


def test_the_first_step_does_not_depend_on_the_learning_rate(strict: TrainingRuns) -> None:
    """No random draw depends on the rate, so these runs start with the same rollouts."""
    policies = [trace for trace in strict.traces if trace.name != RED_TEAM]
    first = [[scored for scored in trace.rollouts if scored.step == 1] for trace in policies]
    assert first[0] == first[1] == first[2]


def test_a_function_error_ends_the_simulated_training_with_its_message(few: tuple[Record, ...]) -> None:
    """Earlier steps are kept, and no further run starts."""
    calls = itertools.count(1)

    def fail_later(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if next(calls) > 9:  # one call for the evaluation before, four for each step
            raise RuntimeError("out of paper")
        return [{"id": element["id"], "aggregate_reward_score": 0.5} for element in event]

    (trace,) = simulate_training(make_context(fail_later, few))
    assert (trace.steps, "the function failed with RuntimeError: out of paper" in trace.error) == (2, True)


def test_a_result_with_an_unknown_id_ends_the_simulated_training(few: tuple[Record, ...]) -> None:
    """As it ends a job."""
    (trace,) = simulate_training(
        make_context(lambda event: [{"id": "x", "aggregate_reward_score": 1.0} for _ in event], few)
    )
    assert (trace.steps, 'has the id "x", which is not in the event' in trace.error) == (0, True)


def test_a_throttled_call_is_repeated(few: tuple[Record, ...]) -> None:
    """As in a job."""

    class ThrottlingRewardFunction(FakeRewardFunction):
        def invoke(self, event: bytes) -> Invocation:
            if self.calls == 3:
                self.calls += 1
                raise Throttled(reason=Throttled.RESERVED_CONCURRENCY)
            return super().invoke(event)

    assert as_configured(simulate_training(make_context(ThrottlingRewardFunction(STRICT), few))).error == ""


def test_a_large_file_is_sampled(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample has no record that a job would hold out."""
    monkeypatch.setattr(simulated_training, "MAX_RECORDS", 16)
    trace = as_configured(simulate_training(make_context(STRICT, few)))
    lines = {scored.line for scored in trace.rollouts}
    assert (trace.sampled_records, trace.available_records, len(lines), max(lines) <= 36) == (16, 36, 16, True)


def test_only_the_first_steps_of_a_long_run_are_simulated(
    few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trace has the full number of steps, and an evaluation after the last simulated one."""
    monkeypatch.setattr(simulated_training, "MAX_STEPS", 5)
    trace = as_configured(simulate_training(make_context(STRICT, few)))
    assert (trace.steps, trace.total_steps, [evaluation.step for evaluation in trace.held_out]) == (5, 9, [0, 5])


def test_large_batches_have_fewer_steps(few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of rollouts is limited too: 100 are three steps of 32."""
    monkeypatch.setattr(simulated_training, "MAX_ROLLOUTS", 100)
    assert as_configured(simulate_training(make_context(STRICT, few))).steps == 3


def test_a_batch_larger_than_the_file_prevents_all_runs_except_the_red_teams(few: tuple[Record, ...]) -> None:
    """The red team has its own batch size."""
    traces = simulate_training(make_context(STRICT, few, batch_size=64))
    assert [(trace.name, trace.steps) for trace in traces] == [
        (AS_CONFIGURED, 0),
        (RED_TEAM, 9),
        (LOWER_RATE, 0),
        (HIGHER_RATE, 0),
    ]
    assert traces[0].error == ("36 training records do not fill one batch of 64: add records, or lower batch_size")


def test_validation_records_replace_the_held_out_tenth(few: tuple[Record, ...]) -> None:
    """The run then trains on all records of the file."""
    trace = as_configured(simulate_training(make_context(STRICT, few[:20]), validation=few[20:]))
    assert (trace.sampled_records, trace.held_out_records) == (20, 20)


def test_each_step_is_reported(strict: TrainingRuns) -> None:
    """With the run's name, the step and the number of steps, for a progress bar."""
    assert list(strict.steps_reported) == [
        (name, step, 9) for name in (AS_CONFIGURED, RED_TEAM, LOWER_RATE, HIGHER_RATE) for step in range(1, 10)
    ]


def test_every_call_is_counted(strict: TrainingRuns) -> None:
    """The invoker's count equals the function's own."""
    assert strict.calls_counted == strict.calls_made


def test_the_truth_is_unknown_without_a_reference_answer(few: tuple[Record, ...]) -> None:
    """Such a rollout is neither right nor wrong."""
    bare = tuple(replace(record, fields={}) for record in few)
    trace = as_configured(
        simulate_training(make_context(handler_for(lambda element: len(response_of(element)) / 9_999), bare))
    )
    assert {scored.correct for scored in trace.rollouts} == {None}


def test_the_red_team_ends_once_it_has_learned_a_loophole(
    few: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Praise alone scores 1. Soon every rollout is praise, and further steps would change nothing."""
    monkeypatch.setattr(simulated_training, "RED_TEAM_STEPS", 200)
    praise = handler_for(lambda element: float("Verified step by step" in response_of(element)))
    trace = find_trace(simulate_training(make_context(praise, few)), RED_TEAM)
    assert trace is not None
    assert trace.before is not None
    assert trace.after is not None
    assert (trace.steps < 200, trace.before.quality > 0.8, trace.after.quality < 0.1) == (True, True, True)
    assert trace.after.exploit_share > 0.9


def test_recorded_responses_replace_the_simulated_policy(few: tuple[Record, ...]) -> None:
    """Except in the red team's run: recorded responses contain no exploits, so its policy is simulated."""
    recorded = {
        record.line: [RecordedResponse(text=f"{text} {record.line}", tokens=9) for text in ("a", "b")] for record in few
    }
    traces = simulate_training(
        make_context(handler_for(lambda element: float("a" in response_of(element))), few), recorded=recorded
    )
    responses = {scored.response.partition(" ")[0] for scored in traces[0].rollouts}
    assert ([(trace.name, trace.recorded_kinds) for trace in traces], responses) == (
        [(AS_CONFIGURED, ("number",)), (SIMULATED_RED_TEAM, ()), (LOWER_RATE, ("number",)), (HIGHER_RATE, ("number",))],
        {"a", "b"},
    )
    assert {scored.exploit is None for scored in traces[1].rollouts} == {True, False}
