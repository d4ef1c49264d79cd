"""The report as JSON."""

import json
from dataclasses import replace

from simulator.doctor.report.annotations import Annotations
from simulator.doctor.report.baseline import BaselineComparison
from simulator.doctor.report.json_report import build_document, render_json
from simulator.http.service_calls import ServiceCalls
from tests.doctor.sample_reports import (
    FAIL_FINDING,
    FULL_REPORT,
    HEADLINE,
    HOSTILE_TEXT,
    OK_FINDING,
    WARN_FINDING,
    sample_report,
    sample_trace,
)


def test_the_json_has_its_documented_keys() -> None:
    """The worst finding is first, NaN is null, and texts are complete."""
    document = json.loads(render_json(sample_report(WARN_FINDING, FAIL_FINDING)))
    assert {key: value for key, value in document.items() if key not in ("findings", "hyperparameters")} == {
        "schema_version": 1,
        "patient": "reward",
        "data": {"name": "train.jsonl", "records": 300},
        "questions": dict(FULL_REPORT.inputs),
        "plan": "full",
        "plan_cause": "",
        "plan_changes": [],
        "calls": 123,
        "verdict": "1 failure, 1 warning: do not pay for this run yet.",
        "counts": {"fail": 1, "warn": 1, "info": 0, "not measured": 0, "ok": 0},
        "notes": [],
        "headline": None,
        "baseline": None,
        "failed_service_calls": [],
        "courses": [],
    }
    failure, warning = document["findings"]
    assert failure["exhibits"][1] == {
        "line": 13,
        "prompt": "And <b>now</b>?",
        "response": HOSTILE_TEXT,
        "score": None,
        "note": "KeyError: '<i>'",
    }
    assert warning == {
        "probe": "S7",
        "name": "false negatives",
        "severity": "warn",
        "what": WARN_FINDING.message,
        "measured": "3 of 18 forms",
        "threshold": "none of the 7 required forms",
        "value": None,
        "fix": "Accept `1,000` for 1000.",
        "page": "docs/findings.md#s7",
        "repro": None,
        "exhibits": [],
    }


def test_the_numbers_on_top_have_their_interval_and_the_response() -> None:
    """The number, the name and the text of the response that it belongs to."""
    headline = build_document(sample_report(OK_FINDING, headline=HEADLINE))["headline"]
    assert (headline["interval"], headline["right_score"]) == ("Wilson, 95 %", 1.0)
    assert headline["false_pass_ceiling"] == {
        "value": 0.4,
        "low": 0.168,
        "high": 0.687,
        "count": 10,
        "response": "marker only",
        "text": "#### ",
        "majority_share": None,
        "majority_answer": "",
        "reason": "",
    }


def test_a_baseline_gives_lists_of_findings_and_a_finding_its_command() -> None:
    """New, known and fixed ones, without examples."""
    comparison = BaselineComparison(new=(FAIL_FINDING,), changed_inputs=("rows",))
    annotations = Annotations(comparison=comparison, repro_commands={FAIL_FINDING: "python s4.py"})
    document = build_document(sample_report(FAIL_FINDING), annotations)
    assert document["findings"][0]["repro"] == "python s4.py"
    assert document["baseline"] == {
        "new": [
            {
                "probe": "S4",
                "name": "wire shapes",
                "severity": "fail",
                "what": FAIL_FINDING.message,
                "measured": "0 of 32 right answers",
            }
        ],
        "known": [],
        "fixed": [],
        "not_measured": [],
        "not_compared": [],
        "changed_inputs": ["rows"],
    }


def test_the_notes_are_about_the_function_and_the_model() -> None:
    """How the function ran here in another way than at AWS comes first."""
    report = sample_report(OK_FINDING, inputs={"model": "openai.gpt-oss-120b"}, differences=("another Python",))

    assert json.loads(render_json(report))["notes"] == ["another Python", report.calibration_warning]


def test_a_simulated_run_has_its_metrics_and_the_hidden_truth() -> None:
    """Per step, and the evaluations."""
    trace = sample_trace(steps=1, error="It failed.")
    assert build_document(sample_report(OK_FINDING, traces=(trace,)))["courses"] == [
        {
            "name": "as it is",
            "total_steps": 1,
            "fault": "It failed.",
            "steps": [trace.metrics[0].as_data() | trace.truths[0].as_data()],
            "held_out": [evaluation.as_data() for evaluation in trace.held_out],
        }
    ]


def test_the_json_is_ascii() -> None:
    """Even for half a surrogate pair, so it can be written to any pipe."""
    assert render_json(FULL_REPORT).isascii()


def test_failed_calls_of_the_function_have_a_key_and_begin_the_notes_and_the_verdict() -> None:
    """With the sentence that the events of a job have."""
    failed = ServiceCalls(service="s3", calls=9, failed=8, error="Denied: no")
    document = json.loads(render_json(replace(sample_report(WARN_FINDING), failed_calls=(failed,))))
    assert document["failed_service_calls"] == [{"calls": 9, "error": "Denied: no", "failed": 8, "service": "s3"}]
    assert document["notes"] == [failed.sentence]
    assert document["verdict"].startswith(failed.sentence)
