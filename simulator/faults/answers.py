"""The errors that faults answer with: rows of the catalogue, and those of AWS services in each one's own shape."""

import json
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Final, Protocol
from xml.sax.saxutils import escape

from starlette.responses import Response

from simulator.asgi import Scope, header
from simulator.errors import ApiError
from simulator.faults.fault import AwsRefusal, Refusal, RetryAfter, placeholders
from simulator.faults.request import Asked

_S3: Final = "s3"
_FORM: Final = "application/x-www-form-urlencoded"
_SERVERS_OWN_FAULT: Final = 500


class Rendering(Protocol):
    """Makes the answer that an ApiError is, and tells of it: the API's own way, which is the only one."""

    def __call__(self, error: ApiError, *, method: str, path: str) -> Response:
        """`method` and `path` are the request's."""


class Answers:
    """Makes the answers, each with the names that every answer of its kind carries."""

    def __init__(
        self,
        *,
        rendered: Rendering,
        request_id: Callable[[], str],
        aws_request_id: Callable[[], str],
        wall: Callable[[], float],
    ) -> None:
        """`wall` is the time of the callers' own clocks, in seconds since the Unix epoch."""
        self._rendered = rendered
        self._request_id = request_id
        self._aws_request_id = aws_request_id
        self._wall = wall

    def refusal(self, refusal: Refusal, asked: Asked, _scope: Scope, *, hint: str) -> Response:
        """Return a row of the catalogue as an answer; what its message lacks stands in it as `<name>`."""
        values = {name: _Plain(value) for name, value in _values(refusal, asked).items()}
        param = refusal.values.get("param")
        error = refusal.kind(**values | {"param": None if param is None else _Plain(param)}, hint=hint)
        answer = self._rendered(error, method=asked.method, path=asked.path)
        name = self._request_id()
        answer.headers.update({"x-request-id": name, "x-amzn-requestid": name, **self._wait(refusal.retry_after)})
        return answer

    def aws_refusal(self, refusal: AwsRefusal, asked: Asked, scope: Scope, *, hint: str) -> Response:
        """Return an AWS error in the shape of the service that was asked.

        The shapes are botocore's (its parsers): S3's XML, the query protocol's (IAM, STS, SNS), and the JSON ones,
        where a service reads the code from the header or from the body.
        """
        name = self._aws_request_id()
        told = {"x-simulator-hint": hint, "x-amzn-requestid": name, **self._wait(refusal.retry_after)}
        code, message = escape(refusal.code), escape(refusal.message)
        if asked.service == _S3:
            body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{name}</RequestId></Error>"
            return _xml(body, status=refusal.status, headers=told | {"x-amz-request-id": name})
        if header(scope, b"content-type").startswith(_FORM):
            side = "Receiver" if refusal.status >= _SERVERS_OWN_FAULT else "Sender"
            error = f"<Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            body = f"<ErrorResponse>{error}<RequestId>{name}</RequestId></ErrorResponse>"
            return _xml(body, status=refusal.status, headers=told)
        fields = {"Message": refusal.message, "__type": refusal.code, "message": refusal.message}
        return Response(
            json.dumps(fields),
            status_code=refusal.status,
            media_type="application/json",
            headers=told | {"x-amzn-errortype": refusal.code},
        )

    def _wait(self, wanted: RetryAfter | None) -> dict[str, str]:
        if wanted is None:
            return {}
        date = formatdate(self._wall() + wanted.seconds, usegmt=True) if wanted.as_date else None
        return {"retry-after": date or str(wanted.seconds)}


class _Plain(str):
    """A value that is shown as it is, whatever format the message asks for."""

    __slots__ = ()

    def __format__(self, _spec: str, /) -> str:
        return str(self)


def _values(refusal: Refusal, asked: Asked) -> Mapping[str, Any]:
    given = {"method": asked.method, "path": asked.path, "model": asked.model, "job": asked.job}
    known = {name: value for name, value in given.items() if value is not None} | refusal.values
    return {name: known.get(name, f"<{name}>") for name in placeholders(refusal.kind) if name != "param"}


def _xml(body: str, *, status: int, headers: Mapping[str, str]) -> Response:
    declared = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Response(declared, status_code=status, media_type="text/xml", headers=dict(headers))
