"""Which environment runs a call, and that nothing is left behind.

The functions of these tests have no namespaces of their own: they report process ids of this machine and wait for files
that the test writes.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from simulator.lambdas.errors import PoolClosed, RequestTooLarge, Throttled
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.interpreters import (
    Interpreter,
    InterpreterFolders,
    find_interpreter,
    nearest_interpreter,
    own_interpreter,
)
from simulator.lambdas.limits import RUNTIMES
from simulator.lambdas.pool import EnvironmentPool
from simulator.settings import LambdaIsolation
from tests.lambdas.zips import ARN, make_function

COUNTER = (
    "import os\ncalls = 0\n"
    "def lambda_handler(event, context):\n    global calls\n    calls += 1\n    return [os.getpid(), calls]\n"
)
WAITING = (
    "import os, time\n"
    "def lambda_handler(event, context):\n"
    "    open(event['started'] + str(os.getpid()), 'w').close()\n"
    "    while not os.path.exists(event['go']): time.sleep(0.005)\n"
    "    return os.getpid()\n"
)
SIMULATOR = """
import sys, time
sys.path.insert(0, {rootdir!r})
from simulator.lambdas.pool import EnvironmentPool
from simulator.settings import LambdaIsolation
from tests.lambdas.zips import make_function
idle = '''
import os, subprocess
def lambda_handler(event, context): return [os.getpid(), subprocess.Popen(["sleep", "60"]).pid]
'''
busy = '''
import os
def lambda_handler(event, context):
    open(event, "w").write(str(os.getpid()))
    while True: pass
'''
pool = EnvironmentPool(
    new_request_id=lambda: "r",
    now=lambda: 0.0,
    wall=time.time,
    max_environments=2,
    isolation=LambdaIsolation.NONE,
)
print(pool.invoke(make_function(idle), b"[]").payload.decode(), flush=True)
pool.invoke(make_function(busy, arn="other", timeout=60), {event!r}.encode())
"""
TIMEOUT_SECONDS = 10.0


def other_interpreters() -> list[Interpreter]:
    """Return the Pythons of this machine besides the one that runs the tests."""
    folders = InterpreterFolders.from_environment(os.environ)
    found = [find_interpreter(runtime, folders) for runtime in RUNTIMES]
    return [interpreter for interpreter in found if interpreter and interpreter != own_interpreter()]


def invoke_counter(pool: EnvironmentPool, spec: FunctionSpec) -> tuple[int, int]:
    """Invoke COUNTER; return the worker's process id and its number of calls."""
    process, calls = json.loads(pool.invoke(spec, b"{}").payload)
    return process, calls


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that another process fulfils."""
    give_up = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.005)


def is_running(process: int) -> bool:
    """Whether a process has a thread that is not a zombie."""
    try:
        threads = [Path(thread, "stat").read_text() for thread in Path(f"/proc/{process}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(thread.rpartition(")")[2].split()[0] not in "ZX" for thread in threads)


class BlockedInvocations:
    """Invocations of WAITING that run until `release`."""

    def __init__(self, folder: Path) -> None:
        self.event = json.dumps({"started": f"{folder}/started-", "go": f"{folder}/go"}).encode()
        self._folder = folder
        self.threads = ThreadPoolExecutor(8)

    def wait_for(self, count: int) -> None:
        """Wait until `count` invocations run."""
        wait_until(lambda: len(list(self._folder.glob("started-*"))) == count)

    def release(self) -> None:
        """Let the invocations end."""
        (self._folder / "go").touch()


@pytest.fixture
def make_pool(make_pool: Callable[..., EnvironmentPool]) -> Callable[..., EnvironmentPool]:
    """Return a function that creates pools without namespaces."""
    return partial(make_pool, isolation=LambdaIsolation.NONE)


@pytest.fixture
def blocked(tmp_path: Path) -> Iterator[BlockedInvocations]:
    """Start and release blocked invocations."""
    calls = BlockedInvocations(tmp_path)
    yield calls
    calls.release()
    calls.threads.shutdown()


def test_the_second_call_is_warm(pool: EnvironmentPool) -> None:
    """The same process runs it, and only the first call has an init time."""
    spec = make_function(COUNTER)

    first, second = pool.invoke(spec, b"{}"), pool.invoke(spec, b"{}")

    assert (
        json.loads(first.payload)[0] == json.loads(second.payload)[0],
        json.loads(second.payload)[1],
        first.init_ms is None,
        second.init_ms is None,
        first.log_stream == second.log_stream,
    ) == (True, 2, False, True, True)


def test_an_exception_leaves_the_environment_warm(pool: EnvironmentPool) -> None:
    """As on AWS."""
    spec = make_function(COUNTER.replace("return", "if event: raise ValueError\n    return"))

    pool.invoke(spec, b'{"fail": true}')

    assert invoke_counter(pool, spec)[1] == 2


def test_a_changed_function_gets_a_new_environment(pool: EnvironmentPool) -> None:
    """The old environment's process has ended by then."""
    spec = make_function(COUNTER)
    old_process, _ = invoke_counter(pool, spec)

    new_process, calls = invoke_counter(pool, replace(spec, memory_mb=256))

    assert (new_process != old_process, calls, is_running(old_process)) == (True, 1, False)


