"""The arithmetic of GRPO, against values computed by hand and finite differences."""

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.training.dataset import Record
from simulator.training.grpo import (
    Experience,
    compute_advantages,
    compute_token_weights,
    estimate_kl,
    policy_loss_gradient,
    update_policy,
)
from simulator.training.hyperparameters import Hyperparameters, LossAggregation
from simulator.training.optimizer import INITIAL_MOMENTS
from simulator.training.policy import HeadDistributions, SimulatedPrompt, compute_distributions, prepare_prompt
from simulator.training.profiles import GPT_OSS_20B
from simulator.training.sampling import Group, sample_group
from simulator.training.weights import BASE_WEIGHTS, Weights
from tests.training.reward_functions import always_one, strict_hash
from tests.training.training_runs import train

DEFAULTS = Hyperparameters()


@pytest.mark.shows("learning-curves")
@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([1.0] + [0.0] * 7, [2.4748666286468506] + [-0.35355237126350403] * 7),
        ([1.0] * 7 + [0.0], [0.35355237126350403] * 7 + [-2.4748666286468506]),
        ([1.0, 1.0, 0.0, 0.0, 0.0], [1.0954431295394897] * 2 + [-0.7302953600883484] * 3),
        ([0.25, 0.5, 0.75, 1.0], [-1.1618913412094116, -0.387297123670578, 0.387297123670578, 1.1618913412094116]),
        ([0.9] * 7 + [0.8], [0.3535415232181549] * 7 + [-2.4748058319091797]),
        ([0.9] * 8, [-0.0560341477394104] * 8),
        ([0.7] * 12, [0.10600998252630234] * 12),
        ([0.1] * 8, [-0.007391705643385649] * 8),
        ([0.1] * 16, [-0.014675309881567955] * 16),
        ([0.3] * 8, [0.028882136568427086] * 8),
    ],
)
def test_advantages_are_those_of_verl_in_single_precision(rewards: list[float], expected: list[float]) -> None:
    """The numbers were computed with numpy's float32, operation by operation. Equal rewards need not give 0."""
    assert list(compute_advantages(rewards)) == expected


@pytest.mark.parametrize("reward", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [2, 3, 4, 7, 8, 12, 16])
def test_equal_rewards_without_rounding_errors_give_exact_zeros(reward: float, size: int) -> None:
    """Rewards that are always 0 or always 1 teach nothing, whatever the size of the group."""
    assert compute_advantages([reward] * size) == (0.0,) * size


@given(st.floats(min_value=-100.0, max_value=100.0), st.sampled_from([2, 4]))
def test_equal_rewards_in_groups_of_two_and_four_give_exact_zeros(reward: float, size: int) -> None:
    """Their single-precision sums have the mean that they began with."""
    assert compute_advantages([reward] * size) == (0.0,) * size


def test_a_group_of_one_keeps_its_reward() -> None:
    """As in verl: mean 0 and standard deviation 1, so its advantage is 0.5 / (1 + 1e-6)."""
    assert compute_advantages([0.5]) == (0.4999995231628418,)


def test_advantages_that_are_not_normalized_are_the_distances_from_the_rounded_mean() -> None:
    """Dr. GRPO does not divide by the standard deviation: one unit in the last place of 0.9 is left."""
    assert compute_advantages([0.9] * 8, normalize_by_std=False) == (-(2.0**-24),) * 8


def test_advantages_of_rewards_whose_sum_overflows_are_numbers() -> None:
    """In verl they are not; a metrics event cannot hold what is no number."""
    assert compute_advantages([3e38] * 8, normalize_by_std=False) == (2.5746470468465827e38,) * 8


