"""run.json."""

from __future__ import annotations

import json
from pathlib import Path

from client.dataset import validate_dataset
from client.deployment_package import build_package
from client.mantle_types import Job
from client.run_report import render_run_report
from client.target import select_target
from tests.client.conftest import UNREACHABLE_ENVIRONMENT, write_reward, write_rows
from tests.client.mantle_stub import metrics_event

METRICS = [metrics_event(step, 67)["data"] for step in range(1, 68)]


def test_the_same_run_gives_the_same_report(tmp_path: Path) -> None:
    """Keys are sorted; it holds no wall-clock time and no simulator address."""
    data = validate_dataset(write_rows(tmp_path / "train.jsonl", range(100)))
    package = build_package(write_reward(tmp_path / "reward"))
    reports = [
        render_run_report(
            target=select_target(UNREACHABLE_ENVIRONMENT | {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}),
            job=Job(id="ftjob-1", status="succeeded", body={"status": "succeeded", "id": "ftjob-1"}),
            hyperparameters={"n_epochs": 1},
            metrics=METRICS,
            checkpoints=(),
            comparison=None,
            data=data,
            data_location="train.jsonl",
            validation=None,
            validation_location=None,
            reward=package,
            runtime="python3.12",
            function_arn="arn",
            failed_calls=["8 of 8 calls to s3 failed"],
        )
        for port in (1111, 2222)
    ]
    assert reports[0] == reports[1]
    report = json.loads(reports[0])
    assert list(report) == sorted(report)
    assert (report["data"]["sha256"], report["reward"]["zip_sha256"]) == (data.sha256, package.sha256)
    assert report["failed_service_calls"] == ["8 of 8 calls to s3 failed"]
