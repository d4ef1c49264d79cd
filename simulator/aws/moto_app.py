"""moto as a function from request to response, for every AWS service that the simulator does not implement itself."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import unquote_to_bytes

from simulator.aws.managed_policies import add_referenced_policies
from simulator.aws.request import AwsRequest, AwsResponse

if TYPE_CHECKING:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

WsgiEnviron = dict[str, Any]
WsgiApp = Callable[[WsgiEnviron, Any], Iterable[bytes]]

PRELOADED_MODULES: Final = ("s3", "iam", "sts", "awslambda", "awslambda_simple", "logs")
"""The moto modules of the services that most users need; they are loaded with moto."""

_UNPREFIXED_KEYS: Final = {"content-length": "CONTENT_LENGTH", "content-type": "CONTENT_TYPE"}
_LOAD_LOCK: Final = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class MotoApp:
    """moto's services, shared by all simulators of a process. The active context selects the state."""

    wsgi_app: WsgiApp
    supports: Callable[[str, str], bool]
    """Takes the service that a request is signed for and its X-Amz-Target; returns whether moto has the service."""

    def handle(self, request: AwsRequest, body: BinaryIO) -> AwsResponse:
        """Answer a request in the active context. The body is read to its end.

        Raises whatever moto raises, and ValueError when a response header is not ISO 8859-1: S3 rejects such values.
        """
        from werkzeug.wrappers import Response  # noqa: PLC0415 - slow to import

        if (scope := request.credential_scope) and scope.service == "iam":
            _add_policies(body, scope.access_key_id)
        response = Response.from_app(self.wsgi_app, _wsgi_environ(request, body), buffered=True)
        headers = tuple(response.headers.items())
        for _, value in headers:
            value.encode("latin-1")
        return AwsResponse(status=response.status_code, headers=headers, body=response.get_data())


def load_moto() -> MotoApp:
    """Load and patch moto, which takes about 0.5 s the first time. Later calls return the same app."""
    with _LOAD_LOCK:
        return _load_moto_once()


@cache
def _load_moto_once() -> MotoApp:
    from moto.core.config import default_user_config  # noqa: PLC0415 - moto is slow to import

    from simulator.aws.function_validation import install_function_validation  # noqa: PLC0415 - moto is slow to import
    from simulator.aws.iam_operations import install_iam_operations  # noqa: PLC0415 - moto is slow to import
    from simulator.aws.logging_configs import install_logging_configs  # noqa: PLC0415 - moto is slow to import
    from simulator.aws.moto_patches import install_moto_patches  # noqa: PLC0415 - moto is slow to import
    from simulator.aws.package_validation import install_package_validation  # noqa: PLC0415 - moto is slow to import
    from simulator.aws.sts_operations import install_sts_operations  # noqa: PLC0415 - moto is slow to import

    install_moto_patches()
    # moto's Lambda must never use Docker. An invocation inside moto (by an SNS topic, say) gets a stub.
    default_user_config["lambda"]["use_docker"] = False
    default_user_config["batch"]["use_docker"] = False
    install_iam_operations()
    install_sts_operations()
    install_package_validation()
    install_logging_configs()
    install_function_validation()
    for module in PRELOADED_MODULES:
        import_module(f"moto.{module}.responses" if module != "awslambda_simple" else f"moto.{module}.models")
    dispatcher = _make_dispatcher()
    return MotoApp(wsgi_app=dispatcher, supports=_make_support_check(dispatcher))


def _make_dispatcher() -> "DomainDispatcherApplication":
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - moto is slow to import
        DomainDispatcherApplication,
        create_backend_app,
    )

    class Dispatcher(DomainDispatcherApplication):
        """moto's dispatcher without the two services that it finds by path: /moto-api would reset the whole process."""

        def __init__(self) -> None:
            super().__init__(create_backend_app)
            self._backend_for_host = lru_cache(256)(super().get_backend_for_host)  # moto tries hundreds of patterns

        def get_backend_for_host(self, host: str | None) -> Any:
            return None if host in {"moto_api", "instance_metadata"} else self._backend_for_host(host)

    return Dispatcher()


def _make_support_check(dispatcher: "DomainDispatcherApplication") -> Callable[[str, str], bool]:
    """Return a check that asks moto's dispatcher, which raises for an unknown service."""
    from moto.backends import list_of_moto_modules  # noqa: PLC0415 - moto is slow to import

    modules = frozenset(list_of_moto_modules())

    @lru_cache(maxsize=256)
    def supports(service: str, target: str) -> bool:
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
        except (IndexError, KeyError):  # DynamoDB without a target or with a malformed one
            return False
        is_known = host in modules or any(
            pattern.match(f"http://{host}") for _, pattern in dispatcher.backend_url_patterns
        )
        return bool(is_known)

    return supports


def _add_policies(body: BinaryIO, access_key_id: str) -> None:
    from moto.iam.models import get_account_id_from  # noqa: PLC0415 - moto is slow to import

    add_referenced_policies(body.read().decode("utf-8", "replace"), account=get_account_id_from(access_key_id))
    body.seek(0)


def _wsgi_environ(request: AwsRequest, body: BinaryIO) -> WsgiEnviron:
    """Return the WSGI environ of a request, with the keys that moto's own server adds."""
    environ: WsgiEnviron = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        # S3 keys are matched in the encoded form: `a%2Fb` and `a/b` are two keys.
        "RAW_URI": request.target,
        "REQUEST_URI": request.target,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        key = _UNPREFIXED_KEYS.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    _keep_underscores(environ, request.headers)
    return environ


def _keep_underscores(environ: WsgiEnviron, headers: Iterable[tuple[str, str]]) -> None:
    """Tell `x-amz-meta-my_key` from `x-amz-meta-my-key`, which WSGI does not, in the way of moto's own server."""
    from moto.core.request import (  # noqa: PLC0415 - moto is slow to import
        PRESERVED_HEADER_NAMES_ENVIRON_KEY,
        environ_key_for_header,
        should_preserve_original_header_name,
    )

    values_by_dashed_name: dict[str, list[str]] = {}
    values_by_underscored_name: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for name, value in headers:
        key = environ_key_for_header(name)
        if should_preserve_original_header_name(name):
            names.setdefault(key, name)
            values_by_underscored_name.setdefault(key, []).append(value)
        elif "_" not in name:
            values_by_dashed_name.setdefault(key, []).append(value)
    for key, values in values_by_underscored_name.items():
        if key in values_by_dashed_name:
            environ[key] = ",".join(values_by_dashed_name[key])
            del names[key]
        else:
            environ[key] = ",".join(values)
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names
