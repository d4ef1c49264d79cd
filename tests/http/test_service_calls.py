"""The calls of a function to AWS services: their sum, and the sentence about the failed ones."""

from simulator.http.service_calls import ServiceCalls, merge_service_calls


def judge_calls(*, calls: int, failed: int, error: str = "") -> ServiceCalls:
    """Return calls to a judge model."""
    return ServiceCalls(service="bedrock-runtime", calls=calls, failed=failed, error=error)


def test_the_sentence_begins_with_the_counts_and_ends_with_the_error() -> None:
    """A script can rely on its first half."""
    assert judge_calls(calls=12_000, failed=11_999, error="Denied: ask the owner").sentence == (
        "11999 of 12000 calls to bedrock-runtime failed; these scores are the function's fallback: "
        "Denied: ask the owner"
    )


def test_calls_are_added_up_by_service() -> None:
    """In alphabetical order, with the first error."""
    storage = ServiceCalls(service="s3", calls=1, failed=0)
    assert merge_service_calls(
        [
            [storage, judge_calls(calls=2, failed=0)],
            [judge_calls(calls=3, failed=1, error="first")],
            [],
            [judge_calls(calls=4, failed=4, error="second"), storage],
        ]
    ) == (judge_calls(calls=9, failed=5, error="first"), ServiceCalls(service="s3", calls=2, failed=0))
