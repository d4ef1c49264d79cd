"""The error responses of faults: errors of the catalogue, and AWS errors in the format of each service."""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Protocol

from starlette.responses import Response

from simulator.errors import ApiError
from simulator.faults.request import IncomingRequest
from simulator.faults.request_fault import ApiErrorEffect, AwsErrorEffect, RetryAfter, placeholders
from simulator.http.asgi import Scope, find_header
from simulator.http.aws_errors import FORM_CONTENT_TYPE, AwsError, encode_error


class ErrorRenderer(Protocol):
    """Renders and logs an ApiError as the API itself does."""

    def __call__(self, error: ApiError, *, method: str, path: str) -> Response:
        """Return the response to a request with this method and path."""


class ErrorResponses:
    """Makes error responses with the headers that every response of their kind has."""

    def __init__(
        self,
        *,
        render_error: ErrorRenderer,
        request_id: Callable[[], str],
        aws_request_id: Callable[[], str],
        wall_clock: Callable[[], float],
    ) -> None:
        """Connect the parts.

        Args:
            render_error: renders and logs an API error.
            request_id: returns a new request id of Mantle.
            aws_request_id: returns a new request id of AWS.
            wall_clock: returns this machine's time in seconds since the Unix epoch.
        """
        self._render_error = render_error
        self._request_id = request_id
        self._aws_request_id = aws_request_id
        self._wall_clock = wall_clock

    def api_error(self, effect: ApiErrorEffect, request: IncomingRequest, _scope: Scope, *, hint: str) -> Response:
        """Return an error of the catalogue. A missing value of its message is replaced by `<name>`."""
        values = {name: _UnformattedText(value) for name, value in _message_values(effect, request).items()}
        param = effect.values.get("param")
        error = effect.kind(**values | {"param": None if param is None else _UnformattedText(param)}, hint=hint)
        response = self._render_error(error, method=request.method, path=request.path)
        request_id = self._request_id()
        response.headers.update(
            {"x-request-id": request_id, "x-amzn-requestid": request_id, **self._retry_after_header(effect.retry_after)}
        )
        return response

    def aws_error(self, effect: AwsErrorEffect, request: IncomingRequest, scope: Scope, *, hint: str) -> Response:
        """Return an AWS error in the format of the service that the request is signed for."""
        encoded = encode_error(
            AwsError(code=effect.code, message=effect.message, status=effect.status),
            service=request.service or "",
            is_query_protocol=find_header(scope, b"content-type").startswith(FORM_CONTENT_TYPE),
            request_id=self._aws_request_id(),
        )
        headers = encoded.headers | {"x-simulator-hint": hint, **self._retry_after_header(effect.retry_after)}
        return Response(encoded.body, status_code=effect.status, headers=headers)

    def _retry_after_header(self, retry_after: RetryAfter | None) -> dict[str, str]:
        if retry_after is None:
            return {}
        date = formatdate(self._wall_clock() + retry_after.seconds, usegmt=True) if retry_after.as_date else None
        return {"retry-after": date or str(retry_after.seconds)}


class _UnformattedText(str):
    """A value that ignores the format specification in the message."""

    __slots__ = ()

    def __format__(self, _spec: str, /) -> str:
        return str(self)


def _message_values(effect: ApiErrorEffect, request: IncomingRequest) -> Mapping[str, Any]:
    from_request = {"method": request.method, "path": request.path, "model": request.model, "job": request.job}
    values = {name: value for name, value in from_request.items() if value is not None} | effect.values
    return {name: values.get(name, f"<{name}>") for name in placeholders(effect.kind) if name != "param"}
