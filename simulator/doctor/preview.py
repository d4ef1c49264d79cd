"""Previews the Lambda events of a job: the exact bytes that its grader sends, without a function."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from simulator.doctor.doctor_report import format_count
from simulator.grading.grader import Grader, Sample
from simulator.http.service_calls import ServiceCalls
from simulator.settings import EventShape, GradingSettings
from simulator.training.training_run import TrainingRun, TrainingState, initial_state, sample_held_out, sample_step

TRAIN, HELD_OUT = "train", "held_out"


class PreviewError(Exception):
    """There is no such row or rollout. The message says which ones exist."""


class PreviewShape(StrEnum):
    """A layout of the event, by its name on the command line."""

    SUPERSET = "superset"
    DOCUMENTED = "documented"
    SAMPLE = "sample"
    VERBATIM = "verbatim"

    @property
    def evidence(self) -> str:
        """The evidence for this layout, in one line."""
        return _EVIDENCE[self]

    def apply_to(self, grading: GradingSettings) -> GradingSettings:
        """Return the settings with this layout."""
        match self:
            case PreviewShape.VERBATIM:
                return replace(grading, event_shape=EventShape.SAMPLE, wrap_strings=False)
            case _:
                return replace(grading, event_shape=EventShape(self.value), wrap_strings=True)


_EVIDENCE: Final = {
    PreviewShape.SUPERSET: "INFERRED: fields at the root, bare strings wrapped, and all fields under metadata too, so "
    "that every published handler finds the fields that it reads. The default.",
    PreviewShape.DOCUMENTED: "DOCUMENTED: the user guide prints the record's fields under metadata, as in the file.",
    PreviewShape.SAMPLE: "SAMPLE: Amazon's handler reads the root, and `text` of a reference that is a string.",
    PreviewShape.VERBATIM: "INFERRED, unlikely: fields at the root, as in the file. Amazon's handler scores 0 with it.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The rollouts that a job sends, for one or more events.

    Attributes:
        samples: the rollouts, in order.
        split: "train" or "held_out".
        step: the step that sends them; 0 is the evaluation before any training.
        is_whole_call: the rollouts fill whole calls, as in the job. False if single rollouts were selected.
        notes: remarks on the rollouts, one sentence each.
    """

    samples: tuple[Sample, ...]
    split: str
    step: int
    is_whole_call: bool
    notes: tuple[str, ...]

    def render_events(self, grading: GradingSettings) -> tuple[bytes, ...]:
        """Return the events that a job's grader builds from the rollouts, in one layout.

        Raises:
            GraderError: the event of a single rollout is larger than Lambda accepts.
        """
        return render_events(self.samples, split=self.split, step=self.step, grading=grading)


@dataclass(frozen=True, slots=True, kw_only=True)
class _StubResponse:
    """A response that the grader accepts."""

    payload: bytes
    function_error: str | None = None
    service_calls: tuple[ServiceCalls, ...] = ()


def render_events(samples: Sequence[Sample], *, split: str, step: int, grading: GradingSettings) -> tuple[bytes, ...]:
    """Return every event that the real grader sends for these samples. No function is called.

    Raises:
        GraderError: the event of a single rollout is larger than Lambda accepts.
    """
    events: list[bytes] = []

    def record_event(event: bytes, _environment: int) -> _StubResponse:
        events.append(event)
        scores = [{"id": element["id"], "aggregate_reward_score": 0.0} for element in json.loads(event)]
        return _StubResponse(payload=json.dumps(scores).encode())

    with ThreadPoolExecutor(1) as executor:
        grader = Grader(function="preview", invoke=record_event, executor=executor, max_concurrency=1, settings=grading)
        grader.grade(samples, split=split, step=step)
    return tuple(events)


def preview_first_call(run: TrainingRun, *, grading: GradingSettings) -> Preview:
    """Return the first call of the first step."""
    samples = _sample_step(run, split=TRAIN, step=1)
    first = render_events(samples, split=TRAIN, step=1, grading=grading)[0]
    return Preview(
        samples=samples[: len(json.loads(first))],
        split=TRAIN,
        step=1,
        is_whole_call=True,
        notes=("The first call of step 1.",),
    )


