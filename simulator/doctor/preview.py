"""The Lambda event before there is a function: the very bytes that a job's grader sends, caught on their way."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from simulator.grading.grader import Grader, Sample
from simulator.settings import EventShape, GradingSettings
from simulator.training.training_run import TrainingRun, TrainingState, initial_state, sample_held_out, sample_step

TRAIN, HELD_OUT = "train", "held_out"


class PreviewError(Exception):
    """There is no such row or rollout; the message says which there are."""


class PreviewShape(StrEnum):
    """A layout of the event, by the name that the command line takes."""

    SUPERSET = "superset"
    DOCUMENTED = "documented"
    SAMPLE = "sample"
    VERBATIM = "verbatim"

    @property
    def evidence(self) -> str:
        """What speaks for this layout, in a line."""
        return _EVIDENCE[self]

    def apply_to(self, grading: GradingSettings) -> GradingSettings:
        """Return the settings with this layout."""
        match self:
            case PreviewShape.VERBATIM:
                return replace(grading, event_shape=EventShape.SAMPLE, wrap_strings=False)
            case _:
                return replace(grading, event_shape=EventShape(self.value), wrap_strings=True)


_EVIDENCE: Final = {
    PreviewShape.SUPERSET: "INFERRED: fields at the root, bare strings wrapped, and all of them under metadata as well, so "
    "that every published handler finds what it reads. The default.",
    PreviewShape.DOCUMENTED: "DOCUMENTED: the user guide prints the record's fields under metadata, as the file has them.",
    PreviewShape.SAMPLE: 'SAMPLE: Amazon\'s handler reads the root, and "text" of a reference that the file has as a string.',
    PreviewShape.VERBATIM: "INFERRED, unlikely: fields at the root, as the file has them. Amazon's own handler scores 0 so.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is sent.

    Attributes:
        samples: the rollouts, in order.
        split: "train" or "held_out".
        step: the step that sends them; 0 is the evaluation before any training.
        is_whole_call: the calls are whole ones, as the step makes them; otherwise the rollouts were picked out.
        notes: what to know about them, a sentence each.
    """

    samples: tuple[Sample, ...]
    split: str
    step: int
    is_whole_call: bool
    notes: tuple[str, ...]

    def render_events(self, grading: GradingSettings) -> tuple[bytes, ...]:
        """Return the events that a job's grader makes of them, in one layout.

        Raises:
            GraderError: a rollout's event alone is larger than Lambda takes.
        """
        return render_events(self.samples, split=self.split, step=self.step, grading=grading)


@dataclass(frozen=True, slots=True, kw_only=True)
class _StubResponse:
    """An answer that lets the grader go on."""

    payload: bytes
    function_error: str | None = None


def render_events(samples: Sequence[Sample], *, split: str, step: int, grading: GradingSettings) -> tuple[bytes, ...]:
    """Return every event that the grader sends for these samples: it is the real one, with nobody at the other end.

    Raises:
        GraderError: a rollout's event alone is larger than Lambda takes.
    """
    sent: list[bytes] = []

    def taken(event: bytes) -> _StubResponse:
        sent.append(event)
        scores = [{"id": element["id"], "aggregate_reward_score": 0.0} for element in json.loads(event)]
        return _StubResponse(payload=json.dumps(scores).encode())

    with ThreadPoolExecutor(1) as executor:
        grader = Grader(function="nobody", invoke=taken, executor=executor, max_concurrency=1, settings=grading)
        grader.grade(samples, split=split, step=step)
    return tuple(sent)


def preview_first_call(run: TrainingRun, *, grading: GradingSettings) -> Preview:
    """Return the first call of the first step."""
    samples = _samples(run, split=TRAIN, step=1)
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

    A row is shown in the step that trains on it first, or in the evaluation before training where it is held out; its
    texts are the untrained model's.

    Args:
        run: the job, made ready.
        line: of the training file, from 1.
        rollout: which one of the row's; None means all, in whole calls.
        text: a response in place of the simulated one; of rollout 0 where none is named.
        grading: how rollouts are put into calls.

    Raises:
        PreviewError: there is no such row or rollout.
    """
    split, step, notes = _find_step(run, line)
    samples = _samples(run, split=split, step=step, line=None if _is_sent_in(run, split, step, line) else line)
    own = [place for place, sample in enumerate(samples) if sample.record.line == line]
    if rollout is None and text is None:
        carried = _samples_in_calls(samples, own, split=split, step=step, grading=grading)
        return Preview(samples=carried, split=split, step=step, is_whole_call=True, notes=tuple(notes))
    index = rollout or 0
    if index >= len(own):
        there = "it has rollout 0 alone" if len(own) == 1 else f"there are 0 to {len(own) - 1}"
        raise PreviewError(f"--rollout {index}: line {line} has no such rollout, {there}")
    chosen = samples[own[index]]
    if text is not None:
        chosen = replace(chosen, rollout=replace(chosen.rollout, text=text, reasoning=""))
        notes.append("The response is the one that you gave.")
    notes.append("One rollout, picked out of the call that carries it.")
    return Preview(samples=(chosen,), split=split, step=step, is_whole_call=False, notes=tuple(notes))


def _find_step(run: TrainingRun, line: int) -> tuple[str, int, list[str]]:
    """Return in which split and step a row is sent first, with what to know about it."""
    if line in run.train_sources:
        plan = run.plan
        step = next((step for step in range(1, plan.total_steps + 1) if line in plan.batch(step)), None)
        if step is None:
            said = f"Line {line} is trained on in no step: a last batch that is not full is dropped. It is shown as "
            return TRAIN, 1, [f"{said}step 1 would send it."]
        if step == 1:
            return TRAIN, 1, [f"Line {line} in step 1."]
        said = f"Line {line} is trained on in step {step} first. The texts are the untrained model's; by then it has "
        return TRAIN, step, [f"{said}learned from {step - 1} steps."]
    if line in _held_out(run):
        said = f"Line {line} is held out: one rollout of it is scored before training, as here, and at each checkpoint."
        return HELD_OUT, 0, [said]
    last = max(*run.train_sources, *_held_out(run))
    raise PreviewError(f"--row {line}: the file has no such record, its last is on line {last}")


def _held_out(run: TrainingRun) -> set[int]:
    """Return the lines of the training file that are held out: none where a validation file has lines of its own."""
    lines = {source.prompt.record.line for source in run.held_out_sources}
    return set() if lines & run.train_sources.keys() else lines


def _is_sent_in(run: TrainingRun, split: str, step: int, line: int) -> bool:
    return split == HELD_OUT or line in run.plan.batch(step)


def _samples(run: TrainingRun, *, split: str, step: int, line: int | None = None) -> tuple[Sample, ...]:
    """Return all that a step has graded, of the untrained model; with a line, as if that row were all there is."""
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
    """Return the samples of those calls that carry at least one of these places."""
    kept: list[Sample] = []
    start = 0
    for event in render_events(samples, split=split, step=step, grading=grading):
        end = start + len(json.loads(event))
        if any(start <= place < end for place in own):
            kept += samples[start:end]
        start = end
    return tuple(kept)
