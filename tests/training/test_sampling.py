"""Sampling rollouts from the simulated policy."""

from simulator.training.dataset import Record
from simulator.training.policy import prepare_prompt
from simulator.training.profiles import GPT_OSS_20B
from simulator.training.sampling import sample_group
from simulator.training.weights import BASE_WEIGHTS


def test_at_temperature_0_all_rollouts_are_equal(sums: tuple[Record, ...]) -> None:
    """Nothing is drawn, so the random key does not matter."""
    prompt = prepare_prompt(sums[0], profile=GPT_OSS_20B)
    texts = {
        rollout.text
        for random_key in ("a", "b")
        for rollout in sample_group(
            prompt, weights=BASE_WEIGHTS, profile=GPT_OSS_20B, temperature=0.0, max_tokens=2048, effort="medium",
            rollouts=4, random_key=(random_key,),
        ).rollouts
    }  # fmt: skip
    assert len(texts) == 1


def test_reasoning_can_take_the_whole_budget(sums: tuple[Record, ...]) -> None:
    """The answer is then empty, truncated and not right."""
    prompt = prepare_prompt(sums[0], profile=GPT_OSS_20B)
    group = sample_group(
        prompt, weights=BASE_WEIGHTS, profile=GPT_OSS_20B, temperature=1.0, max_tokens=20, effort="high", rollouts=8,
        random_key=("cut",),
    )  # fmt: skip
    assert {(r.text, r.response_length, r.truncated, r.correct) for r in group.rollouts} == {("", 20, True, False)}
