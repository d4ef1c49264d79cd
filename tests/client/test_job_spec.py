"""The create request and the number of steps."""

from __future__ import annotations

import pytest

from client.job_spec import Hyperparameters
from tests.client.job_responses import SPEC


def test_request_is_the_documented_one() -> None:
    """It holds the grader, the three hyperparameters and a tag, and no other field."""
    assert SPEC.request_body() == {
        "model": "openai.gpt-oss-20b",
        "training_file": "file-1",
        "metadata": {"rft_run": SPEC.run_tag},
        "method": {
            "type": "reinforcement",
            "reinforcement": {
                "grader": {"type": "lambda", "lambda": {"function": SPEC.function_arn}},
                "hyperparameters": {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 1.0},
            },
        },
    }


@pytest.mark.parametrize(
    ("rows", "has_validation_file", "epochs", "steps"),
    [(300, False, 1, 67), (300, True, 1, 75), (100, False, 2, 44), (103, False, 1, 23)],
)
def test_steps_are_counted_as_in_aws_sample_run(rows: int, has_validation_file: bool, epochs: int, steps: int) -> None:
    """300 rows in batches of 4 make 67 steps without a validation file."""
    assert Hyperparameters(n_epochs=epochs).step_count(rows=rows, has_validation_file=has_validation_file) == steps
