"""One call of a reward function: an event with some rollouts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.grading.lambda_event import encode_element


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingCall:
    """One event: the ids and texts of its rollouts, and its encoded payload."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    payload: bytes

    @property
    def name(self) -> str:
        """The rollouts, for messages."""
        return self.ids[0] if len(self.ids) == 1 else f"{self.ids[0]} and {len(self.ids) - 1} more"

    def split(self) -> Iterator["GradingCall"]:
        """Yield a call for each rollout alone."""
        for name, text, element in zip(self.ids, self.texts, json.loads(self.payload), strict=True):
            yield GradingCall(ids=(name,), texts=(text,), payload=b"[" + encode_element(element) + b"]")
