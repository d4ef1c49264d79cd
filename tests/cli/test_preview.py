"""`rft-sim preview`: its options, its output and its exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.doctor.preview import PreviewShape
from tests.simulators import FinishedJob, RunningSimulator
from tests.training.training_files import make_training_file


def preview(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["preview", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A training file of 120 records."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(make_training_file(120))
    return path


@pytest.mark.slow
def test_a_preview_is_equal_to_the_call_of_the_job(
    finished_job: FinishedJob, served_simulator: RunningSimulator, tmp_path: Path
) -> None:
    """The ids and texts of its first call, because the seed is the job's."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(finished_job.content)
    event = json.loads(preview("--data", path, "--function", finished_job.function).stdout)
    rollouts = [
        json.loads(line)
        for line in served_simulator.http.get(f"/_simulator/jobs/{finished_job.id}/rollouts").text.split("\n")[:-1]
    ]
    trained = [line for line in rollouts if line["split"] == "train"][:8]
    assert [(element["id"], element["messages"][-1]["content"]) for element in event] == [
        (line["id"], line["response"]) for line in trained
    ]


def test_compact_prints_the_exact_bytes(data: Path) -> None:
    """One event per line. Without it the JSON is the same, but indented."""
    compact = preview("--data", data, "--row", "3", "--compact").stdout
    indented = preview("--data", data, "--row", "3").stdout
    assert json.loads(compact) == json.loads(indented)
    assert compact == json.dumps(json.loads(compact), separators=(",", ":")) + "\n"


def test_row_and_line_are_the_same_option(data: Path) -> None:
    """A row is a line of the file."""
    result = [preview("--data", data, name, "3", "--compact") for name in ("--row", "--line")]
    assert (result[0].stdout, result[0].stderr) == (result[1].stdout, result[1].stderr)


def test_all_shapes_are_printed_with_their_evidence(data: Path) -> None:
    """The evidence is on standard error. Standard output has only the events."""
    result = preview("--data", data, "--row", "3", "--rollout", "0", "--shape", "all", "--compact")
    assert [line.partition(": 1 rollout, ")[0] for line in result.stderr.splitlines()[2:]] == list(PreviewShape)
    assert [line.partition(" bytes. ")[2] for line in result.stderr.splitlines()[2:]] == [
        shape.evidence for shape in PreviewShape
    ]
    assert [len(json.loads(line)) for line in result.stdout.splitlines()] == [1, 1, 1, 1]


def test_a_file_that_is_too_small_for_a_job_can_be_previewed(tmp_path: Path) -> None:
    """A note says how many records a job needs."""
    path = tmp_path / "few.jsonl"
    path.write_bytes(make_training_file(10))
    result = preview("--data", path)
    assert len(json.loads(result.stdout)) == 8
    assert result.stderr.splitlines()[0] == f"{path} has 10 records; a job needs at least 100."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rollout", "1"], "--rollout and --text need --row LINE"),
        (
            ["--shape", "round"],
            "--shape round: no such shape. The shapes are superset, documented, sample, verbatim and all",
        ),
        (["--function", "no such name"], "--function no such name: not the name or ARN of a Lambda function"),
        (["--row", "500"], "--row 500: the file has no such record. Its last record is on line 120"),
        (
            ["--batch-size", "500"],
            "{data}: 108 training records do not fill one batch of 500: add records, or lower batch_size",
        ),
    ],
)
def test_a_usage_error_is_one_line(data: Path, arguments: list[str], message: str) -> None:
    """Standard output stays empty, so a script reads no event."""
    result = preview("--data", data, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"rft-sim: {message.format(data=data)}\n")


def test_an_event_that_is_too_large_for_lambda_is_an_error(tmp_path: Path) -> None:
    """A job would fail at it."""
    lines = make_training_file(120).splitlines()
    record = json.loads(lines[0]) | {"reference_answer": "x" * 3_000_000}
    path = tmp_path / "large.jsonl"
    path.write_bytes(b"\n".join([json.dumps(record).encode(), *lines[1:], b""]))
    result = preview("--data", path, "--row", "1", "--rollout", "0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "and Lambda takes 5,500,000 with headroom" in result.stderr
