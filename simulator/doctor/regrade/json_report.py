"""The comparison of old and new scores as JSON: one object with sorted keys, in ASCII.

schema_version    1. It rises when a key changes its meaning or disappears
patient           the reward function's name
source            the job or file of the rollouts
rank_correlation  of old and new scores, or null
splits            for each split the fields of `comparison.SplitSummary`: {"split", "rollouts", "mean_before",
                  "mean_now", "up", "down", "lost", "groups", "dead_before", "dead_now", "ahead_before",
                  "ahead_now"}
event             the layout of the rollouts in the event, in words
rows              the rollouts whose score changed, or all with --all: {"id", "split", "step", "line", "index",
                  "before", "now", "fault", "correct", "exploit", "prompt", "response"}, with complete texts
"""

import json
from dataclasses import asdict
from typing import Any, Final

from simulator.doctor.regrade.comparison import is_changed
from simulator.doctor.regrade.scoring import RegradedRollout
from simulator.doctor.regrade.table import RegradeReport

SCHEMA_VERSION: Final = 1


def build_document(report: RegradeReport) -> dict[str, Any]:
    """Return a comparison as JSON values, with the keys above."""
    comparison = report.comparison
    rows = comparison.rows if report.includes_unchanged else [row for row in comparison.rows if is_changed(row)]
    return {
        "schema_version": SCHEMA_VERSION,
        "patient": report.function_name,
        "source": report.source,
        "event": report.event_layout,
        "rank_correlation": comparison.rank_correlation,
        "splits": [asdict(split) for split in comparison.splits],
        "rows": [_row(row) for row in rows],
    }


def render_json(values: dict[str, Any]) -> str:
    """Return the JSON text, with a final newline."""
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
