"""Find the page that describes fault scripts."""

from pathlib import Path
from typing import Final

_IN_CHECKOUT: Final = Path(__file__).parents[2] / "docs" / "faults.md"
_IN_WHEEL: Final = Path(__file__).with_name("faults.md")  # a copy; see `force-include` in pyproject.toml


def script_page_path() -> Path:
    """Return the path of `faults.md`: the copy in an installed wheel, or the page in `docs/` of a checkout."""
    return _IN_WHEEL if _IN_WHEEL.exists() else _IN_CHECKOUT
