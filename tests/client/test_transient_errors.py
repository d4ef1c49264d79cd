"""Which failures a retry may cure."""

from __future__ import annotations

import openai
import pytest

from client.transient_errors import retry_after_seconds, transient_reason
from tests.client.sdk_errors import REQUEST, make_status_error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (make_status_error(429), "the service asks to slow down (429)"),
        (make_status_error(408), "the service answered 408"),
        (make_status_error(503), "the service answered 503"),
        (openai.APITimeoutError(REQUEST), "no answer in time"),
        (openai.APIConnectionError(request=REQUEST), "no connection (Connection error.)"),
        (make_status_error(400), None),
        (make_status_error(401), None),
        (make_status_error(404), None),
        (make_status_error(500, x_should_retry="false"), None),
        (ValueError("a bug"), None),
    ],
)
def test_only_transient_failures_have_a_reason_to_retry(error: Exception, reason: str | None) -> None:
    """Throttling, server errors and connection errors; not a refusal or a bug."""
    assert transient_reason(error) == reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "Sat, 21 Nov 2026 20:00:30 GMT", "date": "Sat, 21 Nov 2026 20:00:00 GMT"}, 30.0),
        ({"retry_after": "Sat, 21 Nov 2026 20:00:30 GMT"}, None),
        ({"retry_after": "soon"}, None),
    ],
)
def test_retry_after_is_parsed(headers: dict[str, str], seconds: float | None) -> None:
    """As seconds or as a date; a date needs the server's own date."""
    assert retry_after_seconds(make_status_error(429, **headers)) == seconds
