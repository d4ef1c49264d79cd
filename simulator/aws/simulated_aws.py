"""The simulated AWS account: moto's services behind one object, loaded on first use."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import BinaryIO, Final

from starlette.concurrency import run_in_threadpool

from simulator.aws import access_keys, functions, iam_identities
from simulator.aws.account import Account
from simulator.aws.asgi_app import AwsApp
from simulator.aws.function_sessions import FunctionSessions
from simulator.aws.invocation_logs import InvocationLogs
from simulator.aws.journal import Journal
from simulator.aws.moto_app import load_moto
from simulator.aws.request import AwsRequest, AwsResponse
from simulator.http.asgi import Receive, Scope, Send, find_header
from simulator.http.aws_services import MODEL_SERVICES, service_name
from simulator.identity.credentials import Credential
from simulator.identity.iam_evaluation import denial_reason, root_arn
from simulator.identity.policy_conditions import ConditionContext
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.function_reference import FunctionReference, parse_function_reference
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Settings

_LOGS_SERVICE: Final = "logs"


class SimulatedAws:
    """An ASGI app (S3, IAM, STS, Lambda management, CloudWatch Logs) with look-ups for the rest of the simulator.

    moto takes about 0.5 s to import, so it is loaded on first use. An account with a journal is loaded at once,
    because the first request may be signed with one of its keys.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Callable[[], int],
        caller_clock: Callable[[], float],
        journal: Journal | None,
    ) -> None:
        """Create the account. `clock`, `caller_clock` and `journal` are those of `Account`."""
        self._settings = settings
        self._clock = clock
        self._caller_clock = caller_clock
        self._journal = journal
        self._logs = InvocationLogs()
        self._lock = Lock()
        self._account: Account | None = None
        self._app = AwsApp(self._handle)
        self._session_credential = Credential(
            secret=SECRET_ACCESS_KEY, arn=root_arn(settings.account), account=settings.account
        )
        self.function_sessions = FunctionSessions(seed=settings.seed)
        self.record_invocation: Callable[[FunctionSpec, Invocation], None] = self._logs.record
        if journal is not None and journal.seed is not None:
            self.load()

    def load(self) -> None:
        """Load moto and the account, once."""
        self._load()

    def close(self) -> None:
        """Wait for the requests in progress and close the account."""
        self._app.close()
        with self._lock:
            if self._account:
                self._account.close()
                self._account = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one AWS request."""
        await self._app(scope, receive, send)

    async def supports(self, service: str, scope: Scope) -> bool:
        """Whether a request that is signed for `service` is for an AWS service of the simulator."""
        if service_name(service, method=scope["method"], path=scope["path"]) in MODEL_SERVICES:
            return False
        return await run_in_threadpool(lambda: load_moto().supports(service, find_header(scope, b"x-amz-target")))

    def find_function(self, reference: FunctionReference) -> FunctionSpec:
        """Return a deployed function.

        Raises:
            InvocationRejected: it does not exist, or cannot be run.
        """
        with self._read_transaction():
            return functions.find_function(reference)

    def find_function_by_name(self, name_or_arn: str) -> FunctionSpec:
        """Return a deployed function by its name or ARN, qualified or not.

        Raises:
            InvocationRejected: it does not exist, or cannot be run.
        """
        return self.find_function(self._parse_reference(name_or_arn))

    def invoke_denial_reason(self, caller: str, function: str) -> str | None:
        """Return in AWS's words why `caller` (an ARN) may not invoke `function` (an ARN), or None."""
        with self._read_transaction():
            statements = functions.policy_statements(self._parse_reference(function))
            return iam_identities.invoke_denial_reason(caller_arn=caller, function_arn=function, statements=statements)

    def invoke_denial_reason_for_key(self, access_key_id: str | None, arn: str) -> str | None:
        """Return why the owner of an access key may not invoke the function, or None."""
        credential = self.find_access_key(access_key_id) if access_key_id else None
        if credential and not credential.active:
            return f"Access key {access_key_id} is inactive."
        with self._read_transaction():
            statements = functions.policy_statements(self._parse_reference(arn))
            return iam_identities.invoke_denial_reason(
                caller_arn=credential.arn if credential else None, function_arn=arn, statements=statements
            )

    def denial_reason(self, *, caller: str, action: str, resource: str, context: ConditionContext) -> str | None:
        """Return in AWS's words why `caller` may not do `action` on a `resource` of its own account, or None."""
        with self._read_transaction():
            identity = iam_identities.load_identity(caller)
            return denial_reason(
                identity=identity, action=action, resource=resource, account=identity.account, condition_context=context
            )

    def find_access_key(self, access_key_id: str) -> Credential | None:
        """Return the credential of an access key: the session's own, a function's, or one created in IAM or STS."""
        if access_key_id == ACCESS_KEY_ID:
            return self._session_credential
        if credential := self.function_sessions.find(access_key_id):
            return credential
        if self._account is None:  # no other key exists yet
            return None
        with self._read_transaction():
            return access_keys.find_credential(access_key_id)

    def find_bedrock_key(self, alias: str) -> Credential | None:
        """Return the credential of a long-term Bedrock key by its alias."""
        if self._account is None:
            return None
        with self._read_transaction():
            return access_keys.find_bedrock_credential(alias)

    def account_for_access_key(self, access_key_id: str | None) -> str:
        """Return the account of an access key."""
        if access_key_id is None or access_key_id == ACCESS_KEY_ID:
            return self._settings.account
        if credential := self.function_sessions.find(access_key_id):
            return credential.account
        with self._read_transaction():
            return access_keys.account_for_access_key(access_key_id)

    def _loaded_account(self) -> Account:
        return self._account or self._load()

    def _load(self) -> Account:
        with self._lock:
            if self._account is None:
                self._account = Account(
                    moto_app=load_moto(),
                    seed=self._settings.seed,
                    clock=self._clock,
                    caller_clock=self._caller_clock,
                    journal=self._journal,
                )
            return self._account

    @contextmanager
    def _read_transaction(self) -> Iterator[None]:
        """Activate this account's state in moto for a block that only reads."""
        with self._loaded_account().read_transaction():
            yield

    def _handle(self, request: AwsRequest, body: BinaryIO) -> AwsResponse:
        """Answer a request. Buffered logs are written before a request for logs."""
        account = self._loaded_account()
        if request.credential_scope and request.credential_scope.service == _LOGS_SERVICE:
            self._logs.flush(account)
        key = request.credential_scope.access_key_id if request.credential_scope else ""
        credential = self.function_sessions.find(key)
        # A replay of the journal does not know the functions of earlier starts, so a write must not depend on them.
        if credential is None or not request.is_read_only(body):
            return account.handle(request, body)
        with access_keys.use_function_session(key, credential):
            return account.handle(request, body)

    def _parse_reference(self, name_or_arn: str) -> FunctionReference:
        return parse_function_reference(
            name_or_arn, qualifier=None, account=self._settings.account, region=self._settings.region
        )
