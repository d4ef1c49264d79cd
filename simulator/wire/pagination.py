"""Lists: the query that asks for a slice, and the envelope that carries it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from simulator.errors import BELOW_MINIMUM, INVALID_VALUE
from simulator.store.database import Page
from simulator.wire.json_response import Json

Row = TypeVar("Row")

SORT_ORDERS: Final = ("asc", "desc")

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")  # Python's `int` would also take spaces, underscores and other digits


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLimits:
    """How many elements a listing gives when it is not told, and the most that it will give."""

    default: int
    maximum: int


# OPENAI for the defaults; AWS's sample asks for 200 jobs, so OpenAI's maximum of 100 cannot be Mantle's.
FILE_PAGE_LIMITS: Final = PageLimits(default=10_000, maximum=10_000)
JOB_PAGE_LIMITS: Final = PageLimits(default=20, maximum=1_000)
EVENT_PAGE_LIMITS: Final = PageLimits(default=20, maximum=1_000)
CHECKPOINT_PAGE_LIMITS: Final = PageLimits(default=10, maximum=1_000)
PROJECT_PAGE_LIMITS: Final = PageLimits(default=20, maximum=1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which part of a list is wanted: what follows the element `after`, at most `limit`, newest first unless told."""

    after: str | None
    limit: int
    order: str


def parse_page_request(query: Mapping[str, str], limits: PageLimits) -> PageRequest:
    """Read `after`, `limit` and `order` from a query string.

    Raises:
        ApiError: a limit or an order that cannot be.
    """
    order = query.get("order", "desc")
    if order not in SORT_ORDERS:
        raise INVALID_VALUE(param="order", why=f"expected one of {', '.join(SORT_ORDERS)}, got '{order}'")
    return PageRequest(
        after=query.get("after") or None, limit=_limit(parse_integer(query, "limit"), limits), order=order
    )


def parse_flag(query: Mapping[str, str], name: str) -> bool:
    """Read a switch from a query string; it is off when it is not there.

    Raises:
        ApiError: neither `true` nor `false`.
    """
    text = query.get(name, "false")
    if text not in {"true", "false"}:
        raise INVALID_VALUE(param=name, why=f"expected true or false, got '{text}'")
    return text == "true"


def parse_integer(query: Mapping[str, str], name: str) -> int | None:
    """Read a whole number from a query string; None when it is not there.

    Raises:
        ApiError: it is none.
    """
    text = query.get(name)
    if text is None:
        return None
    if not _INTEGER.fullmatch(text):
        raise INVALID_VALUE(param=name, why=f"expected an integer, got '{text}'")
    return int(text)


def _limit(limit: int | None, limits: PageLimits) -> int:
    if limit is None:
        return limits.default
    if limit < 1:
        raise BELOW_MINIMUM(param="limit", minimum=1, got=limit)
    if limit > limits.maximum:
        raise INVALID_VALUE(param="limit", why=f"integer above maximum value {limits.maximum}, got {limit}")
    return limit


def render_page(page: Page[Row], render: Callable[[Row], Json]) -> Json:
    """Return the list envelope (DOCUMENTED for projects, taken for all)."""
    return _envelope([render(row) for row in page.rows], has_more=page.has_more)


def render_list(elements: Iterable[Json]) -> Json:
    """Return a list that has no pages, as `/v1/models` gives it (OBSERVED: only `data` and `object`)."""
    return {"data": list(elements), "object": "list"}


def _envelope(data: list[Json], *, has_more: bool) -> Json:
    return {
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "has_more": has_more,
        "last_id": data[-1]["id"] if data else None,
        "object": "list",
    }
