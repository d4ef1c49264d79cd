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
"""Two values that differ by less are one, rounded: components are often printed with few digits."""


_ROLLOUTS_OF_A_ROW: Final = 2  # of the base model, beside a right and a wrong answer


COMPONENTS: Final = Probe(
    id="S18",
    name="components",
    question="Do the components in metrics_list say what the score is made of?",
    measured=(
        "For right answers, wrong answers and rollouts of the base model: whether every result has the same "
        'components, whether each of type "Reward" varies at all, and whether the score follows from the components '
        f"(one of them, their mean, sum, product, least or greatest, or a weighted sum, within {COMPONENT_TOLERANCE:g}). Nothing here "
        "is more than worth knowing."
    ),
    means=(
        "Components are what one reads when a score moves. One that never varies teaches nothing, and a score that "
        "does not follow from them holds something that they hide."
    ),
    remedy="Give every result the same components, and let the score follow from them.",
    source="INFERRED. DOCUMENTED: metrics_list is optional, its entries are of type Reward or Metric.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """The score of one rollout with its components; `rewards` are those of type Reward."""

    case: Case
    score: float
    components: Mapping[str, float]
    rewards: frozenset[str]


def check_components(context: ProbeContext) -> Iterator[Finding]:
    """S18: hold the components of many results against each other and against their scores."""
    results = _results(context)
    if not results:
        yield COMPONENTS.not_measured("No ordinary rollout has a score.")
        return
    if not any(result.components for result in results):
        yield COMPONENTS.ok("No result has components, and none needs any.")
        return
    told = False
    for finding in (
        _missing_component_finding(results),
        _constant_component_finding(results),
        _unexplained_score_finding(results),
    ):
        if finding is not None:
            told = True
            yield finding
    if not told:
        names = ", ".join(results[0].components)
        yield COMPONENTS.ok("Every result has the same components, and the score follows from them.", measured=names)


def _results(context: ProbeContext) -> list[_Result]:
    """Ask for the raw results of right answers, wrong answers and rollouts of the base model."""
    cases = [
        Case(label="components", record=row.record, text=text)
        for row in context.row_subset
        for text in (row.right_response, row.wrong_response)
    ]
    cases += [
        Case(label="components", record=group.prompt.record, text=response_text(rollout, context.settings.grading))
        for group in context.base_groups
        for rollout in group.rollouts[:_ROLLOUTS_OF_A_ROW]
    ]
    names = context.invoker.rollout_ids(cases)
    most = context.settings.grading.rollouts_per_call
    results = []
    for start in range(0, len(cases), most):
        some, sent = cases[start : start + most], names[start : start + most]
        elements = [context.invoker.build_element(case, rollout_id=name) for case, name in zip(some, sent, strict=True)]
        call = context.invoker.invoke(elements, ids=sent)
        scores = usable_scores(call, function_name=context.reward_function.name)
        if isinstance(scores, str) or call.invocation is None:
            continue  # a call that gives no score is the business of the probes that ask for scores
        listed = {item["id"]: item.get("metrics_list") for item in json.loads(call.invocation.payload)}
        results += [_result(case, score, listed[name]) for case, score, name in zip(some, scores, sent, strict=True)]
    return results


def _result(case: Case, score: float, listed: object) -> _Result:
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    named = {entry["name"]: entry for entry in entries if isinstance(entry.get("name"), str)}
    valued = {name: value for name, entry in named.items() if (value := _value(entry.get("value"))) is not None}
    rewards = frozenset(name for name in valued if named[name].get("type") == "Reward")
    return _Result(case=case, score=score, components=valued, rewards=rewards)


def _value(value: object) -> float | None:
    return float(value) if isinstance(value, bool) else finite_float(value)


def _missing_component_finding(results: Sequence[_Result]) -> Finding | None:
    """Return the finding that not every result has the same components."""
    every = {name for result in results for name in result.components}
    missing = {name: [result for result in results if name not in result.components] for name in sorted(every)}
    missing = {name: without for name, without in missing.items() if without}
    if not missing:
        return None
    return COMPONENTS.finding(
        Severity.INFO,
        "Results differ in which components they have.",
        measured=", ".join(
            f"{name} is missing in {len(without)} of {len(results)}" for name, without in missing.items()
        ),
        fix=COMPONENTS.remedy,
        examples=[_case_result(without[0]).example(f"without {name}") for name, without in missing.items()],
    )


def _constant_component_finding(results: Sequence[_Result]) -> Finding | None:
    """Return the finding that a component of type Reward never varies."""
    rewards = sorted({name for result in results for name in result.rewards})
    values = {name: {result.components[name] for result in results if name in result.components} for name in rewards}
    idle = {name: next(iter(seen)) for name, seen in values.items() if len(seen) == 1}
    if not idle:
        return None
    return COMPONENTS.finding(
        Severity.INFO,
        "A component of the reward never varies.",
        measured=", ".join(f"{name} is {value:g}" for name, value in idle.items()),
        fix='Give what is no part of the score the type "Metric", and look at what this component is to reward.',
    )


def _unexplained_score_finding(results: Sequence[_Result]) -> Finding | None:
    """Return the finding that the score does not follow from the components that every result has."""
    names = [name for name in results[0].components if all(name in result.components for result in results)]
    rewards = [name for name in names if name in results[0].rewards]
    scores = [result.score for result in results]
    if not names or any(_follows(_columns(results, some), scores) for some in (rewards, names) if some):
        return None
    seen: dict[tuple[float, ...], _Result] = {}
    for result in results:
        first = seen.setdefault(tuple(result.components[name] for name in names), result)
        if abs(first.score - result.score) > COMPONENT_TOLERANCE:
            return COMPONENTS.finding(
                Severity.INFO,
                "Two results have the same components and different scores.",
                measured=f"{first.score:g} and {result.score:g}",
                fix=COMPONENTS.remedy,
                examples=[_case_result(one).example(_describe(one)) for one in (first, result)],
            )
    return COMPONENTS.finding(
        Severity.INFO,
        "The score is neither a mean, a sum, a product nor a weighted sum of the components.",
        measured=", ".join(names),
        fix=COMPONENTS.remedy,
        examples=[_case_result(results[0]).example(_describe(results[0]))],
    )


def _columns(results: Sequence[_Result], names: Sequence[str]) -> list[list[float]]:
    return [[result.components[name] for result in results] for name in names]


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


_FORMULAS: Final[tuple[Callable[[Sequence[float]], float], ...]] = (_mean, fsum, prod, min, max)


def _follows(columns: Sequence[Sequence[float]], scores: Sequence[float]) -> bool:
    """Say whether scores are one of the formulas of their components, or a weighted sum with a constant."""
    rows = list(zip(*columns, strict=True))
    for formula in _FORMULAS:
        if all(abs(formula(row) - score) <= COMPONENT_TOLERANCE for row, score in zip(rows, scores, strict=True)):
            return True
    basis: list[list[float]] = []
    for column in ([1.0] * len(scores), *columns):
        rest = _orthogonal_part(column, basis)
        length = sqrt(fsum(value * value for value in rest))
        if length > COMPONENT_TOLERANCE * sqrt(
            len(scores)
        ):  # a column that adds nothing to the others gives no direction
            basis.append([value / length for value in rest])
    return all(abs(value) <= COMPONENT_TOLERANCE for value in _orthogonal_part(scores, basis))


def _orthogonal_part(column: Sequence[float], basis: Sequence[Sequence[float]]) -> list[float]:
    """Return what is left of a column when its part along each orthonormal direction is taken off (Gram-Schmidt)."""
    rest = list(column)
    for direction in basis:
        along = fsum(one * other for one, other in zip(rest, direction, strict=True))
        rest = [value - along * part for value, part in zip(rest, direction, strict=True)]
    return rest


def _case_result(result: _Result) -> CaseResult:
    return CaseResult(case=result.case, score=result.score)


def _describe(result: _Result) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in result.components.items())
