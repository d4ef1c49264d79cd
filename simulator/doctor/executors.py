"""Executors for one call at a time or several at once. An interrupt never waits for a running call.

`concurrent.futures.ThreadPoolExecutor` joins its threads at the end of its block and of the interpreter, and a function
may run for 15 minutes.
"""

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_SIGNAL_SECONDS: Final = 0.2


class InlineExecutor(Executor):
    """Runs each call in the submitting thread, so that a signal ends the call at once."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run the call. The future stores its exception, except for exceptions that end the program."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  Future.result raises it again
            future.set_exception(error)
        return future


class _InterruptibleFuture(Future[T]):
    """A future that a signal interrupts while the main thread waits for it.

    Python sees a signal only when the wait returns. One that arrives just before the wait begins, as on a busy machine,
    would be seen at its end, and a call may take 15 minutes. So the wait returns now and then.
    """

    def result(self, timeout: float | None = None) -> T:
        """Return the result of the call, or raise its exception."""
        if timeout is not None:
            return super().result(timeout)
        while not self.done():
            with suppress(TimeoutError, CancelledError):
                super().exception(_SIGNAL_SECONDS)
        return super().result()


class DaemonThreadExecutor(Executor):
    """Runs calls in a fixed number of daemon threads, which are never joined."""

    def __init__(self, thread_count: int) -> None:
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(thread_count)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run the call when a thread is free."""
        future: Future[T] = _InterruptibleFuture()
        self._tasks.put(partial(_run_into_future, future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002  required by Executor
        """Let each thread end after its current call. Return at once."""
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()


def create_executor(concurrency: int) -> Executor:
    """Return an executor that makes this many calls at once. Close it as any executor."""
    return InlineExecutor() if concurrency == 1 else DaemonThreadExecutor(concurrency)


def call_in_daemon_thread(function: Callable[[], T], *, seconds: float) -> T:
    """Return the result of a call, or raise its exception. A call that takes longer goes on, and its end is ignored.

    Raises:
        TimeoutError: the call takes longer than this.
    """
    future: Future[T] = _InterruptibleFuture()
    Thread(target=_run_into_future, args=(future, function), daemon=True).start()
    end = time.monotonic() + seconds
    while not future.done() and (left := end - time.monotonic()) > 0:
        with suppress(TimeoutError):
            Future.exception(future, min(left, _SIGNAL_SECONDS))
    return future.result(0)


def _run_into_future(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001  Future.result raises it again
        future.set_exception(error)
