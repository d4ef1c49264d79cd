"""Environments in namespaces: what a function can and cannot do, and what is left of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.lambdas import memory
from simulator.lambdas.interpreters import own_interpreter
from simulator.lambdas.pool import EnvironmentPool
from simulator.lambdas.sandbox.isolation import SandboxIsolation
from simulator.settings import LambdaIsolation
from tests.lambdas.zips import function_from_zip, make_function, zip_entries

ROOT = Path(__file__).parents[3]


@pytest.fixture
def pool(make_pool: Callable[..., EnvironmentPool]) -> EnvironmentPool:
    """A pool with namespaces."""
    pool = make_pool(isolation=LambdaIsolation.AUTO)
    if reason := pool.isolation().reason:
        pytest.skip(reason)
    return pool


@pytest.fixture(params=[True, False], ids=["another user", "the simulator's user"])
def pool_of_user(
    request: pytest.FixtureRequest, make_pool: Callable[..., EnvironmentPool], monkeypatch: pytest.MonkeyPatch
) -> EnvironmentPool:
    """A pool whose functions run as a user of their own, which only root can give them, or as the simulator's."""
    if request.param and os.geteuid() != 0:
        pytest.skip("only root can map another user")
    monkeypatch.setattr(
        "simulator.lambdas.isolation_choice.SandboxIsolation",
        lambda folder, **options: SandboxIsolation(folder, **options, may_have_own_user=request.param),
    )
    pool = make_pool(isolation=LambdaIsolation.AUTO)
    if reason := pool.isolation().reason:
        pytest.skip(reason)
    return pool


def invoke(pool: EnvironmentPool, body: str, **changes: Any) -> Any:
    """Run a handler with `body`, which sets `result`; return its result or its error."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    source = f"import os, subprocess, sys\ndef lambda_handler(event, context):\n{lines}    return result\n"
    return json.loads(pool.invoke(make_function(source, **{"timeout": 30, **changes}), b"{}").payload)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for the end of a process."""
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.01)


def test_files_keep_the_modes_of_the_zip(pool_of_user: EnvironmentPool) -> None:
    """A program can be run, and a file that others may not read cannot be opened."""
    handler = (
        "import os, subprocess\n"
        "def lambda_handler(event, context):\n"
        "    try: open('/var/task/secret.json')\n"
        "    except PermissionError as error: refused = error.errno\n"
        "    mode = oct(os.stat('/var/task/tool').st_mode)\n"
        "    link = os.readlink('/var/task/link')\n"
        "    return [subprocess.check_output(['/var/task/tool'], text=True), mode, refused, link]\n"
    )
    code = zip_entries(
        ("lambda_function.py", 0o100644, handler),
        ("tool", 0o100755, "#!/bin/sh\necho run\n"),
        ("secret.json", 0o100600, "{}"),
        ("link", 0o120777, "tool"),
    )

    payload = pool_of_user.invoke(function_from_zip(code, timeout=20), b"{}").payload

    assert json.loads(payload) == ["run\n", "0o100755", 13, "tool"]


def test_tmp_has_the_size_of_the_ephemeral_storage(pool: EnvironmentPool) -> None:
    """The function gets the system's error, and its environment goes on."""
    fill = (
        "try:\n"
        "    with open('/tmp/full', 'wb') as file:\n"
        "        while True: file.write(bytes(1 << 20))\n"
        "except OSError as error:\n"
        "    result = [error.errno, os.path.getsize('/tmp/full') >> 20]\n"
        "os.remove('/tmp/full')\n"
    )

    assert [invoke(pool, fill, ephemeral_storage_mb=16) for _ in range(2)] == [[28, 16], [28, 16]]


def test_a_function_has_no_other_files_open_than_its_standard_streams(pool: EnvironmentPool) -> None:
    """And the socket of the Runtime API, and the folder that it lists."""
    names = (
        "result = sorted(os.readlink(f'/proc/self/fd/{fd}').split(':')[0] for fd in os.listdir('/proc/self/fd')[:-1])"
    )

    assert invoke(pool, names) == ["/dev/null", "pipe", "pipe", "socket"]


