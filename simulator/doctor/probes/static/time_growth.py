"""How the time that a function takes grows with the length of an answer."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.finding import Exhibit
from simulator.doctor.invocation import Asker, Case
from simulator.doctor.probe_context import Examination
from simulator.doctor.reward_function import hurried

SIZES: Final = (2_000, 8_000, 32_000)
"""Characters of the answers that show how time grows (INFERRED)."""

STEEP: Final = 1.5
"""Time that grows with a higher power of the answer's length than this is a search that starts over and over."""

NOTABLE_SECONDS: Final = 0.05
"""Below this on the longest answer, growth is not worth a word, nor to be told from the noise of a busy machine."""

HOPELESS_SECONDS: Final = 2.0
"""A function that takes this long on one answer is not asked about a longer one."""

LONGEST_WAIT: Final = 10.0
"""Seconds after which a function that is asked about a long answer is stopped, where it is run here."""

FILLERS: Final = {
    "words": "so the total comes to that and then ",
    "letters": "a",
    "digits": "1",
    "numbers": "12 ",
    "spaces": " ",
    "empty lines": "\n",
    "markers": "#### ",
    "opening brackets": "{",
    "LaTeX boxes": "\\boxed{",
    "tags": "<answer>",
    "quotes": '"',
    "asterisks": "*",
}
"""What a long answer is filled with: what searches for an answer stumble over."""

_CONFIRMED: Final = 3  # measurements that have to agree on a steep growth
_SHOWN: Final = 80  # characters of the longest answer's beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How many seconds answers of one kind took, from the shortest on; `case` is the last that was asked about."""

    filler: str
    case: Case
    seconds: tuple[float, ...]

    @property
    def hopeless(self) -> bool:
        """Whether it took so long that no longer answer was asked about."""
        return self.seconds[-1] > HOPELESS_SECONDS

    @property
    def power(self) -> float | None:
        """The power of the length that the time grows with, between the two longest; None of one alone."""
        if len(self.seconds) < 2:  # noqa: PLR2004  a slope is between two points
            return None
        shorter, longer = (max(seconds, 1e-6) for seconds in self.seconds[-2:])
        last = len(self.seconds) - 1
        return math.log(longer / shorter) / math.log(SIZES[last] / SIZES[last - 1])

    @property
    def steep(self) -> bool:
        """Whether it is worth a warning."""
        notable = self.seconds[-1] > NOTABLE_SECONDS and self.power is not None and self.power > STEEP
        return self.hopeless or notable

    @property
    def figures(self) -> str:
        """What was measured, in words."""
        times = zip(SIZES, self.seconds, strict=False)
        return ", ".join(f"{duration(seconds)} for {size // 1000} kB" for size, seconds in times)

    @property
    def exhibit(self) -> Exhibit:
        """The beginning of the longest answer."""
        text = self.case.text
        return Exhibit(
            line=self.case.record.line,
            prompt=self.case.record.messages[-1].content,
            response=f"{text[:_SHOWN]}… ({len(text):,} characters)",
            score=None,
            note=self.figures,
        )


def growths(exam: Examination, asker: Asker) -> Iterator[Growth]:
    """Yield how the time grows with long answers of each kind. A steep one is measured anew, and the best counts."""
    for filler in FILLERS:
        growth = _measured(exam, asker, filler)
        for _ in range(1, _CONFIRMED):
            if growth.hopeless or not growth.steep:
                break
            again = _measured(exam, asker, filler)
            growth = replace(growth, seconds=tuple(map(min, growth.seconds, again.seconds)))
        yield growth


def duration(seconds: float) -> str:
    """Return a duration in words."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _measured(exam: Examination, asker: Asker, filler: str) -> Growth:
    row = exam.rows[0]
    start = "" if row.gold.kind == "none" else row.perfect
    case = Case(label=filler, record=row.record, text=start)
    seconds: list[float] = []
    for size in SIZES:
        # A search for an answer at the end does not find one at this end.
        filled = (FILLERS[filler] * size)[:size]
        case = replace(case, text=f"{start}\n{filled}\nx")
        (name,) = asker.ids([case])
        invocation = asker.call([asker.element(case, name=name)], ids=[name]).invocation
        seconds.append(invocation.duration_ms / 1e3 if invocation else 0.0)
        if seconds[-1] > HOPELESS_SECONDS:
            break
    return Growth(filler=filler, case=case, seconds=tuple(seconds))


def impatient(exam: Examination) -> Asker:
    """Return one who asks the patient under a short time-out, where it is run here."""
    patient = hurried(exam.patient, seconds=LONGEST_WAIT) or exam.patient
    return Asker(patient=patient, settings=exam.settings.grading, told=exam.ask.told)
