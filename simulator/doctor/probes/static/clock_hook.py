"""Move the clock of a reward function, from a Lambda layer in the function's own process. The doctor never imports it.

Each call begins at the same instant, plus an offset that the event `{"rft_clock": SECONDS}` sets. Within a call, time
passes in steps of a quarter of a second, so that two quick calls read the same time and a loop that waits still ends.
Clocks that only measure durations (time.monotonic, time.perf_counter) are the machine's own.
"""

import datetime as dt
import functools
import importlib
import os
import time
from collections.abc import Callable
from typing import Any

_SECOND = 1_000_000_000  # in nanoseconds
_STEP = _SECOND // 4
_START = int(os.environ.pop("RFT_CLOCK_START")) * _SECOND


class _Clock:
    """The time of day that the function reads, in nanoseconds."""

    def __init__(self) -> None:
        self.offset = 0
        self._call_start = time.monotonic_ns()

    def start_call(self) -> None:
        self._call_start = time.monotonic_ns()

    def now(self) -> int:
        return _START + self.offset + (time.monotonic_ns() - self._call_start) // _STEP * _STEP


_clock = _Clock()


def _seconds() -> float:
    return _clock.now() / _SECOND


class _SameAsReal(type):
    """Makes instances of the replaced class count as instances of its replacement."""

    def __instancecheck__(cls, instance: object) -> bool:
        real = vars(cls).get("real_class")
        return isinstance(instance, real) if real else type.__instancecheck__(cls, instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        real = vars(cls).get("real_class")
        return issubclass(subclass, real) if real else type.__subclasscheck__(cls, subclass)


class _Date(dt.date, metaclass=_SameAsReal):
    real_class = dt.date

    @classmethod
    def today(cls) -> Any:
        return cls.fromtimestamp(_seconds())


class _Datetime(dt.datetime, metaclass=_SameAsReal):
    real_class = dt.datetime

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return cls.fromtimestamp(_seconds(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.fromtimestamp(_seconds(), dt.timezone.utc).replace(tzinfo=None)  # noqa: UP017  Python 3.10 has no UTC

    @classmethod
    def today(cls) -> Any:
        return cls.fromtimestamp(_seconds())


def _with_now(function: Callable[..., Any], *, position: int, now: Callable[[], Any]) -> Callable[..., Any]:
    """Return a function of the time module that reads the moved clock when it is called without a time."""

    @functools.wraps(function)
    def replacement(*arguments: Any) -> Any:
        given = [*arguments, None] if len(arguments) == position else list(arguments)
        if len(given) > position and given[position] is None:
            given[position] = now()
        return function(*given)

    return replacement


def _move_clock() -> None:
    """Replace every way to read the time of day. Modules that are imported later get the replacements."""
    for replacement, name in ((_Date, "date"), (_Datetime, "datetime")):
        replacement.__name__ = replacement.__qualname__ = name
        replacement.__module__ = "datetime"
        vars(dt)[name] = replacement
    local_time = time.localtime
    replaced: dict[str, Callable[..., Any]] = {
        "time": _seconds,
        "time_ns": _clock.now,
        **{name: _with_now(getattr(time, name), position=0, now=_seconds) for name in ("gmtime", "localtime", "ctime")},
        "asctime": _with_now(time.asctime, position=0, now=lambda: local_time(_seconds())),
        "strftime": _with_now(time.strftime, position=1, now=lambda: local_time(_seconds())),
    }
    vars(time).update(replaced)


def _import_handler() -> Callable[[Any, Any], Any]:
    """Move the clock, then import the function's own handler as Lambda's bootstrap does."""
    module, _, name = os.environ.pop("RFT_CLOCK_HANDLER").rpartition(".")
    os.environ["_HANDLER"] = f"{module}.{name}"
    _move_clock()
    own_handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module.replace("/", ".")), name)
    return own_handler


_own_handler = _import_handler()


def handler(event: Any, context: Any) -> Any:
    """Call the function's own handler, or set the clock."""
    if isinstance(event, dict) and "rft_clock" in event:
        _clock.offset = int(event["rft_clock"] * _SECOND)
        return None
    _clock.start_call()
    return _own_handler(event, context)
