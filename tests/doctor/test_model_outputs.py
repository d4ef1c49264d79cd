"""Real model outputs: sampled or replayed for a visit, and read for what they were attempts at."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
import respx
from rich.console import Console

from simulator.doctor.model_outputs import InterruptedSamplingError, SamplingRequest, replay_outputs, sample_outputs
from simulator.doctor.probes.static.base_rollouts import base_rollouts, base_rollouts_in_requested_format
from simulator.training.dataset import Message, Record
from simulator.training.recorded_response import RecordedResponse
from simulator.upstream import sampling
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import CachedPrompt, ResponseCache, SamplingParameters
from tests.doctor.fake_reward_functions import handler_for, probe_context

UNREACHABLE_URL = "http://127.0.0.1:9/v1"


def make_record(line: int, *, form: str = ' Give the answer after "####".') -> Record:
    """Return a record whose answer is a thousand times its line, and 80."""
    return Record(
        line=line,
        messages=(Message(role="user", content=f"What is {line} * 1000 + 80?{form}"),),
        fields={"reference_answer": {"answer": str(1000 * line + 80)}},
    )


RECORDS = tuple(make_record(line) for line in range(1, 7))


def store_responses(folder: Path, records: Sequence[Record], *, count: int, model: str = "llama3") -> None:
    """Keep responses to some records, as sampling does."""
    for record in records:
        asked = CachedPrompt(model=model, messages=record.messages, parameters=SamplingParameters())
        responses = [RecordedResponse(text=f"#### {number}", tokens=3) for number in range(count)]
        ResponseCache(folder).write(asked, responses, server="http://somewhere/v1")


# Replay


def test_records_without_responses_are_left_out_and_counted(tmp_path: Path) -> None:
    """Those with a single one too: there is nothing to tell it from. The words say whose, how many, what is missing."""
    store_responses(tmp_path, RECORDS[:2], count=3)
    store_responses(tmp_path, RECORDS[2:4], count=2)
    store_responses(tmp_path, RECORDS[4:5], count=1)
    found = replay_outputs(RECORDS, None, folder=tmp_path, model=None, outputs_per_prompt=16)
    assert ([record.line for record in found.records], found.validation_records) == ([1, 2, 3, 4], None)
    assert found.source == "2 to 3 responses of llama3 to each of 4 records, the other 2 left out"


def test_no_more_responses_are_taken_than_are_wanted(tmp_path: Path) -> None:
    """The first ones of each prompt."""
    store_responses(tmp_path, RECORDS, count=5)
    found = replay_outputs(RECORDS, RECORDS[:3], folder=tmp_path, model=None, outputs_per_prompt=2)
    assert [response.text for response in found.train[1]] == ["#### 0", "#### 1"]
    assert found.source == (
        "2 responses of llama3 to each of 6 records; for validation 2 responses of llama3 to each of 3 records"
    )


def test_other_responses_are_other_questions(tmp_path: Path) -> None:
    """Their digest is part of what a golden file depends on."""
    digests = set()
    for count in (3, 4):
        store_responses(tmp_path, RECORDS, count=count)
        digests |= {
            replay_outputs(RECORDS, None, folder=tmp_path, model=None, outputs_per_prompt=n).sha256 for n in (3, 3, 4)
        }
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("models", "model", "said"),
    [
        (("llama3", "qwen"), None, "those of llama3, qwen: say which by --rollouts-model"),
        (("llama3",), "qwen", "should hold the responses of qwen of one model, and it holds none"),
        (("empty",), None, "holds no responses to the prompts of this file: sample them with --rollouts URL"),
    ],
)
def test_a_folder_that_does_not_say_which_responses_is_refused(
    tmp_path: Path, models: Sequence[str], model: str | None, said: str
) -> None:
    """Several models and none named, another one named, or other prompts."""
    for name in models:
        store_responses(tmp_path, [make_record(99)] if name == "empty" else RECORDS, count=2, model=name)
    with pytest.raises(UpstreamError, match=said):
        replay_outputs(RECORDS, None, folder=tmp_path, model=model, outputs_per_prompt=16)


def test_one_of_several_models_can_be_named(tmp_path: Path) -> None:
    """By the name that the server had for it."""
    store_responses(tmp_path, RECORDS[:4], count=2, model="llama3")
    store_responses(tmp_path, RECORDS, count=3, model="qwen")
    assert replay_outputs(RECORDS, None, folder=tmp_path, model="qwen", outputs_per_prompt=16).source == (
        "3 responses of qwen to each of 6 records"
    )


# Sampling


def sampling_request(folder: Path, *, records: int = 6) -> SamplingRequest:
    """Return a sampling from a server that is not there."""
    return SamplingRequest(
        url=UNREACHABLE_URL, model="llama3", api_key=None, folder=folder, outputs_per_prompt=2, max_records=records
    )


def plain_console() -> Console:
    """Return a console that is no terminal."""
    return Console(file=io.StringIO())


def test_a_seeded_sample_of_records_is_asked_for_and_a_larger_one_holds_it(tmp_path: Path) -> None:
    """So that nothing is asked twice; the rest is counted as left out."""
    store_responses(tmp_path, RECORDS, count=2)
    few, more = (
        sample_outputs(RECORDS, None, request=sampling_request(tmp_path, records=n), seed=3, console=plain_console())
        for n in (2, 4)
    )
    assert {record.line for record in few.records} < {record.line for record in more.records}
    assert few.source == "2 responses of llama3 to each of 2 records, the other 4 left out"


def test_a_failure_says_what_is_kept_and_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight responses are kept by then, and the server goes away."""
    store_responses(tmp_path, RECORDS[:4], count=2)
    monkeypatch.setattr(sampling, "ModelServer", partial(sampling.ModelServer, retries=0))
    with respx.mock(using="httpcore2", base_url=UNREACHABLE_URL) as routes:
        routes.post("/chat/completions").mock(httpx.Response(400, json={"error": {"message": "No!"}}))
        with pytest.raises(UpstreamError) as caught:
            sample_outputs(RECORDS, None, request=sampling_request(tmp_path), seed=0, console=plain_console())
    assert str(caught.value) == (
        f"{UNREACHABLE_URL} answered with status 400: No!. 8 of 12 responses are kept in {tmp_path}, and the same command goes "
        "on there"
    )


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (8, "interrupted; 8 of 12 responses are kept in FOLDER, and the same command goes on there"),
        (0, "interrupted; no response is kept yet"),
    ],
)
def test_an_interruption_says_what_is_kept_and_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: int, said: str
) -> None:
    """Ctrl-C in the middle, or at once."""

    def interrupted(_records: object, *, progress: sampling.ProgressCallback, **_how: object) -> None:
        progress(there, 12)
        raise KeyboardInterrupt

    monkeypatch.setattr(sampling, "sample_responses", interrupted)
    with pytest.raises(InterruptedSamplingError) as caught:
        sample_outputs(RECORDS, None, request=sampling_request(tmp_path), seed=0, console=plain_console())
    assert str(caught.value) == said.replace("FOLDER", str(tmp_path))


