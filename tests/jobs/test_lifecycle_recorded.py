"""A job's lifecycle on recorded responses: they are read once and replayed from the same folder."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from simulator.grading.grader import GradingResult
from simulator.jobs.job import JobSucceeded
from simulator.jobs.lifecycle import Grade, job_lifecycle
from simulator.jobs.replay import ReplayError, replay_rollouts
from simulator.settings import Settings
from simulator.upstream.response_folder import ResponseFolder
from tests.jobs.lifecycle_setup import MODEL, created_job, job_spec, run_lifecycle, score_correctness
from tests.training.recorded_responses import record_responses
from tests.training.training_files import make_training_file
from tests.upstream.response_folders import parse_records, write_responses, write_simulated_responses

FILES = {"train": make_training_file(100)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four responses for each record."""
    write_simulated_responses(tmp_path / "kept", FILES["train"], count=4)
    return tmp_path / "kept"


def response_folder(folder: Path) -> ResponseFolder:
    """Open a folder; no model has an alias."""
    return ResponseFolder(folder, resolve_alias=str)


def test_the_folder_is_read_once_before_training(folder: Path) -> None:
    """Deleting it afterwards changes nothing."""

    def after_it_went(request: Grade) -> GradingResult:
        shutil.rmtree(folder, ignore_errors=True)
        return score_correctness(request)

    first = run_lifecycle(FILES, recorded_responses=response_folder(folder))
    assert isinstance(first[-1], JobSucceeded)
    assert run_lifecycle(FILES, recorded_responses=response_folder(folder), score=after_it_went) == first


@pytest.mark.parametrize("changed", [False, True])
def test_a_job_is_replayed_only_from_an_unchanged_folder(folder: Path, changed: bool) -> None:
    """A changed folder gives other rollouts, which differ from the log."""
    log = run_lifecycle(FILES, recorded_responses=response_folder(folder))
    if changed:
        records = parse_records(FILES["train"])
        longer = {
            line: [replace(response, tokens=response.tokens + 1) for response in responses]
            for line, responses in record_responses(records, count=4).items()
        }
        write_responses(folder, records, longer)

    @contextmanager
    def open_file(sha256: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(FILES[sha256])

    replayed = replay_rollouts(
        job_lifecycle(
            created_job(job_spec()),
            open_file=open_file,
            model=MODEL,
            settings=Settings(),
            recorded_responses=response_folder(folder),
        ),
        log,
    )
    if changed:
        with pytest.raises(ReplayError):
            list(replayed)
    else:
        assert sum(len(request.samples) for request, _ in replayed) == 22 * 32 + 3 * 10
