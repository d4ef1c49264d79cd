"""S3: can a right answer score at all, and in which place of the record and in which format is it taken for right?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from simulator.doctor.finding import Exhibit, Finding, Probe, Severity
from simulator.doctor.invocation import Answer, Case, scores_of
from simulator.doctor.probe_context import FEW_ROWS, Examination
from simulator.doctor.probes.static.score_scale import ON_A_SCALE, ON_THE_BATCH, Scale, scale_of, scale_over
from simulator.doctor.rows import Row, read_at
from simulator.training.dataset import Json
from simulator.training.policy_actions import FORMAT
from simulator.training.reference_answer import extract_gold

HALF: Final = 0.5
"""A mean under this says that most right answers do not score, or that none scores in full (INFERRED)."""

ENOUGH: Final = 0.9
"""From here on no other place of the record is tried: another one could hardly be better. INFERRED."""

MARGIN: Final = 0.25
"""So much better must another place or format be. INFERRED."""

APART: Final = 0.4
"""So much better than another row's must a row's own value be, over all rows. INFERRED: for 32 coins it is 3 sigma."""

MOST_PLACES: Final = 12
DEEPEST: Final = 5
"""So many places of a record are tried, down to this depth (INFERRED)."""

_SEARCHED_ROWS: Final = 4  # where every place is tried in every format
_LINES: Final = 5  # that a message names
_FIRST = "reference_answer"  # tried before the record's other fields

REACHABILITY: Final = Probe(
    id="S3",
    name="reachability",
    question="Can a right answer score at all?",
    measured=(
        f"The right answers to {FEW_ROWS} rows are written in each of {len(FORMAT.actions)} answer formats; the best "
        f"mean score counts. Under {ENOUGH:g}, what stands at up to {MOST_PLACES} other places of the record is tried "
        f"too. A best mean of 0 is a failure, one under {HALF:g} a warning. Another place is believed when it scores "
        f"at least {HALF:g}, is better by {MARGIN:g}, and a row's own value scores {APART:g} more than another row's; "
        "the rest of the visit then reads the right answers there. Records without a right answer are a warning, and "
        f"so is a file in which none has a {_FIRST}. {ON_A_SCALE}"
    ),
    means=(
        "Where no right answer scores, nothing can be learned, however long the run. The usual reasons: the reference "
        "is read from the wrong place, or in another shape than it arrives in (see S4), or a format is wanted that no "
        "prompt asks for (see S8)."
    ),
    remedy=(
        "Score the response that is shown, by hand, and follow where the function reads the reference and the answer."
    ),
    source="INFERRED. Amazon's own two GSM8K samples look for the reference at different places of a record.",
)


def reachability(exam: Examination) -> Iterator[Finding]:
    """S3: look for the place and the format in which right answers score, and have the rest of the visit use them."""
    looked_at = exam.settings.answer_path
    moved = _moved(exam)
    if moved and exam.depends_on_batch:
        yield REACHABILITY.skipped(ON_THE_BATCH)
        return
    if moved:
        exam.read_answers_at(moved)
        yield REACHABILITY.found(
            Severity.WARN if looked_at else Severity.INFO,
            f"The function takes what stands at {moved} for the right answer"
            + (
                f", not what stands at {looked_at}, which is set." if looked_at else ", which was looked for elsewhere."
            ),
            measured=moved,
            fix=f"Add --set answer_path={moved}, here and when a job is run. The rest of this visit reads it there.",
        )
    yield from _unanswerable(exam)
    if not exam.few:
        yield REACHABILITY.skipped(
            "No right answer was found in the records. If there is one, say where: --set answer_path=NAME.NAME"
        )
        return
    _choose_format(exam)
    scale = scale_of(exam, *exam.by_format.values())
    name, best = _best_format(exam, scale)
    shown = _as_asked(exam)
    written = f"{best:.2f}, written as in {exam.few[0].look(name)!r}" if best > 0 else f"{best:.2f} in every format"
    measured = f"{written}{scale.note}{_unscored(exam)}"
    if best >= HALF:
        yield REACHABILITY.fine("Right answers score.", measured=measured, threshold=f"at least {HALF:g}", value=best)
        return
    if exam.depends_on_batch:
        yield REACHABILITY.skipped(ON_THE_BATCH)
        return
    if best > 0:
        severity, what = Severity.WARN, "Most right answers do not score, or none in full."
    elif scale.earned(exam.wrong) > MARGIN:
        severity, what = Severity.FAIL, "No correct answer can score, and wrong ones do: see S5."
    else:
        severity, what = Severity.FAIL, "No correct answer can score."
    yield REACHABILITY.found(
        severity,
        what,
        measured=measured,
        threshold=f"at least {HALF:g}" if best > 0 else "above 0",
        fix=REACHABILITY.remedy,
        value=best,
        exhibits=_exhibits(shown, exam.few),
    )


def _unanswerable(exam: Examination) -> Iterator[Finding]:
    """Say which records have no right answer, and where it is read when none has the field that a job hands over."""
    path = exam.settings.answer_path
    golds = {record.line: extract_gold(record, answer_path=path) for record in exam.records}
    without = [line for line, gold in golds.items() if gold.kind == "none"]
    if 0 < len(without) < len(golds):
        lines = ", ".join(map(str, without[:_LINES])) + (", ..." if len(without) > _LINES else "")
        yield REACHABILITY.found(
            Severity.WARN,
            f"Some records have no right answer that could be found (line {lines}): no response to them can be right.",
            measured=f"{len(without)} of {len(golds)} records",
            threshold="none",
            fix="Give them a reference_answer, or leave them out.",
            value=len(without) / len(golds),
        )
    if without == list(golds) or path or any(_FIRST in record.fields for record in exam.records):
        return
    places = sorted({gold.path for gold in golds.values() if gold.path})
    yield REACHABILITY.found(
        Severity.WARN,
        f"No record has a {_FIRST}; this visit takes the right answers from {places[0]}.",
        measured=f"0 of {len(golds)} records",
        fix=f"Name the field {_FIRST}, or say that it is meant so: --set answer_path={places[0]}.",
    )


def _exhibits(answers: Sequence[Answer], rows: Sequence[Row]) -> list[Exhibit]:
    """Show the right answer that scores least, with where it was read."""
    least = min(zip(answers, rows, strict=True), key=lambda pair: pair[0].score or 0.0)
    answer, row = least
    return [answer.exhibit(f"the right answer at {row.gold.path}: {row.gold.written}")]


def _as_asked(exam: Examination) -> list[Answer]:
    """Return what right answers score in each row's own format."""
    return [exam.by_format[row.answer_format][place] for place, row in enumerate(exam.few)]


