"""`run.json`: the inputs and results of a run. The same run gives the same bytes."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from client.comparison import FULL_REWARD, Comparison, ModelRewards
from client.dataset import DatasetReport
from client.deployed_function import DeployedFunction
from client.mantle_types import Checkpoint, Job
from client.reward import Reward
from client.target import Target

_VERSIONS = ("bedrock-rft-testbed", "openai", "boto3")


def render_run_report(
    *,
    target: Target,
    job: Job,
    hyperparameters: Mapping[str, int | float],
    metrics: Sequence[Mapping[str, float]],
    checkpoints: Sequence[Checkpoint],
    comparison: Comparison | None,
    data: DatasetReport,
    data_location: str,
    validation: DatasetReport | None,
    validation_location: str | None,
    reward: Reward,
    runtime: str,
    function_arn: str,
    failed_calls: Sequence[str],
) -> bytes:
    """Return the report as JSON with sorted keys. It holds only the service's own times and no simulator address."""
    report: dict[str, Any] = {
        "checkpoints": [{"id": item.id, "model": item.model, "step": item.step} for item in checkpoints],
        "comparison": None if comparison is None else _comparison_fields(comparison),
        "data": _dataset_fields(data, data_location),
        "failed_service_calls": list(failed_calls),
        "hyperparameters": dict(hyperparameters),
        "job": dict(job.body),
        "metrics": [dict(metric) for metric in metrics],
        "reward": {
            "files": list(reward.files),
            "function": function_arn,
            "handler": reward.handler,
            "runtime": reward.runtime if isinstance(reward, DeployedFunction) else runtime,
            "zip_sha256": reward.sha256,
            **_dependency_fields(reward),
        },
        "target": {"name": target.config.name, "region": target.region},
        "validation": None
        if validation is None or validation_location is None
        else _dataset_fields(validation, validation_location),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _VERSIONS},
    }
    return (json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _dependency_fields(reward: Reward) -> dict[str, Any]:
    if isinstance(reward, DeployedFunction) or reward.dependencies is None:
        return {}
    return {"dependencies": list(reward.dependencies.resolved)}


def _dataset_fields(report: DatasetReport, location: str) -> dict[str, Any]:
    return {
        "bytes": report.size,
        "location": location,
        "rows": len(report.rows),
        "sha256": report.sha256,
        "warnings": [str(warning) for warning in report.warnings],
    }


def _comparison_fields(comparison: Comparison) -> dict[str, Any]:
    def model_fields(rewards: ModelRewards) -> dict[str, Any]:
        return {
            "mean_reward": rewards.mean_reward,
            "model": rewards.model,
            "rewards": list(rewards.rewards),
            "right": rewards.correct_count,
        }

    return {
        "base": model_fields(comparison.base),
        "lines": list(comparison.line_numbers),
        "lost": comparison.lost_count,
        "right_from": FULL_REWARD,
        "rows": len(comparison.line_numbers),
        "source": comparison.source,
        "tuned": model_fields(comparison.tuned),
        "won": comparison.gained_count,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
