"""The AWS account around the simulator: moto's services behind one object, loaded when they are first needed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import BinaryIO, Final

from starlette.concurrency import run_in_threadpool

from simulator.aws import access_keys, functions, iam_identities
from simulator.aws.account import Account
from simulator.aws.asgi_app import AwsApp
from simulator.aws.invocation_logs import InvocationLogs
from simulator.aws.journal import Journal
from simulator.aws.moto_app import load_moto
from simulator.aws.request import AwsRequest, AwsResponse
from simulator.http.asgi import Receive, Scope, Send, find_header
from simulator.identity.credentials import Credential
from simulator.identity.iam_evaluation import denial_reason, root_arn
from simulator.identity.policy_conditions import ConditionContext
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.function_reference import FunctionReference, parse_function_reference
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Settings

_LOGS: Final = "logs"


class SimulatedAws:
    """An ASGI app (S3, IAM, STS, Lambda management, CloudWatch Logs), and what the rest of the house asks of it.

    moto takes a good part of a second to import, so it is loaded on first use; an account with a past is loaded at
    once, because somebody may come with a key of it.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Callable[[], int],
        caller_clock: Callable[[], float],
        journal: Journal | None,
    ) -> None:
        """Make it. `clock`, `caller_clock` and `journal` are as `Account` takes them."""
        self._settings = settings
        self._clock = clock
        self._callers = caller_clock
        self._journal = journal
        self._logs = InvocationLogs()
        self._lock = Lock()
        self._account: Account | None = None
        self._app = AwsApp(self._answer)
        self._own = Credential(secret=SECRET_ACCESS_KEY, arn=root_arn(settings.account), account=settings.account)
        self.record_invocation: Callable[[FunctionSpec, Invocation], None] = self._logs.record
        if journal is not None and journal.seed is not None:
            self.load()

    def load(self) -> None:
        """Load moto and the account, once."""
        self._load()

    def close(self) -> None:
        """Wait for the requests under way, and close the account."""
        self._app.close()
        with self._lock:
            if self._account:
                self._account.close()
                self._account = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one AWS request."""
        await self._app(scope, receive, send)

    async def supports(self, service: str, scope: Scope) -> bool:
        """Whether a request that is signed for `service` is one of an AWS service that is here."""
        return await run_in_threadpool(lambda: load_moto().supports(service, find_header(scope, b"x-amz-target")))

    def find_function(self, reference: FunctionReference) -> FunctionSpec:
        """Return a deployed function.

        Raises:
            NotInvoked: it does not exist, or cannot be run.
        """
        with self._reading():
            return functions.find_function(reference)

    def find_function_by_name(self, name_or_arn: str) -> FunctionSpec:
        """Return a deployed function by its name or ARN, qualified or not.

        Raises:
            NotInvoked: it does not exist, or cannot be run.
        """
        return self.find_function(self._reference(name_or_arn))

    def invoke_denial_reason(self, caller: str, function: str) -> str | None:
        """Return in AWS's words why `caller` (an ARN) may not invoke `function` (an ARN), or None."""
        with self._reading():
            statements = functions.policy_statements(self._reference(function))
            return iam_identities.invoke_denial_reason(caller_arn=caller, function_arn=function, statements=statements)

    def invoke_denial_reason_for_key(self, access_key_id: str | None, arn: str) -> str | None:
        """Return why the holder of an access key may not invoke the function, or None."""
        holder = self.find_access_key(access_key_id) if access_key_id else None
        if holder and not holder.active:
            return f"Access key {access_key_id} is inactive."
        with self._reading():
            statements = functions.policy_statements(self._reference(arn))
            return iam_identities.invoke_denial_reason(
                caller_arn=holder.arn if holder else None, function_arn=arn, statements=statements
            )

    def denial_reason(self, *, caller: str, action: str, resource: str, context: ConditionContext) -> str | None:
        """Return in AWS's words why `caller` may not do `action` on a `resource` of its own account, or None."""
        with self._reading():
            identity = iam_identities.load_identity(caller)
            return denial_reason(
                identity=identity, action=action, resource=resource, account=identity.account, condition_context=context
            )

    def find_access_key(self, access_key_id: str) -> Credential | None:
        """Return what is known of an access key: the session's own, or one that was made in IAM or STS."""
        if access_key_id == ACCESS_KEY_ID:
            return self._own
        if self._account is None:  # there are no others yet
            return None
        with self._reading():
            return access_keys.find_credential(access_key_id)

    def find_bedrock_key(self, alias: str) -> Credential | None:
        """Return what is known of a long-term Bedrock key."""
        if self._account is None:
            return None
        with self._reading():
            return access_keys.find_bedrock_credential(alias)

    def account_for_access_key(self, access_key_id: str | None) -> str:
        """Return the account of an access key."""
        if access_key_id is None or access_key_id == ACCESS_KEY_ID:
            return self._settings.account
        with self._reading():
            return access_keys.account_for_access_key(access_key_id)

    def _here(self) -> Account:
        return self._account or self._load()

    def _load(self) -> Account:
        with self._lock:
            if self._account is None:
                self._account = Account(
                    moto_app=load_moto(),
                    seed=self._settings.seed,
                    clock=self._clock,
                    caller_clock=self._callers,
                    journal=self._journal,
                )
            return self._account

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Look at moto's state, which is the account's for the length of the block."""
        with self._here().read_transaction():
            yield

    def _answer(self, request: AwsRequest, body: BinaryIO) -> AwsResponse:
        """Answer a request. Logs are written when somebody asks for them."""
        account = self._here()
        if request.credential_scope and request.credential_scope.service == _LOGS:
            self._logs.flush(account)
        return account.handle(request, body)

    def _reference(self, name_or_arn: str) -> FunctionReference:
        return parse_function_reference(
            name_or_arn, qualifier=None, account=self._settings.account, region=self._settings.region
        )
