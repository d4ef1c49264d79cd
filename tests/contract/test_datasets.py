"""Training files with one defect each: the job fails with the line and the reason.

tests/fixtures/test_hostile_files.py reads all hostile files; here a job reads a few of every kind.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulators import RunningSimulator, simulator_in_process
from tests.training.training_files import make_record, make_training_file

DEFECTS = Path(__file__).parents[2] / "fixtures" / "defects"
HOSTILE = DEFECTS.parent / "hostile"
VALID = "Files validated, moving job to queued state"
MANIFEST: list[dict[str, Any]] = json.loads((DEFECTS / "manifest.json").read_text(encoding="utf-8"))
HOSTILE_MANIFEST: dict[str, dict[str, Any]] = {
    entry["file"]: entry for entry in json.loads((HOSTILE / "manifest.json").read_text(encoding="utf-8"))
}
REFUSED = (
    "duplicate_with_escapes.jsonl",
    "raw_escape_in_a_text.jsonl",
    "a_role_of_1000_letters.jsonl",
    "nested_980_lists.jsonl",
    "utf16_big_endian.jsonl",
    "noise.jsonl",
)
ACCEPTED = ("escape_sequences.jsonl", "text_from_the_right.jsonl", "an_integer_of_4000_digits.jsonl")


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """One simulator for the module. No job here needs AWS."""
    with simulator_in_process() as created:
        yield created


def failure(job: Any) -> tuple[str, str, str]:
    """Return code, param and message of a failed job, after checks that hold for every failed job."""
    assert (job["status"], job["fine_tuned_model"], job["trained_tokens"]) == ("failed", None, None)
    assert job["finished_at"] >= job["created_at"]
    assert list(job["error"]) == ["code", "message", "param"]
    return job["error"]["code"], job["error"]["param"], job["error"]["message"]


@pytest.mark.shows("faulty-records")
@pytest.mark.parametrize("defect", MANIFEST, ids=[entry["file"] for entry in MANIFEST])
def test_a_defective_file_fails_its_job_with_line_and_reason(
    simulator: RunningSimulator, defect: dict[str, Any]
) -> None:
    """One defect for each file. The manifest has the line, and a word that the message must contain."""
    job = simulator.run_job((DEFECTS / defect["file"]).read_bytes())
    code, param, message = failure(job)
    named = re.search(r"\bline (\d+)\b", message)
    assert (code, param) == ("invalid_training_file", "training_file")
    assert (int(named[1]) if named else None) == defect["line"]
    assert defect["reason_contains"] in message


@pytest.mark.shows("strictness")
@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_fails_only_its_job(simulator: RunningSimulator, name: str) -> None:
    """With line and reason, in a short message that is safe for a terminal. The upload stays unchanged."""
    entry, content = HOSTILE_MANIFEST[name], (HOSTILE / name).read_bytes()
    job = simulator.run_job(content)
    code, param, message = failure(job)
    assert (code, param) == ("invalid_training_file", "training_file")
    assert f"line {entry['line']}: " in message
    assert entry["reason_contains"].lower() in message.lower()
    assert message.isprintable()
    assert len(message) < 400
    assert simulator.http.get(f"/v1/files/{job['training_file']}/content").content == content


def test_a_failed_job_has_an_error_event(simulator: RunningSimulator) -> None:
    """With the job's message. Nothing was trained."""
    job = simulator.run_job((DEFECTS / "bad_json.jsonl").read_bytes())
    events = [(event["level"], event["message"]) for event in simulator.list_events(job["id"])]
    assert events == [
        ("info", "Fine-tuning job created"),
        ("info", f"Validating training file: {job['training_file']}"),
        ("error", f"Fine-tuning job failed: {job['error']['message']}"),
    ]


def test_a_defective_validation_file_is_named(simulator: RunningSimulator) -> None:
    """Line, reason, and which of the two files."""
    validation = simulator.upload((DEFECTS / "missing_role.jsonl").read_bytes())
    code, param, message = failure(simulator.run_job(make_training_file(100), validation_file=validation))
    assert (code, param) == ("invalid_validation_file", "validation_file")
    assert "line 42" in message


@pytest.mark.slow
@pytest.mark.shows("records")
def test_a_file_of_more_than_twenty_thousand_records_is_too_long(simulator: RunningSimulator) -> None:
    """DOCUMENTED: 100 to 20,000."""
    line = json.dumps(make_record(1)).encode() + b"\n"
    code, param, message = failure(simulator.run_job(line * 20_001))
    assert (code, param) == ("invalid_training_file", "training_file")
    assert "20,001" in message
    assert "20,000" in message


def validate_file(simulator: RunningSimulator, content: bytes) -> str:
    """Let a job validate this file; return the message of its last event."""
    job = simulator.create_job(simulator.upload(content))["id"]
    for _ in range(2):
        simulator.retrieve_job(job)
    return str(simulator.list_events(job)[-1]["message"])


@pytest.mark.shows("records")
@pytest.mark.parametrize("count", [100, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_file_at_the_limits_is_valid(polled_simulator: RunningSimulator, count: int) -> None:
    """The fewest and the most records."""
    line = json.dumps(make_record(1)).encode() + b"\n"
    assert validate_file(polled_simulator, line * count) == VALID


@pytest.mark.parametrize(
    "ending",
    [b"\r\n", b"\n\n\n"],
    ids=["line ends of Windows", "blank lines at the end"],
)
def test_line_ends_of_editors_are_valid(polled_simulator: RunningSimulator, ending: bytes) -> None:
    """CRLF, and a missing last line end."""
    content = make_training_file(100).replace(b"\n", b"\r\n") if ending == b"\r\n" else make_training_file(100) + ending
    assert validate_file(polled_simulator, content) == VALID


@pytest.mark.parametrize("name", ACCEPTED)
def test_unusual_json_lines_are_valid(polled_simulator: RunningSimulator, name: str) -> None:
    """Escape sequences, right-to-left text and long integers."""
    assert validate_file(polled_simulator, (HOSTILE / name).read_bytes()) == VALID


def test_a_batch_that_the_records_cannot_fill_fails_the_job(simulator: RunningSimulator) -> None:
    """It could not do a single step. The message says what to change."""
    batch = {"batch_size": 91}
    method = {"type": "reinforcement", "reinforcement": {"grader": _GRADER, "hyperparameters": batch}}
    code, param, message = failure(simulator.run_job(make_training_file(100), method=method))
    assert (code, param) == ("invalid_training_file", "training_file")
    assert "90 training records do not fill one batch of 91" in message


_GRADER = {"type": "lambda", "lambda": {"function": "arn:aws:lambda:us-west-2:123456789012:function:nowhere"}}


@pytest.mark.parametrize("name", ["train", "validation", "string_reference", "labels", "json"])
def test_the_projects_own_files_are_valid(polled_simulator: RunningSimulator, name: str) -> None:
    """Those of the README."""
    content = (DEFECTS.parent / "prompts" / f"{name}.jsonl").read_bytes()
    assert validate_file(polled_simulator, content) == VALID
