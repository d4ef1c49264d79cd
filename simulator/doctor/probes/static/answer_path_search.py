"""Search the records for the field whose value the function accepts as the right answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from simulator.doctor.invocation import Case, CaseResult, scores_of
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_scale import ScoreScale, score_scale_from
from simulator.doctor.rows import Row, with_answer_path
from simulator.training.dataset import Json
from simulator.training.policy_actions import FORMAT

MIN_SCORE: Final = 0.5
"""A lower mean says that most right answers do not score, or that none gets the full score (INFERRED)."""

FULL_SCORE: Final = 0.9
"""From this mean on no other field is tried, because it could hardly score more (INFERRED)."""

MIN_IMPROVEMENT: Final = 0.25
"""Another field or format must score this much more (INFERRED)."""

MIN_SEPARATION: Final = 0.4
"""A row's own value must score this much more than another row's. INFERRED: 3 sigma for 32 random scores."""

REFERENCE_FIELD: Final = "reference_answer"
"""The field that a job sends to the function. The search starts there."""

MAX_ANSWER_PATHS: Final = 12
MAX_DEPTH: Final = 5
"""At most this many fields are tried, down to this depth (INFERRED)."""

_SEARCHED_ROWS: Final = 4  # each is written in every format, for every field


def find_answer_path(context: ProbeContext) -> str:
    """Return another field whose values score as right answers; empty when there is none."""
    current = best_format(context, scale_so_far(context))[1] if context.row_subset else 0.0
    if current >= FULL_SCORE:
        return ""
    rows = (context.row_subset or context.rows)[:_SEARCHED_ROWS]
    cases: dict[tuple[str, str], list[Case]] = {}
    for path in _answer_paths(rows):
        reread_rows = with_answer_path(rows, path)
        if len(reread_rows) == len(rows) and not _have_same_answers(rows, reread_rows):
            for name in context.searched_formats:
                cases[path, name] = [
                    Case(
                        label=f"{path} as {name}",
                        record=row.record,
                        text=row.write_response(row.reference.value, answer_format=name),
                    )
                    for row in reread_rows
                ]
    if not cases:
        return ""
    all_results = iter(context.invoker.score([case for group in cases.values() for case in group]))
    results = {key: [next(all_results) for _ in group] for key, group in cases.items()}
    scale = scale_so_far(context, *results.values())
    current = best_format(context, scale)[1] if context.row_subset else 0.0
    means = {key: scale.mean_of_all(group) for key, group in results.items()}
    path, name = max(means, key=lambda key: means[key])
    is_better = means[path, name] >= max(MIN_SCORE, current + MIN_IMPROVEMENT)
    return path if is_better and _holds_answer(context, scale, path, name) else ""


def best_format(context: ProbeContext, scale: ScoreScale) -> tuple[str, float]:
    """Return the format in which right answers score most, and their mean score. On a tie it is the rows' own one."""
    own_format = context.row_subset[0].answer_format
    means = {own_format: scale.mean_of_all(context.right_results_in_own_format)}
    for name in FORMAT.actions:
        means[name] = max(scale.mean_of_all(context.right_results_by_format[name]), means.get(name, 0.0))
    return max(means.items(), key=lambda pair: pair[1])


def scale_so_far(context: ProbeContext, *others: Sequence[CaseResult]) -> ScoreScale:
    """Return the scale of the scores that exist before the field and the format of right answers are known."""
    return score_scale_from(
        [score for results in (*context.right_results_by_format.values(), *others) for score in scores_of(results)]
    )


def _holds_answer(context: ProbeContext, scale: ScoreScale, path: str, format_name: str) -> bool:
    """Return whether a row's own value scores more than another row's value. Length or chance would not cause that."""
    rows = with_answer_path(context.rows, path)
    own_cases, other_cases = [], []
    for row in rows:
        other = next((candidate for candidate in rows if candidate.reference.value != row.reference.value), None)
        if other is not None:
            texts = (row.write_response(source.reference.value, answer_format=format_name) for source in (row, other))
            own_case, other_case = (Case(label=f"value of {path}", record=row.record, text=text) for text in texts)
            own_cases.append(own_case)
            other_cases.append(other_case)
    return (
        bool(own_cases)
        and scale.mean_of_all(context.invoker.score(own_cases))
        >= scale.mean_of_all(context.invoker.score(other_cases)) + MIN_SEPARATION
    )


def _have_same_answers(rows: Sequence[Row], reread_rows: Sequence[Row]) -> bool:
    """Return whether another field has the same answers, so that scoring them again is useless."""
    return all(row.reference.value == other.reference.value for row, other in zip(rows, reread_rows, strict=True))


def _answer_paths(rows: Sequence[Row]) -> list[str]:
    """Return the paths of the fields that may hold an answer. Those of the reference field come first."""
    paths: dict[str, None] = {}
    for row in rows:
        fields = row.record.fields
        reference_first = {name: fields[name] for name in sorted(fields, key=lambda name: name != REFERENCE_FIELD)}
        paths |= dict.fromkeys(_paths_below(reference_first, "", depth=1))
    return list(paths)[:MAX_ANSWER_PATHS]


def _paths_below(fields: Mapping[str, Json], prefix: str, *, depth: int) -> Iterator[str]:
    """Yield the path of every field, objects included, because an object may be the answer as a whole."""
    for name, value in fields.items():
        if "." in name:
            continue  # a path cannot name it, because a dot goes one level down
        yield f"{prefix}{name}"
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from _paths_below(value, f"{prefix}{name}.", depth=depth + 1)
