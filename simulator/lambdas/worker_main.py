"""Entry point of a worker process: AWS's own bootstrap over a pure-Python `runtime_client`.

awslambdaric's behaviour is all in its Python; the C++ extension that it imports as `runtime_client` makes
four HTTP calls. A module of that name put in `sys.modules` first is faster, and works where no wheel exists
(macOS). Run as a script, never imported by the simulator: `worker_main.py HANDLER API_ADDRESS LIFELINE_FD
DATA_LIMIT_BYTES IMPORT_PATH...`
"""

import _thread
import os
import resource
import signal
import socket
import sys
import types


def main() -> None:
    """Set this process up as an execution environment, then serve invocations until it is killed."""
    handler, api_address, lifeline, data_limit, *import_path = sys.argv[1:]
    # As on AWS: the function's own files come before all else.
    sys.path[:0] = import_path
    sys.argv[:] = ["/var/runtime/bootstrap.py", handler]
    exit_with_parent(int(lifeline))
    limit_memory(int(data_limit))
    sys.modules["runtime_client"] = make_runtime_client(api_address)

    # The Python package ships neither type hints nor stubs.
    from awslambdaric import bootstrap  # type: ignore[import-untyped]  # noqa: PLC0415 - needs the path and module set above
    from awslambdaric.lambda_runtime_client import (  # type: ignore[import-untyped]  # noqa: PLC0415 - as above
        LambdaRuntimeClient,
    )

    bootstrap.run(handler, LambdaRuntimeClient(api_address))


def exit_with_parent(fd: int) -> None:
    """End this process, and all that it started, when the simulator is gone and its end of the pipe closes."""
    os.set_inheritable(fd, False)

    def watch() -> None:
        os.read(fd, 1)
        kill_process_group()

    _thread.start_new_thread(watch, ())


def kill_process_group() -> None:
    """Kill this process and every one that it started."""
    os.killpg(0, signal.SIGKILL)


def limit_memory(data_limit: int) -> None:
    """Write no core files, and hold a backstop well above MemorySize; the limit itself is kept from outside."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (data_limit, data_limit))
    except (OSError, ValueError):
        return  # not every system has it, and none needs it


def make_runtime_client(api_address: str) -> types.ModuleType:
    """Make the module that awslambdaric takes for its C extension; it keeps one connection for all calls."""
    host, port = api_address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    incoming = connection.makefile("rb", 1 << 16)

    def call(
        method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[dict[str, str], bytes]:
        head = (
            f"{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {api_address}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            connection.sendall(head.encode() + body)
            status = incoming.readline().split()
        except ConnectionError:
            status = []
        if not status:
            # The simulator is gone. To raise would end this process before the lifeline ends the others.
            kill_process_group()
        headers = {}
        while (line := incoming.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name] = value.strip()
        if len(status) < 2 or not status[1].startswith(b"2"):  # noqa: PLR2004 - a status line is version, code, reason
            raise RuntimeError(f"Runtime API: {method} {path} was answered by {status!r}")
        return headers, incoming.read(int(headers.get("Content-Length", "0")))

    def following() -> tuple[bytes, dict[str, object]]:
        headers, event = call("GET", "invocation/next")
        return event, {**headers, "Lambda-Runtime-Deadline-Ms": int(headers["Lambda-Runtime-Deadline-Ms"])}

    def post_invocation_result(invoke_id: str, result: bytes, content_type: str, _invocation_id: object = None) -> None:
        call("POST", f"invocation/{invoke_id}/response", result, content_type)

    def post_error(invoke_id: str, error: str | bytes, _xray: object, _invocation_id: object = None) -> None:
        call("POST", f"invocation/{invoke_id}/error", error.encode() if isinstance(error, str) else error)

    def initialize_client(_user_agent: str) -> None:
        """Do nothing: the C client wants a user agent, this one does not."""

    module = types.ModuleType("runtime_client")
    vars(module).update(
        next=following,
        post_invocation_result=post_invocation_result,
        post_error=post_error,
        initialize_client=initialize_client,
    )
    return module


if __name__ == "__main__":
    main()
