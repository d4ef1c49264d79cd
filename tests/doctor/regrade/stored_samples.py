"""Stored rollouts for tests: those of a real job, and single ones."""

import json

from simulator.doctor.regrade.scoring import RegradedRollout
from simulator.doctor.regrade.stored_rollouts import StoredRollout, parse_rollouts
from simulator.grading.grader import Sample
from simulator.grading.lambda_event import rollout_id
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import initial_state, prepare_run, sample_held_out, sample_step
from simulator.wire.objects import render_rollout_line

StepSamples = tuple[str, int, tuple[Sample, ...]]


def sample_steps(records: tuple[Record, ...]) -> list[StepSamples]:
    """Return the split, step and samples of the first evaluation (30) and the first training step (32) of a job."""
    run = prepare_run(records, model="openai.gpt-oss-20b", hyperparameters=Hyperparameters(), seed=7)
    state = initial_state()
    return [
        (
            split,
            step,
            tuple(
                Sample(record=group.prompt.record, rollout=rollout) for group in groups for rollout in group.rollouts
            ),
        )
        for split, step, groups in (
            ("held_out", 0, sample_held_out(run, state)),
            ("train", 1, sample_step(run, state)),
        )
    ]


def rollout_lines(steps: list[StepSamples]) -> str:
    """Return these rollouts as the control route writes them, each with a reward of 0.5."""
    return "".join(
        render_rollout_line(
            sample.record,
            sample.rollout,
            rollout_id=rollout_id(split=split, step=step, line=sample.record.line, index=sample.rollout.index),
            split=split,
            step=step,
            reward=0.5,
        )
        + "\n"
        for split, step, samples in steps
        for sample in samples
    )


def stored_rollout(
    *, line: int = 1, index: int = 0, split: str = "train", step: int = 1, reward: float = 0.0, correct: bool = False
) -> StoredRollout:
    """Return one stored rollout."""
    [rollout] = parse_rollouts(
        json.dumps(
            {
                "id": f"{split}-{step}-line-{line}-rollout-{index}",
                "split": split,
                "step": step,
                "line": line,
                "index": index,
                "record": {"messages": [{"role": "user", "content": f"Question {line}?"}]},
                "response": f"Answer {index}.",
                "reasoning": "",
                "reward": reward,
                "correct": correct,
                "exploit": None,
            }
        ),
        source="a job",
    )
    return rollout


def regraded_group(
    *scores: tuple[float, float | None, bool], split: str = "train", line: int = 1
) -> list[RegradedRollout]:
    """Return the group of a prompt, from the old score, the new score and the truth of each rollout."""
    return [
        RegradedRollout(
            rollout=stored_rollout(split=split, line=line, index=index, reward=before, correct=correct),
            score=now,
            error="" if now is not None else "KeyError: 'x'",
        )
        for index, (before, now, correct) in enumerate(scores)
    ]