def preview_row(
    run: TrainingRun, line: int, *, rollout: int | None = None, text: str | None = None, grading: GradingSettings
) -> Preview:
    """Return the calls that carry the rollouts of one row of the training file, or a single rollout of it.

    The calls are those of the first step that trains on the row, or of the evaluation before training if the row is
    held out. The texts are the untrained model's.

    Args:
        run: the prepared run of the job.
        line: the line of the row in the training file, from 1.
        rollout: the index of one rollout of the row. None selects all, in whole calls.
        text: replaces the simulated response, of rollout 0 if `rollout` is None.
        grading: the settings that put rollouts into calls.

    Raises:
        PreviewError: there is no such row or rollout.
    """
    split, step, notes = _find_step(run, line)
    samples = _sample_step(run, split=split, step=step, line=None if _is_sent_in(run, split, step, line) else line)
    own = [index for index, sample in enumerate(samples) if sample.record.line == line]
    if rollout is None and text is None:
        sent = _samples_in_calls(samples, own, split=split, step=step, grading=grading)
        return Preview(samples=sent, split=split, step=step, is_whole_call=True, notes=tuple(notes))
    index = rollout or 0
    if index >= len(own):
        existing = "only rollout 0" if len(own) == 1 else f"rollouts 0 to {len(own) - 1}"
        raise PreviewError(f"--rollout {index}: line {line} has {existing}")
    sample = samples[own[index]]
    if text is not None:
        sample = replace(sample, rollout=replace(sample.rollout, text=text, reasoning=""))
        notes.append("The response is your --text.")
    notes.append("One rollout, without the others of its call.")
    return Preview(samples=(sample,), split=split, step=step, is_whole_call=False, notes=tuple(notes))


def _find_step(run: TrainingRun, line: int) -> tuple[str, int, list[str]]:
    """Return the split and step that first send a row, and remarks on it."""
    if line in run.train_sources:
        plan = run.plan
        step = next((step for step in range(1, plan.total_steps + 1) if line in plan.batch(step)), None)
        if step is None:
            note = (
                f"No step trains on line {line}, because an incomplete last batch is dropped. This is how step 1 would "
            )
            return TRAIN, 1, [f"{note}send it."]
        if step == 1:
            return TRAIN, 1, [f"Line {line} in step 1."]
        note = f"Step {step} is the first that trains on line {line}. The texts are the untrained model's: "
        return TRAIN, step, [f"{note}the job's model has learned from {format_count(step - 1, 'step')} by then."]
    if line in _held_out_lines(run):
        note = f"Line {line} is held out: one rollout is scored before training, as here, and at each checkpoint."
        return HELD_OUT, 0, [note]
    last = max(*run.train_sources, *_held_out_lines(run))
    raise PreviewError(f"--row {line}: the file has no such record. Its last record is on line {last}")


def _held_out_lines(run: TrainingRun) -> set[int]:
    """Return the lines of the training file that are held out. Empty if a validation file holds these records."""
    lines = {source.prompt.record.line for source in run.held_out_sources}
    return set() if lines & run.train_sources.keys() else lines


def _is_sent_in(run: TrainingRun, split: str, step: int, line: int) -> bool:
    return split == HELD_OUT or line in run.plan.batch(step)


def _sample_step(run: TrainingRun, *, split: str, step: int, line: int | None = None) -> tuple[Sample, ...]:
    """Return the untrained model's samples for a step. With a line, as if the file had only this row."""
    state = initial_state()
    if split == HELD_OUT:
        groups = sample_held_out(run, state)
    else:
        if line is not None:
            run = replace(run, plan=replace(run.plan, train=(line,), batch_size=1))
        groups = sample_step(run, TrainingState(step=step - 1, weights=state.weights, moments=state.moments))
    return tuple(Sample(record=group.prompt.record, rollout=rollout) for group in groups for rollout in group.rollouts)


def _samples_in_calls(
    samples: tuple[Sample, ...], own: Sequence[int], *, split: str, step: int, grading: GradingSettings
) -> tuple[Sample, ...]:
    """Return the samples of the calls that contain a sample with one of these indexes."""
    kept: list[Sample] = []
    start = 0
    for event in render_events(samples, split=split, step=step, grading=grading):
        end = start + len(json.loads(event))
        if any(start <= index < end for index in own):
            kept += samples[start:end]
        start = end
    return tuple(kept)
