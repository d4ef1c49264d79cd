"""Authorization of requests: the permissions that are checked, with which condition keys, and the errors."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from starlette.requests import Request

from simulator.errors import BAD_SIGNATURE, ApiError
from simulator.http.asgi import ORIGINAL_BODY
from simulator.identity.authentication import AuthenticationResult, BearerTokenType, BodyCheck, Caller
from simulator.identity.authorization import AuthorizedRequest, Authorizer

ACCOUNT = "123456789012"
PROJECTS = f"arn:aws:bedrock-mantle:us-west-2:{ACCOUNT}:project"
ROOT = Caller(arn=f"arn:aws:iam::{ACCOUNT}:root", account=ACCOUNT)
ANN = Caller(arn=f"arn:aws:iam::{ACCOUNT}:user/ann", account=ACCOUNT)
NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
GLOBAL = {
    "aws:CurrentTime": "2026-06-01T12:00:00Z",
    "aws:EpochTime": "1780315200",
    "aws:RequestedRegion": "us-west-2",
    "aws:SecureTransport": "true",
    "aws:SourceIp": "192.0.2.1",
    "aws:UserAgent": "test",
    "aws:ViaAWSService": "false",
}

PermissionRequest = tuple[str, str, str, Mapping[str, str | Sequence[str]]]


@dataclass
class FakeIam:
    """Denies the actions in `denied`, and records each check: caller, action, resource, condition keys."""

    denied: tuple[str, ...] = ()
    requests: list[PermissionRequest] = field(default_factory=list)

    def __call__(
        self, *, caller: str, action: str, resource: str, context: Mapping[str, str | Sequence[str]]
    ) -> str | None:
        """Deny as IAM does."""
        self.requests.append((caller, action, resource, context))
        return f"not {action}" if action in self.denied else None


class FakeProjects:
    """Two projects of one account."""

    default_project_id = "default"

    def arn(self, account: str, project_id: str) -> str:
        """Return a project's ARN."""
        return f"arn:aws:bedrock-mantle:us-west-2:{account}:project/{project_id}"

    def resolve_project(self, account: str, name: str) -> str:
        """Return the id of a project of the account."""
        assert account == ACCOUNT
        if name not in {"default", "proj_1"}:
            raise LookupError(name)
        return name


def request(
    *parts: bytes,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    client: tuple[str, int] | None = ("192.0.2.1", 5),
    path: Mapping[str, str] | None = None,
) -> Request:
    """Return a request whose body arrives in `parts`."""
    waiting = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)} for number, part in enumerate(parts, 1)
    ] or [{"type": "http.request", "body": b"", "more_body": False}]
    all_headers = {"user-agent": "test", **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
        "path_params": path or {},
        "client": client,
    }

    async def receive() -> Any:
        return waiting.pop(0)

    return Request(scope, receive)


async def authorize(
    incoming: Request,
    action: str,
    *conditions: str,
    caller: Caller = ANN,
    iam: FakeIam | None = None,
    check_body: BodyCheck | None = None,
) -> AuthorizedRequest:
    """Authorize a request, or raise its error."""
    gate = Authorizer(
        authenticate=lambda _scope: AuthenticationResult(caller=caller, check_body=check_body),
        denial_reason=iam or FakeIam(),
        region="us-west-2",
        now=NOW.timestamp,
        projects=FakeProjects(),
        resolve_model_alias=lambda model: {"alias": "m"}.get(model, model),
    )
    return await gate.authorize(incoming, action, conditions)


def permission_requests(
    incoming: Request, action: str, *conditions: str, caller: Caller = ANN
) -> list[PermissionRequest]:
    """Return the permission checks of an authorized request."""
    iam = FakeIam()
    asyncio.run(authorize(incoming, action, *conditions, caller=caller, iam=iam))
    return iam.requests


def authorization_error(
    incoming: Request, action: str, *, denied: str, caller: Caller = ANN
) -> tuple[int, str, str, str | None]:
    """Return status, code, message and hint for a caller who may not do `denied`."""
    with pytest.raises(ApiError) as met:
        asyncio.run(authorize(incoming, action, caller=caller, iam=FakeIam(denied=(f"bedrock-mantle:{denied}",))))
    return met.value.kind.status, met.value.kind.code, met.value.message, met.value.hint


