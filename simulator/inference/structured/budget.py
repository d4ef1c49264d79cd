"""How much work a schema may make. It is counted in steps, not in seconds: every machine refuses the same schemas."""

from typing import Final

# A step is a few microseconds: of a schema that fits in a small body, all steps are some tens of milliseconds.
_STEPS: Final = 3_000
# Keywords within keywords. Python's own limit must not be reached in what `jsonschema` stands on: it aborts there.
_DEEPEST: Final = 150


class BudgetExceededError(Exception):
    """The work came to more steps than were allowed. No `SchemaError`: there is no other alternative to try."""


class Budget:
    """The steps that are left for one schema: a number that all have, and one for each character of it."""

    def __init__(self, schema_text: str) -> None:
        self.limit = _STEPS + len(schema_text)
        self._left = self.limit
        self._depth = 0

    def spend(self, steps: int = 1) -> None:
        """Count some steps.

        Raises:
            SpentError: they were not left.
        """
        self._left -= steps
        if self._left < 0:
            raise BudgetExceededError

    def enter_level(self) -> None:
        """Be one level deeper, until `come_up`.

        Raises:
            RecursionError: there are too many levels.
        """
        if self._depth >= _DEEPEST:
            raise RecursionError
        self._depth += 1

    def leave_level(self) -> None:
        """End a level."""
        self._depth -= 1
