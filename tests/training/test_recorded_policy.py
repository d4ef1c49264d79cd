"""The policy over recorded responses."""

from collections import Counter
from dataclasses import replace
from math import exp, log

import pytest

from simulator.training.dataset import Record
from simulator.training.grpo import Experience, update_policy
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.optimizer import INITIAL_MOMENTS
from simulator.training.recorded_policy import RecordedSource, prepare_recorded_prompt
from simulator.training.recorded_response import MissingResponsesError, RecordedResponse, ResponsesByLine
from simulator.training.response_features import RESPONSE_FEATURE_NAMES
from simulator.training.training_run import (
    TrainingRun,
    evaluate_held_out,
    initial_state,
    prepare_run,
    sample_held_out,
    sample_step,
    train_step,
)
from simulator.training.weights import BASE_WEIGHTS
from tests.training import reward_functions as graders
from tests.training.recorded_responses import record_responses, run_to_end
from tests.training.training_runs import GPT, FinishedRun, mean, score_groups


@pytest.fixture(scope="module")
def recorded(sums: tuple[Record, ...]) -> ResponsesByLine:
    """Sixteen responses to each arithmetic problem."""
    return record_responses(sums)


def make_run(
    records: tuple[Record, ...], recorded: ResponsesByLine, *, seed: int = 1, multiplier: float = 1.0
) -> TrainingRun:
    """Prepare a run on recorded responses."""
    settings = Hyperparameters(learning_rate_multiplier=multiplier)
    return prepare_run(records, model=GPT, hyperparameters=settings, seed=seed, recorded_responses=recorded)


@pytest.fixture(scope="module")
def run(sums: tuple[Record, ...], recorded: ResponsesByLine) -> TrainingRun:
    """A run on all of the recorded responses."""
    return make_run(sums, recorded)


@pytest.fixture(scope="module")
def strict(run: TrainingRun) -> FinishedRun:
    """A whole run with the strict `####` reward."""
    return run_to_end(run, graders.strict_hash)


def first_and_last_means(values: list[float]) -> tuple[float, float]:
    """Return the means of the first and the last ten steps."""
    return mean(values[:10]), mean(values[-10:])


def test_every_rollout_is_a_recorded_response_of_its_prompt(run: TrainingRun, recorded: ResponsesByLine) -> None:
    """Text, reasoning and token counts are those of the recording."""
    groups = sample_step(run, initial_state())
    assert [len(group.rollouts) for group in groups] == [8] * 4
    for group in groups:
        for rollout in group.rollouts:
            response = recorded[group.prompt.record.line][rollout.actions[0]]
            assert (rollout.text, rollout.reasoning, rollout.response_length, rollout.reasoning_length) == (
                response.text, response.reasoning, response.tokens, response.reasoning_tokens
            )  # fmt: skip
        assert [rollout.index for rollout in group.rollouts] == list(range(8))


def test_the_untrained_policy_gives_all_responses_the_same_probability(run: TrainingRun) -> None:
    """Each is one sample of the model; rollouts are sampled from this distribution."""
    source = run.train_sources[1]
    group = source.sample_group(BASE_WEIGHTS, rollouts=400, random_key=("often",))
    (head,) = group.policy.heads
    assert head[0].probabilities == pytest.approx([1 / 16] * 16)
    counts = Counter(rollout.actions[0] for rollout in group.rollouts)
    assert set(counts) == set(range(16))
    assert max(counts.values()) < 50


def test_a_sound_reward_rises_within_an_epoch(strict: FinishedRun) -> None:
    """On the held-out records too."""
    first, last = first_and_last_means(strict.rewards())
    assert first < 0.7
    assert last > first + 0.2
    assert strict.evaluations[-1].reward_mean > strict.evaluations[0].reward_mean + 0.2


def test_metrics_have_the_scale_of_the_simulated_policy(strict: FinishedRun) -> None:
    """Entropy in the units of the base model, falling, and a gradient norm of about 1e-3."""
    entropy = first_and_last_means([outcome.metrics.actor_entropy for outcome in strict.outcomes])
    norms = first_and_last_means([outcome.metrics.actor_grad_norm for outcome in strict.outcomes])
    assert 0.5 < entropy[0] < 0.63
    assert entropy[1] < 0.8 * entropy[0]
    assert 3e-4 < norms[0] < 4e-3
    assert {outcome.ground_truth.exploits for outcome in strict.outcomes} == {0.0}


