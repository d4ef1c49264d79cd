"""Lists: the query that requests a page, and the envelope that has it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from simulator.errors import BELOW_MINIMUM, INVALID_VALUE
from simulator.store.database import Page
from simulator.wire.json_response import Json

Row = TypeVar("Row")

SORT_ORDERS: Final = ("asc", "desc")

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")  # `int` would also accept spaces, underscores and other digits


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLimits:
    """The number of elements in a page without a `limit`, and the largest `limit`."""

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
    """The requested page: at most `limit` elements that follow the element `after`, in `order`."""

    after: str | None
    limit: int
    order: str


def parse_page_request(query: Mapping[str, str], limits: PageLimits) -> PageRequest:
    """Parse `after`, `limit` and `order` of a query string. The default order is newest first.

    Raises:
        ApiError: an invalid limit or order.
    """
    order = query.get("order", "desc")
    if order not in SORT_ORDERS:
        raise INVALID_VALUE(param="order", why=f"expected one of {', '.join(SORT_ORDERS)}, got '{order}'")
    return PageRequest(
        after=query.get("after") or None, limit=_check_limit(parse_integer(query, "limit"), limits), order=order
    )


def parse_flag(query: Mapping[str, str], name: str) -> bool:
    """Parse a boolean of a query string; False if it is missing.

    Raises:
        ApiError: neither `true` nor `false`.
    """
    text = query.get(name, "false")
    if text not in {"true", "false"}:
        raise INVALID_VALUE(param=name, why=f"expected true or false, got '{text}'")
    return text == "true"


def parse_integer(query: Mapping[str, str], name: str) -> int | None:
    """Parse an integer of a query string; None if it is missing.

    Raises:
        ApiError: it is not an integer.
    """
    text = query.get(name)
    if text is None:
        return None
    if not _INTEGER.fullmatch(text):
        raise INVALID_VALUE(param=name, why=f"expected an integer, got '{text}'")
    return int(text)


def _check_limit(limit: int | None, limits: PageLimits) -> int:
    if limit is None:
        return limits.default
    if limit < 1:
        raise BELOW_MINIMUM(param="limit", minimum=1, got=limit)
    if limit > limits.maximum:
        raise INVALID_VALUE(param="limit", why=f"integer above maximum value {limits.maximum}, got {limit}")
    return limit


def render_page(page: Page[Row], render: Callable[[Row], Json]) -> Json:
    """Return the list envelope (DOCUMENTED for projects, used for all lists)."""
    return _envelope([render(row) for row in page.rows], has_more=page.has_more)


def render_list(elements: Iterable[Json]) -> Json:
    """Return a list without pages, as `/v1/models` has it (OBSERVED: only `data` and `object`)."""
    return {"data": list(elements), "object": "list"}


def _envelope(data: list[Json], *, has_more: bool) -> Json:
    return {
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "has_more": has_more,
        "last_id": data[-1]["id"] if data else None,
        "object": "list",
    }