def test_a_signed_request_needs_the_action_on_its_project() -> None:
    """With the global condition keys."""
    assert permission_requests(request(), "ListFiles") == [
        (ANN.arn, "bedrock-mantle:ListFiles", f"{PROJECTS}/default", GLOBAL)
    ]


@pytest.mark.parametrize("kind", BearerTokenType)
def test_a_bearer_key_needs_its_own_permission_first(kind: BearerTokenType) -> None:
    """On `*`, with the kind of key as a condition key. The action itself does not have that key."""
    bearer = Caller(arn=ANN.arn, account=ACCOUNT, bearer_type=kind)
    token = {"bedrock-mantle:BearerTokenType": kind.value}
    assert permission_requests(request(), "ListFiles", caller=bearer) == [
        (ANN.arn, "bedrock-mantle:CallWithBearerToken", "*", GLOBAL | token),
        (ANN.arn, "bedrock-mantle:ListFiles", f"{PROJECTS}/default", GLOBAL),
    ]


def test_the_root_needs_no_permission() -> None:
    """The request is not read for IAM."""
    assert permission_requests(request(), "CreateFineTuningJob", "Files", "Model", caller=ROOT) == []


def test_a_client_without_an_ip_address_has_no_source_ip_key() -> None:
    """A Unix socket has no address."""
    [(_, _, _, context)] = permission_requests(request(client=None), "ListFiles")
    assert context == {name: value for name, value in GLOBAL.items() if name != "aws:SourceIp"}


