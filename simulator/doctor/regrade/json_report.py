"""The comparison of old and new scores as a JSON document.

The JSON is one object with sorted keys, all of it ASCII:

    schema_version    1; a key that changes its meaning or goes away raises it
    patient           the reward function's name
    source            the job or file that the rollouts are from
    rank_correlation  of old and new scores, or null
    splits            for each: {"split", "rollouts", "mean_before", "mean_now", "up", "down", "lost", "groups",
                      "dead_before", "dead_now", "ahead_before", "ahead_now"}, as `comparison.Sum` says
    event             how the rollouts were laid out, in words
    rows              of those whose score changed, or with --all of all: {"id", "split", "step", "line", "index",
                      "before", "now", "fault", "correct", "exploit", "prompt", "response"}, texts in full
"""

import json
from dataclasses import asdict
from typing import Any, Final

from simulator.doctor.regrade.comparison import is_changed
from simulator.doctor.regrade.scoring import RegradedRollout
from simulator.doctor.regrade.table import RegradeReport

SCHEMA_VERSION: Final = 1


def build_document(regrade_report: RegradeReport) -> dict[str, Any]:
    """Return a regrading as JSON values, laid out as the module says."""
    comparison = regrade_report.comparison
    rows = comparison.rows if regrade_report.includes_unchanged else [row for row in comparison.rows if is_changed(row)]
    return {
        "schema_version": SCHEMA_VERSION,
        "patient": regrade_report.function_name,
        "source": regrade_report.source,
        "event": regrade_report.event_layout,
        "rank_correlation": comparison.rank_correlation,
        "splits": [asdict(split) for split in comparison.splits],
        "rows": [_row(row) for row in rows],
    }


def render_json(values: dict[str, Any]) -> str:
    """Return the JSON text, with a newline at its end."""
    return json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _row(row: RegradedRollout) -> dict[str, Any]:
    stored = row.rollout
    return {
        "id": stored.id,
        "split": stored.split,
        "step": stored.step,
        "line": stored.record.line,
        "index": stored.index,
        "before": stored.reward,
        "now": row.score,
        "fault": row.error,
        "correct": stored.correct,
        "exploit": stored.exploit,
        "prompt": stored.record.messages[-1].content,
        "response": stored.response,
    }
