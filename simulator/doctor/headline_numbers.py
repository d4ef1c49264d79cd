"""The three numbers on top of a report: how much a wrong response can earn, a fixed one earns, and a right one loses.

    false-pass ceiling   the most that a kind of response without the right answer earns, as a share of right answers
    laziest response     the most that one and the same text earns on all rows, beside the most frequent answer's share
    false-fail rate      the share of right responses, in the ways of writing that must count, that are refused

All three are computed from scores that the probes have measured. No call is made for them.

Earnings: with s the normalized score (`ScoreScale`) and R the mean of s over the right answers, a response earns
min(1, max(0, s / R)); a response without a score earns 0. If right answers earn nothing, R is 1.

Interval: Wilson's score interval at 95 % (E. B. Wilson, 1927) with the mean in place of the share. Earnings are within
0 and 1, so their variance is at most p(1 - p), that of a share, and the interval is too wide rather than too narrow.
It is the uncertainty of the tested rows as a sample of the file. It takes the responses as independent, and it is not
widened for the choice of the largest of several kinds.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import fmean, median
from typing import Final

from simulator.doctor.invocation import CaseResult
from simulator.doctor.probe_context import RIGHT_LABEL, UNKNOWN_ANSWERS, WRONG_LABEL, ProbeContext
from simulator.doctor.probes.static.answer_variants import ANSWER_VARIANTS
from simulator.doctor.probes.static.s07_false_negatives import ACCEPTED_SHARE
from simulator.doctor.probes.static.score_scale import MIN_REFERENCES, ScoreScale, score_scale_so_far
from simulator.doctor.probes.static.wrong_answer_comparisons import MAY_TIE
from simulator.doctor.rows import Row

INTERVAL: Final = "Wilson, 95 %"
"""The interval, in words for reports."""

_Z: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""

REQUIRED_LABELS: Final = (
    RIGHT_LABEL,
    *(
        f"{RIGHT_LABEL}, {kind}: {variant.name}"
        for kind, variants in ANSWER_VARIANTS.items()
        for variant in variants
        if variant.must_accept
    ),
)
"""The labels of right answers in the ways of writing that must count."""

_EXPLOIT_PREFIX: Final = "exploit, "
_NO_REFERENCE_SUFFIX: Final = ", no reference"  # the event was changed, so the score is not the response's


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineNumber:
    """A share with its interval, or why there is none.

    Attributes:
        value: the share, from 0 to 1. None if it was not measured.
        low: the lower end of the interval.
        high: the upper end of the interval.
        count: the number of rows or responses that were measured.
        response: the name of the response with this number; for the false-fail rate, of the first refused one.
        text: that response, on the row where it earns most.
        majority_share: for the laziest fixed response, the share of the rows with the most frequent answer.
        majority_answer: that answer.
        reason: why there is no number, with what to do.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 0
    response: str = ""
    text: str = ""
    majority_share: float | None = None
    majority_answer: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineNumbers:
    """The three numbers of a report.

    Attributes:
        right_score: R, the mean normalized score of right answers. None if no number was measured.
    """

    false_pass_ceiling: HeadlineNumber
    laziest_response: HeadlineNumber
    false_fail_rate: HeadlineNumber
    right_score: float | None = None


NUMBER_NAMES: Final = {
    "false_pass_ceiling": "false-pass ceiling",
    "laziest_response": "laziest response",
    "false_fail_rate": "false-fail rate",
}
"""The names of the numbers in reports, by their attributes, in order."""


def not_measured(reason: str) -> HeadlineNumbers:
    """Return three numbers that were not measured for the same reason."""
    number = HeadlineNumber(reason=reason)
    return HeadlineNumbers(false_pass_ceiling=number, laziest_response=number, false_fail_rate=number)


def wilson_interval(mean: float, count: int) -> tuple[float, float]:
    """Return the ends of Wilson's 95 % interval for a mean of `count` values within 0 and 1.

    (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n)
    """
    square = _Z * _Z
    center = mean + square / (2 * count)
    spread = _Z * sqrt(mean * (1 - mean) / count + square / (4 * count * count))
    scale = 1 + square / count
    return max(0.0, (center - spread) / scale), min(1.0, (center + spread) / scale)


def measure_headline_numbers(
    context: ProbeContext, results_by_label: Mapping[str, Sequence[CaseResult]]
) -> HeadlineNumbers:
    """Return the three numbers from the results of the probes that ran."""
    if not context.answerable_rows:
        return not_measured(UNKNOWN_ANSWERS)
    if not results_by_label.get(RIGHT_LABEL):
        return not_measured("No right answer was scored.")
    measurement = _Measurement(context, results_by_label)
    return HeadlineNumbers(
        false_pass_ceiling=measurement.false_pass_ceiling(),
        laziest_response=measurement.laziest_response(),
        false_fail_rate=measurement.false_fail_rate(),
        right_score=measurement.right_score,
    )