@pytest.mark.parametrize(
    ("action", "condition", "path", "keys"),
    [
        ("GetFile", "Files", {"file": "f1"}, {"bedrock-mantle:Files": ["f1"]}),
        ("GetFineTuningJob", "FineTuningJob", {"job": "ftjob-1"}, {"bedrock-mantle:FineTuningJob": "ftjob-1"}),
    ],
)
def test_ids_in_the_path_are_condition_keys(
    action: str, condition: str, path: dict[str, str], keys: dict[str, object]
) -> None:
    """DOCUMENTED: Service Authorization Reference."""
    assert permission_requests(request(path=path), action, condition) == [
        (ANN.arn, f"bedrock-mantle:{action}", f"{PROJECTS}/default", GLOBAL | keys)
    ]


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (
            {"model": "m", "training_file": "f1", "validation_file": "f2"},
            {"bedrock-mantle:Files": ["f1", "f2"], "bedrock-mantle:Model": "m"},
        ),
        ({"model": "m", "training_file": "f1"}, {"bedrock-mantle:Files": ["f1"], "bedrock-mantle:Model": "m"}),
        ({"model": "alias"}, {"bedrock-mantle:Model": "m"}),
        ({"model": 3, "training_file": ["f1"]}, {}),
        ([], {}),
        ("[" * 100_000, {}),
    ],
    ids=["both files", "one file", "an alias", "wrong types", "a list", "too deep"],
)
def test_ids_in_the_body_are_condition_keys(body: object, keys: dict[str, object]) -> None:
    """A malformed body has none; the handler reports it after authorization."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert permission_requests(request(content, method="POST"), "CreateFineTuningJob", "Files", "Model") == [
        (ANN.arn, "bedrock-mantle:CreateFineTuningJob", f"{PROJECTS}/default", GLOBAL | keys)
    ]


def test_the_handler_can_read_a_body_that_authorization_read() -> None:
    """It is received once."""

    async def body() -> bytes:
        let_in = await authorize(request(b"{", b"}"), "CreateFineTuningJob", "Model")
        return await let_in.request.body()

    assert asyncio.run(body()) == b"{}"


@pytest.mark.parametrize(
    ("action", "status"),
    [("ListModels", 403), ("CreateFineTuningJob", 403), ("CreateInference", 401), ("GetInference", 401)],
)
def test_a_denied_action_has_iams_message(action: str, status: int) -> None:
    """OBSERVED: 403 on the control plane, 401 at inference."""
    hint = f"allow bedrock-mantle:{action} in the caller's IAM policies; AmazonBedrockMantleFullAccess allows all of"
    assert authorization_error(request(), action, denied=action) == (
        status,
        "access_denied",
        f"not bedrock-mantle:{action}",
        f"{hint} bedrock-mantle",
    )


@pytest.mark.shows("bearer-permission")
def test_a_denied_bearer_key_is_403() -> None:
    """OBSERVED: also at inference."""
    bearer = Caller(arn=ANN.arn, account=ACCOUNT, bearer_type=BearerTokenType.LONG_TERM)
    assert authorization_error(request(), "CreateInference", denied="CallWithBearerToken", caller=bearer)[:3] == (
        403,
        "access_denied",
        "not bedrock-mantle:CallWithBearerToken",
    )


def test_the_header_selects_the_project() -> None:
    """For the permission check and for the handler."""
    incoming = request(headers={"openai-project": "proj_1"})
    assert permission_requests(incoming, "ListFiles")[0][2] == f"{PROJECTS}/proj_1"
    assert asyncio.run(authorize(incoming, "ListFiles")).project == f"{PROJECTS}/proj_1"


def test_permission_is_checked_before_the_project_exists() -> None:
    """First 403, then 404."""
    incoming = request(headers={"openai-project": "proj_2"})
    assert authorization_error(incoming, "ListFiles", denied="ListFiles")[0] == 403
    with pytest.raises(LookupError):
        asyncio.run(authorize(incoming, "ListFiles"))


@pytest.mark.shows("right-to-list-and-create")
@pytest.mark.parametrize(("path", "name"), [({}, "*"), ({"project": "proj_1"}, "proj_1")])
def test_an_action_on_a_project_uses_the_project_in_the_path(path: dict[str, str], name: str) -> None:
    """Listing and creating use all projects (INFERRED)."""
    assert (
        permission_requests(request(path=path), "GetProject" if path else "ListProjects")[0][2] == f"{PROJECTS}/{name}"
    )


def expect_body(content: bytes) -> BodyCheck:
    """Return a check that accepts one body."""

    def check(payload: str) -> None:
        if payload != sha256(content).hexdigest():
            raise BAD_SIGNATURE(hint="for the test")

    return check


@pytest.mark.parametrize("parts", [(b"",), (b"whole",), (b"in ", b"three ", b"parts")])
def test_the_handler_gets_the_signed_body(parts: tuple[bytes, ...]) -> None:
    """In any number of parts."""

    async def body() -> bytes:
        check = expect_body(b"".join(parts))
        let_in = await authorize(request(*parts, method="POST"), "CreateInference", check_body=check)
        return await let_in.request.body()

    assert asyncio.run(body()) == b"".join(parts)


def test_a_body_other_than_the_signed_one_is_refused_before_the_handler() -> None:
    """The handler might not read it."""
    incoming = request(b"other", method="POST")
    with pytest.raises(ApiError) as met:
        asyncio.run(authorize(incoming, "CancelFineTuningJob", check_body=expect_body(b"signed")))
    assert met.value.kind is BAD_SIGNATURE


def test_a_body_that_a_fault_changed_is_verified_as_sent() -> None:
    """The handler gets the changed body."""

    async def body() -> bytes:
        message = {"type": "http.request", "body": b"changed", "more_body": False, ORIGINAL_BODY: b"signed"}
        incoming = Request(request(method="POST").scope, lambda: asyncio.sleep(0, message))
        let_in = await authorize(incoming, "CreateInference", check_body=expect_body(b"signed"))
        return await let_in.request.body()

    assert asyncio.run(body()) == b"changed"


def test_an_upload_is_verified_with_its_last_part() -> None:
    """The other parts are passed on at once."""

    async def read() -> list[bytes]:
        incoming = request(b"a", b"b", b"c", method="POST")
        let_in = await authorize(incoming, "CreateFile", check_body=expect_body(b"abC"))
        parts = [(await let_in.request.receive())["body"] for _ in range(2)]
        with pytest.raises(ApiError) as met:
            await let_in.request.receive()
        assert met.value.kind is BAD_SIGNATURE
        return parts

    assert asyncio.run(read()) == [b"a", b"b"]
