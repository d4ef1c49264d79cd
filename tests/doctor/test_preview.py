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


def run_of(
    records: tuple[Record, ...], *, batch_size: int = 4, validation: tuple[Record, ...] | None = None
) -> TrainingRun:
    """Return a job on these records, made ready."""
    return prepare_run(
        records,
        model="openai.gpt-oss-20b",
        hyperparameters=Hyperparameters(batch_size=batch_size),
        seed=7,
        validation=validation,
    )


def graded(samples: tuple[Sample, ...], *, split: str, step: int, rollouts_per_call: int = 8) -> list[bytes]:
    """Return what a grader really sends for these samples."""
    sent: list[bytes] = []

    class Answer:
        function_error = None

        def __init__(self, event: bytes) -> None:
            sent.append(event)
            scores = [{"id": element["id"], "aggregate_reward_score": 1} for element in json.loads(event)]
            self.payload = json.dumps(scores).encode()

    with ThreadPoolExecutor(1) as executor:
        settings = replace(GRADING, rollouts_per_call=rollouts_per_call)
        Grader(function="f", invoke=Answer, executor=executor, max_concurrency=1, settings=settings).grade(
            samples, split=split, step=step
        )
    return sent


def flat(groups: Any) -> tuple[Sample, ...]:
    """Return the samples of groups, as a job's story lays them out."""
    return tuple(Sample(record=group.prompt.record, rollout=one) for group in groups for one in group.rollouts)