def _best_format(exam: Examination, scale: Scale) -> tuple[str, float]:
    """Return the format in which right answers score most, and their mean; the rows' own comes first."""
    own = exam.few[0].answer_format
    means = {own: scale.earned(_as_asked(exam))}
    for name in FORMAT.actions:
        means[name] = max(scale.earned(exam.by_format[name]), means.get(name, 0.0))
    return max(means.items(), key=lambda pair: pair[1])


def _choose_format(exam: Examination) -> None:
    """Where prompts ask for no format and the plainest scores less than another, write answers in that other."""
    free = [place for place, row in enumerate(exam.few) if row.task.asked.format == "none"]
    if not free:
        return
    scale = _scale_so_far(exam)
    means = {name: scale.earned([exam.by_format[name][place] for place in free]) for name in FORMAT.actions}
    plainest = exam.few[free[0]].answer_format
    best = max(FORMAT.actions, key=lambda name: means[name])
    if means[best] > means[plainest] + MARGIN:
        exam.write_answers_in(best)


def _scale_so_far(exam: Examination, *others: Sequence[Answer]) -> Scale:
    """Return the scale of what was asked before it is settled where right answers stand and how they are written."""
    return scale_over([score for answers in (*exam.by_format.values(), *others) for score in scores_of(answers)])


def _unscored(exam: Examination) -> str:
    answers = [answer for some in exam.by_format.values() for answer in some]
    missing = sum(answer.score is None for answer in answers)
    return f"; {missing} of {len(answers)} without a score" if missing else ""


def _moved(exam: Examination) -> str:
    """Return another place of the records that holds what the function takes for right; empty when there is none."""
    here = _best_format(exam, _scale_so_far(exam))[1] if exam.few else 0.0
    if here >= ENOUGH:
        return ""
    rows = (exam.few or exam.rows)[:_SEARCHED_ROWS]
    found: dict[tuple[str, str], list[Case]] = {}
    for path in _places(rows):
        others = read_at(rows, path)
        if len(others) == len(rows) and not _alike(rows, others):
            for name in FORMAT.actions:
                found[path, name] = [
                    Case(
                        label=f"{path} as {name}",
                        record=row.record,
                        text=row.written(row.gold.value, answer_format=name),
                    )
                    for row in others
                ]
    if not found:
        return ""
    answers = iter(exam.ask.asked([case for cases in found.values() for case in cases]))
    asked = {key: [next(answers) for _ in cases] for key, cases in found.items()}
    scale = _scale_so_far(exam, *asked.values())
    here = _best_format(exam, scale)[1] if exam.few else 0.0
    means = {key: scale.earned(some) for key, some in asked.items()}
    path, name = max(means, key=lambda key: means[key])
    best = means[path, name]
    return path if best >= max(HALF, here + MARGIN) and _is_answer(exam, scale, path, name) else ""


def _is_answer(exam: Examination, scale: Scale, path: str, name: str) -> bool:
    """Say whether a place's own value scores where another row's does not, which tells answers from length and luck."""
    rows = read_at(exam.rows, path)
    own, others = [], []
    for row in rows:
        other = next((one for one in rows if one.gold.value != row.gold.value), None)
        if other is not None:
            texts = (row.written(one.gold.value, answer_format=name) for one in (row, other))
            right, wrong = (Case(label=f"value of {path}", record=row.record, text=text) for text in texts)
            own.append(right)
            others.append(wrong)
    return bool(own) and scale.earned(exam.ask.asked(own)) >= scale.earned(exam.ask.asked(others)) + APART


def _alike(rows: Sequence[Row], others: Sequence[Row]) -> bool:
    """Say whether another place holds the same answers, so that asking again would tell nothing."""
    return all(row.gold.value == other.gold.value for row, other in zip(rows, others, strict=True))


def _places(rows: Sequence[Row]) -> list[str]:
    """Return the places of these records that may hold an answer, the reference's first."""
    places: dict[str, None] = {}
    for row in rows:
        fields = row.record.fields
        first = {name: fields[name] for name in sorted(fields, key=lambda name: name != _FIRST)}
        places |= dict.fromkeys(_below(first, "", depth=1))
    return list(places)[:MOST_PLACES]


def _below(fields: Mapping[str, Json], path: str, *, depth: int) -> Iterator[str]:
    """Yield every place under a path, objects too: one may be the answer as a whole."""
    for name, held in fields.items():
        if "." in name:
            continue  # no path can name it: a dot goes one level down
        yield f"{path}{name}"
        if isinstance(held, Mapping) and depth < DEEPEST:
            yield from _below(held, f"{path}{name}.", depth=depth + 1)
