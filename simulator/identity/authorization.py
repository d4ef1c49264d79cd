"""Who may pass: a request to its caller and the project it is about, or the service's own 401, 403 or 404."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final, Protocol

from starlette.requests import Request

from simulator.errors import ACCESS_DENIED, INFERENCE_DENIED
from simulator.http.asgi import ORIGINAL_BODY, Message, Receive, Scope, find_header
from simulator.identity.authentication import AuthenticationResult, BearerTokenType, BodyCheck, Caller

_SERVICE: Final = "bedrock-mantle"
_UPLOAD: Final = "CreateFile"  # the one action whose body is not read into memory
_ON_PROJECTS: Final = ("ArchiveProject", "CreateProject", "GetProject", "ListProjects", "UpdateProject")

ConditionContext = Mapping[str, str | Sequence[str]]


class PermissionCheck(Protocol):
    """Says in AWS's words why a principal may not do something, or None."""

    def __call__(self, *, caller: str, action: str, resource: str, context: ConditionContext) -> str | None:
        """`caller` and `resource` are ARNs; `context` holds the condition keys of the request."""


class ProjectResolver(Protocol):
    """Knows the projects of every account. `default_project_id` is the id of the one that every account has."""

    default_project_id: str

    def arn(self, account: str, project_id: str) -> str:
        """Return a project's ARN; `*` stands for all."""

    def resolve_project(self, account: str, name: str) -> str:
        """Return the id of the project that the `OpenAI-Project` header names.

        Raises:
            ApiError: the account has none of that name.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedRequest:
    """A request that was let in: who calls, and the ARN of the project that it is about.

    `request` is the one to go on with: reading its body may yet raise, when it is not the body that was signed.
    """

    caller: Caller
    project: str
    request: Request


class Authorizer:
    """Lets requests in: first who calls, then whether they may, and only then whether the project exists.

    `model_of` gives the id that a model's alias stands for: policies are about models, whatever a request calls them.
    """

    def __init__(
        self,
        *,
        authenticate: Callable[[Scope], AuthenticationResult],
        denial_reason: PermissionCheck,
        region: str,
        now: Callable[[], float],
        projects: ProjectResolver,
        resolve_model_alias: Callable[[str], str],
    ) -> None:
        self._authenticate = authenticate
        self._refusal = denial_reason
        self._region = region
        self._now = now
        self._projects = projects
        self._model_of = resolve_model_alias

    async def authorize(self, request: Request, action: str, condition_keys: Sequence[str]) -> AuthorizedRequest:
        """Return who calls and what about. `condition_keys` are the condition keys that the action has.

        Raises:
            ApiError: nobody may call like this, or not this.
        """
        identified = self._authenticate(request.scope)
        if identified.check_body:
            request = Request(request.scope, _checked(request.receive, identified.check_body))
            if action != _UPLOAD:
                await request.body()  # Starlette keeps it for the handler
        caller = identified.caller
        selected = find_header(request.scope, b"openai-project") or self._projects.default_project_id
        if not caller.is_root:
            about = _project_named(request) if action in _ON_PROJECTS else selected
            await self._authorize(request, caller, action, condition_keys, self._projects.arn(caller.account, about))
        if selected != self._projects.default_project_id:  # every account has that one
            selected = self._projects.resolve_project(caller.account, selected)
        return AuthorizedRequest(caller=caller, project=self._projects.arn(caller.account, selected), request=request)

    async def _authorize(
        self, request: Request, caller: Caller, action: str, conditions: Sequence[str], project: str
    ) -> None:
        context = self._global_keys(request)
        if caller.bearer_type:
            # DOCUMENTED: whoever comes with an API key needs this as well. OBSERVED: its resource is `*`, and 403.
            may_bear = f"{_SERVICE}:CallWithBearerToken"
            token_type = {f"{_SERVICE}:BearerTokenType": BearerTokenType(caller.bearer_type).value}
            reason = self._refusal(caller=caller.arn, action=may_bear, resource="*", context=context | token_type)
            if reason:
                raise ACCESS_DENIED(reason=reason, hint=_hint(reason, may_bear))
        wanted = f"{_SERVICE}:{action}"
        if conditions:
            context |= await self._condition_keys(request, conditions)
        if reason := self._refusal(caller=caller.arn, action=wanted, resource=project, context=context):
            denied = INFERENCE_DENIED if action.endswith("Inference") else ACCESS_DENIED
            raise denied(reason=reason, hint=_hint(reason, wanted))

    def _global_keys(self, request: Request) -> dict[str, str | Sequence[str]]:
        """Collect the keys of "AWS global condition context keys" that are the request's own (DOCUMENTED)."""
        now = self._now()
        keys: dict[str, str | Sequence[str]] = {
            "aws:CurrentTime": datetime.fromtimestamp(now, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:EpochTime": str(int(now)),
            "aws:RequestedRegion": self._region,
            # Bedrock is reached by TLS only, so a policy that asks for it must not fail here.
            "aws:SecureTransport": "true",
            "aws:ViaAWSService": "false",
        }
        if address := _address(request):
            keys["aws:SourceIp"] = address
        if agent := request.headers.get("user-agent"):
            keys["aws:UserAgent"] = agent
        return keys

    async def _condition_keys(self, request: Request, names: Sequence[str]) -> dict[str, str | Sequence[str]]:
        """Collect the service's own keys (DOCUMENTED: Service Authorization Reference) from path and body."""
        path = request.path_params
        keys: dict[str, str | Sequence[str]] = {}
        if "FineTuningJob" in names:
            keys[f"{_SERVICE}:FineTuningJob"] = str(path["job"])
        if "Files" in names and "file" in path:
            keys[f"{_SERVICE}:Files"] = [str(path["file"])]
        elif "Files" in names or "Model" in names:
            body = _read(await request.body())
            if "Files" in names and (files := _texts(body.get("training_file"), body.get("validation_file"))):
                keys[f"{_SERVICE}:Files"] = files
            if "Model" in names and (models := _texts(body.get("model"))):
                keys[f"{_SERVICE}:Model"] = self._model_of(models[0])
        return keys


def _hint(reason: str, action: str) -> str:
    if "explicit deny" in reason:
        return "an explicit deny outweighs every allow: find it in the caller's policies"
    return f"allow {action} in the caller's IAM policies; AmazonBedrockMantleFullAccess allows all of {_SERVICE}"


def _project_named(request: Request) -> str:
    """Return the project that an action on projects is about; `*` stands for all of them (INFERRED)."""
    return next((str(name) for name in request.path_params.values()), "*")


def _address(request: Request) -> str | None:
    try:
        return str(ip_address(request.client.host)) if request.client else None
    except ValueError:
        return None


def _read(body: bytes) -> dict[str, Any]:
    """Read a body as far as it can be read: what is wrong with it is told to whoever may call at all."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _texts(*values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _checked(receive: Receive, check: BodyCheck) -> Receive:
    """Hash a body as it comes in, and hand on its last part only when `check` has nothing against the whole."""
    hashed = sha256()

    async def checked() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            hashed.update(message.get(ORIGINAL_BODY, message.get("body", b"")))
            if not message.get("more_body", False):
                check(hashed.hexdigest())
        return message

    return checked
