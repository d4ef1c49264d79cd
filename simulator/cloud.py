"""The AWS account around the simulator: moto's services behind one object, loaded when they are first needed."""

from collections.abc import Callable
from threading import Lock
from typing import Final

from starlette.concurrency import run_in_threadpool

from simulator.asgi import Receive, Scope, Send, header
from simulator.aws import access_keys, functions, iam
from simulator.aws.conditions import Context
from simulator.aws.logs import InvocationLogs
from simulator.aws.mount import AwsMount, mount, warm
from simulator.identity.credentials import Credential
from simulator.identity.sigv4 import scope_of
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.reference import FunctionReference, reference_of
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Settings

_LOGS: Final = "logs"


class Cloud:
    """An ASGI app (S3, IAM, STS, Lambda management, CloudWatch Logs), and what the rest of the house asks of it.

    moto takes a good part of a second to import and keeps its state in the process, so it is mounted on first use and
    emptied when this closes.
    """

    def __init__(self, *, settings: Settings) -> None:
        self._settings = settings
        self._logs = InvocationLogs()
        self._lock = Lock()
        self._mount: AwsMount | None = None
        self._own = Credential(secret=SECRET_ACCESS_KEY, arn=iam.root_arn(settings.account), account=settings.account)
        self.record: Callable[[FunctionSpec, Invocation], None] = self._logs.record

    def load(self) -> AwsMount:
        """Mount moto, once."""
        with self._lock:
            if self._mount is None:
                self._mount = mount(seed=self._settings.seed)
                warm()
            return self._mount

    def close(self) -> None:
        """Wait for the requests under way and empty every service."""
        with self._lock:
            if self._mount:
                self._mount.close()
                self._mount.reset()
                self._mount = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one AWS request. Logs are written when somebody asks for them."""
        mounted = self._mount
        if mounted is None:
            mounted = await run_in_threadpool(self.load)
        signed = scope_of(header(scope, b"authorization"))
        if signed and signed.service == _LOGS:
            await run_in_threadpool(self._logs.flush)
        await mounted(scope, receive, send)

    async def answers(self, service: str, scope: Scope) -> bool:
        """Whether a request that is signed for `service` is one of an AWS service that is here."""
        mounted = self._mount
        if mounted is None:
            mounted = await run_in_threadpool(self.load)
        return await run_in_threadpool(mounted.answers, service, header(scope, b"x-amz-target"))

    def find_function(self, reference: FunctionReference) -> FunctionSpec:
        """Return a deployed function.

        Raises:
            NotInvoked: it does not exist, or cannot be run.
        """
        self.load()
        return functions.find_function(reference)

    def function(self, name_or_arn: str) -> FunctionSpec:
        """Return a deployed function by its name or ARN, qualified or not.

        Raises:
            NotInvoked: it does not exist, or cannot be run.
        """
        return self.find_function(self._reference(name_or_arn))

    def refusal(self, caller: str, function: str) -> str | None:
        """Return in AWS's words why `caller` (an ARN) may not invoke `function` (an ARN), or None."""
        self.load()
        statements = functions.policy_statements(self._reference(function))
        return iam.authorize_invoke(caller_arn=caller, function_arn=function, statements=statements)

    def refusal_of_key(self, access_key_id: str | None, arn: str) -> str | None:
        """Return why the holder of an access key may not invoke the function, or None."""
        holder = self.access_key(access_key_id) if access_key_id else None
        if holder and not holder.active:
            return f"Access key {access_key_id} is inactive."
        statements = functions.policy_statements(self._reference(arn))
        return iam.authorize_invoke(caller_arn=holder.arn if holder else None, function_arn=arn, statements=statements)

    def denial(self, *, caller: str, action: str, resource: str, context: Context) -> str | None:
        """Return in AWS's words why `caller` may not do `action` on a `resource` of its own account, or None."""
        self.load()
        identity = iam.identity_of(caller)
        return iam.refusal(
            identity=identity, action=action, resource=resource, account=identity.account, context=context
        )

    def access_key(self, access_key_id: str) -> Credential | None:
        """Return what is known of an access key: the session's own, or one that was made in IAM or STS."""
        if access_key_id == ACCESS_KEY_ID:
            return self._own
        # Before moto is loaded there are no others.
        return access_keys.credential_of(access_key_id) if self._mount else None

    def bedrock_key(self, alias: str) -> Credential | None:
        """Return what is known of a long-term Bedrock key."""
        return access_keys.bedrock_credential(alias) if self._mount else None

    def account_of(self, access_key_id: str | None) -> str:
        """Return the account of an access key."""
        if access_key_id is None or access_key_id == ACCESS_KEY_ID:
            return self._settings.account
        self.load()
        return access_keys.account_of_access_key(access_key_id)

    def _reference(self, name_or_arn: str) -> FunctionReference:
        return reference_of(name_or_arn, qualifier=None, account=self._settings.account, region=self._settings.region)