def test_only_its_own_processes_and_variables_are_visible(
    pool: EnvironmentPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of the user."""
    monkeypatch.setenv("LEAKED", "secret-of-the-user")
    read = (
        "texts = [open(f'/proc/{pid}/{name}').read() for pid in os.listdir('/proc') if pid.isdigit()\n"
        "         for name in ('environ', 'cmdline') if os.access(f'/proc/{pid}/{name}', os.R_OK)]\n"
        "result = ['secret-of-the-user' in ''.join(texts), os.path.exists(event), os.listdir('/mnt')]\n"
    )
    source = read.replace("event", repr(str(Path(__file__))))

    assert invoke(pool, source) == [False, False, []]


def test_mounts_cannot_be_changed(pool: EnvironmentPool) -> None:
    """The function has no privileges."""
    attempt = (
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "libc.mount(b'none', b'/var/task', None, 32 | 4096, None)\n"
        "first = ctypes.get_errno()\n"
        "libc.umount2(b'/tmp', 0)\n"
        "result = [first, ctypes.get_errno()]\n"
    )

    assert invoke(pool, attempt) == [1, 1]


def test_a_new_interpreter_of_the_function_runs_with_an_empty_environment(pool: EnvironmentPool) -> None:
    """A reward that runs programs often starts one this way."""
    run = "result = subprocess.check_output([sys.executable, '-c', 'import ssl; print(1)'], env={}, text=True)"

    assert invoke(pool, run, memory_mb=512) == "1\n"


@pytest.mark.slow
def test_processes_are_limited_for_each_environment(pool: EnvironmentPool) -> None:
    """A function that forks without end gets the system's error, or exceeds its memory; the next call works."""
    fork = (
        "children = []\n"
        "try:\n"
        "    while True:\n"
        "        pid = os.posix_spawn('/bin/sleep', ['sleep', '30'], {})\n"
        "        children.append(pid)\n"
        "except BlockingIOError as error:\n"
        "    result = error.errno\n"
    )

    assert invoke(pool, fork, memory_mb=10_240) == 11
    assert invoke(pool, "result = 'unharmed'") == "unharmed"


def test_a_daemon_ends_with_its_environment(pool: EnvironmentPool) -> None:
    """It left the function's session and process group."""
    daemon = (
        "if not os.fork():\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    os.execv('/bin/sleep', ['sleep', '3600'])\n"
        "result = os.wait()[1]\n"
    )
    assert invoke(pool, daemon) == 0
    wait_until(lambda: "sleep\x003600\x00" in _commands())

    pool.reset()

    assert "sleep\x003600\x00" not in _commands()


@pytest.mark.slow
def test_memory_that_children_share_counts_once(pool: EnvironmentPool) -> None:
    """Five processes with 40 MB in common fit in 128 MB."""
    share = (
        "data = bytearray(os.urandom(1 << 20)) * 40\n"
        "import time\n"
        "children = [os.fork() for _ in range(1)]\n"
        "if not children[0]: time.sleep(0.5); os._exit(0)\n"
        "more = []\n"
        "for _ in range(3):\n"
        "    pid = os.fork()\n"
        "    if not pid: time.sleep(0.5); os._exit(0)\n"
        "    more.append(pid)\n"
        "result = [os.waitpid(pid, 0)[1] for pid in children + more]\n"
    )

    assert invoke(pool, share) == [0, 0, 0, 0]


def test_a_killed_launcher_is_started_again(pool: EnvironmentPool) -> None:
    """With every environment of it, so the next call starts cold."""
    assert invoke(pool, "result = 1") == 1
    for pid in memory.descendants(os.getpid()):
        if "launcher_main" in _command(pid) or _command(pid).startswith("rft-sim: "):
            os.kill(pid, signal.SIGKILL)
            break

    wait_until(lambda: not _environments())

    assert invoke(pool, "result = 2") == 2


SIMULATOR = """
import sys, time
from simulator.lambdas.pool import EnvironmentPool
from tests.lambdas.zips import make_function
with EnvironmentPool(new_request_id=lambda: "r", now=lambda: 0.0, wall=time.time, max_environments=2) as pool:
    pool.invoke(make_function("def lambda_handler(event, context): return 1"), b"{}")
    print("ready", flush=True)
    pool.invoke(make_function("def lambda_handler(event, context):\\n    while True: pass", timeout=60), b"{}")
"""


@pytest.mark.slow
def test_nothing_is_left_of_a_killed_simulator_at_the_next_start(pool: EnvironmentPool, tmp_path: Path) -> None:
    """Its processes end with it. The next start removes its folder."""
    command = [sys.executable, "-c", SIMULATOR]
    variables = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as simulator:
        assert simulator.stdout is not None
        assert simulator.stdout.readline() == "ready\n"
        wait_until(lambda: len(memory.descendants(simulator.pid)) > 3)  # two of the launcher, init and function
        processes = memory.descendants(simulator.pid)
        simulator.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))
    (left,) = tmp_path.iterdir()

    next_start = "from simulator.lambdas.isolation_choice import find_problem\nfrom simulator.settings import *\n"
    subprocess.run([sys.executable, "-c", f"{next_start}find_problem(LambdaIsolation.AUTO)"], env=variables, check=True)

    assert (left.exists(), list(tmp_path.iterdir())) == (False, [])


