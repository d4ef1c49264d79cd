"""The folder of recorded responses that replaces the simulated policy."""

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
    """Return responses with these texts."""
    return tuple(RecordedResponse(text=text, tokens=1) for text in texts)


def by_line(*texts: str) -> dict[int, tuple[RecordedResponse, ...]]:
    """Return the same responses for each record."""
    return dict.fromkeys((record.line for record in RECORDS), responses_with(*texts))


def open_folder(folder: Path) -> ResponseFolder:
    """Open a folder with one known alias."""
    return ResponseFolder(folder, resolve_alias=lambda model: BASE if model == ALIAS else model)


@pytest.mark.parametrize(("recorded", "requested"), [(BASE, BASE), (ALIAS, BASE), (BASE, ALIAS)])
def test_the_responses_of_a_model_are_found_by_id_and_alias(
    tmp_path: Path, recorded: str, requested: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is logged."""
    write_responses(tmp_path, RECORDS, by_line("a", "b"), model=recorded)
    write_responses(tmp_path, RECORDS, by_line("c", "d"), model="small")
    assert open_folder(tmp_path).responses_by_line(RECORDS, model=requested) == by_line("a", "b")
    assert caplog.messages == []


def test_the_only_model_of_a_folder_is_used_for_other_models(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """This is logged once."""
    write_responses(tmp_path, RECORDS, by_line("a", "b"), model="small")
    response_folder = open_folder(tmp_path)
    responses = [response_folder.responses_by_line(RECORDS, model=BASE) for _ in range(2)]
    assert responses == [by_line("a", "b")] * 2
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, f"{tmp_path}: using the responses of small for {BASE}")
    ]


def test_of_several_other_models_none_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """This is logged."""
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


@pytest.mark.parametrize(("texts", "count"), [(("a",), 1), ((), 0)])
def test_a_record_with_too_few_responses_is_reported_by_its_line(
    tmp_path: Path, texts: tuple[str, ...], count: int
) -> None:
    """The message says how many there are and how to sample more."""
    few = dict.fromkeys((2, 3), responses_with(*texts))
    write_responses(tmp_path, RECORDS, by_line("a", "b") | few, model=BASE)
    with pytest.raises(DatasetError) as error:
        open_folder(tmp_path).responses_by_line(RECORDS, model=BASE)
    assert str(error.value) == (
        f"line 2: {tmp_path} holds {count} of the 2 responses of {BASE} that training needs at least (and too few for "
        "2 of 3 records): sample them with `rft-sim doctor REWARD --data FILE --rollouts URL --rollouts-records 3 "
        f"--rollouts-folder {tmp_path}`, or leave such records out"
    )


def test_responses_that_are_added_later_are_found(tmp_path: Path) -> None:
    """A server can start with an empty folder."""
    response_folder = open_folder(tmp_path)
    first: Record = RECORDS[0]
    before = response_folder.find_responses(first, model=BASE)
    write_responses(tmp_path, RECORDS[:1], by_line("a", "b"), model=BASE)
    assert (before, response_folder.find_responses(first, model=BASE)) == ((), responses_with("a", "b"))


@pytest.mark.parametrize("fault", ["missing", "invalid"])
def test_a_folder_that_cannot_be_read_is_reported_at_start_and_later(tmp_path: Path, fault: str) -> None:
    """It never counts as a folder without responses."""
    folder = tmp_path / "responses"
    write_responses(folder, RECORDS, by_line("a", "b"), model=BASE)
    response_folder = open_folder(folder)
    if fault == "missing":
        shutil.rmtree(folder)
    else:
        (folder / "notes.json").write_text("[]")
    reason = (
        f"{folder} is not a folder of responses" if fault == "missing" else f"{folder / 'notes.json'} cannot be read"
    )
    with pytest.raises(UpstreamError, match=reason):
        response_folder.find_responses(RECORDS[0], model=BASE)
    with pytest.raises(UpstreamError, match=reason):
        open_folder(folder)
