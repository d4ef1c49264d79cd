"""Which records each step trains on, and after which steps a run saves checkpoints and evaluates."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from simulator.training.dataset import HeldOutChoice, Record, split_records
from simulator.training.random_draws import shuffle_lines

# INFERRED: Amazon's sample run of 67 steps has four checkpoints, as with verl's save_freq of 20 and the last step.
CHECKPOINT_INTERVAL = 20


class PlanError(Exception):
    """The records do not fill one batch; the message says how many there are and what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """The steps of a run.

    Attributes:
        train: lines to train on, in the file's order.
        held_out: lines to evaluate on, in the validation file if there is one, else in the training file.
    """

    train: tuple[int, ...]
    held_out: tuple[int, ...]
    batch_size: int
    n_epochs: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in an epoch; the rest is dropped, as in verl."""
        return len(self.train) // self.batch_size

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.n_epochs * self.steps_per_epoch

    @property
    def checkpoint_steps(self) -> tuple[int, ...]:
        """Steps after which a checkpoint is saved: every twentieth and the last."""
        last = self.total_steps
        return (*range(CHECKPOINT_INTERVAL, last, CHECKPOINT_INTERVAL), last)

    @property
    def evaluation_steps(self) -> tuple[int, ...]:
        """Steps after which the held-out records are evaluated: 0, before any training, and each checkpoint."""
        return (0, *self.checkpoint_steps)

    def batch(self, step: int) -> tuple[int, ...]:
        """Return the lines that a step (from 1) trains on. Every epoch is shuffled by the seed, as in verl."""
        epoch, position = divmod(step - 1, self.steps_per_epoch)
        order = _epoch_order(self.train, self.seed, epoch)
        start = position * self.batch_size
        return tuple(order[start : start + self.batch_size])


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSplit:
    """The records of a run by line. The two parts may come from two files with the same line numbers."""

    train: Mapping[int, Record]
    held_out: Mapping[int, Record]


def split_dataset(
    records: tuple[Record, ...],
    validation: tuple[Record, ...] | None,
    *,
    seed: int,
    held_out_choice: HeldOutChoice = "tail",
) -> DatasetSplit:
    """Hold out a tenth of the records, unless there is a validation file."""
    if validation is not None:
        train, held_out = records, validation
    else:
        train, held_out = split_records(records, choice=held_out_choice, seed=seed)
    return DatasetSplit(
        train={record.line: record for record in train},
        held_out={record.line: record for record in held_out},
    )


def build_plan(dataset_split: DatasetSplit, *, batch_size: int, n_epochs: int, seed: int) -> TrainingPlan:
    """Plan a run.

    Raises:
        PlanError: the training records do not fill one batch.
    """
    plan = TrainingPlan(
        train=tuple(dataset_split.train),
        held_out=tuple(dataset_split.held_out),
        batch_size=batch_size,
        n_epochs=n_epochs,
        seed=seed,
    )
    if plan.steps_per_epoch == 0:
        raise PlanError(
            f"{len(plan.train)} training records do not fill one batch of {batch_size}: "
            "add records, or lower batch_size"
        )
    return plan


@lru_cache(maxsize=8)
def _epoch_order(lines: tuple[int, ...], seed: int, epoch: int) -> tuple[int, ...]:
    return tuple(shuffle_lines(lines, seed, "epoch", epoch))
