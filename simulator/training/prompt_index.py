"""Finds the record of an uploaded file whose prompt a chat repeats."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.training.dataset import Record, prompt_text
from simulator.training.reference_answer import collect_labels
from simulator.training.unicode_normalization import normalize_unicode

# Spacing and compatibility forms make a text so much longer than what it is compared as, and hardly ever more.
_LOOSE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptIndex:
    """The prompts whose right answer is known: records of uploaded files by their normalised words."""

    records: Mapping[str, Record]
    labels: tuple[str, ...]
    max_characters: int = 0  # characters of the longest of these words

    def find(self, text: str) -> Record | None:
        """Return the record whose prompt a text is; one that is far too long is not even normalised."""
        return self.records.get(normalize_prompt(text)) if len(text) <= _LOOSE * self.max_characters else None


def normalize_prompt(text: str) -> str:
    """Return the text as compared between chats and files: case, spacing and compatibility forms do not matter."""
    return " ".join(normalize_unicode(text).casefold().split())


def build_prompt_index(records: Iterable[Record], *, answer_path: str | None = None) -> PromptIndex:
    """Make the index of some records; of two with the same prompt the first one counts."""
    listed = tuple(records)
    by_words: dict[str, Record] = {}
    for record in listed:
        by_words.setdefault(normalize_prompt(prompt_text(record.messages)), record)
    for record in listed:
        # A chat often leaves the system message out.
        by_words.setdefault(normalize_prompt(record.messages[-1].content), record)
    return PromptIndex(
        records=by_words,
        labels=collect_labels(listed, answer_path=answer_path),
        max_characters=max(map(len, by_words), default=0),
    )
