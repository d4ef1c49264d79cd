"""The estimate as a table and as JSON."""

import io
import json

from rich.console import Console

from simulator.doctor.estimate.json_report import render_json
from simulator.doctor.estimate.run_checks import RUN_CHECKS
from simulator.doctor.estimate.run_estimate import EstimateReport
from simulator.doctor.estimate.table import print_estimate
from simulator.training.dataset import Record
from tests.doctor.estimate.sample_estimates import sample_estimate


def render(result: EstimateReport) -> list[str]:
    """Return the printed lines."""
    output = io.StringIO()
    print_estimate(result, Console(file=output, width=100, highlight=False, emoji=False))
    return output.getvalue().splitlines()


def test_the_table_has_the_numbers_then_the_assumptions(sums: tuple[Record, ...]) -> None:
    """The verdict is last."""
    lines = render(sample_estimate(sums))
    assert lines[:14] == [
        "Estimate: train.jsonl",
        "openai.gpt-oss-20b, 1 epoch, batches of 4, learning rate x1",
        "",
        "records          270 to train on, 30 held out",
        "steps            67: 67 per epoch; 4 checkpoints, 5 evaluations",
        "rollouts         2,144 to train on, 150 held out",
        "tokens sampled   about 670,000",
        "wall time        35 minutes to 3.5 hours",
        "Lambda calls     268 to train on, 20 held out",
        "at once          up to 4 calls",
        "Lambda time      1.44 to 288 GB-seconds",
        "Lambda cost      less than a cent",
        "log              115 kB, less than a cent",
        "training cost    not included: the price is not known. Set it with --assume",
    ]
    start = lines.index("--assume                              evidence")
    assert lines[start + 1].startswith("rollouts_per_prompt=8                 INFERRED: ")
    assert lines[-1] == "No finding speaks against this run."


def test_a_run_without_steps_has_findings_and_no_numbers(sums: tuple[Record, ...]) -> None:
    """E2 says why."""
    text = "\n".join(render(sample_estimate(sums, batch_size=300)))
    assert "Lambda calls" not in text
    assert "FAIL  E2   batch size: The batch is larger than the number of training records" in text


def test_the_json_has_its_documented_keys(sums: tuple[Record, ...]) -> None:
    """With the assumptions and a page for each finding."""
    document = json.loads(render_json(sample_estimate(sums, "rollouts_per_prompt=4")))
    assert sorted(document) == [
        *("assumptions", "data", "estimate", "findings", "hyperparameters", "model", "schema_version"),
    ]
    assert (document["estimate"]["rollouts"], document["assumptions"]["rollouts_per_prompt"]["mark"]) == (
        1_072,
        "GIVEN",
    )
    assert sorted(finding["page"] for finding in document["findings"]) == [
        f"docs/findings.md#{check.id.lower()}" for check in RUN_CHECKS
    ]