@settings(max_examples=40)
@given(st.lists(st.floats(min_value=-1e6, max_value=1e6, width=32), min_size=2, max_size=16))
def test_advantages_sum_to_zero_but_for_rounding(rewards: list[float]) -> None:
    """For all rewards: each partial sum is rounded by at most half a unit in its last place."""
    rounding = 2.0**-23 * sum(map(abs, rewards)) + 2.0**-140
    assert abs(sum(compute_advantages(rewards, normalize_by_std=False))) <= len(rewards) * rounding


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("token-mean", (1 / 400, 1 / 400)),
        ("seq-mean-token-mean", (1 / 200, 1 / 600)),
        ("seq-mean-token-sum", (1 / 2, 1 / 2)),
        ("seq-mean-token-sum-norm", (1 / 4096, 1 / 4096)),
    ],
)
def test_token_weights_follow_the_loss_aggregation(mode: LossAggregation, expected: tuple[float, ...]) -> None:
    """For responses of 100 and 300 tokens and a budget of 2048."""
    assert compute_token_weights([100, 300], Hyperparameters(loss_agg_mode=mode)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("advantage", "ratio", "expected"),
    [
        (1.0, 1.0, -1.0),
        (1.0, 1.1, -1.1),
        (1.0, 1.3, 0.0),
        (1.0, 0.5, -0.5),
        (-1.0, 1.0, 1.0),
        (-1.0, 0.7, 0.0),
        (-1.0, 2.0, 2.0),
        (-1.0, 3.5, 0.0),
    ],
)
def test_a_clipped_loss_has_no_gradient(advantage: float, ratio: float, expected: float) -> None:
    """Above 1.2 for a positive advantage; below 0.8 and above the dual clip of 3 for a negative one."""
    assert policy_loss_gradient(advantage, log(ratio), DEFAULTS) == pytest.approx(expected)


def test_the_kl_estimate_is_k3_and_clamped() -> None:
    """R - log r - 1 and its gradient: zero at the base model, no gradient above ten."""
    assert estimate_kl(0.0) == (0.0, 0.0)
    assert estimate_kl(0.5) == pytest.approx((exp(0.5) - 1.5, 1 - exp(0.5)))
    assert estimate_kl(50.0) == (10.0, 0.0)


def make_batch(records: Sequence[Record], weights: Weights) -> list[Experience]:
    """Sample a group of six for each record, with fixed advantages."""
    groups = [
        sample_group(
            prepare_prompt(record, profile=GPT_OSS_20B), weights=weights, profile=GPT_OSS_20B, temperature=1.3,
            max_tokens=2048, effort="medium", rollouts=6, random_key=("gradient",),
        )
        for record in records
    ]  # fmt: skip
    return [
        Experience(group=group, advantages=(0.9, -0.4, 0.3, -1.1, 0.6, -0.3), nuisance_draws=((0.5,) * 8,) * 6)
        for group in groups
    ]


def loss(weights: Weights, batch: Sequence[Experience], settings: Hyperparameters) -> float:
    """Return the loss: weight * (-advantage * ratio + beta * k3), summed over all actions of all rollouts."""
    total = 0.0
    lengths = [rollout.response_length for experience in batch for rollout in experience.group.rollouts]
    for experience in batch:
        prompt, sampler = experience.group.prompt, experience.group.policy
        assert isinstance(prompt, SimulatedPrompt)
        assert isinstance(sampler, HeadDistributions)
        now = compute_distributions(prompt, weights, settings.temperature)
        base = compute_distributions(prompt, BASE_WEIGHTS, settings.temperature)
        for rollout, advantage in zip(experience.group.rollouts, experience.advantages, strict=True):
            old_logs = log_probabilities(sampler, rollout.actions)
            for new, old, reference in zip(
                log_probabilities(now, rollout.actions), old_logs, log_probabilities(base, rollout.actions), strict=True
            ):
                k3 = exp(reference - new) - (reference - new) - 1
                total += (-advantage * exp(new - old) + settings.kl_coef * k3) / sum(lengths)
    return total


def log_probabilities(policy: HeadDistributions, actions: tuple[int, ...]) -> list[float]:
    """Return the log-probability of each action."""
    heads = [policy.response_type]
    if len(actions) > 1:
        heads += [policy.verbosity, policy.content[actions[1]], policy.format, policy.style]
    return [head.log_probabilities[action] for head, action in zip(heads, actions, strict=True)]


