"""What a run leaves behind, and how it looks."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from client.dataset import validate_dataset
from client.deployment import build_package
from client.errors import UsageError
from client.mantle_client import Job
from client.plot import draw_plot, running_mean
from client.run_report import render_run_report
from client.run_summary import print_reward
from client.target import select_target
from client.terminal import format_count, format_size, sparkline
from tests.client.conftest import UNREACHABLE_ENVIRONMENT, write_reward, write_rows
from tests.client.mantle_stub import metrics_event

METRICS = [metrics_event(step, 67)["data"] for step in range(1, 68)]


def test_plot_is_a_png_and_repeats() -> None:
    """The same numbers give the same bytes."""
    pictures = [draw_plot(METRICS, title="t", subtitle="s", checkpoints=(20, 67)) for _ in range(2)]
    assert pictures[0][:8] == b"\x89PNG\r\n\x1a\n"
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("metrics", [METRICS[:1], [{"step": 1.0, "critic_rewards_mean": -3.5}, {"step": 2.0}]])
def test_plot_takes_short_and_odd_runs(metrics: list[dict[str, float]]) -> None:
    """One step, rewards outside 0 to 1, and missing numbers are drawn as well."""
    assert draw_plot(metrics, title="t", subtitle="s").startswith(b"\x89PNG")


def test_plot_of_nothing_is_misuse() -> None:
    """A job without a step has no picture."""
    with pytest.raises(UsageError, match="no metrics to draw"):
        draw_plot([], title="t", subtitle="s")


def test_running_mean_keeps_a_flat_line_flat() -> None:
    """Smoothing invents nothing, at the ends neither."""
    assert running_mean([0.25] * 40) == [0.25] * 40


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([], ""),
        ([0.0, 0.5, 1.0], "▁▅█"),
        ([0.9, 0.9, 0.9], "███"),
        ([-4.0, 0.0, 4.0], "▁▅█"),
        ([5.0, 5.0], "▁▁"),
        ([float(step % 2) for step in range(100)], "▅▅▅▅▅"),
    ],
)
def test_sparkline(values: list[float], bars: str) -> None:
    """Rewards between 0 and 1 share one scale; long runs are averaged into the width."""
    assert sparkline(values, width=5) == bars


def test_numbers_read_well() -> None:
    """Counts and sizes as people write them."""
    assert [
        format_count(1, "row"),
        format_count(20_000, "row"),
        format_count(2, "batch"),
        format_size(427),
        format_size(31_900),
        format_size(4_200_000),
    ] == [
        "1 row",
        "20,000 rows",
        "2 batches",
        "427 B",
        "31.9 kB",
        "4.2 MB",
    ]


@pytest.mark.parametrize(
    ("rewards", "text"),
    [
        ([0.5, 0.7], "  reward      0.500 → 0.700  means of the first 1 and the last 1 of 2 steps\n"),
        (
            [0.0, 0.0],
            (
                "  reward      0.000 → 0.000  means of the first 1 and the last 1 of 2 steps\n"
                "! the reward was 0 at every step: with nothing to tell answers apart, nothing was learned.\n"
            ),
        ),
        ([], ""),
    ],
)
def test_reward_is_told(rewards: list[float], text: str) -> None:
    """First against last; a reward that never moved is pointed out."""
    console = Console(file=io.StringIO(), width=100, highlight=False)
    print_reward([{"critic_rewards_mean": reward} for reward in rewards], console=console)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == text


def test_report_is_the_same_for_the_same_run(tmp_path: Path) -> None:
    """Sorted keys, no wall clock, no address of a simulator: two reports of one run are the same bytes."""
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
            package=package,
            function_arn="arn",
        )
        for port in (1111, 2222)
    ]
    assert reports[0] == reports[1]
    report = json.loads(reports[0])
    assert list(report) == sorted(report)
    assert (report["data"]["sha256"], report["reward"]["zip_sha256"]) == (data.sha256, package.sha256)