class _Measurement:
    """The results of one doctor run on the rows with a known answer, and the scale of its scores."""

    def __init__(self, context: ProbeContext, results_by_label: Mapping[str, Sequence[CaseResult]]) -> None:
        self._rows: dict[int, Row] = {row.record.line: row for row in context.answerable_rows}
        self._results_by_label = {
            label: known
            for label, results in results_by_label.items()
            if (known := [result for result in results if result.case.record.line in self._rows])
        }
        self._scale: ScoreScale = score_scale_so_far(context)
        right_scores = [self._normalize(result) for result in self._results_by_label.get(RIGHT_LABEL, ())]
        self.right_score = fmean(right_scores) if right_scores else 0.0
        self._unit = self.right_score or 1.0
        self._min_answers = min(MIN_REFERENCES, self._count_answers(self._rows))

    def false_pass_ceiling(self) -> HeadlineNumber:
        """Return the largest mean earnings of a kind of response without the right answer.

        The kinds are the wrong answers of S5 and the responses without an answer of S9, each on the rows on which it
        was tried. An almost right answer is left out where a sound function may accept it.
        """
        numbers = []
        for label, results in self._results_by_label.items():
            wrong = [result for result in results if self._is_without_right_answer(label, result)]
            if wrong and self._count_answers(result.case.record.line for result in wrong) >= self._min_answers:
                earned = [self._earn(result) for result in wrong]
                best = max(wrong, key=self._earn)
                numbers.append(_number(fmean(earned), len(earned), response=_name(label), text=best.case.text))
        return _largest(numbers) or HeadlineNumber(reason="No wrong response was scored: see S5 and S9.")

    def laziest_response(self) -> HeadlineNumber:
        """Return the largest mean earnings of one and the same text on all rows.

        S9 does not try a text on rows where it is the right answer. There it earns what the row's right answer earns,
        and on all other rows the mean of those on which it was tried. The most frequent answer earns at least what it
        earns where it is right, also if nothing tried it elsewhere.
        """
        answers = Counter(row.reference.text for row in self._rows.values())
        answer, times = min(answers.items(), key=lambda item: (-item[1], item[0]))
        numbers, is_tried = [], False
        if times > 1:
            lines = [line for line, row in self._rows.items() if row.reference.text == answer]
            earned = times / len(self._rows) * self._mean_right_earnings(lines)
            numbers.append(_number(earned, len(self._rows), response=f"always {answer}", text=answer))
        for text, (name, results) in self._results_by_fixed_text().items():
            right_lines = [line for line, row in self._rows.items() if text == row.write_answer(row.reference.value)]
            tried = {line: result for line, result in results.items() if line not in right_lines}
            if tried and self._count_answers((*tried, *right_lines)) >= self._min_answers:
                is_tried = True
                share = len(right_lines) / len(self._rows)
                earned = share * self._mean_right_earnings(right_lines) + (1 - share) * fmean(
                    map(self._earn, tried.values())
                )
                numbers.append(_number(earned, len(tried) + len(right_lines), response=name, text=text))
        largest = _largest(numbers)
        if largest is None or not is_tried:
            return HeadlineNumber(reason="No fixed response was scored: see S9.")
        return replace(largest, majority_answer=answer, majority_share=times / len(self._rows))

    def false_fail_rate(self) -> HeadlineNumber:
        """Return the share of right responses that are refused.

        They are the plain right answer of each row and, from S7, each way of writing it that a sound function must
        accept. One is refused if it has no score, or earns less than half (`ACCEPTED_SHARE`) of the median of the plain
        right answers that earn anything.
        """
        right = self._results_by_label.get(RIGHT_LABEL, ())
        accepted = [score for result in right if (score := self._normalize(result)) > 0]
        threshold = ACCEPTED_SHARE * median(accepted) if accepted else 0.0
        results = [result for label in REQUIRED_LABELS for result in self._results_by_label.get(label, ())]
        refused = [result for result in results if (score := self._normalize(result)) <= 0 or score < threshold]
        return _number(
            len(refused) / len(results),
            len(results),
            response=_name(refused[0].case.label) if refused else "",
            text=refused[0].case.text if refused else "",
        )

    def _normalize(self, result: CaseResult) -> float:
        return 0.0 if result.score is None else self._scale.normalize(result.score)

    def _earn(self, result: CaseResult) -> float:
        return min(1.0, max(0.0, self._normalize(result) / self._unit))

    def _mean_right_earnings(self, lines: Sequence[int]) -> float:
        earned = [
            self._earn(result) for result in self._results_by_label[RIGHT_LABEL] if result.case.record.line in lines
        ]
        return fmean(earned) if earned else 0.0

    def _count_answers(self, lines: Iterable[int]) -> int:
        return len({self._rows[line].reference.text for line in lines})

    def _is_without_right_answer(self, label: str, result: CaseResult) -> bool:
        if label == WRONG_LABEL:
            return self._rows[result.case.record.line].reference.kind not in MAY_TIE
        return label.startswith((f"{WRONG_LABEL}: ", _EXPLOIT_PREFIX)) and not label.endswith(_NO_REFERENCE_SUFFIX)

    def _results_by_fixed_text(self) -> dict[str, tuple[str, dict[int, CaseResult]]]:
        """Return the name and the results by line of each text that S9 tried, in the order of the trials."""
        by_text: dict[str, tuple[str, dict[int, CaseResult]]] = {}
        for label, results in self._results_by_label.items():
            if label.startswith(_EXPLOIT_PREFIX) and not label.endswith(_NO_REFERENCE_SUFFIX):
                for result in results:
                    _, by_line = by_text.setdefault(result.case.text, (_name(label), {}))
                    by_line[result.case.record.line] = result
        return by_text


def _number(value: float, count: int, *, response: str, text: str) -> HeadlineNumber:
    low, high = wilson_interval(value, count)
    return HeadlineNumber(value=value, low=low, high=high, count=count, response=response, text=text)


def _largest(numbers: Iterable[HeadlineNumber]) -> HeadlineNumber | None:
    """Return the number with the largest value, then the most rows, then the first. None if there is none."""
    return max(numbers, key=lambda number: (number.value or 0.0, number.count), default=None)


def _name(label: str) -> str:
    """Return the name of a response in words: "marker only" for "exploit, number: marker only"."""
    if label == WRONG_LABEL:
        return "almost right answer"
    if label == RIGHT_LABEL:
        return "the plain answer"
    return label.partition(": ")[2] if label.startswith((_EXPLOIT_PREFIX, f"{RIGHT_LABEL}, ")) else label
