"""Real model outputs: sampling or replaying them, and reading their format, style and correctness."""

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
    """Return a record with the answer 1000 * line + 80."""
    return Record(
        line=line,
        messages=(Message(role="user", content=f"What is {line} * 1000 + 80?{form}"),),
        fields={"reference_answer": {"answer": str(1000 * line + 80)}},
    )


RECORDS = tuple(make_record(line) for line in range(1, 7))


def store_responses(folder: Path, records: Sequence[Record], *, count: int, model: str = "llama3") -> None:
    """Store responses to these records, as sampling does."""
    for record in records:
        prompt = CachedPrompt(model=model, messages=record.messages, parameters=SamplingParameters())
        responses = [RecordedResponse(text=f"#### {number}", tokens=3) for number in range(count)]
        ResponseCache(folder).write(prompt, responses, server="http://somewhere/v1")


# Replay


def test_records_without_responses_are_left_out_and_counted(tmp_path: Path) -> None:
    """Also those with one response, because it cannot be compared. The source has the model and the counts."""
    store_responses(tmp_path, RECORDS[:2], count=3)
    store_responses(tmp_path, RECORDS[2:4], count=2)
    store_responses(tmp_path, RECORDS[4:5], count=1)
    outputs = replay_outputs(RECORDS, None, folder=tmp_path, model=None, outputs_per_prompt=16)
    assert ([record.line for record in outputs.records], outputs.validation_records) == ([1, 2, 3, 4], None)
    assert outputs.source == "2 to 3 responses of llama3 to each of 4 records, the other 2 left out"


def test_at_most_outputs_per_prompt_responses_are_used(tmp_path: Path) -> None:
    """The first ones of each prompt."""
    store_responses(tmp_path, RECORDS, count=5)
    outputs = replay_outputs(RECORDS, RECORDS[:3], folder=tmp_path, model=None, outputs_per_prompt=2)
    assert [response.text for response in outputs.train[1]] == ["#### 0", "#### 1"]
    assert outputs.source == (
        "2 responses of llama3 to each of 6 records; for validation 2 responses of llama3 to each of 3 records"
    )


def test_the_digest_depends_on_the_responses(tmp_path: Path) -> None:
    """A golden file depends on it."""
    digests = set()
    for count in (3, 4):
        store_responses(tmp_path, RECORDS, count=count)
        digests |= {
            replay_outputs(RECORDS, None, folder=tmp_path, model=None, outputs_per_prompt=n).sha256 for n in (3, 3, 4)
        }
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("models", "model", "message"),
    [
        (("llama3", "qwen"), None, "those of llama3, qwen: say which by --rollouts-model"),
        (("llama3",), "qwen", "should hold the responses of qwen of one model, and it holds none"),
        (("empty",), None, "holds no responses to the prompts of this file: sample them with --rollouts URL"),
    ],
)
def test_a_folder_without_one_clear_model_is_refused(
    tmp_path: Path, models: Sequence[str], model: str | None, message: str
) -> None:
    """It has several models and none is selected, another model is selected, or it has other prompts."""
    for name in models:
        store_responses(tmp_path, [make_record(99)] if name == "empty" else RECORDS, count=2, model=name)
    with pytest.raises(UpstreamError, match=message):
        replay_outputs(RECORDS, None, folder=tmp_path, model=model, outputs_per_prompt=16)


def test_one_of_several_models_can_be_selected(tmp_path: Path) -> None:
    """By its name at the server."""
    store_responses(tmp_path, RECORDS[:4], count=2, model="llama3")
    store_responses(tmp_path, RECORDS, count=3, model="qwen")
    assert replay_outputs(RECORDS, None, folder=tmp_path, model="qwen", outputs_per_prompt=16).source == (
        "3 responses of qwen to each of 6 records"
    )


# Sampling


def sampling_request(folder: Path, *, records: int = 6) -> SamplingRequest:
    """Return a request to a server that does not run."""
    return SamplingRequest(
        url=UNREACHABLE_URL, model="llama3", api_key=None, folder=folder, outputs_per_prompt=2, max_records=records
    )


def plain_console() -> Console:
    """Return a console that is not a terminal."""
    return Console(file=io.StringIO())


def test_a_larger_sample_of_records_contains_a_smaller_one(tmp_path: Path) -> None:
    """With the same seed, so no response is sampled twice. The other records are counted."""
    store_responses(tmp_path, RECORDS, count=2)
    few, more = (
        sample_outputs(RECORDS, None, request=sampling_request(tmp_path, records=n), seed=3, console=plain_console())
        for n in (2, 4)
    )
    assert {record.line for record in few.records} < {record.line for record in more.records}
    assert few.source == "2 responses of llama3 to each of 2 records, the other 4 left out"


