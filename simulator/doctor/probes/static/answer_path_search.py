"""Search a record for the field that holds the right answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from simulator.doctor.invocation import Case, CaseResult, scores_of
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_scale import ScoreScale, score_scale_from
from simulator.doctor.rows import Row, with_answer_path
from simulator.training.dataset import Json
from simulator.training.policy_actions import FORMAT

MIN_SCORE: Final = 0.5
"""A mean under this says that most right answers do not score, or that none scores in full (INFERRED)."""

FULL_SCORE: Final = 0.9
"""From here on no other place of the record is tried: another one could hardly be better. INFERRED."""

MIN_IMPROVEMENT: Final = 0.25
"""So much better must another place or format be. INFERRED."""

MIN_SEPARATION: Final = 0.4
"""So much better than another row's must a row's own value be, over all rows. INFERRED: for 32 coins it is 3 sigma."""

REFERENCE_FIELD: Final = "reference_answer"
"""It is searched before the record's other fields."""

MAX_ANSWER_PATHS: Final = 12
MAX_DEPTH: Final = 5
"""So many places of a record are tried, down to this depth (INFERRED)."""


_SEARCHED_ROWS: Final = 4  # where every place is tried in every format


def find_answer_path(context: ProbeContext) -> str:
    """Return another place of the records that holds what the function takes for right; empty when there is none."""
    here = best_format(context, scale_so_far(context))[1] if context.row_subset else 0.0
    if here >= FULL_SCORE:
        return ""
    rows = (context.row_subset or context.rows)[:_SEARCHED_ROWS]
    found: dict[tuple[str, str], list[Case]] = {}
    for path in _answer_paths(rows):
        others = with_answer_path(rows, path)
        if len(others) == len(rows) and not _have_same_answers(rows, others):
            for name in FORMAT.actions:
                found[path, name] = [
                    Case(
                        label=f"{path} as {name}",
                        record=row.record,
                        text=row.write_response(row.reference.value, answer_format=name),
                    )
                    for row in others
                ]
    if not found:
        return ""
    answers = iter(context.invoker.score([case for cases in found.values() for case in cases]))
    asked = {key: [next(answers) for _ in cases] for key, cases in found.items()}
    scale = scale_so_far(context, *asked.values())
    here = best_format(context, scale)[1] if context.row_subset else 0.0
    means = {key: scale.mean_of_all(some) for key, some in asked.items()}
    path, name = max(means, key=lambda key: means[key])
    best = means[path, name]
    return path if best >= max(MIN_SCORE, here + MIN_IMPROVEMENT) and _holds_answer(context, scale, path, name) else ""


def _holds_answer(context: ProbeContext, scale: ScoreScale, path: str, name: str) -> bool:
    """Say whether a place's own value scores where another row's does not, which tells answers from length and luck."""
    rows = with_answer_path(context.rows, path)
    own, others = [], []
    for row in rows:
        other = next((one for one in rows if one.reference.value != row.reference.value), None)
        if other is not None:
            texts = (row.write_response(one.reference.value, answer_format=name) for one in (row, other))
            right, wrong = (Case(label=f"value of {path}", record=row.record, text=text) for text in texts)
            own.append(right)
            others.append(wrong)
    return (
        bool(own)
        and scale.mean_of_all(context.invoker.score(own))
        >= scale.mean_of_all(context.invoker.score(others)) + MIN_SEPARATION
    )


def _have_same_answers(rows: Sequence[Row], others: Sequence[Row]) -> bool:
    """Say whether another place holds the same answers, so that asking again would tell nothing."""
    return all(row.reference.value == other.reference.value for row, other in zip(rows, others, strict=True))


def _answer_paths(rows: Sequence[Row]) -> list[str]:
    """Return the places of these records that may hold an answer, the reference's first."""
    places: dict[str, None] = {}
    for row in rows:
        fields = row.record.fields
        first = {name: fields[name] for name in sorted(fields, key=lambda name: name != REFERENCE_FIELD)}
        places |= dict.fromkeys(_paths_below(first, "", depth=1))
    return list(places)[:MAX_ANSWER_PATHS]


def _paths_below(fields: Mapping[str, Json], path: str, *, depth: int) -> Iterator[str]:
    """Yield every place under a path, objects too: one may be the answer as a whole."""
    for name, held in fields.items():
        if "." in name:
            continue  # no path can name it: a dot goes one level down
        yield f"{path}{name}"
        if isinstance(held, Mapping) and depth < MAX_DEPTH:
            yield from _paths_below(held, f"{path}{name}.", depth=depth + 1)


def best_format(context: ProbeContext, scale: ScoreScale) -> tuple[str, float]:
    """Return the format in which right answers score most, and their mean; the rows' own comes first."""
    own = context.row_subset[0].answer_format
    means = {own: scale.mean_of_all(context.right_results_in_own_format)}
    for name in FORMAT.actions:
        means[name] = max(scale.mean_of_all(context.right_results_by_format[name]), means.get(name, 0.0))
    return max(means.items(), key=lambda pair: pair[1])


def scale_so_far(context: ProbeContext, *others: Sequence[CaseResult]) -> ScoreScale:
    """Return the scale of what was asked before it is settled where right answers stand and how they are written."""
    return score_scale_from(
        [score for answers in (*context.right_results_by_format.values(), *others) for score in scores_of(answers)]
    )
