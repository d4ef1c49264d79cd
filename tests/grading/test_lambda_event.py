"""The Lambda event: a rollout in each published shape, and calls that stay within bounds."""

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
    """Return the event's element for a record with a string reference."""
    return event_element(
        rollout_id="r", record=record(**FIELDS), text=rollout().text, settings=settings or GradingSettings()
    )


@pytest.mark.shows("event-shape")
def test_the_superset_serves_every_published_handler() -> None:
    """At the root, wrapped, for the sample; under `metadata`, as given, for the user guide."""
    assert element() == {
        "id": "r",
        "messages": MESSAGES,
        "reference_answer": {"text": "3 + 4 = 7\n#### 7"},
        "data_source": "gsm8k",
        "metadata": FIELDS,
    }


@pytest.mark.shows("lambda-event", "event-shape")
def test_the_documented_shape_nests_everything() -> None:
    """DOCUMENTED: reference and custom fields under `metadata`, as they stood in the file."""
    assert element(GradingSettings(event_shape=EventShape.DOCUMENTED)) == {
        "id": "r",
        "messages": MESSAGES,
        "metadata": FIELDS,
    }


@pytest.mark.shows("lambda-event", "event-shape")
def test_the_samples_shape_is_flat() -> None:
    """SAMPLE: what the notebook's function reads, and no `metadata`."""
    assert element(GradingSettings(event_shape=EventShape.SAMPLE)) == {
        "id": "r",
        "messages": MESSAGES,
        "reference_answer": {"text": "3 + 4 = 7\n#### 7"},
        "data_source": "gsm8k",
    }


def test_a_string_reference_may_be_left_bare() -> None:
    """A setting: the wrapping is inferred from a sample that would score 0 without it."""
    bare = element(GradingSettings(wrap_strings=False))
    assert bare["reference_answer"] == "3 + 4 = 7\n#### 7"


@pytest.mark.parametrize("reference", [{"answer": "7"}, ["7"], 7, 7.5, True, None])
def test_a_reference_that_is_no_string_is_sent_as_it_is(reference: object) -> None:
    """DOCUMENTED: it can contain any format."""
    sent = event_element(
        rollout_id="r", record=record(reference_answer=reference), text=rollout().text, settings=GradingSettings()
    )
    assert (sent["reference_answer"], sent["metadata"]) == (reference, {"reference_answer": reference})


def test_a_record_without_a_reference_has_none_in_its_event() -> None:
    """Nothing is made up."""
    sent = event_element(rollout_id="r", record=record(), text=rollout().text, settings=GradingSettings())
    assert sent == {"id": "r", "messages": MESSAGES, "metadata": {}}


def test_a_records_own_names_do_not_overwrite_the_events() -> None:
    """`id`, `messages` and `metadata` of a record travel inside `metadata`."""
    own: dict[str, Any] = {"id": "mine", "metadata": {"mine": True}}
    sent = event_element(rollout_id="r", record=record(**own), text=rollout().text, settings=GradingSettings())
    assert sent == {"id": "r", "messages": MESSAGES, "metadata": own}


@pytest.mark.shows("thinking-in-the-event")
def test_the_thinking_is_sent_only_on_request() -> None:
    """The final answer alone is the safe reading; whether Bedrock sends the rest is not settled."""
    told = GradingSettings(include_reasoning=True)
    assert (response_text(rollout(), GradingSettings()), response_text(rollout(), told)) == (
        "#### 7",
        "Adding.\n#### 7",
    )


def test_a_rollouts_id_says_where_it_comes_from() -> None:
    """So that an error that names it can be followed to a line of the file."""
    assert rollout_id(split="train", step=3, line=17, index=5) == "train-3-line-17-rollout-5"


@given(
    elements=st.lists(st.binary(min_size=1, max_size=40), max_size=30),
    most=st.integers(1, 8),
    room=st.integers(4, 60),
)
def test_every_element_is_in_exactly_one_call_and_order_is_kept(elements: list[bytes], most: int, room: int) -> None:
    """The calls, put together, are the elements."""
    calls = split_into_batches(elements, max_elements=most, max_bytes=room)
    assert [index for call in calls for index in call] == list(range(len(elements)))
    assert all(1 <= len(call) <= most for call in calls)


@given(
    elements=st.lists(st.binary(min_size=1, max_size=20), max_size=30),
    most=st.integers(1, 8),
    room=st.integers(22, 60),
)
def test_no_call_is_larger_than_the_room(elements: list[bytes], most: int, room: int) -> None:
    """Brackets and commas counted; elements here fit alone."""
    for call in split_into_batches(elements, max_elements=most, max_bytes=room):
        assert len(b"[" + b",".join(elements[index] for index in call) + b"]") <= room


def test_an_element_that_fits_nowhere_is_alone() -> None:
    """It spoils no other's call."""
    assert split_into_batches([b"1", b"x" * 99, b"2"], max_elements=8, max_bytes=20) == [
        range(1),
        range(1, 2),
        range(2, 3),
    ]
