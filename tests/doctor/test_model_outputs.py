"""Real model outputs: sampled from a server or read from their folder."""

import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import httpx
import pytest
import respx
from rich.console import Console

from simulator.doctor.model_outputs import InterruptedSamplingError, SamplingRequest, replay_outputs, sample_outputs
from simulator.training.dataset import Message, Record
from simulator.training.recorded_response import RecordedResponse
from simulator.upstream import sampling
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import CachedPrompt, ResponseCache, SamplingParameters

UNREACHABLE_URL = "http://127.0.0.1:9/v1"


def make_record(line: int) -> Record:
    """Return a record with its own prompt."""
    return Record(
        line=line,
        messages=(Message(role="user", content=f"What is {line} * 1000 + 80?"),),
        fields={"reference_answer": {"answer": str(1000 * line + 80)}},
    )


RECORDS = tuple(make_record(line) for line in range(1, 7))


def store_responses(folder: Path, records: Sequence[Record], *, count: int, model: str = "llama3") -> None:
    """Store responses to records, as sampling does."""
    for record in records:
        prompt = CachedPrompt(model=model, messages=record.messages, parameters=SamplingParameters())
        responses = [RecordedResponse(text=f"#### {number}", tokens=3) for number in range(count)]
        ResponseCache(folder).write(prompt, responses, server="http://somewhere/v1")


def test_records_without_responses_are_left_out_and_counted(tmp_path: Path) -> None:
    """So are records with one response, which has nothing to be compared with. The source says so in words."""
    store_responses(tmp_path, RECORDS[:2], count=3)
    store_responses(tmp_path, RECORDS[2:4], count=2)
    store_responses(tmp_path, RECORDS[4:5], count=1)
    outputs = replay_outputs(RECORDS, None, folder=tmp_path, model=None, outputs_per_prompt=16)
    assert ([record.line for record in outputs.records], outputs.validation_records) == ([1, 2, 3, 4], None)
    assert outputs.source == "2 to 3 responses of llama3 to each of 4 records, the other 2 left out"


def test_surplus_responses_are_ignored(tmp_path: Path) -> None:
    """The first ones of each prompt are read."""
    store_responses(tmp_path, RECORDS, count=5)
    outputs = replay_outputs(RECORDS, RECORDS[:3], folder=tmp_path, model=None, outputs_per_prompt=2)
    assert [response.text for response in outputs.train[1]] == ["#### 0", "#### 1"]
    assert outputs.source == (
        "2 responses of llama3 to each of 6 records; for validation 2 responses of llama3 to each of 3 records"
    )


def test_other_responses_have_another_digest(tmp_path: Path) -> None:
    """It is one of the inputs that make golden files comparable."""
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
        (("llama3", "qwen"), None, "contains responses of llama3, qwen: select one with --rollouts-model"),
        (("llama3",), "qwen", "contains no responses of qwen"),
        (("empty",), None, "contains no responses to the prompts of this file: sample them with --rollouts URL"),
    ],
)
def test_a_folder_without_the_responses_of_one_model_is_refused(
    tmp_path: Path, models: Sequence[str], model: str | None, message: str
) -> None:
    """Several models and none is named, another one is named, or the prompts differ."""
    for name in models:
        store_responses(tmp_path, [make_record(99)] if name == "empty" else RECORDS, count=2, model=name)
    with pytest.raises(UpstreamError, match=message):
        replay_outputs(RECORDS, None, folder=tmp_path, model=model, outputs_per_prompt=16)


def test_one_of_several_models_can_be_selected(tmp_path: Path) -> None:
    """By the server's name of it."""
    store_responses(tmp_path, RECORDS[:4], count=2, model="llama3")
    store_responses(tmp_path, RECORDS, count=3, model="qwen")
    assert replay_outputs(RECORDS, None, folder=tmp_path, model="qwen", outputs_per_prompt=16).source == (
        "3 responses of qwen to each of 6 records"
    )


def sampling_request(folder: Path, *, records: int = 6) -> SamplingRequest:
    """Return a request to a server that cannot be reached."""
    return SamplingRequest(
        url=UNREACHABLE_URL, model="llama3", api_key=None, folder=folder, outputs_per_prompt=2, max_records=records
    )


def plain_console() -> Console:
    """Return a console without a terminal."""
    return Console(file=io.StringIO())


def test_a_larger_sample_of_records_contains_a_smaller_one(tmp_path: Path) -> None:
    """So no prompt is sent twice. The other records are counted as left out."""
    store_responses(tmp_path, RECORDS, count=2)
    few, more = (
        sample_outputs(RECORDS, None, request=sampling_request(tmp_path, records=n), seed=3, console=plain_console())
        for n in (2, 4)
    )
    assert {record.line for record in few.records} < {record.line for record in more.records}
    assert few.source == "2 responses of llama3 to each of 2 records, the other 4 left out"


def test_an_error_says_which_responses_are_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight of twelve, and how to continue."""
    store_responses(tmp_path, RECORDS[:4], count=2)
    monkeypatch.setattr(sampling, "ModelServer", partial(sampling.ModelServer, retries=0))
    with respx.mock(using="httpcore2", base_url=UNREACHABLE_URL) as routes:
        routes.post("/chat/completions").mock(httpx.Response(400, json={"error": {"message": "No!"}}))
        with pytest.raises(UpstreamError) as error:
            sample_outputs(RECORDS, None, request=sampling_request(tmp_path), seed=0, console=plain_console())
    assert str(error.value) == (
        f"{UNREACHABLE_URL} answered with status 400: No!. 8 of 12 responses are stored in {tmp_path}, and the "
        "same command continues from there"
    )


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (8, "interrupted; 8 of 12 responses are stored in FOLDER, and the same command continues from there"),
        (0, "interrupted; no response is stored yet"),
    ],
)
def test_an_interruption_says_which_responses_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, message: str
) -> None:
    """Ctrl-C after eight responses, or at once."""

    def interrupt(_records: object, *, progress: sampling.ProgressCallback, **_options: object) -> None:
        progress(count, 12)
        raise KeyboardInterrupt

    monkeypatch.setattr(sampling, "sample_responses", interrupt)
    with pytest.raises(InterruptedSamplingError) as error:
        sample_outputs(RECORDS, None, request=sampling_request(tmp_path), seed=0, console=plain_console())
    assert str(error.value) == message.replace("FOLDER", str(tmp_path))
