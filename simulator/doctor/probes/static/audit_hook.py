"""Watches a reward function from within its own process, put beside it as a Lambda layer; never imported here.

An observability vendor's layer does the same: its own handler is named in the function's configuration, and a variable
names the function's, which it imports and calls. What Python itself tells of (audit events: PEP 578) is noted with the
phase, import or scoring, and with the line of the function's own code that led to it. An event that is the object
`{"rft_witness": "report"}` is answered by these notes.

A file outside /tmp is refused for writing, as AWS refuses it; here it would be possible.
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

_MAX_NOTES = 200
_TASK = os.environ["LAMBDA_TASK_ROOT"]
_RUNTIME_API = os.environ["AWS_LAMBDA_RUNTIME_API"]
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# Lambda sets variables of these names, or none at all: to look for one is no wish for configuration.
_LAMBDA_PREFIXES = ("AWS_", "LAMBDA_", "_")

_TMP = (os.environ["TMPDIR"], os.path.realpath(os.environ["TMPDIR"]))
_SHARED_TMP = ("/tmp", "/private/tmp")  # noqa: S108  which is where a function writes that names it
_DEVICES = ("/dev", "/proc")
# Environments are made in this machine's temporary folder, and still a package cannot be written.
_ENVIRONMENTS = str(Path(_TASK).parents[1])
# Where there is something to read at AWS too.
_READABLE = (
    *(*_TMP, *_SHARED_TMP, *_DEVICES, _ENVIRONMENTS),
    *(sys.prefix, sys.base_prefix, str(Path(os.__file__).parent)),
    *("/etc", "/usr", "/lib", "/lib64", "/bin", "/sys", "/var/lang", "/var/runtime"),
)


class _Notes:
    """What was seen, each kind of thing once, with how often and where first."""

    def __init__(self) -> None:
        self.phase = "import"
        self.recorded: dict[tuple[str, ...], dict[str, Any]] = {}

    def record(self, kind: str, what: str, **more: object) -> None:
        """Note a thing that the function did."""
        place, call = _calling_line()
        key = (kind, self.phase, what, call)
        note = self.recorded.get(key)
        if note is not None:
            note["count"] += 1
        elif len(self.recorded) < _MAX_NOTES:
            self.recorded[key] = {
                "kind": kind,
                "phase": self.phase,
                "what": what,
                "call": call,
                "place": place,
                "count": 1,
                **more,
            }


_notes = _Notes()


# Who it was


def _vendored() -> frozenset[str]:
    """Return the first parts of the paths of packages that lie beside the function's own code."""
    tops = set()
    for record in Path(_TASK).glob("*.dist-info/RECORD"):
        for line in record.read_text("utf-8", "replace").splitlines():
            tops.add(line.partition(",")[0].partition("/")[0])
    return frozenset(tops)


_packages = _vendored()


def _own_source_line(frame: FrameType) -> str:
    """Return where a frame is in the function's own code, such as `judge.py:12`, or nothing."""
    name = frame.f_code.co_filename
    if not name.startswith(_TASK + "/"):
        return ""
    inside = name.removeprefix(_TASK + "/")
    return "" if inside.partition("/")[0] in _packages else f"{inside}:{frame.f_lineno}"


def _calling_line() -> tuple[str, str]:
    """Return the innermost line of the function's own code, and the AWS operation that it called, if it did."""
    place = call = ""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the documented way to the caller
    while frame is not None and not place:
        if frame.f_code.co_name == "_make_api_call":  # botocore's, for every operation of every service
            client = frame.f_locals.get("self")
            service = getattr(getattr(client, "meta", None), "service_model", None)
            call = f"{getattr(service, 'service_name', 'aws')}:{frame.f_locals.get('operation_name', '')}"
        place = _own_source_line(frame)
        frame = frame.f_back
    return place, call


# What it did


def _is_within(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _resolved_paths(path: object) -> tuple[str, ...]:
    """Return a path as it is written out and with its links followed; nothing for what is no path."""
    if not isinstance(path, str | bytes | os.PathLike):
        return ()
    written = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  pathlib would follow no `..`
    return written, os.path.realpath(written)


def _refuse_write(path: object) -> None:
    """Note a file that AWS would not let be written.

    Raises:
        OSError: AWS would not.
    """
    places = _resolved_paths(path)
    if not places or any(_is_writable(place) for place in places):
        return
    _notes.record("write", _path_on_aws(places[0]))
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)