# What a response was an attempt at


def read_variant(text: str, *, record: Record = RECORDS[0], finish_reason: str = "stop") -> list[tuple[str, str, bool]]:
    """Return the format, the style and the hidden truth that one recorded response is read as."""
    response = RecordedResponse(text=text, tokens=9, finish_reason=finish_reason)
    exam = probe_context(
        handler_for(lambda _element: 1.0), [record], row_count=1, recorded={record.line: [response, response]}
    )
    return [(attempt.format, attempt.style, attempt.is_correct) for attempt in base_rollouts(exam)][:1]


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
def test_a_format_and_a_style_are_read_from_the_words(text: str, form: str, style: str, correct: bool) -> None:
    """Of a real response nobody recorded the decisions."""
    assert read_variant(text) == [(form, style, correct)]


@pytest.mark.parametrize(
    "text", ["", "I cannot help with that.", "1080, I think, but let me look again", "#### 1080\n?"]
)
def test_a_response_that_ends_in_no_answer_is_no_attempt(text: str) -> None:
    """A refusal, a thought that trails off."""
    assert read_variant(text) == []


def test_a_response_that_was_cut_off_is_no_attempt() -> None:
    """Whatever its last words happen to be."""
    assert read_variant("#### 1080", finish_reason="length") == []


def test_an_answer_that_has_to_stand_alone_is_read_as_such(labels: tuple[Record, ...]) -> None:
    """One word was asked for: the word in bold is that word in another style, a sentence is another format."""
    record = replace(labels[0], fields={"reference_answer": {"label": "returns"}})
    assert [read_variant(text, record=record) for text in ("returns", "**returns**", "The answer is returns.")] == [
        [("bare", "plain", True)],
        [("bare", "fullwidth", True)],
        [("bare", "other", True)],
    ]


def test_recorded_attempts_in_the_asked_format_are_told_from_others() -> None:
    """S7 and S8 weigh ways of writing by how often the model really writes them."""
    responses = [RecordedResponse(text=text, tokens=9) for text in ("#### 1080", "\\boxed{1080}", "#### 7", "No idea.")]
    exam = probe_context(handler_for(lambda _element: 1.0), RECORDS[:1], row_count=1, recorded={1: responses})
    assert [attempt.result.case.text for attempt in base_rollouts_in_requested_format(exam)] == ["#### 1080", "#### 7"]


def test_an_object_with_words_around_it_is_no_answer_that_stands_alone(objects: tuple[Record, ...]) -> None:
    """Right as it is, it is not what a prompt for JSON alone asks for, and in no style of the policy's."""
    record = objects[0]
    text = f"Here it is: {json.dumps(record.fields['reference_answer'])}"
    assert read_variant(text, record=record) == [("json", "other", True)]
    response = RecordedResponse(text=text, tokens=9)
    exam = probe_context(
        handler_for(lambda _element: 1.0), [record], row_count=1, recorded={record.line: [response, response]}
    )
    assert base_rollouts_in_requested_format(exam) == ()
