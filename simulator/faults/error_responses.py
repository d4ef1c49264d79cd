"""The errors that faults answer with: rows of the catalogue, and those of AWS services in each one's own shape."""

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
    """Makes the answer that an ApiError is, and tells of it: the API's own way, which is the only one."""

    def __call__(self, error: ApiError, *, method: str, path: str) -> Response:
        """`method` and `path` are the request's."""


class ErrorResponses:
    """Makes the answers, each with the names that every answer of its kind carries."""

    def __init__(
        self,
        *,
        render_error: ErrorRenderer,
        request_id: Callable[[], str],
        aws_request_id: Callable[[], str],
        wall_clock: Callable[[], float],
    ) -> None:
        """`wall_clock` is the time of the callers' own clocks, in seconds since the Unix epoch."""
        self._rendered = render_error
        self._request_id = request_id
        self._aws_request_id = aws_request_id
        self._wall = wall_clock

    def api_error(self, effect: ApiErrorEffect, request: IncomingRequest, _scope: Scope, *, hint: str) -> Response:
        """Return a row of the catalogue as an answer; what its message lacks stands in it as `<name>`."""
        values = {name: _UnformattedText(value) for name, value in _message_values(effect, request).items()}
        param = effect.values.get("param")
        error = effect.kind(**values | {"param": None if param is None else _UnformattedText(param)}, hint=hint)
        answer = self._rendered(error, method=request.method, path=request.path)
        name = self._request_id()
        answer.headers.update(
            {"x-request-id": name, "x-amzn-requestid": name, **self._retry_after_header(effect.retry_after)}
        )
        return answer

    def aws_error(self, effect: AwsErrorEffect, request: IncomingRequest, scope: Scope, *, hint: str) -> Response:
        """Return an AWS error in the shape of the service that was asked."""
        told = encode_error(
            AwsError(code=effect.code, message=effect.message, status=effect.status),
            service=request.service or "",
            is_query_protocol=find_header(scope, b"content-type").startswith(FORM_CONTENT_TYPE),
            request_id=self._aws_request_id(),
        )
        headers = told.headers | {"x-simulator-hint": hint, **self._retry_after_header(effect.retry_after)}
        return Response(told.body, status_code=effect.status, headers=headers)

    def _retry_after_header(self, wanted: RetryAfter | None) -> dict[str, str]:
        if wanted is None:
            return {}
        date = formatdate(self._wall() + wanted.seconds, usegmt=True) if wanted.as_date else None
        return {"retry-after": date or str(wanted.seconds)}


class _UnformattedText(str):
    """A value that is shown as it is, whatever format the message asks for."""

    __slots__ = ()

    def __format__(self, _spec: str, /) -> str:
        return str(self)


def _message_values(refusal: ApiErrorEffect, asked: IncomingRequest) -> Mapping[str, Any]:
    given = {"method": asked.method, "path": asked.path, "model": asked.model, "job": asked.job}
    known = {name: value for name, value in given.items() if value is not None} | refusal.values
    return {name: known.get(name, f"<{name}>") for name in placeholders(refusal.kind) if name != "param"}