def _is_writable(path: str) -> bool:
    if _is_within(path, _TMP):
        return True
    return _is_within(path, (*_SHARED_TMP, *_DEVICES)) and not _is_within(path, (_ENVIRONMENTS,))


def _path_on_aws(path: str) -> str:
    return "/var/task" + path.removeprefix(_TASK) if _is_within(path, (_TASK,)) else path


def _on_open(path: object, _mode: object, flags: int) -> None:
    if flags & _WRITING:
        _refuse_write(path)
        return
    places = _resolved_paths(path)
    if not places or any(_is_within(place, _READABLE) for place in places) or not os.path.isfile(places[0]):  # noqa: PTH113  an audit hook, on every file
        return
    if _calling_line()[0]:
        _notes.record("read", places[0])


def _on_create(path: object, *_more: object) -> None:
    # What is there already is refused as such, before the file system is asked whether it can be written.
    if not os.path.lexists(_text(path)):
        _refuse_write(path)


def _on_change(path: object, *_more: object) -> None:
    if os.path.lexists(_text(path)):
        _refuse_write(path)


def _on_rename(source: object, target: object, *_more: object) -> None:
    if os.path.lexists(_text(source)):
        _refuse_write(source)
        _refuse_write(target)


def _on_link(_source: object, target: object, *_more: object) -> None:
    _on_create(target)


def _on_sqlite_connect(path: object) -> None:
    name = _text(path)
    if name in {"", ":memory:"} or name.startswith("file:") or os.path.exists(name):  # noqa: PTH110  as above
        return
    try:
        _refuse_write(path)
    except OSError:
        # SQLite's own words for it. The module is there: it has told of this.
        raise sys.modules["sqlite3"].OperationalError("unable to open database file") from None


def _text(path: object) -> str:
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""


def _on_getaddrinfo(host: object, port: object, *_more: object) -> None:
    if host is not None:
        _record_host(_host_text(host), port)


def _on_connect(_socket: object, address: object) -> None:
    if isinstance(address, tuple):  # and no path: that is a socket of this machine
        _record_host(_host_text(address[0]), address[1])


def _on_gethostbyname(host: object) -> None:
    _record_host(_host_text(host), None)


def _record_host(host: str, port: object) -> None:
    where = host if port is None else f"{host}:{_host_text(port)}"
    if where != _RUNTIME_API:
        _notes.record("network", where)


def _host_text(name: object) -> str:
    return name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)


def _on_popen(executable: object, arguments: object = (), *_more: object) -> None:
    program = executable
    if program is None and isinstance(arguments, list | tuple) and arguments:
        program = arguments[0]
    name = _text(program) or str(program)
    _notes.record("process", "python" if name == sys.executable else name.rpartition("/")[2])


def _on_system(command: object) -> None:
    _notes.record("process", _text(command))


def _on_fork() -> None:
    _notes.record("process", "python")


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
    heard = _HANDLERS.get(event)
    if heard is not None:
        heard(*arguments)


class _Environment(os._Environ[str]):  # noqa: SLF001  what os.environ is, and its class is to be this one
    """os.environ that notes which variables the function's own code looked for in vain."""

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
            _record_missing_variable(name, "wanted" if default is None else "optional")
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
    # The look-ups of libraries are their own affair.
    if frame is not None and _own_source_line(frame) and not name.startswith(_LAMBDA_PREFIXES):
        _notes.record("variable", name, need=need)


# The function


def _import_handler() -> Callable[[Any, Any], Any]:
    """Import the function's own handler as Lambda's bootstrap does, watched from here on."""
    module, _, name = os.environ.pop("RFT_WITNESS_HANDLER").rpartition(".")
    os.environ["_HANDLER"] = f"{module}.{name}"
    os.environ.__class__ = _Environment
    sys.addaudithook(_audit)
    found: Callable[[Any, Any], Any] = getattr(importlib.import_module(module.replace("/", ".")), name)
    return found


def _raising_handler(raised: BaseException) -> Callable[[Any, Any], Any]:
    def fail(_event: object, _context: object) -> Any:
        raise raised

    return fail


try:
    _inner = _import_handler()
except Exception as raised:  # noqa: BLE001  whatever it is: it is raised when the function is called
    _inner = _raising_handler(raised)


def handler(event: Any, context: Any) -> Any:
    """Call the function's own handler, or report."""
    if isinstance(event, dict) and event.get("rft_witness") == "report":
        return list(_notes.recorded.values())
    _notes.phase = "scoring"
    return _inner(event, context)