def test_calls_beyond_the_limit_wait(make_pool: Callable[..., EnvironmentPool], blocked: BlockedInvocations) -> None:
    """With one environment, they run one after the other in the same process."""
    pool = make_pool(max_environments=1)
    spec = make_function(WAITING)
    calls = [blocked.threads.submit(pool.invoke, spec, blocked.event) for _ in range(3)]
    blocked.wait_for(1)
    blocked.release()

    assert len({call.result().payload for call in calls}) == 1


def test_an_idle_environment_of_another_function_is_ended_at_the_limit(
    make_pool: Callable[..., EnvironmentPool],
) -> None:
    """The called function gets its slot."""
    pool = make_pool(max_environments=1)
    one, other = make_function(COUNTER), make_function(COUNTER, name="other", arn=ARN + "2")
    process, _ = invoke_counter(pool, one)

    invoke_counter(pool, other)

    assert not is_running(process)


@pytest.mark.shows("lambda-runtime")
def test_reserved_concurrency_throttles(pool: EnvironmentPool, blocked: BlockedInvocations) -> None:
    """With AWS's reason. Versions of a function share it."""
    spec = make_function(WAITING, reserved_concurrency=1)
    first = blocked.threads.submit(pool.invoke, spec, blocked.event)
    blocked.wait_for(1)

    with pytest.raises(Throttled) as exc_info:
        pool.invoke(replace(spec, version="1"), blocked.event)

    blocked.release()
    first.result()
    assert exc_info.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_a_finished_call_frees_reserved_concurrency(pool: EnvironmentPool) -> None:
    """The next call is not throttled."""
    spec = make_function(COUNTER, reserved_concurrency=1)

    assert [invoke_counter(pool, spec)[1] for _ in range(2)] == [1, 2]


def test_reserved_concurrency_of_zero_stops_a_function(pool: EnvironmentPool) -> None:
    """Every call is throttled."""
    with pytest.raises(Throttled):
        pool.invoke(make_function(COUNTER, reserved_concurrency=0), b"{}")


@pytest.mark.shows("lambda-runtime")
def test_an_event_over_six_megabytes_is_refused(pool: EnvironmentPool) -> None:
    """By one byte."""
    with pytest.raises(RequestTooLarge, match="6291456 bytes"):
        pool.invoke(make_function(COUNTER), b'"' + b"x" * 6_291_455 + b'"')


def test_an_event_of_six_megabytes_passes(pool: EnvironmentPool) -> None:
    """6,291,456 bytes."""
    spec = make_function("def lambda_handler(event, context): return len(event)\n", memory_mb=512)

    assert pool.invoke(spec, b'"' + b"x" * 6_291_454 + b'"').payload == b"6291454"


def test_an_environment_that_died_is_replaced(pool: EnvironmentPool) -> None:
    """The caller gets a cold start, not an error."""
    spec = make_function(COUNTER)
    process, _ = invoke_counter(pool, spec)
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: not is_running(process))

    assert invoke_counter(pool, spec)[1] == 1


def test_reset_ends_idle_environments(pool: EnvironmentPool) -> None:
    """The next call starts cold."""
    spec = make_function(COUNTER)
    process, _ = invoke_counter(pool, spec)

    pool.reset()

    assert (is_running(process), invoke_counter(pool, spec)[1]) == (False, 1)


