"""Unicode normalization in linear time."""

from itertools import groupby
from unicodedata import combining, normalize

import pytest

from simulator.training.unicode_normalization import normalize_unicode

GRAVE_BELOW, ACUTE = "\u0316", "\u0301"


def most_marks(text: str) -> int:
    """Return the largest number of marks on one letter; Python sorts them in quadratic time."""
    return max(
        (len(list(run)) for marks, run in groupby(text, key=lambda letter: combining(letter) > 0) if marks), default=0
    )


@pytest.mark.parametrize("text", ["7", "\u2460 \ufb01ve", "e" + ACUTE, "a" + (ACUTE + GRAVE_BELOW) * 15])
def test_texts_are_normalized_to_nfkc(text: str) -> None:
    """With up to 30 marks on a letter."""
    assert normalize_unicode(text) == normalize("NFKC", text)


def test_python_never_sorts_more_than_30_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the time is linear in the length of the text."""
    normalized: list[str] = []

    def counting(form: str, text: str) -> str:
        normalized.append(text)
        assert form == "NFKC"
        return text

    monkeypatch.setattr("simulator.training.unicode_normalization.normalize", counting)
    for length in (31, 1_000, 100_000):
        normalize_unicode("a" + ACUTE * length + "b" + (ACUTE + GRAVE_BELOW) * length)
    assert [most_marks(text) for text in normalized] == [30, 30, 30]
    assert most_marks("a" + ACUTE * 31) == 31
