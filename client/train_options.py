"""The options of `rft train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from client.function_options import FunctionOptions
from client.job_spec import Hyperparameters

DEFAULT_OUTPUT = "rft-output/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """The options of `rft train`. With `compare_rows` 0 the models are not compared.

    `reward` is a path, or the name or ARN of a deployed function. `cache_folder` keeps installed requirements.
    """

    data: str
    validation: str | None
    reward: str
    function: FunctionOptions
    model: str
    hyperparameters: Hyperparameters
    output: str
    compare_rows: int
    yes: bool
    cache_folder: Path
