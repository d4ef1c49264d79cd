"""What a run is made of: gathered from here and from S3, judged, packed, and not yet sent anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from client.dataset import Finding, Row, Verdict, checked, sample
from client.deployment import Package, packed
from client.errors import Misuse
from client.job_polling import DEFAULT_LR_MULTIPLIER, HELD_OUT_ONE_IN, Hyperparameters
from client.sdk_clients import Aws
from client.storage import fetched
from client.terminal import counted, failed, warned

_FINDINGS_SHOWN = 20
LARGEST_LR_MULTIPLIER = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `rft train` was asked for; `compare_rows` 0 leaves the comparison out."""

    data: str
    validation: str | None
    reward: Path
    model: str
    hyperparameters: Hyperparameters
    output: str
    compare_rows: int
    yes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What a run is made of, all of it checked and none of it sent yet.

    Attributes:
        held_out: the rows to compare base and tuned on.
        held_out_source: where they are from, in words.
        seen_in_training: True when the held-out rows may have been trained on.
    """

    data: Verdict
    validation: Verdict | None
    package: Package
    held_out: tuple[Row, ...]
    held_out_source: str
    seen_in_training: bool


def findings_shown(findings: Sequence[Finding], *, path: str, console: Console, bad: bool) -> None:
    """The first findings of a file, and how many more there are."""
    for finding in findings[:_FINDINGS_SHOWN]:
        (failed if bad else warned)(console, f"{path}, {finding}")
    if len(findings) > _FINDINGS_SHOWN:
        (failed if bad else warned)(console, f"{path}: {len(findings) - _FINDINGS_SHOWN:,} more like these")


def judged(location: str, path: Path, *, console: Console, fewest: int | None = None) -> Verdict:
    """Check a file and show what is wrong with it.

    Raises:
        Misuse: it has problems.
    """
    verdict = checked(path) if fewest is None else checked(path, fewest=fewest)
    findings_shown(verdict.problems, path=location, console=console, bad=True)
    if not verdict.usable:
        raise Misuse(
            f"{location} would be refused for {counted(len(verdict.problems), 'problem')}.",
            next_step=f"Mend it and look again: rft check {location}",
        )
    return verdict


def gathered(options: Options, *, clouds: Aws, folder: Path, console: Console) -> Materials:
    """Fetch what lies in S3 into `folder`, judge the data, pack the reward function, choose the held-out rows.

    Raises:
        Misuse: any of it is missing or would be refused.
    """
    path = fetched(options.data, into=folder, buckets=lambda: clouds.buckets)
    data = judged(options.data, path, console=console)
    validation = None
    if options.validation is not None:
        (folder / "validation").mkdir()
        validation_path = fetched(options.validation, into=folder / "validation", buckets=lambda: clouds.buckets)
        # INFERRED: the minimum of 100 is documented for training; a validation file may be smaller.
        validation = judged(options.validation, validation_path, console=console, fewest=1)
    package = packed(options.reward)
    rows, source, seen = _held_out(options, data=data, validation=validation, local=clouds.target.row.local)
    return Materials(
        data=data, validation=validation, package=package, held_out=rows, held_out_source=source, seen_in_training=seen
    )


def require_possible(options: Options, materials: Materials) -> None:
    """Refuse a plan that cannot become a run.

    Raises:
        Misuse: the learning rate is scaled by no usable number, or there is not one full batch.
    """
    chosen = options.hyperparameters
    scale = chosen.learning_rate_multiplier
    # INFERRED: AWS names no limits; beyond these nothing is learned, or everything is lost.
    if not 0.0 < scale <= LARGEST_LR_MULTIPLIER:
        raise Misuse(
            f"--lr-multiplier {scale:g} scales the learning rate by no usable number.",
            next_step=f"Give one above 0, up to {LARGEST_LR_MULTIPLIER:g}; the default is {DEFAULT_LR_MULTIPLIER:g}.",
        )
    if not chosen.steps(rows=len(materials.data.rows), validated=materials.validation is not None):
        trained = chosen.trained(rows=len(materials.data.rows), validated=materials.validation is not None)
        raise Misuse(
            f"The run would have no step: a batch of {counted(chosen.batch_size, 'prompt')} is more than "
            f"the {counted(trained, 'row')} that it trains on.",
            next_step=f"Give more data, or --batch-size {trained} at most.",
        )


def _held_out(
    options: Options, *, data: Verdict, validation: Verdict | None, local: bool
) -> tuple[tuple[Row, ...], str, bool]:
    if validation is not None:
        return sample(validation.rows, size=options.compare_rows), str(options.validation), False
    # INFERRED: a tenth is held out. The simulator takes the file's last; Bedrock does not say which.
    tail = data.rows[len(data.rows) - len(data.rows) // HELD_OUT_ONE_IN :]
    return sample(tail, size=options.compare_rows), f"the last tenth of {options.data}", not local
