"""Finds the record of an uploaded file whose prompt a chat repeats."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.training.dataset import Record, prompt_text
from simulator.training.reference_answer import collect_labels
from simulator.training.unicode_normalization import normalize_unicode

# A text is at most about this many times longer than its normalized form.
_MAX_EXPANSION = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptIndex:
    """The records of the uploaded files, by normalized prompt; `max_characters` is the length of the longest one."""

    records: Mapping[str, Record]
    labels: tuple[str, ...]
    max_characters: int = 0

    def find(self, text: str) -> Record | None:
        """Return the record with this prompt, or None. A text that is far too long is not normalized."""
        return self.records.get(normalize_prompt(text)) if len(text) <= _MAX_EXPANSION * self.max_characters else None


def normalize_prompt(text: str) -> str:
    """Return the text without case, spacing and compatibility forms, to compare it with other prompts."""
    return " ".join(normalize_unicode(text).casefold().split())


def build_prompt_index(records: Iterable[Record], *, answer_path: str | None = None) -> PromptIndex:
    """Build an index. Of several records with the same prompt the first one counts."""
    all_records = tuple(records)
    by_prompt: dict[str, Record] = {}
    for record in all_records:
        by_prompt.setdefault(normalize_prompt(prompt_text(record.messages)), record)
    for record in all_records:
        # Chats often leave out the system message.
        by_prompt.setdefault(normalize_prompt(record.messages[-1].content), record)
    return PromptIndex(
        records=by_prompt,
        labels=collect_labels(all_records, answer_path=answer_path),
        max_characters=max(map(len, by_prompt), default=0),
    )
