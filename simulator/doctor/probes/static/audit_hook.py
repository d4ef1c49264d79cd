"""Record what a reward function does, from a Lambda layer in the function's own process. The doctor never imports it.

The layers of observability vendors work the same way: the function's configuration names the layer's handler, and an
environment variable names the function's own handler, which the layer imports and calls. Each audit event of Python
(PEP 578) is recorded with its phase, import or scoring, and with the line of the function's own code that caused it.
The event `{"rft_witness": "report"}` returns the records.

Writing a file outside /tmp is refused, as AWS does.
"""

import errno
import importlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar, overload

_T = TypeVar("_T")

_MAX_RECORDS = 200
_TASK = os.environ["LAMBDA_TASK_ROOT"]
_RUNTIME_API = os.environ["AWS_LAMBDA_RUNTIME_API"]
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# Lambda itself sets such variables, so reading one is not a missing configuration.
_LAMBDA_PREFIXES = ("AWS_", "LAMBDA_", "_")

_OWN_TMP = os.environ.get("TMPDIR", "/tmp")  # noqa: S108  the default where /tmp is the function's own
_TMP = (_OWN_TMP, os.path.realpath(_OWN_TMP))
_SHARED_TMP = ("/tmp", "/private/tmp")  # noqa: S108  a function may name it
_DEVICES = ("/dev", "/proc")
# Without namespaces, environments are in this machine's temporary folder, but a package must not be writable.
_HAS_NAMESPACES = _TASK == "/var/task"
_ENVIRONMENTS = _TASK if _HAS_NAMESPACES else str(Path(_TASK).parents[1])
# These exist at AWS too.
_READABLE = (
    *(*_TMP, *_SHARED_TMP, *_DEVICES, _ENVIRONMENTS),
    *(sys.prefix, sys.base_prefix, str(Path(os.__file__).parent)),
    *("/etc", "/usr", "/lib", "/lib64", "/bin", "/sys", "/opt", "/var/lang", "/var/runtime"),
)


class _Recorder:
    """The side effects so far, each once, with its count and its first source line."""

    def __init__(self) -> None:
        self.phase = "import"
        self.side_effects: dict[tuple[str, ...], dict[str, Any]] = {}

    def record(self, kind: str, subject: str, **details: object) -> None:
        """Record a side effect."""
        source_line, call = _calling_line()
        key = (kind, self.phase, subject, call)
        side_effect = self.side_effects.get(key)
        if side_effect is not None:
            side_effect["count"] += 1
        elif len(self.side_effects) < _MAX_RECORDS:
            self.side_effects[key] = {
                "kind": kind,
                "phase": self.phase,
                "subject": subject,
                "call": call,
                "source_line": source_line,
                "count": 1,
                **details,
            }


_recorder = _Recorder()


def _find_vendored_packages() -> frozenset[str]:
    """Return the top-level names of the packages that are shipped with the function's own code."""
    names = set()
    for record in Path(_TASK).glob("*.dist-info/RECORD"):
        for line in record.read_text("utf-8", "replace").splitlines():
            names.add(line.partition(",")[0].partition("/")[0])
    return frozenset(names)


_packages = _find_vendored_packages()


def _own_source_line(frame: FrameType) -> str:
    """Return the line of a frame of the function's own code, such as `judge.py:12`; empty for other code."""
    path = frame.f_code.co_filename
    if not path.startswith(_TASK + "/"):
        return ""
    relative = path.removeprefix(_TASK + "/")
    return "" if relative.partition("/")[0] in _packages else f"{relative}:{frame.f_lineno}"


def _calling_line() -> tuple[str, str]:
    """Return the innermost line of the function's own code, and the AWS operation that it calls, or empty strings."""
    source_line = call = ""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the documented way to the caller
    while frame is not None and not source_line:
        if frame.f_code.co_name == "_make_api_call":  # botocore's, for every operation of every service
            client = frame.f_locals.get("self")
            service = getattr(getattr(client, "meta", None), "service_model", None)
            call = f"{getattr(service, 'service_name', 'aws')}:{frame.f_locals.get('operation_name', '')}"
        source_line = _own_source_line(frame)
        frame = frame.f_back
    return source_line, call


def _is_within(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _resolved_paths(path: object) -> tuple[str, ...]:
    """Return a path as an absolute path and with its links resolved; nothing for another object."""
    if not isinstance(path, str | bytes | os.PathLike):
        return ()
    absolute = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  pathlib does not resolve `..`
    return absolute, os.path.realpath(absolute)


def _refuse_write(path: object) -> None:
    """Record and refuse a write that AWS refuses.

    Raises:
        OSError: the file system is read-only.
    """
    paths = _resolved_paths(path)
    if not paths or any(map(_is_writable, paths)):
        return
    _recorder.record("write", _path_on_aws(paths[0]))
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)


def _is_writable(path: str) -> bool:
    if _is_within(path, _TMP):
        return True
    return _is_within(path, (*_SHARED_TMP, *_DEVICES)) and not _is_within(path, (_ENVIRONMENTS,))


def _path_on_aws(path: str) -> str:
    return "/var/task" + path.removeprefix(_TASK) if _is_within(path, (_TASK,)) else path


def _on_open(path: object, _mode: object, flags: int) -> None:
    if flags & _WRITE_FLAGS:
        _refuse_write(path)
        return
    paths = _resolved_paths(path)
    if not paths or any(_is_within(absolute_path, _READABLE) for absolute_path in paths):
        return
    # With namespaces, a file of this machine is not there, as on AWS.
    if (_HAS_NAMESPACES or os.path.isfile(paths[0])) and _calling_line()[0]:  # noqa: PTH113  fast, for every file
        _recorder.record("read", paths[0])