def test_the_learning_rate_has_a_best_value(gsm8k: tuple[Record, ...]) -> None:
    """A thirtieth of it hardly learns; thirty times as much is random."""
    recorded = record_responses(gsm8k)

    def runs(multiplier: float) -> list[FinishedRun]:
        return [
            run_to_end(make_run(gsm8k, recorded, seed=seed, multiplier=multiplier), graders.strict_hash)
            for seed in (1, 2)
        ]

    low, good, broken = (
        mean([first_and_last_means(run.rewards())[1] for run in runs(multiplier)]) for multiplier in (0.03, 1.0, 30.0)
    )
    assert low < good - 0.2
    assert broken < good - 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("grader", "reward"), [(graders.always_zero, 0.0), (graders.always_one, 1.0)])
def test_a_constant_reward_changes_nothing(
    sums: tuple[Record, ...], recorded: ResponsesByLine, grader: graders.RewardFunction, reward: float
) -> None:
    """As for the simulated policy."""
    training = run_to_end(make_run(sums, recorded), grader)
    assert training.state.weights == BASE_WEIGHTS
    assert {
        (outcome.metrics.critic_rewards_mean, outcome.metrics.actor_grad_norm) for outcome in training.outcomes
    } == {(reward, 0.0)}


@pytest.mark.slow
def test_a_reward_for_length_makes_answers_longer(sums: tuple[Record, ...], recorded: ResponsesByLine) -> None:
    """As far as longer responses were recorded."""
    training = run_to_end(make_run(sums, recorded), graders.longer_is_better)
    first, last = first_and_last_means([outcome.metrics.response_length_mean for outcome in training.outcomes])
    assert last > 1.15 * first


def test_a_run_depends_on_its_seed_and_rewards_only(sums: tuple[Record, ...], recorded: ResponsesByLine) -> None:
    """Bit for bit."""
    first, second, other_seed = (
        run_to_end(make_run(sums[:16], recorded, seed=seed), graders.strict_hash) for seed in (1, 1, 2)
    )
    assert first.outcomes == second.outcomes
    assert first.outcomes != other_seed.outcomes


def test_a_group_does_not_depend_on_the_others_of_its_step(sums: tuple[Record, ...], recorded: ResponsesByLine) -> None:
    """The line is part of the key of each draw."""
    batch_of_four, batch_of_one = (
        prepare_run(
            sums[:40], model=GPT, hyperparameters=Hyperparameters(batch_size=size), seed=1, recorded_responses=recorded
        )
        for size in (4, 1)
    )
    assert (
        sample_step(batch_of_four, initial_state())[0].rollouts
        == sample_step(batch_of_one, initial_state())[0].rollouts
    )


def test_a_validation_file_has_its_own_responses(sums: tuple[Record, ...], recorded: ResponsesByLine) -> None:
    """Both files may use the same line numbers."""
    validation_responses = {line: (RecordedResponse(text="validation", tokens=9),) for line in recorded}
    run = prepare_run(
        sums[:40], model=GPT, hyperparameters=Hyperparameters(), seed=1, validation=sums[:6],
        recorded_responses=recorded, recorded_validation_responses=validation_responses,
    )  # fmt: skip
    held_out = sample_held_out(run, initial_state())
    assert [group.rollouts[0].text for group in held_out] == ["validation"] * 6
    assert (
        evaluate_held_out(initial_state(), held_out, score_groups(held_out, graders.always_one)).response_length_mean
        == 9.0
    )


def test_records_without_responses_are_listed(sums: tuple[Record, ...], recorded: ResponsesByLine) -> None:
    """The caller can leave them out or sample more."""
    fewer = {line: responses for line, responses in recorded.items() if line not in range(3, 10)}
    with pytest.raises(MissingResponsesError) as exc_info:
        make_run(sums, {**fewer, 20: ()})
    assert str(exc_info.value) == (
        "8 records have no recorded responses (line 3, 4, 5, 6, 7, ...): sample them, or leave these records out"
    )
    assert exc_info.value.lines == (3, 4, 5, 6, 7, 8, 9, 20)