@pytest.mark.slow
def test_a_thousand_environments_leave_nothing_behind(make_pool: Callable[..., EnvironmentPool]) -> None:
    """No mount, process, file descriptor, folder or file."""
    others = set(memory.descendants(os.getpid()))  # of simulators that other tests of this process share
    pool = make_pool(isolation=LambdaIsolation.AUTO, max_environments=8)
    if reason := pool.isolation().reason:
        pytest.skip(reason)
    spec = make_function("def lambda_handler(event, context):\n    open('/tmp/x', 'w').write('x')\n    return 1\n")
    pool.invoke(spec, b"{}")
    pool.reset()
    before = _leftovers(pool)

    for _ in range(1_000):
        pool.invoke(spec, b"{}")
        pool.reset()

    wait_until(lambda: _leftovers(pool) == before)
    folder = pool._folder
    pool.close()
    assert (folder is not None and folder.exists(), set(memory.descendants(os.getpid())) - others) == (False, set())


def _leftovers(pool: EnvironmentPool) -> tuple[int, int, int, list[str]]:
    assert pool._folder is not None
    return (
        len(Path("/proc/self/mounts").read_text().splitlines()),
        len(memory.descendants(os.getpid())),
        len(list(Path("/proc/self/fd").iterdir())),
        sorted(str(path) for path in pool._folder.rglob("*")),
    )


def _commands() -> list[str]:
    return [_command(pid) for pid in memory.descendants(os.getpid())]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _environments() -> list[int]:
    return [pid for pid in memory.descendants(os.getpid()) if "bootstrap.py" in _command(pid)]


FORBIDDEN = """
import sys, time
from simulator.lambdas.pool import EnvironmentPool
from tests.lambdas.zips import make_function
with EnvironmentPool(new_request_id=lambda: "r", now=lambda: 0.0, wall=time.time, max_environments=2) as pool:
    print(pool.invoke(make_function("def lambda_handler(event, context): return __file__"), b"{}").payload.decode())
    print(pool.isolation().reason)
"""


@pytest.mark.slow
def test_functions_run_where_namespaces_are_really_forbidden(pool: EnvironmentPool) -> None:
    """With the reason in plain words: the call, the error and what to do."""
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", forbid, "sh", sys.executable, "-c", FORBIDDEN]
    answer = subprocess.run(
        command, check=False, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    )
    if "unshare" in answer.stderr:
        pytest.skip(answer.stderr)
    assert answer.stdout == (
        '"/var/task/lambda_function.py"\n'
        "the system refused it namespaces: unshare: No space left on device (ENOSPC); the limit of namespaces is "
        "reached, `sudo sysctl user.max_user_namespaces=65536` raises it\n"
    )


def test_the_own_interpreter_is_found_below_its_prefix() -> None:
    """So it has a path below /var/lang."""
    interpreter = own_interpreter()
    assert interpreter.executable.is_relative_to(interpreter.prefix)
