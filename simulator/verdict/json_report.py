"""A verdict for scripts: one JSON object with stable keys.

    verdict     clean, warned or failed
    findings    the worst first, and then by the order of the rules: {"cases", "name", "page", "remedy", "rule",
                "severity", "shown"}; `cases` counts them, `shown` holds the first few, the worst first: {"client",
                "requests", "severity", "what"}. A request is {"answer", "at", "lasted", "request"}; times in seconds,
                `at` since the watch began
    seen        what the verdict rests on: {"answers", "clients", "longest_silence", "requests", "seconds", "under_way"}

Keys are in alphabetical order, and times go down to the millisecond.
"""

from dataclasses import asdict
from typing import Any

from simulator.verdict.auditor import Verdict
from simulator.verdict.explanations import explanation_path


def render_verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON values, laid out as the module says."""
    value = asdict(verdict)
    for finding in value["findings"]:
        finding["page"] = explanation_path(finding["rule"])
    ordered: dict[str, Any] = _ordered(value)
    return ordered


def _ordered(value: Any) -> Any:
    match value:
        case dict():
            return {key: _ordered(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [_ordered(item) for item in value]
        case float():
            return round(value, 3)
        case _:
            return value