def test_the_gradient_equals_finite_differences_of_the_loss(sums: tuple[Record, ...]) -> None:
    """With trained weights, another temperature and a large KL term."""
    settings = Hyperparameters(kl_coef=0.5, temperature=1.3)
    weights = train(sums, strict_hash, steps=8).state.weights
    batch = make_batch(sums[:3], weights)
    after = update_policy(
        weights, INITIAL_MOMENTS, batch, settings
    ).moments.mean  # a tenth of the gradient, from fresh moments
    epsilon = 1e-4
    column = 1  # the kind that all three prompts are of
    for row in range(len(BASE_WEIGHTS.columns[0])):
        results = []
        for sign in (1, -1):
            shifted = list(weights.columns[column])
            shifted[row] += sign * epsilon
            columns = (*weights.columns[:column], tuple(shifted), *weights.columns[column + 1 :])
            results.append(loss(replace(weights, columns=columns), batch, settings))
        assert 10 * after.columns[column][row] == pytest.approx((results[0] - results[1]) / (2 * epsilon), abs=1e-8)


def test_zero_advantages_change_no_weight(sums: tuple[Record, ...]) -> None:
    """Neither KL nor nuisance nor momentum adds anything."""
    training = train(sums, always_one, steps=5)
    assert training.state.weights == BASE_WEIGHTS
    assert [outcome.metrics.actor_grad_norm for outcome in training.outcomes] == [0.0] * 5


def test_a_gradient_that_is_not_finite_is_not_applied(sums: tuple[Record, ...]) -> None:
    """As in verl: the step is skipped."""
    broken = [replace(experience, advantages=(float("inf"),) * 6) for experience in make_batch(sums[:1], BASE_WEIGHTS)]
    update = update_policy(BASE_WEIGHTS, INITIAL_MOMENTS, broken, DEFAULTS)
    assert (update.weights, update.moments) == (BASE_WEIGHTS, INITIAL_MOMENTS)


def test_several_updates_on_the_same_rollouts_are_clipped(sums: tuple[Record, ...]) -> None:
    """They change the ratio, which one update cannot."""
    batch = make_batch(sums[:4], BASE_WEIGHTS)
    once = update_policy(BASE_WEIGHTS, INITIAL_MOMENTS, batch, Hyperparameters(learning_rate_multiplier=5.0))
    often = update_policy(
        BASE_WEIGHTS, INITIAL_MOMENTS, batch, Hyperparameters(learning_rate_multiplier=5.0, ppo_epochs=4, minibatches=2)
    )
    assert (once.clip_fraction, once.moments.updates) == (0.0, 1)
    assert often.clip_fraction > 0.0
    assert often.moments.updates == 8


def test_a_large_gradient_is_clipped_to_the_limit(sums: tuple[Record, ...]) -> None:
    """The reported norm is that before clipping."""
    batch = make_batch(sums[:2], BASE_WEIGHTS)
    unclipped = update_policy(BASE_WEIGHTS, INITIAL_MOMENTS, batch, DEFAULTS)
    clipped = update_policy(
        BASE_WEIGHTS, INITIAL_MOMENTS, batch, Hyperparameters(max_grad_norm=unclipped.grad_norm / 2)
    )
    assert clipped.grad_norm == unclipped.grad_norm
    # The moments have the clipped gradient: half of the unclipped one, except for the 1e-6 that is added to the norm.
    pairs = zip(clipped.moments.mean.nuisance, unclipped.moments.mean.nuisance, strict=True)
    assert [half / whole for half, whole in pairs] == pytest.approx([0.5] * 8, rel=5e-3)


def test_a_group_has_the_policy_that_it_was_sampled_from(sums: tuple[Record, ...]) -> None:
    """The ratio needs the log-probabilities at sampling."""
    group: Group = make_batch(sums[:1], BASE_WEIGHTS)[0].group
    assert group.policy == group.prompt.policy(BASE_WEIGHTS, 1.3)
