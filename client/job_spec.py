"""The specification of a job: its hyperparameters and the body of the create request."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from client.dataset import canonical_json

# The metadata key that identifies a job when the answer to its creation was lost.
RUN_TAG_KEY = "rft_run"

# DOCUMENTED: the three hyperparameters AWS shows, with the example's values ("start with 1", 4, 1.0).
DEFAULT_EPOCHS, DEFAULT_BATCH_SIZE, DEFAULT_LR_MULTIPLIER = 1, 4, 1.0
# INFERRED: SAMPLE metrics fit 8 rollouts per prompt, and 300 rows in batches of 4 made 67 steps: a tenth is held out.
ROLLOUTS_PER_PROMPT, HELD_OUT_DIVISOR = 8, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """The hyperparameters that AWS accepts for a reinforcement job. `batch_size` counts prompts, not rollouts."""

    n_epochs: int = DEFAULT_EPOCHS
    batch_size: int = DEFAULT_BATCH_SIZE
    learning_rate_multiplier: float = DEFAULT_LR_MULTIPLIER

    def request_fields(self) -> dict[str, int | float]:
        """Return the fields of the create request."""
        return {
            "n_epochs": self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }

    def step_count(self, *, rows: int, has_validation_file: bool) -> int:
        """Return the number of training steps; an incomplete last batch is dropped."""
        return self.n_epochs * (
            self.training_row_count(rows=rows, has_validation_file=has_validation_file) // self.batch_size
        )

    def training_row_count(self, *, rows: int, has_validation_file: bool) -> int:
        """Return the number of rows to train on: without a validation file a tenth is held out."""
        return rows if has_validation_file else rows - rows // HELD_OUT_DIVISOR


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """The inputs of a job. `content_digest` is the same for the same data, reward function and hyperparameters."""

    model: str
    training_file: str
    validation_file: str | None
    function_arn: str
    hyperparameters: Hyperparameters
    content_digest: str

    @property
    def run_tag(self) -> str:
        """An identifier of this create request, from the contents and the id of the uploaded file."""
        return hashlib.sha256(canonical_json([self.content_digest, self.training_file]).encode()).hexdigest()[:32]

    def request_body(self) -> dict[str, Any]:
        """Return the body of the create request."""
        body: dict[str, Any] = {
            "model": self.model,
            "training_file": self.training_file,
            "metadata": {RUN_TAG_KEY: self.run_tag},
            "method": {
                "type": "reinforcement",
                "reinforcement": {
                    "grader": {"type": "lambda", "lambda": {"function": self.function_arn}},
                    "hyperparameters": self.hyperparameters.request_fields(),
                },
            },
        }
        if self.validation_file is not None:
            body["validation_file"] = self.validation_file
        return body
