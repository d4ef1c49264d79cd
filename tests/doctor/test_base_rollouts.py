"""The format, style and truth of recorded responses."""

import json
from dataclasses import replace

import pytest

from simulator.doctor.probes.static.base_rollouts import base_rollouts, base_rollouts_in_requested_format
from simulator.training.dataset import Message, Record
from simulator.training.recorded_response import RecordedResponse
from tests.doctor.fake_reward_functions import handler_for, probe_context

RECORD = Record(
    line=1,
    messages=(Message(role="user", content='What is 1 * 1000 + 80? Give the answer after "####".'),),
    fields={"reference_answer": {"answer": "1080"}},
)


def read_variant(text: str, *, record: Record = RECORD, finish_reason: str = "stop") -> list[tuple[str, str, bool]]:
    """Return the format, the style and the truth of one recorded response. Empty if it has no answer."""
    response = RecordedResponse(text=text, tokens=9, finish_reason=finish_reason)
    context = probe_context(
        handler_for(lambda _element: 1.0), [record], row_count=1, recorded={record.line: [response, response]}
    )
    return [(rollout.format, rollout.style, rollout.is_correct) for rollout in base_rollouts(context)][:1]


@pytest.mark.parametrize(
    ("text", "form", "style", "correct"),
    [
        ("One thousand and eighty.\n#### 1080", "hash", "plain", True),
        ("#### 1,080", "hash", "comma", True),
        ("#### $1080", "hash", "dollar", True),
        ("#### 1081", "hash", "other", False),
        ("#### about 1080 or so", "hash", "other", True),
        ("The answer is ####1080", "hash_no_space", "plain", True),
        ("####\n1080", "hash_newline", "plain", True),
        ("Let me see. The answer is 1080.", "sentence", "plain", True),
        ("So the answer is **1080**.", "bold", "plain", True),
        ("Therefore \\boxed{1080}", "boxed", "plain", True),
        ('{"answer": "1080"}', "json", "plain", True),
        ('Here you are:\n{"answer": 1080}', "json", "plain", True),
        ("<answer>1080.0</answer>\n", "xml", "decimal", True),
        ("ANSWER: 1080", "colon", "plain", True),
    ],
)
def test_the_format_and_the_style_are_read_from_the_text(text: str, form: str, style: str, correct: bool) -> None:
    """For a recorded response they are not known."""
    assert read_variant(text) == [(form, style, correct)]


@pytest.mark.parametrize(
    "text", ["", "I cannot help with that.", "1080, I think, but let me look again", "#### 1080\n?"]
)
def test_a_response_without_a_final_answer_is_left_out(text: str) -> None:
    """Such as a refusal or a doubt."""
    assert read_variant(text) == []


def test_a_truncated_response_is_left_out() -> None:
    """Even if it ends with an answer."""
    assert read_variant("#### 1080", finish_reason="length") == []


def test_a_requested_single_word_is_the_bare_format(labels: tuple[Record, ...]) -> None:
    """In bold it has another style, and so has a sentence."""
    record = replace(labels[0], fields={"reference_answer": {"label": "returns"}})
    assert [read_variant(text, record=record) for text in ("returns", "**returns**", "The answer is returns.")] == [
        [("bare", "plain", True)],
        [("bare", "fullwidth", True)],
        [("bare", "other", True)],
    ]


def test_responses_in_the_requested_format_are_selected() -> None:
    """S7 and S8 weight formats by their frequency in the model's responses."""
    responses = [RecordedResponse(text=text, tokens=9) for text in ("#### 1080", "\\boxed{1080}", "#### 7", "No idea.")]
    context = probe_context(handler_for(lambda _element: 1.0), [RECORD], row_count=1, recorded={1: responses})
    assert [rollout.result.case.text for rollout in base_rollouts_in_requested_format(context)] == [
        "#### 1080",
        "#### 7",
    ]


def test_an_object_with_text_around_it_is_not_in_the_requested_format(objects: tuple[Record, ...]) -> None:
    """The answer is right, but the prompt requests only JSON, and the policy has no such style."""
    record = objects[0]
    text = f"Here it is: {json.dumps(record.fields['reference_answer'])}"
    assert read_variant(text, record=record) == [("json", "other", True)]
    response = RecordedResponse(text=text, tokens=9)
    context = probe_context(
        handler_for(lambda _element: 1.0), [record], row_count=1, recorded={record.line: [response, response]}
    )
    assert base_rollouts_in_requested_format(context) == ()
