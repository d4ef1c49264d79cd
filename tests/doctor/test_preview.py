"""The preview of the events that a job sends."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.preview import PreviewError, PreviewShape, preview_first_call, preview_row, render_events
from simulator.grading.grader import Grader, Sample
from simulator.settings import GradingSettings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import TrainingRun, initial_state, prepare_run, sample_held_out, sample_step

GRADING = GradingSettings()


def prepare(
    records: tuple[Record, ...], *, batch_size: int = 4, validation: tuple[Record, ...] | None = None
) -> TrainingRun:
    """Prepare the run of a job on these records."""
    return prepare_run(
        records,
        model="openai.gpt-oss-20b",
        hyperparameters=Hyperparameters(batch_size=batch_size),
        seed=7,
        validation=validation,
    )


def graded_events(samples: tuple[Sample, ...], *, split: str, step: int, rollouts_per_call: int = 8) -> list[bytes]:
    """Return the events that the real grader sends for these samples."""
    events: list[bytes] = []

    class Response:
        function_error = None
        service_calls = ()

        def __init__(self, event: bytes, _environment: int) -> None:
            events.append(event)
            scores = [{"id": element["id"], "aggregate_reward_score": 1} for element in json.loads(event)]
            self.payload = json.dumps(scores).encode()

    with ThreadPoolExecutor(1) as executor:
        settings = replace(GRADING, rollouts_per_call=rollouts_per_call)
        Grader(function="f", invoke=Response, executor=executor, max_concurrency=1, settings=settings).grade(
            samples, split=split, step=step
        )
    return events


def flat(groups: Any) -> tuple[Sample, ...]:
    """Return the samples of groups, in the job's order."""
    return tuple(Sample(record=group.prompt.record, rollout=one) for group in groups for one in group.rollouts)


@pytest.fixture(scope="module")
def run(sums: tuple[Record, ...]) -> TrainingRun:
    """A run on the 300 records of the sums."""
    return prepare(sums)


def test_the_first_call_is_equal_to_the_first_call_of_the_grader(run: TrainingRun) -> None:
    """Byte for byte."""
    expected = graded_events(flat(sample_step(run, initial_state())), split="train", step=1)
    assert list(preview_first_call(run, grading=GRADING).render_events(GRADING)) == expected[:1]


def test_a_row_of_the_first_step_has_whole_calls(run: TrainingRun) -> None:
    """With three rollouts per call, the first and the last call also contain rollouts of other rows."""
    second = run.plan.batch(1)[1]
    expected = graded_events(flat(sample_step(run, initial_state())), split="train", step=1, rollouts_per_call=3)
    grading = replace(GRADING, rollouts_per_call=3)
    assert list(preview_row(run, second, grading=grading).render_events(grading)) == expected[2:6]


def test_a_single_rollout_is_one_event(run: TrainingRun) -> None:
    """With the id of the job."""
    line = run.plan.batch(1)[0]
    (event,) = preview_row(run, line, rollout=3, grading=GRADING).render_events(GRADING)
    assert json.loads(event) == json.loads(preview_first_call(run, grading=GRADING).render_events(GRADING)[0])[3:4]


def test_a_row_of_a_later_step_has_the_ids_of_that_step(run: TrainingRun) -> None:
    """A note says that the texts are the untrained model's."""
    line = run.plan.batch(9)[2]
    preview = preview_row(run, line, rollout=0, grading=GRADING)
    (event,) = preview.render_events(GRADING)
    assert json.loads(event)[0]["id"] == f"train-9-line-{line}-rollout-0"
    assert preview.notes[0] == (
        f"Step 9 is the first that trains on line {line}. The texts are the untrained model's: the job's model has "
        "learned from 8 steps by then."
    )


def test_a_held_out_row_has_the_call_of_the_first_evaluation(run: TrainingRun) -> None:
    """One rollout per row, with other rows in the call."""
    expected = graded_events(flat(sample_held_out(run, initial_state())), split="held_out", step=0)
    assert list(preview_row(run, run.plan.held_out[0], grading=GRADING).render_events(GRADING)) == expected[:1]


def test_a_row_of_no_step_is_previewed_as_in_step_1(run: TrainingRun) -> None:
    """270 records do not fill the last batch of 4. A note says so."""
    used = {line for step in range(1, run.plan.total_steps + 1) for line in run.plan.batch(step)}
    line = next(line for line in run.plan.train if line not in used)
    preview = preview_row(run, line, grading=GRADING)
    ids = [element["id"] for event in preview.render_events(GRADING) for element in json.loads(event)]
    assert ids == [f"train-1-line-{line}-rollout-{index}" for index in range(8)]
    assert [note.partition(",")[0] for note in preview.notes] == [f"No step trains on line {line}"]


def test_a_text_replaces_the_response_and_its_reasoning(run: TrainingRun) -> None:
    """Nothing else changes."""
    line = run.plan.batch(1)[0]
    grading = replace(GRADING, include_reasoning=True)
    (original,) = preview_row(run, line, rollout=0, grading=GRADING).render_events(GRADING)
    (event,) = preview_row(run, line, text="#### 1", grading=grading).render_events(grading)
    expected = json.loads(original)
    expected[0]["messages"][-1]["content"] = "#### 1"
    assert json.loads(event) == expected


@pytest.mark.parametrize(
    ("line", "rollout", "message"),
    [
        (999, None, "--row 999: the file has no such record. Its last record is on line 300"),
        (1, 8, "--rollout 8: line 1 has rollouts 0 to 7"),
        (300, 1, "--rollout 1: line 300 has only rollout 0"),
    ],
)
def test_a_missing_row_or_rollout_is_an_error(run: TrainingRun, line: int, rollout: int | None, message: str) -> None:
    """The message says which ones exist."""
    with pytest.raises(PreviewError) as error:
        preview_row(run, line, rollout=rollout, grading=GRADING)
    assert str(error.value) == message


def test_a_row_of_the_validation_file_is_not_found(sums: tuple[Record, ...]) -> None:
    """Its lines have numbers too."""
    with pytest.raises(PreviewError):
        preview_row(prepare(sums[:100], validation=sums), 200, grading=GRADING)


def test_each_shape_has_its_layout_of_a_string_reference(sums: tuple[Record, ...]) -> None:
    """Wrapped or not, at the root, under metadata, or both."""
    record = replace(sums[0], fields={"reference_answer": "#### 72"})
    run = prepare((record, *sums[1:]))
    preview = preview_row(run, record.line, rollout=0, grading=GRADING)
    layouts = {}
    for shape in PreviewShape:
        (event,) = preview.render_events(shape.apply_to(GRADING))
        layouts[shape.value] = {key: json.loads(event)[0].get(key) for key in ("reference_answer", "metadata")}
    metadata = {"reference_answer": "#### 72"}
    assert layouts == {
        "superset": {"reference_answer": {"text": "#### 72"}, "metadata": metadata},
        "documented": {"reference_answer": None, "metadata": metadata},
        "sample": {"reference_answer": {"text": "#### 72"}, "metadata": None},
        "verbatim": {"reference_answer": "#### 72", "metadata": None},
    }


def test_each_event_is_rendered_once(run: TrainingRun) -> None:
    """The grader gets a score for each rollout, so it repeats no call."""
    samples = flat(sample_step(run, initial_state()))
    assert len(render_events(samples, split="train", step=1, grading=GRADING)) == 4
