"""The limit for the work on a schema: in steps, not seconds, so that every machine refuses the same schemas."""

from typing import Final

# A step takes a few microseconds, all steps of a small schema some tens of milliseconds.
_STEPS: Final = 3_000
# Nested keywords. Libraries below `jsonschema` abort at Python's recursion limit, so this limit is lower.
_MAX_DEPTH: Final = 150


class BudgetExceededError(Exception):
    """The work takes too many steps. Not a SchemaError, for which the generator tries the next alternative."""


class Budget:
    """The remaining steps of one schema: a fixed number, and one for each of its characters."""

    def __init__(self, schema_text: str) -> None:
        self.limit = _STEPS + len(schema_text)
        self._remaining_steps = self.limit
        self._depth = 0

    def spend(self, steps: int = 1) -> None:
        """Count some steps.

        Raises:
            BudgetExceededError: no steps are left.
        """
        self._remaining_steps -= steps
        if self._remaining_steps < 0:
            raise BudgetExceededError

    def enter_level(self) -> None:
        """Go one level deeper, until `leave_level`.

        Raises:
            RecursionError: there are too many levels.
        """
        if self._depth >= _MAX_DEPTH:
            raise RecursionError
        self._depth += 1

    def leave_level(self) -> None:
        """Go one level up."""
        self._depth -= 1
