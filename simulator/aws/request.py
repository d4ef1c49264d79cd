"""Requests to AWS services and their responses as values, and the check whether a request only reads.

Two of AWS's three protocols name the operation in the request: JSON in X-Amz-Target, query as `Action` in a form or in
the URL. REST uses the HTTP method. A request may also have names that its service's protocol does not use, and moto may
use any of them. So a request with several names is a read only if all of them are reads.
"""

from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import parse_qs

from simulator.http.asgi import Scope
from simulator.http.aws_errors import CBOR_PROTOCOL, CBOR_PROTOCOL_HEADER, FORM_CONTENT_TYPE, S3
from simulator.identity.sigv4 import CredentialScope, parse_credential_scope

_TARGET_HEADER: Final = "x-amz-target"
_MULTIPART: Final = "multipart/"
_ACTION_FIELD: Final = "Action"
_MAX_FORM_BYTES: Final = 65_536  # the part of a form that is searched for the operation; no read request is longer

_READ_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS_WITH_OPERATION: Final = _READ_METHODS | {"POST"}
_SERVICE_WITH_PATHS: Final = "sqs"  # SQS names operations at the paths of queues too; all other services at `/` only
_READ_PREFIXES: Final = (
    *("BatchGet", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Query", "Scan", "Search", "Simulate"),
)
_WRITES_DESPITE_PREFIX: Final = frozenset(
    {
        # STS: they create credentials.
        *("GetDelegatedAccessToken", "GetFederationToken", "GetSessionToken", "GetWebIdentityToken"),
        # Cognito: they create an identity. Step Functions: it assigns a task.
        *("GetActivityTask", "GetCredentialsForIdentity", "GetId"),
        *("GetOpenIdToken", "GetOpenIdTokenForDeveloperIdentity"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsRequest:
    """A request without its body. `target` is path and query as sent; header names are in lower case.

    Bytes are decoded as Latin-1.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """Return a header by its lower-case name; empty when there is none."""
        return next((value for header_name, value in self.headers if header_name == name), "")

    @property
    def path(self) -> str:
        """The path as sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as sent; empty when there is none."""
        return self.target.partition("?")[2]

    @property
    def credential_scope(self) -> CredentialScope | None:
        """The scope of the signature: access key, region and service; None when the request is not signed."""
        return parse_credential_scope(self.header("authorization"), self.query)

    @property
    def service(self) -> str:
        """The service that the request is signed for; empty when it is not signed."""
        return self.credential_scope.service if self.credential_scope else ""

    @property
    def is_query_protocol(self) -> bool:
        """Whether the request uses the query protocol."""
        action_in_query = _ACTION_FIELD in parse_qs(self.query) and not self.header(_TARGET_HEADER)
        return self.service != S3 and (self.header("content-type").startswith(FORM_CONTENT_TYPE) or action_in_query)

    @property
    def is_cbor_protocol(self) -> bool:
        """Whether the request uses the CBOR protocol, as new versions of boto3 do with some services."""
        return self.header(CBOR_PROTOCOL_HEADER) == CBOR_PROTOCOL

    def operation(self, body: BinaryIO) -> str:
        """Return the operation that the request names; empty when it names none. The body is rewound."""
        if self.service == S3 or self.method not in {"GET", "POST"}:  # S3 allows any query and header
            return ""
        names = self._operation_names(body if self.is_query_protocol else None)
        return names[0] if names and names[0].isalnum() else ""

    def is_read_only(self, body: BinaryIO) -> bool:
        """Whether the request changes nothing. An unknown operation counts as a write."""
        if self.service == S3:
            return self.method in _READ_METHODS
        if self.method not in _METHODS_WITH_OPERATION or self.header("content-encoding") or self._is_multipart:
            return False
        if names := self._operation_names(body):
            path_allowed = self.path == "/" or self.service == _SERVICE_WITH_PATHS
            return path_allowed and all(map(_is_read_operation, names))
        return self.method in _READ_METHODS

    def _operation_names(self, body: BinaryIO | None) -> list[str]:
        """Return all operation names that moto may find in the request, and in its body if one is passed."""
        # WSGI joins repeated headers with commas.
        target = ",".join(value for header_name, value in self.headers if header_name == _TARGET_HEADER)
        names = [target.rpartition(".")[2], self.header(_ACTION_FIELD.lower())]
        if body:
            body.seek(0)
            form = body.read(_MAX_FORM_BYTES).decode("latin-1")
            names += parse_qs(form).get(_ACTION_FIELD, [])
            if body.read(1):  # the rest may hold a name
                names.append("*")
            body.seek(0)
        return [name for name in (*names, *parse_qs(self.query).get(_ACTION_FIELD, [])) if name]

    @property
    def _is_multipart(self) -> bool:
        return self.header("content-type").lower().startswith(_MULTIPART)


def _is_read_operation(name: str) -> bool:
    return name.isalnum() and name.startswith(_READ_PREFIXES) and name not in _WRITES_DESPITE_PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsResponse:
    """An HTTP response. `failed`: moto raised an exception, so the request may have been carried out in part."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    failed: bool = False


def aws_request_from(scope: Scope) -> AwsRequest:
    """Return the request of an ASGI scope."""
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    target = raw_path.partition(b"?")[0] + (b"?" + query if query else b"")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return AwsRequest(method=scope["method"], target=target.decode("latin-1"), headers=headers)
