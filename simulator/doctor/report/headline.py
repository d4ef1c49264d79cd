"""The three numbers on top of every report, in words."""

from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.headline_numbers import NUMBER_NAMES, HeadlineNumber, HeadlineNumbers
from simulator.doctor.report.excerpts import one_line, shorten

_SAME_REASON: Final = "for the same reason"
_MAX_NAME: Final = 40  # characters of a response's name or of an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineRow:
    """One number: its name, its value and interval in words, and what it is about."""

    name: str
    value: str
    interval: str
    note: str


def headline_rows(headline: HeadlineNumbers | None) -> tuple[HeadlineRow, ...]:
    """Return the three numbers in words. Empty if there are none."""
    if headline is None:
        return ()
    rows = (
        _row("false_pass_ceiling", headline.false_pass_ceiling, _ceiling_note(headline)),
        _row("laziest_response", headline.laziest_response, _lazy_note(headline.laziest_response)),
        _row("false_fail_rate", headline.false_fail_rate, _false_fail_note(headline.false_fail_rate)),
    )
    notes = [row.note for row in rows]
    return tuple(
        replace(row, note=_SAME_REASON) if not_measured and row.note in notes[:index] else row
        for index, (row, not_measured) in enumerate(zip(rows, _are_missing(headline), strict=True))
    )


def format_share(share: float) -> str:
    """Return a share in percent. Only 0 and 1 become 0% and 100%."""
    percent = f"{share:.0%}"
    if percent == "0%" and share > 0:
        return "<1%"
    return ">99%" if percent == "100%" and share < 1 else percent


def _are_missing(headline: HeadlineNumbers) -> tuple[bool, ...]:
    return tuple(getattr(headline, key).value is None for key in NUMBER_NAMES)


def _row(key: str, number: HeadlineNumber, note: str) -> HeadlineRow:
    if number.value is None or number.low is None or number.high is None:
        return HeadlineRow(name=NUMBER_NAMES[key], value="-", interval="not measured", note=number.reason)
    interval = f"{number.low:.0%} to {number.high:.0%}"
    return HeadlineRow(name=NUMBER_NAMES[key], value=format_share(number.value), interval=interval, note=note)


def _ceiling_note(headline: HeadlineNumbers) -> str:
    number = headline.false_pass_ceiling
    if number.value == 0:
        other = "" if headline.right_score else ", and no right answer does"
        return f"no response without the right answer earns anything{other}"
    return f"the most that a response without the right answer earns: {_short(number.response)}"


def _lazy_note(number: HeadlineNumber) -> str:
    if number.majority_share is None:
        return ""
    if number.value == 0:
        return "no text that is the same on every row earns anything"
    share = f"{format_share(number.majority_share)} of the rows"
    if number.response == f"always {number.majority_answer}":
        majority = f", the most frequent answer ({share})"
    else:
        majority = f"; the most frequent answer, {_short(number.majority_answer)}, has {share}"
    return f"the most that one text earns on all rows: {_short(number.response)}{majority}"


def _false_fail_note(number: HeadlineNumber) -> str:
    if number.value is None:
        return ""
    refused = round(number.value * number.count)
    example = f"; the first: {_short(number.response)}" if number.response else ""
    return f"{refused} of {number.count} right responses are refused{example}"


def _short(text: str) -> str:
    return shorten(one_line(text), _MAX_NAME)