def preview(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["preview", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give a training file of 120 records."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(make_training_file(120))
    return path


def test_the_first_call_is_the_first_that_a_grader_sends(sums: tuple[Record, ...]) -> None:
    """Byte by byte."""
    run = run_of(sums)
    expected = graded(flat(sample_step(run, initial_state())), split="train", step=1)
    assert list(preview_first_call(run, grading=GRADING).render_events(GRADING)) == expected[:1]


def test_a_row_of_the_first_step_is_shown_in_the_calls_that_carry_it(sums: tuple[Record, ...]) -> None:
    """Three rollouts a call: the first and the last of them carry a neighbour's rollouts too."""
    run = run_of(sums)
    second = run.plan.batch(1)[1]
    expected = graded(flat(sample_step(run, initial_state())), split="train", step=1, rollouts_per_call=3)
    grading = replace(GRADING, rollouts_per_call=3)
    assert list(preview_row(run, second, grading=grading).render_events(grading)) == expected[2:6]


def test_one_rollout_is_an_event_of_its_own(sums: tuple[Record, ...]) -> None:
    """With the id that the job gives it."""
    run = run_of(sums)
    line = run.plan.batch(1)[0]
    (event,) = preview_row(run, line, rollout=3, grading=GRADING).render_events(GRADING)
    assert json.loads(event) == json.loads(preview_first_call(run, grading=GRADING).render_events(GRADING)[0])[3:4]


def test_a_row_of_a_later_step_has_that_steps_ids(sums: tuple[Record, ...]) -> None:
    """The texts are the untrained model's, and it says so."""
    run = run_of(sums)
    line = run.plan.batch(9)[2]
    found = preview_row(run, line, rollout=0, grading=GRADING)
    (event,) = found.render_events(GRADING)
    assert json.loads(event)[0]["id"] == f"train-9-line-{line}-rollout-0"
    assert found.notes[0] == (
        f"Line {line} is trained on in step 9 first. The texts are the untrained model's; by then it has learned from "
        "8 steps."
    )


def test_a_held_out_row_is_shown_as_the_first_evaluation_sends_it(sums: tuple[Record, ...]) -> None:
    """One rollout each, with its neighbours."""
    run = run_of(sums)
    expected = graded(flat(sample_held_out(run, initial_state())), split="held_out", step=0)
    assert list(preview_row(run, run.plan.held_out[0], grading=GRADING).render_events(GRADING)) == expected[:1]


def test_a_row_that_no_step_takes_is_shown_as_if_one_did(sums: tuple[Record, ...]) -> None:
    """270 records are no whole number of batches of 4."""
    run = run_of(sums)
    used = {line for step in range(1, run.plan.total_steps + 1) for line in run.plan.batch(step)}
    line = next(line for line in run.plan.train if line not in used)
    found = preview_row(run, line, grading=GRADING)
    ids = [element["id"] for event in found.render_events(GRADING) for element in json.loads(event)]
    assert ids == [f"train-1-line-{line}-rollout-{index}" for index in range(8)]
    assert [note.partition(":")[0] for note in found.notes] == [f"Line {line} is trained on in no step"]


def test_a_given_text_takes_the_place_of_the_response(sums: tuple[Record, ...]) -> None:
    """And nothing else changes; the simulated thinking does not stand beside it either."""
    run = run_of(sums)
    line = run.plan.batch(1)[0]
    grading = replace(GRADING, include_reasoning=True)
    (usual,) = preview_row(run, line, rollout=0, grading=GRADING).render_events(GRADING)
    (event,) = preview_row(run, line, text="#### 1", grading=grading).render_events(grading)
    expected = json.loads(usual)
    expected[0]["messages"][-1]["content"] = "#### 1"
    assert json.loads(event) == expected


@pytest.mark.parametrize(
    ("line", "rollout", "said"),
    [
        (999, None, "--row 999: the file has no such record, its last is on line 300"),
        (1, 8, "--rollout 8: line 1 has no such rollout, there are 0 to 7"),
        (300, 1, "--rollout 1: line 300 has no such rollout, it has rollout 0 alone"),
    ],
)
def test_what_is_not_there_is_told(sums: tuple[Record, ...], line: int, rollout: int | None, said: str) -> None:
    """With what there is."""
    with pytest.raises(PreviewError) as error:
        preview_row(run_of(sums), line, rollout=rollout, grading=GRADING)
    assert str(error.value) == said


def test_the_rows_of_a_validation_file_are_not_those_of_the_training_file(sums: tuple[Record, ...]) -> None:
    """Its lines are numbered too."""
    with pytest.raises(PreviewError):
        preview_row(run_of(sums[:100], validation=sums), 200, grading=GRADING)


def test_each_shape_lays_the_reference_out_as_its_source_does(sums: tuple[Record, ...]) -> None:
    """A string reference: wrapped or not, at the root, under metadata, or both."""
    record = replace(sums[0], fields={"reference_answer": "#### 72"})
    run = run_of((record, *sums[1:]))
    found: Preview = preview_row(run, record.line, rollout=0, grading=GRADING)
    laid_out = {}
    for shape in PreviewShape:
        (event,) = found.render_events(shape.apply_to(GRADING))
        laid_out[shape.value] = {key: json.loads(event)[0].get(key) for key in ("reference_answer", "metadata")}
    below = {"reference_answer": "#### 72"}
    assert laid_out == {
        "superset": {"reference_answer": {"text": "#### 72"}, "metadata": below},
        "documented": {"reference_answer": None, "metadata": below},
        "sample": {"reference_answer": {"text": "#### 72"}, "metadata": None},
        "verbatim": {"reference_answer": "#### 72", "metadata": None},
    }


def test_no_event_is_taken_twice(sums: tuple[Record, ...]) -> None:
    """The grader is given a score for each rollout, and so has nothing to try again."""
    samples = flat(sample_step(run_of(sums), initial_state()))
    assert len(render_events(samples, split="train", step=1, grading=GRADING)) == 4


def test_a_preview_shows_what_the_job_then_sends(
    finished_job: FinishedJob, served_simulator: RunningSimulator, tmp_path: Path
) -> None:
    """The ids and texts of its first call: the seed is the one that the job draws with."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(finished_job.content)
    shown = json.loads(preview("--data", path, "--function", finished_job.function).stdout)
    told = [
        json.loads(line)
        for line in served_simulator.http.get(f"/_simulator/jobs/{finished_job.id}/rollouts").text.split("\n")[:-1]
    ]
    trained = [line for line in told if line["split"] == "train"][:8]
    assert [(element["id"], element["messages"][-1]["content"]) for element in shown] == [
        (line["id"], line["response"]) for line in trained
    ]


def test_compact_prints_the_very_bytes(data: Path) -> None:
    """One event a line; indented it is the same JSON."""
    compact = preview("--data", data, "--row", "3", "--compact").stdout
    indented = preview("--data", data, "--row", "3").stdout
    assert json.loads(compact) == json.loads(indented)
    assert compact == json.dumps(json.loads(compact), separators=(",", ":")) + "\n"


def test_a_row_may_be_called_a_line(data: Path) -> None:
    """Which it is, in the file."""
    asked = [preview("--data", data, name, "3", "--compact") for name in ("--row", "--line")]
    assert (asked[0].stdout, asked[0].stderr) == (asked[1].stdout, asked[1].stderr)


def test_all_shapes_come_with_what_speaks_for_each(data: Path) -> None:
    """On standard error; standard output holds the events alone."""
    done = preview("--data", data, "--row", "3", "--rollout", "0", "--shape", "all", "--compact")
    assert [line.partition(": 1 rollout, ")[0] for line in done.stderr.splitlines()[2:]] == list(PreviewShape)
    assert [line.partition(" bytes. ")[2] for line in done.stderr.splitlines()[2:]] == [
        shape.evidence for shape in PreviewShape
    ]
    assert [len(json.loads(line)) for line in done.stdout.splitlines()] == [1, 1, 1, 1]


def test_a_file_with_too_few_records_for_a_job_can_be_previewed(tmp_path: Path) -> None:
    """Whoever begins has ten; what a job wants is told."""
    path = tmp_path / "few.jsonl"
    path.write_bytes(make_training_file(10))
    done = preview("--data", path)
    assert len(json.loads(done.stdout)) == 8
    assert done.stderr.splitlines()[0] == f"{path} has 10 records; a job needs at least 100."


@pytest.mark.parametrize(
    ("arguments", "said"),
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
def test_a_mistake_is_told_in_a_line(data: Path, arguments: list[str], said: str) -> None:
    """And nothing is printed that a script would take for an event."""
    done = preview("--data", data, *arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"rft-sim: {said.format(data=data)}\n")


def test_an_event_that_is_larger_than_lambda_takes_is_told(tmp_path: Path) -> None:
    """As a job would fail of it."""
    lines = make_training_file(120).splitlines()
    record = json.loads(lines[0]) | {"reference_answer": "x" * 3_000_000}
    path = tmp_path / "large.jsonl"
    path.write_bytes(b"\n".join([json.dumps(record).encode(), *lines[1:], b""]))
    done = preview("--data", path, "--row", "1", "--rollout", "0")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "and Lambda takes 5,500,000 with headroom" in done.stderr
