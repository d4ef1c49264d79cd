"""What a function sees of the file system, in namespaces and without them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from simulator.lambdas.pool import EnvironmentPool
from simulator.settings import LambdaIsolation
from tests.lambdas.zips import make_function

OBSERVER = """
import os, tempfile
from pathlib import Path

def attempt(action):
    try:
        return action()
    except OSError as error:
        return type(error).__name__ + " " + str(error.errno)

def lambda_handler(event, context):
    Path(tempfile.gettempdir(), "kept").write_text("x" * 10)
    return {
        "working directory": os.getcwd(),
        "module": __file__,
        "task root": os.environ["LAMBDA_TASK_ROOT"],
        "temporary folder": tempfile.gettempdir(),
        "write beside the code": attempt(lambda: open("cache.json", "w").close()),
        "create the home folder": attempt(lambda: Path.home().joinpath("cache").mkdir(parents=True)),
        "home": str(Path.home()),
        "write to /usr": attempt(lambda: open("/usr/x", "w").close()),
        "shared memory": os.path.exists("/dev/shm"),
        "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
        "user": os.getuid(),
    }
"""


@pytest.fixture
def sandbox_pool(make_pool: Callable[..., EnvironmentPool]) -> EnvironmentPool:
    """A pool with namespaces."""
    pool = make_pool(isolation=LambdaIsolation.AUTO)
    if reason := pool.isolation().reason:
        pytest.skip(reason)
    return pool


@pytest.mark.shows("execution-environment", "system-programs")
def test_a_function_sees_lambdas_file_system(sandbox_pool: EnvironmentPool) -> None:
    """And nothing else of this machine than a read-only system."""
    invocation = sandbox_pool.invoke(make_function(OBSERVER), b"{}")

    assert json.loads(invocation.payload) == {
        "working directory": "/var/task",
        "module": "/var/task/lambda_function.py",
        "task root": "/var/task",
        "temporary folder": "/tmp",
        "write beside the code": "OSError 30",
        "create the home folder": "OSError 30",
        "home": "/home/sbx_user1051",
        "write to /usr": "OSError 30",
        "shared memory": False,
        "processes": [1, 2],
        "user": 993,
    }


TMP_STATE = """
import os
def lambda_handler(event, context):
    with open("/tmp/calls", "a") as file:
        file.write("x")
    return os.path.getsize("/tmp/calls")
"""


def test_tmp_belongs_to_one_environment_and_is_kept_while_it_is_warm(sandbox_pool: EnvironmentPool) -> None:
    """A cold start has an empty one."""

    def call(**changes: Any) -> bytes:
        return sandbox_pool.invoke(make_function(TMP_STATE, **changes), b"{}").payload

    assert [call(), call(), call(version="1"), call()] == [b"1", b"2", b"1", b"3"]
