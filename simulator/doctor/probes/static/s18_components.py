"""S18: check that the score follows from its components."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, prod, sqrt
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult, usable_scores
from simulator.doctor.probe_context import ProbeContext
from simulator.grading.lambda_event import response_text
from simulator.grading.lambda_response import finite_float

COMPONENT_TOLERANCE: Final = 1e-6
"""Values that differ by no more are equal, because components are often rounded."""


_BASE_ROLLOUTS_PER_ROW: Final = 2  # in addition to a right and a wrong answer


COMPONENTS: Final = Probe(
    id="S18",
    name="components",
    question="Can the score be computed from the components in metrics_list?",
    measured=(
        "For right answers, wrong answers and rollouts of the base model, the probe checks that every result has the "
        'same components, that each component of type "Reward" varies, and that the score can be computed from the '
        "components (one of them, their mean, sum, product, minimum or maximum, or a weighted sum, within "
        f"{COMPONENT_TOLERANCE:g}). All findings are information only."
    ),
    means=(
        "Components explain why a score changes. A component that never varies has no effect on training. If the score "
        "cannot be computed from the components, they do not explain it fully."
    ),
    remedy="Give every result the same components, and compute the score from them.",
    source="INFERRED. DOCUMENTED: metrics_list is optional, its entries are of type Reward or Metric.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentResult:
    """The score of one rollout with its components; `rewards` are those of type Reward."""

    case: Case
    score: float
    components: Mapping[str, float]
    rewards: frozenset[str]


def check_components(context: ProbeContext) -> Iterator[Finding]:
    """S18: compare the components of many results with each other and with their scores."""
    results = _results(context)
    if not results:
        yield COMPONENTS.not_measured("No right answer, wrong answer or rollout of the base model has a score.")
        return
    if not any(result.components for result in results):
        yield COMPONENTS.ok("No result has components. They are optional.")
        return
    checks = (_missing_component_finding, _constant_component_finding, _unexplained_score_finding)
    findings = [finding for check in checks if (finding := check(results)) is not None]
    yield from findings or [
        COMPONENTS.ok(
            "Every result has the same components, and the score follows from them.",
            measured=", ".join(results[0].components),
        )
    ]


def _results(context: ProbeContext) -> list[ComponentResult]:
    """Score right answers, wrong answers and rollouts of the base model, and keep their components."""
    cases = [
        Case(label="components", record=row.record, text=text)
        for row in context.row_subset
        for text in (row.right_response, row.wrong_response)
    ]
    cases += [
        Case(label="components", record=group.prompt.record, text=response_text(rollout, context.settings.grading))
        for group in context.base_groups
        for rollout in group.rollouts[:_BASE_ROLLOUTS_PER_ROW]
    ]
    ids = context.invoker.rollout_ids(cases)
    size = context.settings.grading.rollouts_per_call
    results = []
    for start in range(0, len(cases), size):
        batch, batch_ids = cases[start : start + size], ids[start : start + size]
        elements = [
            context.invoker.build_element(case, rollout_id=id_) for case, id_ in zip(batch, batch_ids, strict=True)
        ]
        call = context.invoker.invoke(elements, ids=batch_ids)
        scores = usable_scores(call, function_name=context.reward_function.name)
        if isinstance(scores, str) or call.invocation is None:
            continue  # other probes report it
        metrics_by_id = {item["id"]: item.get("metrics_list") for item in json.loads(call.invocation.payload)}
        results += [
            _result(case, score, metrics_by_id[id_]) for case, score, id_ in zip(batch, scores, batch_ids, strict=True)
        ]
    return results


def _result(case: Case, score: float, metrics: object) -> ComponentResult:
    entries = [entry for entry in metrics if isinstance(entry, dict)] if isinstance(metrics, list) else []
    by_name = {entry["name"]: entry for entry in entries if isinstance(entry.get("name"), str)}
    components = {name: value for name, entry in by_name.items() if (value := _value(entry.get("value"))) is not None}
    rewards = frozenset(name for name in components if by_name[name].get("type") == "Reward")
    return ComponentResult(case=case, score=score, components=components, rewards=rewards)


def _value(value: object) -> float | None:
    return float(value) if isinstance(value, bool) else finite_float(value)


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


def _constant_component_finding(results: Sequence[ComponentResult]) -> Finding | None:
    """Return a finding when a component of type Reward never varies."""
    rewards = sorted({name for result in results for name in result.rewards})
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


def _unexplained_score_finding(results: Sequence[ComponentResult]) -> Finding | None:
    """Return a finding when the score does not follow from the components that every result has."""
    names = [name for name in results[0].components if all(name in result.components for result in results)]
    rewards = [name for name in names if name in results[0].rewards]
    scores = [result.score for result in results]
    if not names or any(_follows(_columns(results, group), scores) for group in (rewards, names) if group):
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


def _columns(results: Sequence[ComponentResult], names: Sequence[str]) -> list[list[float]]:
    return [[result.components[name] for result in results] for name in names]


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


_FORMULAS: Final[tuple[Callable[[Sequence[float]], float], ...]] = (_mean, fsum, prod, min, max)


def _follows(columns: Sequence[Sequence[float]], scores: Sequence[float]) -> bool:
    """Return whether the scores are a formula of their components, or a weighted sum with a constant."""
    rows = list(zip(*columns, strict=True))
    for formula in _FORMULAS:
        if all(abs(formula(row) - score) <= COMPONENT_TOLERANCE for row, score in zip(rows, scores, strict=True)):
            return True
    basis: list[list[float]] = []
    for column in ([1.0] * len(scores), *columns):
        remainder = _orthogonal_part(column, basis)
        length = sqrt(fsum(value * value for value in remainder))
        # A column that depends linearly on the others adds no direction.
        if length > COMPONENT_TOLERANCE * sqrt(len(scores)):
            basis.append([value / length for value in remainder])
    return all(abs(value) <= COMPONENT_TOLERANCE for value in _orthogonal_part(scores, basis))


def _orthogonal_part(column: Sequence[float], basis: Sequence[Sequence[float]]) -> list[float]:
    """Return a column without its parts along the orthonormal directions of a basis (Gram-Schmidt)."""
    remainder = list(column)
    for direction in basis:
        projection = fsum(value * part for value, part in zip(remainder, direction, strict=True))
        remainder = [value - projection * part for value, part in zip(remainder, direction, strict=True)]
    return remainder


def _case_result(result: ComponentResult) -> CaseResult:
    return CaseResult(case=result.case, score=result.score)


def _describe(result: ComponentResult) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in result.components.items())
