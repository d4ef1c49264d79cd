"""Authorizes requests: gives the caller and the project of a request, or the service's 401, 403 or 404."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final, Protocol

from starlette.requests import Request

from simulator.errors import ACCESS_DENIED, INFERENCE_DENIED
from simulator.http.asgi import ORIGINAL_BODY, Message, Receive, Scope, find_header
from simulator.identity.authentication import AuthenticationResult, BearerTokenType, BodyCheck, Caller
from simulator.identity.policy_conditions import ConditionContext

_SERVICE: Final = "bedrock-mantle"
_STREAMED_ACTION: Final = "CreateFile"  # the only action whose body is not read into memory
_PROJECT_ACTIONS: Final = ("ArchiveProject", "CreateProject", "GetProject", "ListProjects", "UpdateProject")


class PermissionCheck(Protocol):
    """Returns why a principal may not do something, in AWS's words, or None."""

    def __call__(self, *, caller: str, action: str, resource: str, context: ConditionContext) -> str | None:
        """`caller` and `resource` are ARNs; `context` holds the condition keys of the request."""


class ProjectResolver(Protocol):
    """The projects of every account. `default_project_id` is the id of the project that every account has."""

    default_project_id: str

    def arn(self, account: str, project_id: str) -> str:
        """Return a project's ARN; `*` stands for all."""

    def resolve_project(self, account: str, name: str) -> str:
        """Return the id of the project that the `OpenAI-Project` header names.

        Raises:
            ApiError: the account has no such project.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedRequest:
    """An authorized request: its caller and the ARN of its project.

    Read the body from this `request`: it raises an ApiError when another body was signed.
    """

    caller: Caller
    project: str
    request: Request


class Authorizer:
    """Checks the caller, then the permission, and only then whether the project exists.

    `resolve_model_alias` returns the model id of an alias, because policies name models by id.
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
        self._denial_reason = denial_reason
        self._region = region
        self._now = now
        self._projects = projects
        self._resolve_model_alias = resolve_model_alias

    async def authorize(self, request: Request, action: str, condition_keys: Sequence[str]) -> AuthorizedRequest:
        """Return the caller and the project. `condition_keys` are the condition keys of the action.

        Raises:
            ApiError: the caller is unknown or may not do this, or the project does not exist.
        """
        authentication = self._authenticate(request.scope)
        if authentication.check_body:
            request = Request(request.scope, _verify_body(request.receive, authentication.check_body))
            if action != _STREAMED_ACTION:
                await request.body()  # Starlette keeps it for the handler
        caller = authentication.caller
        selected = find_header(request.scope, b"openai-project") or self._projects.default_project_id
        if not caller.is_root:
            project_id = _project_in_path(request) if action in _PROJECT_ACTIONS else selected
            await self._check_permission(
                request, caller, action, condition_keys, self._projects.arn(caller.account, project_id)
            )
        if selected != self._projects.default_project_id:  # every account has the default project
            selected = self._projects.resolve_project(caller.account, selected)
        return AuthorizedRequest(caller=caller, project=self._projects.arn(caller.account, selected), request=request)

    async def _check_permission(
        self, request: Request, caller: Caller, action: str, condition_keys: Sequence[str], project: str
    ) -> None:
        context = self._global_keys(request)
        if caller.bearer_type:
            # DOCUMENTED: a request with an API key needs this permission too. OBSERVED: on `*`; its status is 403.
            bearer_action = f"{_SERVICE}:CallWithBearerToken"
            token_type = {f"{_SERVICE}:BearerTokenType": BearerTokenType(caller.bearer_type).value}
            reason = self._denial_reason(
                caller=caller.arn, action=bearer_action, resource="*", context=context | token_type
            )
            if reason:
                raise ACCESS_DENIED(reason=reason, hint=_hint(reason, bearer_action))
        qualified_action = f"{_SERVICE}:{action}"
        if condition_keys:
            context |= await self._condition_keys(request, condition_keys)
        if reason := self._denial_reason(caller=caller.arn, action=qualified_action, resource=project, context=context):
            error_kind = INFERENCE_DENIED if action.endswith("Inference") else ACCESS_DENIED
            raise error_kind(reason=reason, hint=_hint(reason, qualified_action))

    def _global_keys(self, request: Request) -> dict[str, str | Sequence[str]]:
        """Return the global condition keys of the request ("AWS global condition context keys", DOCUMENTED)."""
        now = self._now()
        keys: dict[str, str | Sequence[str]] = {
            "aws:CurrentTime": datetime.fromtimestamp(now, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:EpochTime": str(int(now)),
            "aws:RequestedRegion": self._region,
            # Bedrock is reachable by TLS only. A policy that requires it must not fail here.
            "aws:SecureTransport": "true",
            "aws:ViaAWSService": "false",
        }
        if address := _source_ip(request):
            keys["aws:SourceIp"] = address
        if agent := request.headers.get("user-agent"):
            keys["aws:UserAgent"] = agent
        return keys

    async def _condition_keys(self, request: Request, names: Sequence[str]) -> dict[str, str | Sequence[str]]:
        """Return the service's condition keys (DOCUMENTED: Service Authorization Reference) from path and body."""
        path = request.path_params
        keys: dict[str, str | Sequence[str]] = {}
        if "FineTuningJob" in names:
            keys[f"{_SERVICE}:FineTuningJob"] = str(path["job"])
        if "Files" in names and "file" in path:
            keys[f"{_SERVICE}:Files"] = [str(path["file"])]
        elif "Files" in names or "Model" in names:
            body = _parse_json_object(await request.body())
            if "Files" in names and (files := _strings_in(body.get("training_file"), body.get("validation_file"))):
                keys[f"{_SERVICE}:Files"] = files
            if "Model" in names and (models := _strings_in(body.get("model"))):
                keys[f"{_SERVICE}:Model"] = self._resolve_model_alias(models[0])
        return keys


def _hint(reason: str, action: str) -> str:
    if "explicit deny" in reason:
        return "an explicit deny overrides every allow: find it in the caller's policies"
    return f"allow {action} in the caller's IAM policies; AmazonBedrockMantleFullAccess allows all of {_SERVICE}"


def _project_in_path(request: Request) -> str:
    """Return the project in the path of an action on projects; `*`, all of them, if there is none (INFERRED)."""
    return next((str(name) for name in request.path_params.values()), "*")


def _source_ip(request: Request) -> str | None:
    try:
        return str(ip_address(request.client.host)) if request.client else None
    except ValueError:
        return None


def _parse_json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body, or {} for a malformed body: the handler reports that after authorization."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _strings_in(*values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _verify_body(receive: Receive, check: BodyCheck) -> Receive:
    """Return a `receive` that hashes the body and calls `check` before it passes the last part on."""
    body_hash = sha256()

    async def receive_verified() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            body_hash.update(message.get(ORIGINAL_BODY, message.get("body", b"")))
            if not message.get("more_body", False):
                check(body_hash.hexdigest())
        return message

    return receive_verified
