"""Lists: the requested page and its envelope."""

import pytest

from simulator.errors import ApiError
from simulator.store.database import Page
from simulator.wire.pagination import (
    CHECKPOINT_PAGE_LIMITS,
    EVENT_PAGE_LIMITS,
    FILE_PAGE_LIMITS,
    JOB_PAGE_LIMITS,
    PageLimits,
    PageRequest,
    parse_page_request,
    render_list,
    render_page,
)

LIMITS = PageLimits(default=20, maximum=100)


def test_the_defaults_are_openais_and_200_is_allowed() -> None:
    """AWS's notebook requests 200 jobs, so OpenAI's maximum of 100 cannot be Mantle's."""
    assert [
        limits.default for limits in (FILE_PAGE_LIMITS, JOB_PAGE_LIMITS, EVENT_PAGE_LIMITS, CHECKPOINT_PAGE_LIMITS)
    ] == [10_000, 20, 20, 10]
    assert (
        min(limits.maximum for limits in (FILE_PAGE_LIMITS, JOB_PAGE_LIMITS, EVENT_PAGE_LIMITS, CHECKPOINT_PAGE_LIMITS))
        >= 200
    )


@pytest.mark.parametrize(
    ("query", "page_request"),
    [
        ({}, PageRequest(after=None, limit=20, order="desc")),
        ({"after": ""}, PageRequest(after=None, limit=20, order="desc")),
        ({"after": "x", "limit": "1", "order": "asc"}, PageRequest(after="x", limit=1, order="asc")),
        ({"limit": "100"}, PageRequest(after=None, limit=100, order="desc")),
        ({"metadata[team]": "maths"}, PageRequest(after=None, limit=20, order="desc")),
    ],
)
def test_a_query_requests_a_page(query: dict[str, str], page_request: PageRequest) -> None:
    """Newest first by default."""
    assert parse_page_request(query, LIMITS) == page_request


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ({"limit": "0"}, "integer_below_min_value", "limit"),
        ({"limit": "-1"}, "integer_below_min_value", "limit"),
        ({"limit": "101"}, "validation_error", "limit"),
        ({"limit": ""}, "validation_error", "limit"),
        ({"limit": "ten"}, "validation_error", "limit"),
        ({"limit": "1.0"}, "validation_error", "limit"),
        ({"limit": " 5"}, "validation_error", "limit"),
        ({"limit": "1_0"}, "validation_error", "limit"),
        ({"limit": "٣"}, "validation_error", "limit"),
        ({"limit": "9" * 5_000}, "validation_error", "limit"),
        ({"order": "newest"}, "validation_error", "order"),
        ({"order": "DESC"}, "validation_error", "order"),
    ],
)
def test_an_invalid_page_request_is_refused(query: dict[str, str], code: str, param: str) -> None:
    """By its parameter."""
    with pytest.raises(ApiError) as exc_info:
        parse_page_request(query, LIMITS)
    assert (exc_info.value.kind.status, exc_info.value.kind.code, exc_info.value.param) == (400, code, param)


def test_a_page_has_its_first_and_last_id() -> None:
    """DOCUMENTED for projects, keys in alphabetical order."""
    page = Page(rows=("a", "b"), has_more=True)
    rendered = render_page(page, lambda row: {"id": row})
    assert list(rendered.items()) == [
        ("data", [{"id": "a"}, {"id": "b"}]),
        ("first_id", "a"),
        ("has_more", True),
        ("last_id", "b"),
        ("object", "list"),
    ]


def test_an_empty_page_has_null_ids() -> None:
    """They are not left out."""
    empty: Page[str] = Page(rows=(), has_more=False)
    assert render_page(empty, lambda row: {"id": row}) == {
        "data": [],
        "first_id": None,
        "has_more": False,
        "last_id": None,
        "object": "list",
    }


def test_a_list_without_pages_has_two_keys() -> None:
    """OBSERVED for models."""
    assert list(render_list([{"id": "m"}]).items()) == [("data", [{"id": "m"}]), ("object", "list")]
