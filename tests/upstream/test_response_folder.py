"""A folder of responses in the place of the simulated policy: whose they are, and what is missing."""

import logging
import shutil
from pathlib import Path

import pytest

from simulator.training.dataset import DatasetError, Record
from simulator.training.recorded_response import RecordedResponse
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import SamplingParameters
from simulator.upstream.response_folder import ResponseFolder
from tests.training.training_files import make_training_file
from tests.upstream.response_folders import parse_records, write_responses

BASE = "qwen.qwen3-32b"
ALIAS = "qwen.qwen3-32b-v1:0"
RECORDS = parse_records(make_training_file(3))


def responses_with(*texts: str) -> tuple[RecordedResponse, ...]:
    """Return responses with these words."""
    return tuple(RecordedResponse(text=text, tokens=1) for text in texts)


def by_line(*texts: str) -> dict[int, tuple[RecordedResponse, ...]]:
    """Return the same responses for each record."""
    return dict.fromkeys((record.line for record in RECORDS), responses_with(*texts))


def open_folder(folder: Path) -> ResponseFolder:
    """Look into a folder with one alias known."""
    return ResponseFolder(folder, resolve_alias=lambda model: BASE if model == ALIAS else model)


@pytest.mark.parametrize(("recorded", "asked"), [(BASE, BASE), (ALIAS, BASE), (BASE, ALIAS)])
def test_a_models_own_responses_are_found_among_others_by_id_and_alias(
    tmp_path: Path, recorded: str, asked: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is to be said about it."""
    write_responses(tmp_path, RECORDS, by_line("a", "b"), model=recorded)
    write_responses(tmp_path, RECORDS, by_line("c", "d"), model="small")
    assert open_folder(tmp_path).responses_by_line(RECORDS, model=asked) == by_line("a", "b")
    assert caplog.messages == []


def test_the_only_model_of_a_folder_stands_for_every_other_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A small local model for the large one that is to be tuned."""
    write_responses(tmp_path, RECORDS, by_line("a", "b"), model="small")
    replay = open_folder(tmp_path)
    found = [replay.responses_by_line(RECORDS, model=BASE) for _ in range(2)]
    assert found == [by_line("a", "b")] * 2
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, f"{tmp_path}: using the responses of small for {BASE}")
    ]


def test_of_several_others_none_stands_for_a_model_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can tell which was meant."""
    for model in ("small", "large"):
        write_responses(tmp_path, RECORDS, by_line("a", "b"), model=model)
    assert open_folder(tmp_path).find_responses(RECORDS[0], model=BASE) == ()
    assert caplog.messages == [f"{tmp_path}: no responses of {BASE}; the folder has responses of: large, small"]


def test_responses_with_different_sampling_parameters_are_refused(tmp_path: Path) -> None:
    """They are samples of different distributions."""
    for temperature in (0.5, 1.0):
        write_responses(
            tmp_path, RECORDS, by_line("a", "b"), model=BASE, parameters=SamplingParameters(temperature=temperature)
        )
    with pytest.raises(UpstreamError) as error:
        open_folder(tmp_path).responses_by_line(RECORDS, model=BASE)
    variants = {f"{BASE} with {{'temperature': {temperature}}}" for temperature in (0.5, 1.0)}
    reason, _, advice = str(error.value).partition("): ")
    assert set(reason.partition("parameters (")[2].split("; ")) == variants
    assert advice == "use one folder for each"


@pytest.mark.parametrize(("texts", "there"), [(("a",), 1), ((), 0)])
def test_a_record_with_too_few_responses_is_told_by_its_line(
    tmp_path: Path, texts: tuple[str, ...], there: int
) -> None:
    """The first of them, with how many there are, and how they are sampled."""
    few = dict.fromkeys((2, 3), responses_with(*texts))
    write_responses(tmp_path, RECORDS, by_line("a", "b") | few, model=BASE)
    with pytest.raises(DatasetError) as error:
        open_folder(tmp_path).responses_by_line(RECORDS, model=BASE)
    assert str(error.value) == (
        f"line 2: {tmp_path} holds {there} of the 2 responses of {BASE} that training needs at least (and too few for "
        "2 of 3 records): sample them with `rft-sim doctor REWARD --data FILE --rollouts URL --rollouts-records 3 "
        f"--rollouts-folder {tmp_path}`, or leave such records out"
    )


def test_what_is_sampled_later_is_seen(tmp_path: Path) -> None:
    """A server that runs on an empty folder need not be started again."""
    replay = open_folder(tmp_path)
    first: Record = RECORDS[0]
    before = replay.find_responses(first, model=BASE)
    write_responses(tmp_path, RECORDS[:1], by_line("a", "b"), model=BASE)
    assert (before, replay.find_responses(first, model=BASE)) == ((), responses_with("a", "b"))


@pytest.mark.parametrize("fault", ["gone", "not ours"])
def test_a_folder_that_cannot_be_read_is_told_at_the_start_and_later(tmp_path: Path, fault: str) -> None:
    """Never taken for one without responses."""
    folder = tmp_path / "kept"
    write_responses(folder, RECORDS, by_line("a", "b"), model=BASE)
    replay = open_folder(folder)
    if fault == "gone":
        shutil.rmtree(folder)
    else:
        (folder / "notes.json").write_text("[]")
    told = f"{folder} is not a folder of responses" if fault == "gone" else f"{folder / 'notes.json'} cannot be read"
    with pytest.raises(UpstreamError, match=told):
        replay.find_responses(RECORDS[0], model=BASE)
    with pytest.raises(UpstreamError, match=told):
        open_folder(folder)
