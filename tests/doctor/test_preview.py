"""`rft-sim preview`: the event that a job sends, before there is a job."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.doctor.preview import Preview, PreviewError, PreviewShape, preview_first_call, preview_row, render_events
from simulator.grading.grader import Grader, Sample
from simulator.settings import GradingSettings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import TrainingRun, initial_state, prepare_run, sample_held_out, sample_step
from tests.simulators import FinishedJob, RunningSimulator
from tests.training.training_files import make_training_file

GRADING = GradingSettings()


def make_run(
    records: tuple[Record, ...], *, batch_size: int = 4, validation: tuple[Record, ...] | None = None
) -> TrainingRun:
    """Return a prepared run on these records."""
    return prepare_run(
        records,
        model="openai.gpt-oss-20b",
        hyperparameters=Hyperparameters(batch_size=batch_size),
        seed=7,
        validation=validation,
    )


def events_sent_by_grader(
    samples: tuple[Sample, ...], *, split: str, step: int, rollouts_per_call: int = 8
) -> list[bytes]:
    """Return the events that a grader sends for these samples."""
    events: list[bytes] = []

    class Invocation:
        function_error = None

        def __init__(self, event: bytes) -> None:
            events.append(event)
            scores = [{"id": element["id"], "aggregate_reward_score": 1} for element in json.loads(event)]
            self.payload = json.dumps(scores).encode()

    with ThreadPoolExecutor(1) as executor:
        settings = replace(GRADING, rollouts_per_call=rollouts_per_call)
        Grader(function="f", invoke=Invocation, executor=executor, max_concurrency=1, settings=settings).grade(
            samples, split=split, step=step
        )
    return events


def samples_of(groups: Any) -> tuple[Sample, ...]:
    """Return the samples of groups in the order of a job."""
    return tuple(Sample(record=group.prompt.record, rollout=rollout) for group in groups for rollout in group.rollouts)


def preview(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["preview", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The path of a training file with 120 records."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(make_training_file(120))
    return path


def test_the_first_call_is_the_first_event_of_a_grader(sums: tuple[Record, ...]) -> None:
    """Byte for byte."""
    run = make_run(sums)
    expected = events_sent_by_grader(samples_of(sample_step(run, initial_state())), split="train", step=1)
    assert list(preview_first_call(run, grading=GRADING).render_events(GRADING)) == expected[:1]


def test_a_row_of_the_first_step_is_previewed_in_its_calls(sums: tuple[Record, ...]) -> None:
    """With three rollouts per call, the first and the last call also have rollouts of another row."""
    run = make_run(sums)
    second = run.plan.batch(1)[1]
    expected = events_sent_by_grader(
        samples_of(sample_step(run, initial_state())), split="train", step=1, rollouts_per_call=3
    )
    grading = replace(GRADING, rollouts_per_call=3)
    assert list(preview_row(run, second, grading=grading).render_events(grading)) == expected[2:6]


def test_one_rollout_can_be_previewed_alone(sums: tuple[Record, ...]) -> None:
    """With the same id as in a job."""
    run = make_run(sums)
    line = run.plan.batch(1)[0]
    (event,) = preview_row(run, line, rollout=3, grading=GRADING).render_events(GRADING)
    assert json.loads(event) == json.loads(preview_first_call(run, grading=GRADING).render_events(GRADING)[0])[3:4]


def test_a_row_of_a_later_step_has_the_ids_of_that_step(sums: tuple[Record, ...]) -> None:
    """A note says that the texts are the untrained model's."""
    run = make_run(sums)
    line = run.plan.batch(9)[2]
    row_preview = preview_row(run, line, rollout=0, grading=GRADING)
    (event,) = row_preview.render_events(GRADING)
    assert json.loads(event)[0]["id"] == f"train-9-line-{line}-rollout-0"
    assert row_preview.notes[0] == (
        f"Line {line} is trained on in step 9 first. The texts are the untrained model's; by then it has learned from "
        "8 steps."
    )


def test_a_held_out_row_is_previewed_as_in_the_first_evaluation(sums: tuple[Record, ...]) -> None:
    """One rollout for each row, with the other rows of its call."""
    run = make_run(sums)
    expected = events_sent_by_grader(samples_of(sample_held_out(run, initial_state())), split="held_out", step=0)
    assert list(preview_row(run, run.plan.held_out[0], grading=GRADING).render_events(GRADING)) == expected[:1]


def test_a_row_that_no_step_trains_on_is_previewed_as_in_step_1(sums: tuple[Record, ...]) -> None:
    """270 records are no whole number of batches of 4."""
    run = make_run(sums)
    used = {line for step in range(1, run.plan.total_steps + 1) for line in run.plan.batch(step)}
    line = next(line for line in run.plan.train if line not in used)
    row_preview = preview_row(run, line, grading=GRADING)
    ids = [element["id"] for event in row_preview.render_events(GRADING) for element in json.loads(event)]
    assert ids == [f"train-1-line-{line}-rollout-{index}" for index in range(8)]
    assert [note.partition(":")[0] for note in row_preview.notes] == [f"Line {line} is trained on in no step"]


def test_the_option_text_replaces_the_response(sums: tuple[Record, ...]) -> None:
    """Nothing else changes, and the simulated reasoning is left out."""
    run = make_run(sums)
    line = run.plan.batch(1)[0]
    grading = replace(GRADING, include_reasoning=True)
    (usual,) = preview_row(run, line, rollout=0, grading=GRADING).render_events(GRADING)
    (event,) = preview_row(run, line, text="#### 1", grading=grading).render_events(grading)
    expected = json.loads(usual)
    expected[0]["messages"][-1]["content"] = "#### 1"
    assert json.loads(event) == expected


