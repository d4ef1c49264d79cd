"""The profiles of base models."""

from simulator.training.profiles import GPT_OSS_20B, QWEN3_32B, profile_for


def test_calibrated_models_are_found_with_a_version_suffix() -> None:
    """As in bedrock-runtime and in Amazon's Qwen sample."""
    assert profile_for("openai.gpt-oss-20b-1:0") is GPT_OSS_20B
    assert profile_for("qwen.qwen3-32b-v1:0") is QWEN3_32B


def test_an_unknown_model_gets_a_profile_near_a_calibrated_one() -> None:
    """Always the same one, and not equal to it."""
    profile = profile_for("qwen.qwen9-1b")
    assert profile == profile_for("qwen.qwen9-1b")
    assert profile != QWEN3_32B
    assert abs(profile.logits["conduct"]["attempt"] - QWEN3_32B.logits["conduct"]["attempt"]) < 1.0
