"""Entry point of a worker process: AWS's own bootstrap with a pure-Python `runtime_client`.

awslambdaric implements its behaviour in Python; the C++ extension that it imports as `runtime_client` only makes four
HTTP calls. A replacement in `sys.modules` is faster, and works where there is no wheel (macOS). This file runs as a
script and is never imported: `worker_main.py HANDLER API_ADDRESS DATA_LIMIT_BYTES IMPORT_PATH... [--parent-pipe=FD]`
"""

import _thread
import errno
import os
import resource
import signal
import socket
import sys
import types


def main() -> None:
    """Set up this process as an execution environment, then serve invocations until it is killed."""
    handler, api_address, data_limit, *import_path = sys.argv[1:]
    if import_path[-1].startswith("--parent-pipe="):
        exit_when_parent_exits(int(import_path.pop().partition("=")[2]))
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # this file's folder: Python 3.10 has no -P
    disable_shared_memory()
    # As on AWS, the function's own files come first.
    sys.path[:0] = import_path
    sys.argv[:] = ["/var/runtime/bootstrap.py", handler]
    limit_memory(int(data_limit))
    sys.modules["runtime_client"] = make_runtime_client(api_address)

    # The Python package ships neither type hints nor stubs.
    from awslambdaric import bootstrap  # type: ignore[import-untyped]  # noqa: PLC0415 - after the changes to sys.path and sys.modules
    from awslambdaric.lambda_runtime_client import (  # type: ignore[import-untyped]  # noqa: PLC0415 - as above
        LambdaRuntimeClient,
    )

    bootstrap.run(handler, LambdaRuntimeClient(api_address))


def exit_when_parent_exits(fd: int) -> None:
    """Kill this process and its descendants when the simulator exits. The pipe then closes."""
    os.set_inheritable(fd, False)

    def wait_for_parent() -> None:
        os.read(fd, 1)
        kill_process_group()

    _thread.start_new_thread(wait_for_parent, ())


def disable_shared_memory() -> None:
    """Make POSIX semaphores and shared memory raise Errno 38, as on Lambda, which has no /dev/shm (OBSERVED).

    `multiprocessing`'s Lock, Queue, Pool and SharedMemory and `ProcessPoolExecutor` need them. A missing /dev/shm alone
    gives Errno 2 with a newer C library: only older ones report the call as not implemented.
    """
    try:
        # The standard library's type hints omit these modules. Imported here: the function's files are not on sys.path.
        import _multiprocessing  # type: ignore[import-not-found]  # noqa: PLC0415
        import _posixshmem  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:
        return  # this Python has neither

    class SemLock(_multiprocessing.SemLock):  # type: ignore[misc]  # its base has no type hints
        def __new__(cls, *_arguments: object) -> "SemLock":  # noqa: PYI034 - importing `typing` takes a millisecond
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def shm_open(*_arguments: object, **_options: object) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    vars(_multiprocessing)["SemLock"] = SemLock
    vars(_posixshmem)["shm_open"] = shm_open


def kill_process_group() -> None:
    """Kill this process and its descendants."""
    os.killpg(0, signal.SIGKILL)


def limit_memory(data_limit: int) -> None:
    """Disable core files, and set a limit well above MemorySize. The simulator enforces MemorySize itself."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (data_limit, data_limit))
    except (OSError, ValueError):
        return  # some systems do not have this limit; it is optional


def make_runtime_client(api_address: str) -> types.ModuleType:
    """Return the module that replaces awslambdaric's C extension; it uses one connection for all calls."""
    host, port = api_address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    response_stream = connection.makefile("rb", 1 << 16)

    def call(
        method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[dict[str, str], bytes]:
        head = (
            f"{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {api_address}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            connection.sendall(head.encode() + body)
            status = response_stream.readline().split()
        except ConnectionError:
            status = []
        if not status:
            # The simulator has exited. An exception would end this process but not its descendants.
            kill_process_group()
        headers = {}
        while (line := response_stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name] = value.strip()
        if len(status) < 2 or not status[1].startswith(b"2"):  # noqa: PLR2004 - a status line is version, code, reason
            raise RuntimeError(f"Runtime API: {method} {path} returned the status line {status!r}")
        return headers, response_stream.read(int(headers.get("Content-Length", "0")))

    def next_invocation() -> tuple[bytes, dict[str, object]]:
        headers, event = call("GET", "invocation/next")
        return event, {**headers, "Lambda-Runtime-Deadline-Ms": int(headers["Lambda-Runtime-Deadline-Ms"])}

    def post_invocation_result(invoke_id: str, result: bytes, content_type: str, _invocation_id: object = None) -> None:
        call("POST", f"invocation/{invoke_id}/response", result, content_type)

    def post_error(invoke_id: str, error: str | bytes, _xray: object, _invocation_id: object = None) -> None:
        call("POST", f"invocation/{invoke_id}/error", error.encode() if isinstance(error, str) else error)

    def initialize_client(_user_agent: str) -> None:
        """Do nothing: only the C client needs a user agent."""

    module = types.ModuleType("runtime_client")
    vars(module).update(
        next=next_invocation,
        post_invocation_result=post_invocation_result,
        post_error=post_error,
        initialize_client=initialize_client,
    )
    return module


if __name__ == "__main__":
    main()
