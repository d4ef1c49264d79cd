"""The options of `rft train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from client.job_spec import Hyperparameters

DEFAULT_OUTPUT = "rft-output/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """The options of `rft train`. With `compare_rows` 0 the models are not compared."""

    data: str
    validation: str | None
    reward: Path
    model: str
    hyperparameters: Hyperparameters
    output: str
    compare_rows: int
    yes: bool
