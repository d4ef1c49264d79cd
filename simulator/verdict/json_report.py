"""A verdict as one JSON object with stable keys, for scripts.

    verdict     clean, warned or failed
    findings    sorted by severity, the worst first, then by rule: {"cases", "name", "page", "remedy", "rule",
                "severity", "shown"}. `cases` is their number, `shown` holds the first few, the worst first: {"client",
                "requests", "severity", "what"}. A request is {"answer", "at", "lasted", "request"}; times are in
                seconds, `at` counts from the start of the audit
    seen        the traffic that the verdict covers: {"answers", "clients", "longest_silence", "requests", "seconds",
                "under_way"}

Keys are in alphabetical order. Times are rounded to milliseconds.
"""

from dataclasses import asdict
from typing import Any

from simulator.verdict.explanations import explanation_path
from simulator.verdict.verdict import Verdict


def render_verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON values in the layout above."""
    document = asdict(verdict)
    for finding in document["findings"]:
        finding["page"] = explanation_path(finding["rule"])
    sorted_document: dict[str, Any] = _sort_and_round(document)
    return sorted_document


def _sort_and_round(value: Any) -> Any:
    match value:
        case dict():
            return {key: _sort_and_round(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [_sort_and_round(item) for item in value]
        case float():
            return round(value, 3)
        case _:
            return value