def test_reset_ends_busy_environments_after_their_call(pool: EnvironmentPool, blocked: BlockedInvocations) -> None:
    """The call is not interrupted."""
    spec = make_function(WAITING)
    call = blocked.threads.submit(pool.invoke, spec, blocked.event)
    blocked.wait_for(1)
    pool.reset()
    blocked.release()

    process = int(call.result().payload)

    assert not is_running(process)


def test_close_interrupts_running_calls(pool: EnvironmentPool, blocked: BlockedInvocations) -> None:
    """Their callers get `PoolClosed`."""
    call = blocked.threads.submit(pool.invoke, make_function(WAITING, timeout=60), blocked.event)
    blocked.wait_for(1)

    pool.close()

    with pytest.raises(PoolClosed):
        call.result(TIMEOUT_SECONDS)


def test_a_closed_pool_runs_nothing(pool: EnvironmentPool) -> None:
    """A call raises `PoolClosed`."""
    pool.close()

    with pytest.raises(PoolClosed):
        pool.invoke(make_function(COUNTER), b"{}")


@pytest.mark.slow
def test_close_leaves_nothing_behind(
    make_pool: Callable[..., EnvironmentPool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No process, thread, file descriptor or folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gc.collect()  # close the descriptors of earlier tests
    threads, descriptors = set(threading.enumerate()), len(list(Path("/proc/self/fd").iterdir()))
    pool = make_pool()
    orphan = (
        "import os, subprocess\n"
        "def lambda_handler(event, context): return [os.getpid(), subprocess.Popen(['sleep', '60']).pid]\n"
    )
    processes = json.loads(pool.invoke(make_function(orphan), b"{}").payload)
    pool.invoke(make_function("import nothing\n"), b"{}")
    pool.invoke(make_function("def lambda_handler(event, context):\n    while True: pass\n", timeout=0.1), b"{}")
    pool.invoke(make_function("import os\ndef lambda_handler(event, context): os._exit(1)\n"), b"{}")

    pool.close()
    gc.collect()

    wait_until(lambda: not any(map(is_running, processes)))
    assert (
        set(threading.enumerate()) - threads,
        len(list(Path("/proc/self/fd").iterdir())),
        list(tmp_path.iterdir()),
    ) == (set(), descriptors, [])


def test_workers_end_with_a_killed_simulator(tmp_path: Path) -> None:
    """Idle and busy ones, with their child processes."""
    busy = tmp_path / "busy"
    script = tmp_path / "simulator_process.py"
    script.write_text(SIMULATOR.format(rootdir=str(Path(__file__).parents[2]), event=f'"{busy}"'))
    simulator = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env={"TMPDIR": str(tmp_path)})
    assert simulator.stdout is not None
    processes = json.loads(simulator.stdout.readline())
    wait_until(lambda: busy.exists() and bool(busy.read_text()))
    processes.append(int(busy.read_text()))

    simulator.kill()
    simulator.communicate()

    wait_until(lambda: not any(map(is_running, processes)))


def test_every_invocation_is_recorded(make_pool: Callable[..., EnvironmentPool]) -> None:
    """With its function."""
    invocations: list[tuple[str, Invocation]] = []
    pool = make_pool(record=lambda spec, invocation: invocations.append((spec.name, invocation)))

    returned = [pool.invoke(make_function(COUNTER), b"{}") for _ in range(2)]

    assert invocations == [("grader", invocation) for invocation in returned]


@pytest.mark.slow
def test_a_function_runs_on_the_python_of_its_runtime(make_pool: Callable[..., EnvironmentPool]) -> None:
    """On each Python of this machine, with AWS's runtime client and boto3, and without the simulator's modules."""
    interpreters = other_interpreters()
    if not interpreters:
        pytest.skip("this machine has no other Python that Lambda has")
    folders = InterpreterFolders.from_environment(os.environ)
    pool = make_pool(interpreter_for=lambda runtime: nearest_interpreter(runtime, folders))
    source = (
        "import sys, boto3, importlib.util\n"
        "def lambda_handler(event, context):\n"
        "    return [*sys.version_info[:2], boto3.__name__, importlib.util.find_spec('worker_process')]\n"
    )

    results = {
        interpreter.version: json.loads(
            pool.invoke(make_function(source, runtime=interpreter.runtime, timeout=60), b"{}").payload
        )
        for interpreter in interpreters
    }

    assert results == {version: [*version, "boto3", None] for version in results}
