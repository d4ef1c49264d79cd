"""moto as an ASGI app: every AWS service that the simulator does not answer itself."""

import io
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from simulator.asgi import Receive, Scope, Send
from simulator.aws.managed_policies import load_listed, load_named
from simulator.identity.sigv4 import scope_of

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Any], Iterable[bytes]]

WARMED = ("s3", "iam", "sts", "awslambda", "awslambda_simple", "logs")
"""moto's modules for the services that a walkthrough meets first; `warm` loads them ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsMount:
    """The mounted services, as an ASGI app. One a process is meant, since moto's state is the process's."""

    app: Callable[[Scope, Receive, Send], Awaitable[None]]
    threads: "Executor"
    answers: Callable[[str, str], bool]
    """Of (the service that a request is signed for, its X-Amz-Target): whether moto knows what to do with it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.app(scope, receive, send)

    def reset(self) -> None:
        """Empty every service, of every account and region."""
        reset()

    def close(self) -> None:
        """Wait for the requests under way and end the threads. moto's state stays until `reset`."""
        self.threads.shutdown(wait=True, cancel_futures=True)


def mount(*, workers: int = 16, seed: int | None = None) -> AwsMount:
    """Make moto's services an ASGI app. Importing moto takes some 0.3 s; no thread starts before the first request.

    `workers` bounds the requests under way; a function that the simulator runs may be among the callers. With
    a `seed` the ids that moto makes up are the same in every run.
    """
    from a2wsgi import WSGIMiddleware  # noqa: PLC0415 - only whoever mounts pays for it
    from moto.core.config import default_user_config  # noqa: PLC0415 - moto is slow to import
    from moto.moto_api._internal import mock_random  # noqa: PLC0415 - moto is slow to import
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - moto is slow to import
        DomainDispatcherApplication,
        create_backend_app,
    )

    from simulator.aws.iam_operations import add_iam_operations  # noqa: PLC0415 - moto is slow to import
    from simulator.aws.sts_operations import add_sts_operations  # noqa: PLC0415 - moto is slow to import

    # moto's Lambda must never try Docker; whatever invokes it inside moto (an SNS topic, say) gets its stub.
    default_user_config["lambda"]["use_docker"] = False
    default_user_config["batch"]["use_docker"] = False
    load_listed()
    add_iam_operations(seed=seed or 0)
    add_sts_operations()
    if seed is not None:
        mock_random.seed(seed)
    # a2wsgi types scopes and environs as closed dictionaries, narrower than ASGI's and WSGI's own.
    dispatcher = DomainDispatcherApplication(create_backend_app)
    services: Any = _adapted(dispatcher)
    middleware: Any = WSGIMiddleware(services, workers=workers)
    return AwsMount(app=middleware, threads=middleware.executor, answers=_answering(dispatcher))


def warm() -> None:
    """Import the services of `WARMED`, so that no first request waits for them; meant for a thread beside the start."""
    for module in WARMED:
        import_module(f"moto.{module}.responses" if module != "awslambda_simple" else f"moto.{module}.models")


def reset() -> None:
    """Empty every moto service, of every account and region, as `POST /moto-api/reset` does."""
    from moto.moto_api._internal.models import moto_api_backend  # noqa: PLC0415 - moto is slow to import

    moto_api_backend.reset()


def _answering(dispatcher: "DomainDispatcherApplication") -> Callable[[str, str], bool]:
    """Ask moto's dispatcher, which would raise on a service that it does not know."""
    from moto.backends import list_of_moto_modules  # noqa: PLC0415 - moto is slow to import

    modules = frozenset(list_of_moto_modules())

    @lru_cache(maxsize=256)
    def answers(service: str, target: str) -> bool:
        environ = {
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/{service}/aws4_request",
            "HTTP_HOST": "localhost",
            "PATH_INFO": "/",
            "REQUEST_METHOD": "POST",
        }
        if target:
            environ["HTTP_X_AMZ_TARGET"] = target
        try:
            host = dispatcher.infer_service_region_host(environ, "/")
        except (IndexError, KeyError):  # DynamoDB without a target, or with half of one
            return False
        known = host in modules or any(each.match(f"http://{host}") for _, each in dispatcher.backend_url_patterns)
        return bool(known)

    return answers


def _adapted(app: WsgiApp) -> WsgiApp:
    """Give moto what its own server puts into the environ and a2wsgi does not."""
    from moto.iam.models import get_account_id_from  # noqa: PLC0415 - moto is slow to import

    def adapted(environ: Environ, start_response: Any) -> Iterable[bytes]:
        scope = environ["asgi.scope"]
        raw = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string", b"")
        # S3 keys are matched in the encoded form: `a%2Fb` and `a/b` are two keys.
        environ["RAW_URI"] = environ["REQUEST_URI"] = (raw + (b"?" + query if query else b"")).decode("latin-1")
        environ["wsgi.input_terminated"] = True
        _keep_underscores(environ, scope["headers"])
        key = _iam_key(environ)
        if key is not None:
            body = environ["wsgi.input"].read()
            environ["wsgi.input"] = io.BytesIO(body)
            load_named(body.decode("utf-8", "replace"), account=get_account_id_from(key))
        return app(environ, start_response)

    return adapted


def _keep_underscores(environ: Environ, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Keep `x-amz-meta-my_key` apart from `x-amz-meta-my-key`, which WSGI cannot, as moto's own server does."""
    from moto.core.request import (  # noqa: PLC0415 - moto is slow to import
        PRESERVED_HEADER_NAMES_ENVIRON_KEY,
        environ_key_for_header,
        should_preserve_original_header_name,
    )

    decoded = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    dashed: dict[str, list[str]] = {}
    underscored: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for name, value in decoded:
        key = environ_key_for_header(name)
        if should_preserve_original_header_name(name):
            names.setdefault(key, name)
            underscored.setdefault(key, []).append(value)
        elif "_" not in name:
            dashed.setdefault(key, []).append(value)
    for key, values in underscored.items():
        if key in dashed:
            environ[key] = ",".join(dashed[key])
            del names[key]
        else:
            environ[key] = ",".join(values)
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names


def _iam_key(environ: Environ) -> str | None:
    """Give the access key of a request that is signed for IAM ; None for any other."""
    signed = scope_of(environ.get("HTTP_AUTHORIZATION", ""))
    return signed.access_key_id if signed and signed.service == "iam" else None
