"""S18: check that the score follows from its components."""

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import CaseResult
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.component_results import (
    COMPONENT_TOLERANCE,
    ComponentResult,
    component_results,
    follows_from_components,
    shared_components,
)
from simulator.doctor.rows import Row

_PENALTY: Final = re.compile(
    r"penal|neg|minus|deduct|violat|toxi|safe|harm|leak|profan|error|fail|repe|too_|length|excess|hallu|lang|miss|extra",
    re.IGNORECASE,
)
"""Parts of the names of components that take points off, or that are not about the layout (INFERRED)."""

COMPONENTS: Final = Probe(
    id="S18",
    name="components",
    question="Can the score be computed from the components in metrics_list?",
    measured=(
        "For right answers, wrong answers and rollouts of the base model, the probe checks that every result has the "
        'same components, that each component of type "Reward" varies, and that the score can be computed from the '
        "components (one of them, their mean, sum, product, minimum or maximum, or a weighted sum, within "
        f"{COMPONENT_TOLERANCE:g}). These findings are information only. If the prompt asks for a format, it is a "
        "warning when a component pays nothing to right answers in it, but pays for one on fewer lines, or pays "
        "nothing to any response and its name is not that of a penalty."
    ),
    means=(
        "Components explain why a score changes. A component that never varies has no effect on training. If the score "
        "cannot be computed from the components, they do not explain it fully."
    ),
    remedy="Give every result the same components, and compute the score from them.",
    source="INFERRED. DOCUMENTED: metrics_list is optional, its entries are of type Reward or Metric.",
)


def check_components(context: ProbeContext) -> Iterator[Finding]:
    """S18: compare the components of many results with each other and with their scores."""
    results = component_results(context)
    if not results:
        yield COMPONENTS.not_measured("No right answer, wrong answer or rollout of the base model has a score.")
        return
    if not any(result.components for result in results):
        yield COMPONENTS.ok("No result has components. They are optional.")
        return
    unpaid = _unpaid_components(results, context.row_subset)
    found = (
        _unpaid_component_finding(results, context.row_subset, unpaid),
        _missing_component_finding(results),
        _constant_component_finding(results, known=unpaid),
        _unexplained_score_finding(results),
    )
    findings = [finding for finding in found if finding is not None]
    yield from findings or [
        COMPONENTS.ok(
            "Every result has the same components, and the score follows from them.",
            measured=", ".join(results[0].components),
        )
    ]


def _missing_component_finding(results: Sequence[ComponentResult]) -> Finding | None:
    """Return a finding when not every result has the same components."""
    names = {name for result in results for name in result.components}
    results_by_missing_name = {
        name: incomplete_results
        for name in sorted(names)
        if (incomplete_results := [result for result in results if name not in result.components])
    }
    if not results_by_missing_name:
        return None
    return COMPONENTS.finding(
        Severity.INFO,
        "Not every result has the same components.",
        measured=", ".join(
            f"{name} is missing in {len(incomplete_results)} of {len(results)}"
            for name, incomplete_results in results_by_missing_name.items()
        ),
        fix=COMPONENTS.remedy,
        examples=[
            _case_result(incomplete_results[0]).example(f"without {name}")
            for name, incomplete_results in results_by_missing_name.items()
        ],
    )


def _constant_component_finding(results: Sequence[ComponentResult], *, known: Container[str]) -> Finding | None:
    """Return a finding when a component of type Reward never varies, unless it is a known fault."""
    rewards = sorted({name for result in results for name in result.rewards if name not in known})
    values = {name: {result.components[name] for result in results if name in result.components} for name in rewards}
    constant_components = {name: next(iter(distinct)) for name, distinct in values.items() if len(distinct) == 1}
    if not constant_components:
        return None
    return COMPONENTS.finding(
        Severity.INFO,
        "A component of the reward never varies.",
        measured=", ".join(f"{name} is {value:g}" for name, value in constant_components.items()),
        fix='Give a value that is not part of the score the type "Metric", and check what this one should reward.',
    )


def _unpaid_components(results: Sequence[ComponentResult], rows: Sequence[Row]) -> Mapping[str, str]:
    """Return the components that pay nothing to right answers written as the prompt asks, and what they pay otherwise.

    A component that is always 0 may also take points off for something else, which its name then says.
    """
    as_asked = _results_of(results, rows, lambda row: (row.right_response,))
    if not as_asked or all(row.task.requested_format.format == "none" for row in rows):
        return {}
    on_fewer_lines = _results_of(results, rows, lambda row: row.right_responses_on_fewer_lines)
    unpaid: dict[str, str] = {}
    for name in sorted(as_asked[0].rewards):
        if any(result.components.get(name) != 0 for result in as_asked):
            continue
        paid = max((result.components.get(name, 0.0) for result in on_fewer_lines), default=0.0)
        if paid > 0:
            unpaid[name] = f"but {paid:g} on fewer lines"
        elif not _PENALTY.search(name) and all(result.components.get(name, 0.0) == 0 for result in results):
            unpaid[name] = "as for every other response"
    return unpaid


def _results_of(
    results: Sequence[ComponentResult], rows: Sequence[Row], write: Callable[[Row], Sequence[str]]
) -> list[ComponentResult]:
    texts = {(row.record.line, text) for row in rows for text in write(row)}
    return [result for result in results if (result.case.record.line, result.case.text) in texts]


def _unpaid_component_finding(
    results: Sequence[ComponentResult], rows: Sequence[Row], unpaid: Mapping[str, str]
) -> Finding | None:
    """Return a finding when components pay nothing to right answers that are written as the prompt asks."""
    if not unpaid:
        return None
    example = _results_of(results, rows, lambda row: (row.right_response,))[0]
    return COMPONENTS.finding(
        Severity.WARN,
        "A component of the reward pays nothing to right answers that are written as the prompt asks.",
        measured=", ".join(f"{name} is 0, {otherwise}" for name, otherwise in unpaid.items()),
        threshold="above 0",
        fix="Call the function with the response in the example, and check what the component wants. In Python, '.' in "
        "a pattern matches line breaks with re.DOTALL alone.",
        examples=[_case_result(example).example(_describe(example))],
    )


def _unexplained_score_finding(results: Sequence[ComponentResult]) -> Finding | None:
    """Return a finding when the score does not follow from the components that every result has."""
    names = shared_components(results)
    if not names or follows_from_components(results):
        return None
    first_by_values: dict[tuple[float, ...], ComponentResult] = {}
    for result in results:
        first = first_by_values.setdefault(tuple(result.components[name] for name in names), result)
        if abs(first.score - result.score) > COMPONENT_TOLERANCE:
            return COMPONENTS.finding(
                Severity.INFO,
                "Two results have the same components but different scores.",
                measured=f"{first.score:g} and {result.score:g}",
                fix=COMPONENTS.remedy,
                examples=[
                    _case_result(example_result).example(_describe(example_result))
                    for example_result in (first, result)
                ],
            )
    return COMPONENTS.finding(
        Severity.INFO,
        "The score is neither a mean, a sum, a product nor a weighted sum of the components.",
        measured=", ".join(names),
        fix=COMPONENTS.remedy,
        examples=[_case_result(results[0]).example(_describe(results[0]))],
    )


def _case_result(result: ComponentResult) -> CaseResult:
    return CaseResult(case=result.case, score=result.score)


def _describe(result: ComponentResult) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in result.components.items())
