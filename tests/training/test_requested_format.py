"""The answer format that a prompt asks for."""

import pytest

from simulator.training.requested_format import RequestedFormat, find_requested_format


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ('output the final answer after "####".', RequestedFormat(format="hash")),
        ("Put it in \\boxed{}.", RequestedFormat(format="boxed")),
        ('Reply as JSON: {"label": "..."}', RequestedFormat(format="json", key="label")),
        ("Wrap it in <answer></answer>.", RequestedFormat(format="xml")),
        ("End with Final Answer: and the number", RequestedFormat(format="colon", marker="Final Answer:")),
        ("Answer with only the label.", RequestedFormat(format="bare")),
        ("Write a poem.", RequestedFormat(format="none")),
    ],
)
def test_the_requested_format_is_found_in_the_prompt(prompt: str, expected: RequestedFormat) -> None:
    """With the marker or the key as it is spelled, because strict reward functions need exactly that."""
    assert find_requested_format(prompt) == expected