def test_a_failed_sampling_says_what_is_stored_and_how_to_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight responses are stored when the server fails."""
    store_responses(tmp_path, RECORDS[:4], count=2)
    monkeypatch.setattr(sampling, "ModelServer", partial(sampling.ModelServer, retries=0))
    with respx.mock(using="httpcore2", base_url=UNREACHABLE_URL) as routes:
        routes.post("/chat/completions").mock(httpx.Response(400, json={"error": {"message": "No!"}}))
        with pytest.raises(UpstreamError) as caught:
            sample_outputs(RECORDS, None, request=sampling_request(tmp_path), seed=0, console=plain_console())
    assert str(caught.value) == (
        f"{UNREACHABLE_URL} answered with status 400: No!. 8 of 12 responses are kept in {tmp_path}, "
        "and the same command goes on there"
    )


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (8, "interrupted; 8 of 12 responses are kept in FOLDER, and the same command goes on there"),
        (0, "interrupted; no response is kept yet"),
    ],
)
def test_an_interrupted_sampling_says_what_is_stored_and_how_to_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: int, message: str
) -> None:
    """Ctrl-C after some responses, or before the first."""

    def interrupt(_records: object, *, progress: sampling.ProgressCallback, **_options: object) -> None:
        progress(stored, 12)
        raise KeyboardInterrupt

    monkeypatch.setattr(sampling, "sample_responses", interrupt)
    with pytest.raises(InterruptedSamplingError) as caught:
        sample_outputs(RECORDS, None, request=sampling_request(tmp_path), seed=0, console=plain_console())
    assert str(caught.value) == message.replace("FOLDER", str(tmp_path))


# The format and style of a response


def read_variant(text: str, *, record: Record = RECORDS[0], finish_reason: str = "stop") -> list[tuple[str, str, bool]]:
    """Return the format, the style and the correctness that are read from one recorded response."""
    response = RecordedResponse(text=text, tokens=9, finish_reason=finish_reason)
    context = probe_context(
        handler_for(lambda _element: 1.0), [record], row_count=1, recorded={record.line: [response, response]}
    )
    return [(attempt.format, attempt.style, attempt.is_correct) for attempt in base_rollouts(context)][:1]


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
def test_format_style_and_correctness_are_read_from_the_text(text: str, form: str, style: str, correct: bool) -> None:
    """A recorded response has no further data."""
    assert read_variant(text) == [(form, style, correct)]


@pytest.mark.parametrize(
    "text", ["", "I cannot help with that.", "1080, I think, but let me look again", "#### 1080\n?"]
)
def test_a_response_without_an_answer_at_its_end_is_no_attempt(text: str) -> None:
    """For example a refusal."""
    assert read_variant(text) == []


def test_a_truncated_response_is_no_attempt() -> None:
    """Even if it ends with an answer."""
    assert read_variant("#### 1080", finish_reason="length") == []


def test_a_bare_answer_is_read(labels: tuple[Record, ...]) -> None:
    """The prompt requests one word. Bold is another style of it, and a sentence is another format."""
    record = replace(labels[0], fields={"reference_answer": {"label": "returns"}})
    assert [read_variant(text, record=record) for text in ("returns", "**returns**", "The answer is returns.")] == [
        [("bare", "plain", True)],
        [("bare", "fullwidth", True)],
        [("bare", "other", True)],
    ]


def test_attempts_in_the_requested_format_are_selected() -> None:
    """S7 and S8 weight formats and styles by their frequency in the model's outputs."""
    responses = [RecordedResponse(text=text, tokens=9) for text in ("#### 1080", "\\boxed{1080}", "#### 7", "No idea.")]
    context = probe_context(handler_for(lambda _element: 1.0), RECORDS[:1], row_count=1, recorded={1: responses})
    assert [attempt.result.case.text for attempt in base_rollouts_in_requested_format(context)] == [
        "#### 1080",
        "#### 7",
    ]


def test_an_object_inside_a_sentence_is_not_in_the_requested_format(objects: tuple[Record, ...]) -> None:
    """It is correct, but the prompt requests JSON alone."""
    record = objects[0]
    text = f"Here it is: {json.dumps(record.fields['reference_answer'])}"
    assert read_variant(text, record=record) == [("json", "other", True)]
    response = RecordedResponse(text=text, tokens=9)
    context = probe_context(
        handler_for(lambda _element: 1.0), [record], row_count=1, recorded={record.line: [response, response]}
    )
    assert base_rollouts_in_requested_format(context) == ()
