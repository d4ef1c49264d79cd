"""The Lambda event: a rollout in each published format, and batches within the limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.grading.lambda_event import event_element, response_text, rollout_id, split_into_batches
from simulator.settings import EventShape, GradingSettings
from tests.grading.sample_rollouts import record, rollout

FIELDS: dict[str, Any] = {"reference_answer": "3 + 4 = 7\n#### 7", "data_source": "gsm8k", "id": "sample-001"}
MESSAGES = [{"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": "#### 7"}]


def element(settings: GradingSettings | None = None) -> dict[str, Any]:
    """Return the event element of a record with a string reference."""
    return event_element(
        rollout_id="r", record=record(**FIELDS), text=rollout().text, settings=settings or GradingSettings()
    )


@pytest.mark.shows("event-shape")
def test_the_superset_serves_every_published_handler() -> None:
    """At the root and wrapped for the sample; under `metadata` and unchanged for the user guide."""
    assert element() == {
        "id": "r",
        "messages": MESSAGES,
        "reference_answer": {"text": "3 + 4 = 7\n#### 7"},
        "data_source": "gsm8k",
        "metadata": FIELDS,
    }


@pytest.mark.shows("lambda-event", "event-shape")
def test_the_documented_shape_nests_everything() -> None:
    """DOCUMENTED: reference and custom fields under `metadata`, as in the file."""
    assert element(GradingSettings(event_shape=EventShape.DOCUMENTED)) == {
        "id": "r",
        "messages": MESSAGES,
        "metadata": FIELDS,
    }


@pytest.mark.shows("lambda-event", "event-shape")
def test_the_samples_shape_is_flat() -> None:
    """SAMPLE: what the notebook's function reads, without `metadata`."""
    assert element(GradingSettings(event_shape=EventShape.SAMPLE)) == {
        "id": "r",
        "messages": MESSAGES,
        "reference_answer": {"text": "3 + 4 = 7\n#### 7"},
        "data_source": "gsm8k",
    }


def test_wrapping_a_string_reference_is_a_setting() -> None:
    """The wrapping is inferred: the sample handler scores 0 without it."""
    bare = element(GradingSettings(wrap_strings=False))
    assert bare["reference_answer"] == "3 + 4 = 7\n#### 7"


@pytest.mark.parametrize("reference", [{"answer": "7"}, ["7"], 7, 7.5, True, None])
def test_a_reference_that_is_not_a_string_is_unchanged(reference: object) -> None:
    """DOCUMENTED: it can have any format."""
    element = event_element(
        rollout_id="r", record=record(reference_answer=reference), text=rollout().text, settings=GradingSettings()
    )
    assert (element["reference_answer"], element["metadata"]) == (reference, {"reference_answer": reference})


def test_a_record_without_a_reference_has_none_in_its_event() -> None:
    """No key is added."""
    element = event_element(rollout_id="r", record=record(), text=rollout().text, settings=GradingSettings())
    assert element == {"id": "r", "messages": MESSAGES, "metadata": {}}


def test_a_records_own_names_do_not_overwrite_the_events() -> None:
    """A record's `id`, `messages` and `metadata` are inside `metadata`."""
    own: dict[str, Any] = {"id": "mine", "metadata": {"mine": True}}
    element = event_element(rollout_id="r", record=record(**own), text=rollout().text, settings=GradingSettings())
    assert element == {"id": "r", "messages": MESSAGES, "metadata": own}


@pytest.mark.shows("thinking-in-the-event")
def test_reasoning_is_included_only_by_a_setting() -> None:
    """Whether Bedrock includes it is not known."""
    with_reasoning = GradingSettings(include_reasoning=True)
    assert (response_text(rollout(), GradingSettings()), response_text(rollout(), with_reasoning)) == (
        "#### 7",
        "Adding.\n#### 7",
    )


def test_a_rollout_id_names_split_step_line_and_index() -> None:
    """An error that names it leads to a line of the file."""
    assert rollout_id(split="train", step=3, line=17, index=5) == "train-3-line-17-rollout-5"


@given(
    elements=st.lists(st.binary(min_size=1, max_size=40), max_size=30),
    max_elements=st.integers(1, 8),
    max_bytes=st.integers(4, 60),
)
def test_every_element_is_in_exactly_one_batch_in_order(
    elements: list[bytes], max_elements: int, max_bytes: int
) -> None:
    """The batches together are the elements."""
    batches = split_into_batches(elements, max_elements=max_elements, max_bytes=max_bytes)
    assert [index for batch in batches for index in batch] == list(range(len(elements)))
    assert all(1 <= len(batch) <= max_elements for batch in batches)


@given(
    elements=st.lists(st.binary(min_size=1, max_size=20), max_size=30),
    max_elements=st.integers(1, 8),
    max_bytes=st.integers(22, 60),
)
def test_no_batch_exceeds_the_byte_limit(elements: list[bytes], max_elements: int, max_bytes: int) -> None:
    """Including brackets and commas. Here every element fits alone."""
    for batch in split_into_batches(elements, max_elements=max_elements, max_bytes=max_bytes):
        assert len(b"[" + b",".join(elements[index] for index in batch) + b"]") <= max_bytes


def test_an_oversized_element_is_a_batch_of_its_own() -> None:
    """It does not affect other batches."""
    assert split_into_batches([b"1", b"x" * 99, b"2"], max_elements=8, max_bytes=20) == [
        range(1),
        range(1, 2),
        range(2, 3),
    ]
