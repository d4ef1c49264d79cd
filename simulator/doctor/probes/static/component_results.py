"""The scores of ordinary responses with their components, and whether the scores follow from these."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, prod, sqrt
from typing import Final

from simulator.doctor.invocation import Case, usable_scores
from simulator.doctor.probe_context import ProbeContext
from simulator.grading.lambda_event import response_text
from simulator.grading.lambda_response import finite_float

COMPONENT_TOLERANCE: Final = 1e-6
"""Values that differ by no more are equal, because components are often rounded."""

_BASE_ROLLOUTS_PER_ROW: Final = 2  # in addition to a right and a wrong answer

_WORDS: Final = "Each part was worked out on its own and then checked once more. "
_UNUSUAL_TEXTS: Final = (
    "",
    "I am sorry, but I cannot help with this request.",
    _WORDS * 100,
    "\u4ee5\u4e0a\u3002" * 20,
)
"""Responses for which components that take points off are not 0: empty, refused, long, in another language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentResult:
    """The score of one rollout with its components; `rewards` are those of type Reward."""

    case: Case
    score: float
    components: Mapping[str, float]
    rewards: frozenset[str]


def component_results(context: ProbeContext) -> list[ComponentResult]:
    """Score right answers, wrong answers and rollouts of the base model, and keep their components."""
    cases = [
        Case(label="components", record=row.record, text=text)
        for row in context.row_subset
        for text in (row.right_response, row.wrong_response)
    ]
    cases += [
        Case(label="components", record=row.record, text=text)
        for row in context.row_subset[:1]
        for text in (*row.right_responses_on_fewer_lines, *_UNUSUAL_TEXTS)
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


def shared_components(results: Sequence[ComponentResult]) -> list[str]:
    """Return the names of the components that every result has."""
    return [name for name in results[0].components if all(name in result.components for result in results)]


def follows_from_components(results: Sequence[ComponentResult]) -> bool:
    """Return whether the score can be computed from the components that every result has."""
    names = shared_components(results)
    rewards = [name for name in names if name in results[0].rewards]
    scores = [result.score for result in results]
    return any(_follows(_columns(results, group), scores) for group in (rewards, names) if group)


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
