"""A request to an AWS service and its answer, as values; and which requests only read.

Of the three forms that AWS's services have, two name the operation in the request (the JSON protocol in X-Amz-Target,
the query protocol as `Action`, in a form or in the address), and REST goes by HTTP's method.
"""

from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import parse_qs

from simulator.asgi import Scope
from simulator.identity.sigv4 import SignedScope, scope_of

_TARGET: Final = "x-amz-target"
_FORM: Final = "application/x-www-form-urlencoded"
_ACTION: Final = "Action"
_LONGEST_FORM: Final = 65_536  # bytes in which to look for the operation; no request that reads is as long

_READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
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
    def signed(self) -> SignedScope | None:
        """For which service, where and by whose key the request is signed; None when it is not."""
        return scope_of(self.header("authorization"), self.query)

    def operation(self, body: BinaryIO) -> str:
        """Return the operation that the request names; empty when it names none. The body is left at its beginning."""
        if self.method not in {"GET", "POST"}:  # whatever else it says is S3's, which takes any query and header
            return ""
        name = self.header(_TARGET).rpartition(".")[2] or self._action(body)
        return name if name.isalnum() else ""

    def _action(self, body: BinaryIO) -> str:
        form = self.query
        if self.header("content-type").startswith(_FORM):
            body.seek(0)
            form = f"{body.read(_LONGEST_FORM).decode('latin-1')}&{form}"
            body.seek(0)
        return parse_qs(form).get(_ACTION, [""])[0]

    def only_reads(self, body: BinaryIO) -> bool:
        """Whether the request changes nothing. What is not known for a read is a write."""
        if name := self.operation(body):
            return name.startswith(_READING) and name not in _WRITING_ALL_THE_SAME
        return self.method in _READING_METHODS


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAnswer:
    """What goes back over HTTP."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def request_of(scope: Scope) -> AwsRequest:
    """Return the request that an HTTP scope is about."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    target = raw.partition(b"?")[0] + (b"?" + query if query else b"")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return AwsRequest(method=scope["method"], target=target.decode("latin-1"), headers=headers)
