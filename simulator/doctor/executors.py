"""Calls one after another, or several at once: executors that an interruption does not wait for.

`concurrent.futures.ThreadPoolExecutor` waits for its threads when its block or the interpreter ends, and a function may
sit in a call for 15 minutes.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class InlineExecutor(Executor):
    """Runs each call where it is submitted, so that a signal that comes in the middle of it unwinds at once."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it; what it raises is the future's, but for what ends the program."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as fault:  # noqa: BLE001  it is raised again by whoever asks for the result
            future.set_exception(fault)
        return future


class DaemonThreadExecutor(Executor):
    """Runs calls in so many threads, which end by themselves: nobody waits for them."""

    def __init__(self, thread_count: int) -> None:
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(thread_count)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it as soon as a thread is free."""
        future: Future[T] = Future()
        self._tasks.put(partial(_run_into_future, future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002  Executor's own signature
        """Let each thread end after what is under way; return at once."""
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()


def create_executor(concurrency: int) -> Executor:
    """Return what makes so many calls at once, to be closed as an executor is."""
    return InlineExecutor() if concurrency == 1 else DaemonThreadExecutor(concurrency)


def _run_into_future(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as fault:  # noqa: BLE001  likewise, and a thread has nobody else to tell
        future.set_exception(fault)
