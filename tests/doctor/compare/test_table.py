"""The comparison of two versions, printed and as JSON."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console
from rich.text import Text

from simulator.doctor.compare.comparison import ReportComparison, compare_reports
from simulator.doctor.compare.json_report import render_json
from simulator.doctor.compare.table import print_comparison
from simulator.doctor.finding import Severity
from tests.doctor.sample_reports import (
    FAIL_FINDING,
    HEADLINE,
    HOSTILE_TEXT,
    OK_FINDING,
    WARN_FINDING,
    sample_report,
    sample_results,
)


def comparison() -> ReportComparison:
    """Return a comparison in which everything changed."""
    old = sample_report(
        FAIL_FINDING,
        WARN_FINDING,
        OK_FINDING,
        headline=HEADLINE,
        results_by_label={
            "right answer": sample_results(0.0, 1.0),
            "odd: null": sample_results(0.5, label="odd: null"),
        },
    )
    new = sample_report(
        replace(OK_FINDING, probe="S4"),
        replace(WARN_FINDING, measured="1 of 18 forms"),
        replace(FAIL_FINDING, probe="S10", name="determinism", message="It drifts.", measured="0.5"),
        headline=replace(
            HEADLINE, false_pass_ceiling=replace(HEADLINE.false_pass_ceiling, value=0.0, low=0.0, high=0.3)
        ),
        results_by_label={"right answer": sample_results(1.0, 1.0)},
    )
    return compare_reports(old, replace(new, function_name="reward_2"))


def test_the_table_has_numbers_findings_scores_and_examples() -> None:
    """At 80 columns. What got worse is new or red, and the last line says what changed."""
    output = io.StringIO()
    print_comparison(comparison(), Console(file=output, width=80))
    assert (
        output.getvalue()
        == """\
Reward functions: reward -> reward_2
train.jsonl: 300 records, 32 tested, 123 calls and 123 calls · plan full · seed
0

                    old              new              response of the new number
false-pass ceiling  40%  17% to 69%  0%   0% to 30%
laziest response    28%  13% to 51%  28%  13% to 51%  always refund
false-fail rate     5%   2% to 12%   5%   2% to 12%   in bold

new      FAIL  S10  determinism: It drifts. (0.5)
changed  WARN  S7   false negatives: Right answers in other forms score less
                    than half. (3 of 18 forms -> 1 of 18 forms)
fixed    FAIL  S4   wire shapes: No right answer scores above 0 as Bedrock sends
                    it; with the reference as a bare string they score 1. (0 of
                    32 right answers)

the same responses  count  changed  up  down  lost  old mean  new mean
right answers           2        1   1     0     0     0.500     1.000
1 response scored in one version only

Largest differences, one of each kind of response
line 1    1?
response  “It is 1.↵#### 1”
score     0 -> 1  right answer

1 new, 1 fixed, 1 changed, 0 unchanged findings; 1 of 2 scores changed.
"""
    )


@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Also with hostile texts, whose control characters are visible."""
    hostile = replace(FAIL_FINDING, severity=Severity.WARN, message=HOSTILE_TEXT, measured=HOSTILE_TEXT)
    result = compare_reports(sample_report(OK_FINDING), sample_report(hostile))
    output = io.StringIO()
    print_comparison(result, Console(file=output, width=width, force_terminal=True))
    lines = Text.from_ansi(output.getvalue()).plain.splitlines()
    assert [line for line in lines if len(line) > width or not line.isprintable()] == []


def test_the_json_has_its_documented_keys() -> None:
    """Findings as in a baseline, and scores by group."""
    document = json.loads(render_json(comparison()))
    assert (document["passes"], document["unmatched"], document["new"]["name"]) == (False, 1, "reward_2")
    assert document["headline"]["false_pass_ceiling"]["new"]["value"] == 0.0
    assert {name: [entry.get("probe", "") for entry in found] for name, found in document["findings"].items()} == {
        "new": ["S10"],
        "fixed": ["S4"],
        "changed": [""],
        "same": [],
        "not_compared": [],
    }
    assert document["scores"] == [
        {
            "group": "right answers",
            "count": 2,
            "changed": 1,
            "up": 1,
            "down": 0,
            "lost": 0,
            "gained": 0,
            "old_mean": 0.5,
            "new_mean": 1.0,
        }
    ]
    assert document["largest"] == [
        {
            "label": "right answer",
            "line": 1,
            "prompt": "1?",
            "response": "It is 1.\n#### 1",
            "old": 0.0,
            "new": 1.0,
            "error": "",
        }
    ]
