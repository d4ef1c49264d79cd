"""moto as a function from request to answer: every AWS service that the simulator does not answer itself."""

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
"""moto's modules for the services that a walkthrough meets first; they are loaded ahead."""

_KEYS_OF_THEIR_OWN: Final = {"content-length": "CONTENT_LENGTH", "content-type": "CONTENT_TYPE"}
_ONCE: Final = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class MotoApp:
    """moto's services, the same for all simulators of a process: whose state they work on is the turn's business."""

    wsgi_app: WsgiApp
    supports: Callable[[str, str], bool]
    """Of (the service that a request is signed for, its X-Amz-Target): whether moto knows what to do with it."""

    def handle(self, request: AwsRequest, body: BinaryIO) -> AwsResponse:
        """Answer a request; a turn must be taken. The body is read to its end.

        Whatever moto raises is raised, and a ValueError where a header that was asked for is none: S3 refuses what
        cannot be represented in ISO 8859-1.
        """
        from werkzeug.wrappers import Response  # noqa: PLC0415 - only whoever mounts pays for it

        if (signed := request.credential_scope) and signed.service == "iam":
            _add_policies(body, signed.access_key_id)
        answered = Response.from_app(self.wsgi_app, _environ(request, body), buffered=True)
        headers = tuple(answered.headers.items())
        for _, value in headers:
            value.encode("latin-1")
        return AwsResponse(status=answered.status_code, headers=headers, body=answered.get_data())


def load_moto() -> MotoApp:
    """Load moto and make it ours. This takes some 0.5 s the first time, and no time after that."""
    with _ONCE:
        return _mounted()


@cache
def _mounted() -> MotoApp:
    from moto.core.config import default_user_config  # noqa: PLC0415 - moto is slow to import

    from simulator.aws.iam_operations import install_iam_operations  # noqa: PLC0415 - moto is slow to import
    from simulator.aws.moto_patches import install_moto_patches  # noqa: PLC0415 - moto is slow to import
    from simulator.aws.package_validation import install_package_validation  # noqa: PLC0415 - moto is slow to import
    from simulator.aws.sts_operations import install_sts_operations  # noqa: PLC0415 - moto is slow to import

    install_moto_patches()
    # moto's Lambda must never try Docker; whatever invokes it inside moto (an SNS topic, say) gets its stub.
    default_user_config["lambda"]["use_docker"] = False
    default_user_config["batch"]["use_docker"] = False
    install_iam_operations()
    install_sts_operations()
    install_package_validation()
    for module in PRELOADED_MODULES:
        import_module(f"moto.{module}.responses" if module != "awslambda_simple" else f"moto.{module}.models")
    dispatcher = _dispatcher()
    return MotoApp(wsgi_app=dispatcher, supports=_answering(dispatcher))


def _dispatcher() -> "DomainDispatcherApplication":
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - moto is slow to import
        DomainDispatcherApplication,
        create_backend_app,
    )

    class Dispatcher(DomainDispatcherApplication):
        """moto's, without the two services that it tells by their paths: /moto-api would reset the whole process."""

        def __init__(self) -> None:
            super().__init__(create_backend_app)
            self._backend_for_host = lru_cache(256)(super().get_backend_for_host)  # it tries hundreds of patterns

        def get_backend_for_host(self, host: str | None) -> Any:
            return None if host in {"moto_api", "instance_metadata"} else self._backend_for_host(host)

    return Dispatcher()


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


def _add_policies(body: BinaryIO, access_key_id: str) -> None:
    from moto.iam.models import get_account_id_from  # noqa: PLC0415 - moto is slow to import

    add_referenced_policies(body.read().decode("utf-8", "replace"), account=get_account_id_from(access_key_id))
    body.seek(0)


def _environ(request: AwsRequest, body: BinaryIO) -> WsgiEnviron:
    """Say a request in WSGI's words, and give moto what its own server puts there besides."""
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
        key = _KEYS_OF_THEIR_OWN.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    _keep_underscores(environ, request.headers)
    return environ


def _keep_underscores(environ: WsgiEnviron, headers: Iterable[tuple[str, str]]) -> None:
    """Keep `x-amz-meta-my_key` apart from `x-amz-meta-my-key`, which WSGI cannot, as moto's own server does."""
    from moto.core.request import (  # noqa: PLC0415 - moto is slow to import
        PRESERVED_HEADER_NAMES_ENVIRON_KEY,
        environ_key_for_header,
        should_preserve_original_header_name,
    )

    dashed: dict[str, list[str]] = {}
    underscored: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for name, value in headers:
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