@pytest.mark.parametrize(
    ("line", "rollout", "message"),
    [
        (999, None, "--row 999: the file has no such record, its last is on line 300"),
        (1, 8, "--rollout 8: line 1 has no such rollout, there are 0 to 7"),
        (300, 1, "--rollout 1: line 300 has no such rollout, it has rollout 0 alone"),
    ],
)
def test_a_missing_row_or_rollout_is_refused(
    sums: tuple[Record, ...], line: int, rollout: int | None, message: str
) -> None:
    """The error says which ones exist."""
    with pytest.raises(PreviewError) as error:
        preview_row(make_run(sums), line, rollout=rollout, grading=GRADING)
    assert str(error.value) == message


def test_rows_of_the_validation_file_cannot_be_previewed(sums: tuple[Record, ...]) -> None:
    """--row is a line of the training file."""
    with pytest.raises(PreviewError):
        preview_row(make_run(sums[:100], validation=sums), 200, grading=GRADING)


def test_each_shape_has_the_reference_where_its_source_has_it(sums: tuple[Record, ...]) -> None:
    """A string reference: wrapped or not, at the root, under metadata, or both."""
    record = replace(sums[0], fields={"reference_answer": "#### 72"})
    run = make_run((record, *sums[1:]))
    row_preview: Preview = preview_row(run, record.line, rollout=0, grading=GRADING)
    references = {}
    for shape in PreviewShape:
        (event,) = row_preview.render_events(shape.apply_to(GRADING))
        references[shape.value] = {key: json.loads(event)[0].get(key) for key in ("reference_answer", "metadata")}
    metadata = {"reference_answer": "#### 72"}
    assert references == {
        "superset": {"reference_answer": {"text": "#### 72"}, "metadata": metadata},
        "documented": {"reference_answer": None, "metadata": metadata},
        "sample": {"reference_answer": {"text": "#### 72"}, "metadata": None},
        "verbatim": {"reference_answer": "#### 72", "metadata": None},
    }


def test_each_event_is_rendered_once(sums: tuple[Record, ...]) -> None:
    """The grader gets a score for each rollout, so it repeats no call."""
    samples = samples_of(sample_step(make_run(sums), initial_state()))
    assert len(render_events(samples, split="train", step=1, grading=GRADING)) == 4


def test_a_preview_has_the_first_events_of_a_later_job(
    finished_job: FinishedJob, served_simulator: RunningSimulator, tmp_path: Path
) -> None:
    """The same ids and texts, because both use the seed of the file."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(finished_job.content)
    previewed = json.loads(preview("--data", path, "--function", finished_job.function).stdout)
    rollouts = [
        json.loads(line)
        for line in served_simulator.http.get(f"/_simulator/jobs/{finished_job.id}/rollouts").text.split("\n")[:-1]
    ]
    trained = [line for line in rollouts if line["split"] == "train"][:8]
    assert [(element["id"], element["messages"][-1]["content"]) for element in previewed] == [
        (line["id"], line["response"]) for line in trained
    ]


def test_compact_prints_the_bytes_of_the_event(data: Path) -> None:
    """One event per line. Without the option the same JSON is indented."""
    compact = preview("--data", data, "--row", "3", "--compact").stdout
    indented = preview("--data", data, "--row", "3").stdout
    assert json.loads(compact) == json.loads(indented)
    assert compact == json.dumps(json.loads(compact), separators=(",", ":")) + "\n"


def test_line_is_another_name_of_the_option_row(data: Path) -> None:
    """A row is a line of the file."""
    outputs = [preview("--data", data, name, "3", "--compact") for name in ("--row", "--line")]
    assert (outputs[0].stdout, outputs[0].stderr) == (outputs[1].stdout, outputs[1].stderr)


def test_all_shapes_are_printed_with_their_evidence(data: Path) -> None:
    """The evidence is on standard error, and the events are on standard output."""
    result = preview("--data", data, "--row", "3", "--rollout", "0", "--shape", "all", "--compact")
    assert [line.partition(": 1 rollout, ")[0] for line in result.stderr.splitlines()[2:]] == list(PreviewShape)
    assert [line.partition(" bytes. ")[2] for line in result.stderr.splitlines()[2:]] == [
        shape.evidence for shape in PreviewShape
    ]
    assert [len(json.loads(line)) for line in result.stdout.splitlines()] == [1, 1, 1, 1]


def test_a_file_with_too_few_records_for_a_job_can_be_previewed(tmp_path: Path) -> None:
    """With a note that a job needs more."""
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
        (["--row", "500"], "--row 500: the file has no such record, its last is on line 120"),
        (
            ["--batch-size", "500"],
            "{data}: 108 training records do not fill one batch of 500: add records, or lower batch_size",
        ),
    ],
)
def test_a_usage_error_is_one_line(data: Path, arguments: list[str], message: str) -> None:
    """Standard output is empty."""
    result = preview("--data", data, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"rft-sim: {message.format(data=data)}\n")


def test_an_event_above_lambdas_limit_is_an_error(tmp_path: Path) -> None:
    """A job would fail with it."""
    lines = make_training_file(120).splitlines()
    record = json.loads(lines[0]) | {"reference_answer": "x" * 3_000_000}
    path = tmp_path / "large.jsonl"
    path.write_bytes(b"\n".join([json.dumps(record).encode(), *lines[1:], b""]))
    result = preview("--data", path, "--row", "1", "--rollout", "0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "and Lambda takes 5,500,000 with headroom" in result.stderr