def _on_create(path: object, *_other_arguments: object) -> None:
    # An existing file raises FileExistsError before the file system is found to be read-only.
    if not os.path.lexists(_text(path)):
        _refuse_write(path)


def _on_change(path: object, *_other_arguments: object) -> None:
    if os.path.lexists(_text(path)):
        _refuse_write(path)


def _on_rename(source: object, target: object, *_other_arguments: object) -> None:
    if os.path.lexists(_text(source)):
        _refuse_write(source)
        _refuse_write(target)


def _on_link(_source: object, target: object, *_other_arguments: object) -> None:
    _on_create(target)


def _on_sqlite_connect(path: object) -> None:
    name = _text(path)
    if name in {"", ":memory:"} or name.startswith("file:") or os.path.exists(name):  # noqa: PTH110  it must be fast, as above
        return
    try:
        _refuse_write(path)
    except OSError:
        # SQLite's own message. The module is loaded, because it caused this event.
        raise sys.modules["sqlite3"].OperationalError("unable to open database file") from None


def _text(path: object) -> str:
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""


def _on_getaddrinfo(host: object, port: object, *_other_arguments: object) -> None:
    if host is not None:
        _record_host(_host_text(host), port)


def _on_connect(_socket: object, address: object) -> None:
    if isinstance(address, tuple):  # a path is a socket of this machine
        _record_host(_host_text(address[0]), address[1])


def _on_gethostbyname(host: object) -> None:
    _record_host(_host_text(host), None)


def _record_host(host: str, port: object) -> None:
    address = host if port is None else f"{host}:{_host_text(port)}"
    if address != _RUNTIME_API:
        _recorder.record("network", address)


def _host_text(name: object) -> str:
    return name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)


def _on_popen(executable: object, arguments: object = (), *_other_arguments: object) -> None:
    program = executable
    if program is None and isinstance(arguments, list | tuple) and arguments:
        program = arguments[0]
    name = _text(program) or str(program)
    _recorder.record("process", "python" if name == sys.executable else name.rpartition("/")[2])


def _on_system(command: object) -> None:
    _recorder.record("process", _text(command))


def _on_fork() -> None:
    _recorder.record("process", "python")


_HANDLERS: dict[str, Callable[..., None]] = {
    "open": _on_open,
    "os.mkdir": _on_create,
    "os.symlink": _on_link,
    "os.link": _on_link,
    "os.remove": _on_change,
    "os.rmdir": _on_change,
    "os.truncate": _on_change,
    "os.chmod": _on_change,
    "os.utime": _on_change,
    "os.rename": _on_rename,
    "sqlite3.connect": _on_sqlite_connect,
    "socket.getaddrinfo": _on_getaddrinfo,
    "socket.gethostbyname": _on_gethostbyname,
    "socket.connect": _on_connect,
    "socket.sendto": _on_connect,
    "subprocess.Popen": _on_popen,
    "os.posix_spawn": _on_popen,
    "os.exec": _on_popen,
    "os.system": _on_system,
    "os.fork": _on_fork,
    "os.forkpty": _on_fork,
}


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    handle = _HANDLERS.get(event)
    if handle is not None:
        handle(*arguments)


class _Environment(os._Environ[str]):  # noqa: SLF001  the class of os.environ, which this one replaces
    """os.environ that records which missing variables the function's own code reads."""

    def __getitem__(self, name: str) -> str:
        try:
            return super().__getitem__(name)
        except KeyError:
            _record_missing_variable(name, "required")
            raise

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, name: str, default: str, /) -> str: ...
    @overload
    def get(self, name: str, default: _T, /) -> str | _T: ...
    def get(self, name: str, default: object = None, /) -> object:
        try:
            return super().__getitem__(name)
        except KeyError:
            _record_missing_variable(name, "without_default" if default is None else "optional")
            return default

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        try:
            super().__getitem__(name)
        except KeyError:
            _record_missing_variable(name, "optional")
            return False
        return True


def _record_missing_variable(name: str, need: str) -> None:
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  as above
    if frame is not None and frame.f_code is os.getenv.__code__:
        frame = frame.f_back
    # Variables that libraries read are ignored.
    if frame is not None and _own_source_line(frame) and not name.startswith(_LAMBDA_PREFIXES):
        _recorder.record("variable", name, need=need)


def _import_handler() -> Callable[[Any, Any], Any]:
    """Start recording, then import the function's own handler as Lambda's bootstrap does."""
    module, _, name = os.environ.pop("RFT_WITNESS_HANDLER").rpartition(".")
    os.environ["_HANDLER"] = f"{module}.{name}"
    os.environ.__class__ = _Environment
    sys.addaudithook(_audit)
    own_handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module.replace("/", ".")), name)
    return own_handler


def _raising_handler(error: BaseException) -> Callable[[Any, Any], Any]:
    def raise_error(_event: object, _context: object) -> Any:
        raise error

    return raise_error


try:
    _own_handler = _import_handler()
except Exception as error:  # noqa: BLE001  the handler raises it again when it is called
    _own_handler = _raising_handler(error)


def handler(event: Any, context: Any) -> Any:
    """Call the function's own handler, or return the records."""
    if isinstance(event, dict) and event.get("rft_witness") == "report":
        return list(_recorder.side_effects.values())
    _recorder.phase = "scoring"
    return _own_handler(event, context)
