"""A request to an AWS service and its answer, as values; and which requests only read.

Of the three forms that AWS's services have, two name the operation in the request (the JSON protocol in X-Amz-Target,
the query protocol as `Action`, in a form or in the address), and REST goes by HTTP's method. What a request says that
is of no use to its service is believed for nothing: moto is free in where it looks for a name, so a request that bears
several reads only if all of them do.
"""

from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import parse_qs

from simulator.http.asgi import Scope
from simulator.http.aws_errors import FORM_CONTENT_TYPE, S3
from simulator.identity.sigv4 import CredentialScope, parse_credential_scope

_TARGET: Final = "x-amz-target"
_PARTS: Final = "multipart/"
_ACTION: Final = "Action"
_LONGEST_FORM: Final = 65_536  # bytes in which to look for the operation; no request that reads is as long

_READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NAMING_METHODS: Final = _READING_METHODS | {"POST"}
_BELOW_PATHS: Final = "sqs"  # whose operations are named at the paths of queues as well; all others' at the root
_READING: Final = (
    *("BatchGet", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Query", "Scan", "Search", "Simulate"),
)
_WRITING_ALL_THE_SAME: Final = frozenset(
    {
        # STS: credentials are made.
        *("GetDelegatedAccessToken", "GetFederationToken", "GetSessionToken", "GetWebIdentityToken"),
        # Cognito: an identity is made; Step Functions: a task is handed out.
        *("GetActivityTask", "GetCredentialsForIdentity", "GetId"),
        *("GetOpenIdToken", "GetOpenIdTokenForDeveloperIdentity"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsRequest:
    """A request without its body. `target` is path and query as they came; names of headers are in lower case.

    What came as bytes is text here, read as Latin-1.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """Return a header by its lower-case name; empty when there is none."""
        return next((value for given, value in self.headers if given == name), "")

    @property
    def path(self) -> str:
        """The path as it came."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the path; empty when nothing does."""
        return self.target.partition("?")[2]

    @property
    def credential_scope(self) -> CredentialScope | None:
        """For which service, where and by whose key the request is signed; None when it is not."""
        return parse_credential_scope(self.header("authorization"), self.query)

    @property
    def service(self) -> str:
        """The service that the request is signed for; empty when it is not signed."""
        return self.credential_scope.service if self.credential_scope else ""

    @property
    def is_query_protocol(self) -> bool:
        """Whether the request comes in the query protocol."""
        in_address = _ACTION in parse_qs(self.query) and not self.header(_TARGET)
        return self.service != S3 and (self.header("content-type").startswith(FORM_CONTENT_TYPE) or in_address)

    def operation(self, body: BinaryIO) -> str:
        """Return the operation that the request names; empty when it names none. The body is left at its beginning."""
        if self.service == S3 or self.method not in {"GET", "POST"}:  # S3 takes any query and header
            return ""
        names = self._names(body if self.is_query_protocol else None)
        return names[0] if names and names[0].isalnum() else ""

    def is_read_only(self, body: BinaryIO) -> bool:
        """Whether the request changes nothing. What is not known for a read is a write."""
        if self.service == S3:
            return self.method in _READING_METHODS
        if self.method not in _NAMING_METHODS or self.header("content-encoding") or self._is_in_parts:
            return False
        if names := self._names(body):
            at_place = self.path == "/" or self.service == _BELOW_PATHS
            return at_place and all(map(_reads, names))
        return self.method in _READING_METHODS

    def _names(self, body: BinaryIO | None) -> list[str]:
        """Return all the names of operations that somebody may find in the request, and in its body if it is given."""
        target = ",".join(value for given, value in self.headers if given == _TARGET)  # as WSGI has what comes twice
        names = [target.rpartition(".")[2], self.header(_ACTION.lower())]
        if body:
            body.seek(0)
            form = body.read(_LONGEST_FORM).decode("latin-1")
            names += parse_qs(form).get(_ACTION, [])
            if body.read(1):  # it may be named further on
                names.append("*")
            body.seek(0)
        return [name for name in (*names, *parse_qs(self.query).get(_ACTION, [])) if name]

    @property
    def _is_in_parts(self) -> bool:
        return self.header("content-type").lower().startswith(_PARTS)


def _reads(name: str) -> bool:
    return name.isalnum() and name.startswith(_READING) and name not in _WRITING_ALL_THE_SAME


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsResponse:
    """What goes back over HTTP. `failed`: something was raised, so some of what was asked for may have been done."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    failed: bool = False


def aws_request_from(scope: Scope) -> AwsRequest:
    """Return the request that an HTTP scope is about."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    target = raw.partition(b"?")[0] + (b"?" + query if query else b"")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return AwsRequest(method=scope["method"], target=target.decode("latin-1"), headers=headers)
