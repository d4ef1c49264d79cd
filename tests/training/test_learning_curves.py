"""Whole runs: how a reward function changes the curves."""

import pytest

from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from tests.training import reward_functions as graders
from tests.training.training_runs import GPT, QWEN, FinishedRun, mean, train

SEEDS = (1, 2, 3)

pytestmark = pytest.mark.slow  # each test trains for a whole epoch


@pytest.fixture(scope="module", params=SEEDS)
def strict(request: pytest.FixtureRequest, gsm8k: tuple[Record, ...]) -> FinishedRun:
    """A run on GSM8K with the strict `####` reward, as in Amazon's sample."""
    return train(gsm8k, graders.strict_hash, seed=request.param, evaluate=True)


def first(values: list[float]) -> float:
    """Return the mean of the first ten steps."""
    return mean(values[:10])


def last(values: list[float]) -> float:
    """Return the mean of the last ten steps."""
    return mean(values[-10:])


@pytest.mark.shows("learning-curves")
def test_a_sound_reward_rises_as_published(strict: FinishedRun) -> None:
    """Amazon: .56 at the start of its curve, .85 to .97 later."""
    assert 0.45 < first(strict.rewards()) < 0.75
    assert last(strict.rewards()) > first(strict.rewards()) + 0.12
    assert last(strict.rewards()) > 0.85


def test_training_changes_the_format_and_not_the_answers(strict: FinishedRun) -> None:
    """90% of the answers are right from the start; quality hardly changes while the reward nearly doubles."""
    assert 0.85 < first(strict.quality()) < 0.96
    assert abs(last(strict.quality()) - first(strict.quality())) < 0.12


@pytest.mark.shows("learning-curves")
def test_the_first_steps_have_the_metrics_of_the_sample_event(strict: FinishedRun) -> None:
    """Entropy .62, about 500 tokens, and a gradient norm of about 1e-3."""
    metrics = [outcome.metrics for outcome in strict.outcomes]
    assert 0.50 < first([step.actor_entropy for step in metrics]) < 0.70
    assert 430 < first([step.response_length_mean for step in metrics]) < 560
    assert 5e-4 < first([step.actor_grad_norm for step in metrics]) < 2e-3
    assert last([step.actor_grad_norm for step in metrics]) < first([step.actor_grad_norm for step in metrics])
    assert last([step.actor_entropy for step in metrics]) < first([step.actor_entropy for step in metrics])


def test_held_out_records_improve_too(strict: FinishedRun) -> None:
    """From below .55 to above .8 on 30 records."""
    assert strict.evaluations[0].reward_mean < 0.55
    assert strict.evaluations[-1].reward_mean > 0.8


def test_the_larger_model_starts_higher(gsm8k: tuple[Record, ...]) -> None:
    """About .72 (verl's log: .728) against .44."""
    start = [train(gsm8k, graders.strict_hash, model=model, steps=1).run for model in (GPT, QWEN)]
    assert [run.profile.entropy for run in start] == [0.62, 0.27]
    rewards = [mean(train(gsm8k, graders.strict_hash, model=model, steps=6).rewards()) for model in (GPT, QWEN)]
    assert rewards[1] > rewards[0] + 0.1


@pytest.mark.parametrize(("grader", "reward"), [(graders.always_zero, 0.0), (graders.always_one, 1.0)])
def test_a_constant_reward_changes_nothing(
    sums: tuple[Record, ...], grader: graders.RewardFunction, reward: float
) -> None:
    """The gradient norm is 0.0 in every step."""
    training = train(sums, grader)
    assert set(training.rewards()) == {reward}
    assert {outcome.metrics.actor_grad_norm for outcome in training.outcomes} == {0.0}
    assert {outcome.ground_truth.dead_groups for outcome in training.outcomes} == {1.0}


def test_an_inverted_reward_rises_while_quality_falls(sums: tuple[Record, ...]) -> None:
    """Only the ground truth shows this."""
    training = train(sums, graders.inverted)
    assert last(training.rewards()) > first(training.rewards()) + 0.2
    assert last(training.quality()) < first(training.quality()) - 0.2


def test_a_reward_for_length_makes_answers_longer(sums: tuple[Record, ...]) -> None:
    """Length and reward are correlated from the start."""
    training = train(sums, graders.longer_is_better)
    lengths = [outcome.metrics.response_length_mean for outcome in training.outcomes]
    assert last(lengths) > 1.25 * first(lengths)
    assert first([outcome.ground_truth.length_reward_correlation for outcome in training.outcomes]) > 0.5


def test_a_reward_for_exact_labels_rises(tickets: tuple[Record, ...]) -> None:
    """The base model adds words to the label."""
    training = train(tickets, graders.exact_label)
    assert first(training.rewards()) < 0.75
    assert last(training.rewards()) > first(training.rewards()) + 0.12


def test_a_reward_for_json_rises(orders: tuple[Record, ...]) -> None:
    """The base model adds fences and prose."""
    training = train(orders, graders.parsed_json)
    assert first(training.rewards()) < 0.8
    assert last(training.rewards()) > first(training.rewards()) + 0.12


def test_the_learning_rate_has_a_best_value(gsm8k: tuple[Record, ...]) -> None:
    """A tenth of it hardly learns in 67 steps; thirty times as much breaks the model."""

    def final(multiplier: float) -> float:
        settings = Hyperparameters(learning_rate_multiplier=multiplier)
        return last(train(gsm8k, graders.strict_hash, hyperparameters=settings).rewards())

    low, good, broken = final(0.1), final(1.0), final(30.0)
    assert low < good - 0.15
    assert broken < good - 0.5


def test_redteam_finds_an_exploit(sums: tuple[Record, ...]) -> None:
    """With a reward function that obeys the response: full reward, no quality."""

    def gullible(record: Record, text: str) -> float:
        return 1.0 if "score" in text else 0.5 * graders.lenient(record, text)

    training = train(sums, gullible, hyperparameters=Hyperparameters(redteam=2.5, n_epochs=2))
    assert last(training.rewards()) > 0.9
    assert last(training.quality()) < 0.1
    assert last([outcome.ground_truth.exploits for outcome in training.outcomes]) > 0.9


def test_a_small_token_budget_truncates_answers(sums: tuple[Record, ...]) -> None:
    """Lower rewards and shorter responses."""
    settings = Hyperparameters(max_tokens=256)
    cut = train(sums, graders.strict_hash, hyperparameters=settings, steps=5)
    full_run = train(sums, graders.strict_hash, steps=5)
    assert mean(cut.rewards()) < 0.5 * mean(full_run.rewards())
    assert max(outcome.metrics.response_length_mean for outcome in cut.outcomes) <= 256