def test_ground_truth_comes_from_the_answer_check(sums: tuple[Record, ...]) -> None:
    """A truncated response is not right."""
    total = sums[0].fields["ground_truth"]
    responses = (
        RecordedResponse(text=f"It is {total} jars.", tokens=5),
        RecordedResponse(text="It is 1 jar.", tokens=5),
        RecordedResponse(text=f"It is {total} jars.", tokens=5, finish_reason="length"),
    )
    rollouts = prepare_recorded_prompt(sums[0], responses).rollouts
    assert [(rollout.correct, rollout.truncated, rollout.exploit) for rollout in rollouts] == [
        (True, False, None), (False, False, None), (False, True, None)
    ]  # fmt: skip


def test_the_entropy_is_that_of_the_texts(sums: tuple[Record, ...]) -> None:
    """Three copies of one text and another text; zero if all are equal."""
    texts = ("a", "a", "a", "b")
    policy = prepare_recorded_prompt(sums[0], [RecordedResponse(text=text, tokens=1) for text in texts]).policy(
        BASE_WEIGHTS, 1.0
    )
    assert policy.entropy == pytest.approx(-(0.75 * log(0.75) + 0.25 * log(0.25)))
    assert (
        prepare_recorded_prompt(sums[0], [RecordedResponse(text="a", tokens=1)] * 4).policy(BASE_WEIGHTS, 1.0).entropy
        == 0.0
    )


def test_prompts_with_equal_responses_train_nothing(sums: tuple[Record, ...]) -> None:
    """As from a server at temperature 0: no entropy, no gradient."""
    same = {record.line: (RecordedResponse(text="#### 7", tokens=3),) for record in sums[:60]}
    training = run_to_end(make_run(sums[:60], same), graders.strict_hash)
    assert {(step.metrics.actor_entropy, step.metrics.actor_grad_norm) for step in training.outcomes} == {(0.0, 0.0)}


def test_the_gradient_equals_finite_differences_of_the_loss(
    sums: tuple[Record, ...], recorded: ResponsesByLine
) -> None:
    """With trained weights, another temperature and a large KL term."""
    settings = Hyperparameters(kl_coef=0.5, temperature=1.3)
    prompt = prepare_recorded_prompt(sums[0], recorded[1])
    weights = replace(
        BASE_WEIGHTS, feature_weights=tuple(0.3 * (-1) ** index for index in range(len(RESPONSE_FEATURE_NAMES)))
    )
    group = RecordedSource(prompt=prompt, temperature=1.3).sample_group(weights, rollouts=6, random_key=("gradient",))
    advantages = (0.9, -0.4, 0.3, -1.1, 0.6, -0.3)
    experience = Experience(group=group, advantages=advantages, nuisance_draws=((0.5,) * 8,) * 6)
    gradient = [
        10 * value
        for value in update_policy(weights, INITIAL_MOMENTS, [experience], settings).moments.mean.feature_weights
    ]

    def loss(feature_weights: tuple[float, ...]) -> float:
        now, old, base = (
            prompt.policy(replace(BASE_WEIGHTS, feature_weights=values), 1.3).distribution.log_probabilities
            for values in (feature_weights, weights.feature_weights, BASE_WEIGHTS.feature_weights)
        )
        total = 0.0
        for rollout, advantage in zip(group.rollouts, advantages, strict=True):
            (action,) = rollout.actions
            log_ratio = base[action] - now[action]
            total += -advantage * exp(now[action] - old[action]) + settings.kl_coef * (exp(log_ratio) - log_ratio - 1)
        return total / sum(rollout.response_length for rollout in group.rollouts)

    def shifted(index: int, by: float) -> tuple[float, ...]:
        return tuple(value + by * (position == index) for position, value in enumerate(weights.feature_weights))

    epsilon = 1e-4
    differences = [
        (loss(shifted(index, epsilon)) - loss(shifted(index, -epsilon))) / (2 * epsilon)
        for index in range(len(RESPONSE_FEATURE_NAMES))
    ]
    assert gradient == pytest.approx(differences, abs=1e-8)
    assert max(map(abs, gradient)) > 1e-5


def test_rewards_must_match_the_rollouts(run: TrainingRun) -> None:
    """The checks are those of every run."""
    with pytest.raises(ValueError, match="one for each rollout"):
        train_step(run, initial_state(), sample_step(run, initial_state()), [[1.0] * 7] * 4)
