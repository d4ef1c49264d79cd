"""The self-test as JSON for scripts.

schema_version  1
holds           whether the wanted figures hold and every run has a report
figures         {"name", "count", "of", "low", "high", "wanted", "at_most", "holds"}
seconds         {"median", "longest"}
rewards         {"gallery", "name", "sound", "expected", "verdict", "cause", "failed", "warned", "not_measured",
                "seconds", "error"}
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from simulator.doctor.self_test.doctor_process import DoctorRun
from simulator.doctor.self_test.figures import Figure, Figures

SCHEMA_VERSION: Final = 1


def render_json(runs: Sequence[DoctorRun], figures: Figures) -> str:
    """Return the JSON text, with a final newline."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "holds": figures.hold,
        "figures": [_figure(figure) for figure in figures.shares],
        "seconds": {"median": figures.median_seconds, "longest": figures.longest_seconds},
        "rewards": [_run(run) for run in runs],
    }
    return json.dumps(document, indent=2) + "\n"


def _figure(figure: Figure) -> dict[str, Any]:
    low, high = figure.interval
    return {
        "name": figure.name,
        "count": figure.count,
        "of": figure.of,
        "low": low,
        "high": high,
        "wanted": figure.wanted,
        "at_most": figure.is_at_most,
        "holds": figure.holds,
    }


def _run(run: DoctorRun) -> dict[str, Any]:
    return {
        "gallery": run.reward.gallery,
        "name": run.reward.name,
        "sound": run.reward.is_sound,
        "expected": list(run.reward.expected),
        "verdict": run.outcome,
        "cause": run.cause,
        "failed": list(run.failed),
        "warned": list(run.warned),
        "not_measured": list(run.not_measured),
        "seconds": run.seconds,
        "error": run.error,
    }
