"""The endpoint of the AWS calls of a function that the doctor runs while no simulator runs: it refuses and counts them.

A call of a model's service gets the simulator's own error. Nothing leaves this machine.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from simulator.http.aws_errors import CBOR_PROTOCOL, CBOR_PROTOCOL_HEADER, FORM_CONTENT_TYPE, AwsError, encode_error
from simulator.http.aws_services import MODEL_SERVICES, service_name, unserved_service_error
from simulator.http.failed_aws_response import describe_failure
from simulator.identity.sigv4 import parse_credential_scope
from simulator.lambdas.service_call_recorder import ServiceCallRecorder

_REQUEST_ID: Final = "00000000-0000-0000-0000-000000000000"
_READ_BYTES: Final = 1 << 16


class ServiceEndpoint:
    """A server on a free port of this machine. `url` is its URL; `recorder` has the calls of each invocation."""

    def __init__(self, server: ThreadingHTTPServer, recorder: ServiceCallRecorder) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.recorder = recorder


@contextmanager
def serve_service_endpoint() -> Iterator[ServiceEndpoint]:
    """Serve the endpoint until the block ends."""
    recorder = ServiceCallRecorder()

    class Handler(_RefusingHandler):
        calls = recorder

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="doctor-aws", daemon=True)
        thread.start()
        try:
            yield ServiceEndpoint(server, recorder)
        finally:
            server.shutdown()
            thread.join()


def refusal(service: str, *, is_query_protocol: bool) -> AwsError:
    """Return the error of a service: the simulator's own if it does not serve the service either."""
    if service in MODEL_SERVICES or service.startswith("bedrock"):
        return unserved_service_error(service, is_query_protocol=is_query_protocol)
    message = (
        f"no simulator runs, so the AWS service {service!a} does not answer: start one with `rft-sim serve`, create "
        "there what the function needs, and run the doctor again"
    )
    # Unlike a connection that is refused, the SDKs do not retry this status.
    return AwsError(code="NotImplemented", message=message, status=HTTPStatus.NOT_IMPLEMENTED)


class _Server(ThreadingHTTPServer):
    """A server that prints nothing when a request is malformed or cut off."""

    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        """Ignore the error: the connection is closed."""


class _RefusingHandler(BaseHTTPRequestHandler):
    """Refuses one connection's requests."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for head and body: with two, each answer waits for an acknowledgement
    disable_nagle_algorithm = True
    calls: ServiceCallRecorder

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Refuse every method: the server calls `do_` with its name."""
        if name.startswith("do_"):
            return self._refuse
        raise AttributeError(name)

    def handle_expect_100(self) -> bool:
        """Do not ask for the body: the answer does not depend on it."""
        return True

    def _refuse(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._skip_body(headers)
        parts = urlsplit(self.path)
        credential = parse_credential_scope(headers.get("authorization", ""), parts.query)
        signing_name = credential.service if credential else "unknown"
        service = service_name(signing_name, method=self.command, path=parts.path)
        is_query = headers.get("content-type", "").startswith(FORM_CONTENT_TYPE)
        error = refusal(service, is_query_protocol=is_query)
        encoded = encode_error(
            error,
            service=signing_name,
            is_query_protocol=is_query,
            is_cbor_protocol=headers.get(CBOR_PROTOCOL_HEADER) == CBOR_PROTOCOL,
            request_id=_REQUEST_ID,
        )
        self.calls.record(
            headers.get("x-amzn-trace-id", ""),
            service=service,
            call=headers.get("amz-sdk-invocation-id", ""),
            error=describe_failure(error.status, headers=encoded.headers, body=encoded.body),
        )
        body = b"" if self.command == "HEAD" else encoded.body
        self.send_response(error.status)
        for name, value in (encoded.headers | {"content-length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _skip_body(self, headers: Mapping[str, str]) -> None:
        """Read the body, so that the connection can be used again. It is closed if the length is not known."""
        if "expect" in headers or "transfer-encoding" in headers:
            self.close_connection = True
            return
        left = int(headers.get("content-length", "0"))
        while left > 0 and (part := self.rfile.read(min(left, _READ_BYTES))):
            left -= len(part)

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""
