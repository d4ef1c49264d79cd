"""The environment of a function: variables, folders, imports and context."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from simulator.lambdas.pool import EnvironmentPool
from tests.lambdas.zips import ARN, function_from_zip, make_function, zip_files


def invoke(pool: EnvironmentPool, body: str, event: object = None, **changes: Any) -> Any:
    """Run a handler whose last line is `return <body>`; return its result."""
    source = f"import os, sys\ndef lambda_handler(event, context):\n    return {body}\n"
    invocation = pool.invoke(make_function(source, **changes), json.dumps(event).encode())
    assert invocation.function_error is None, invocation.payload
    return json.loads(invocation.payload)


def test_event_and_result_pass_unchanged(pool: EnvironmentPool) -> None:
    """Beyond ASCII too."""
    event = [{"id": "r1", "text": "grüß 🙂", "score": 0.1}]

    assert invoke(pool, "event", event) == event


def test_a_function_has_lambdas_shared_and_its_own_variables(
    make_pool: Callable[..., EnvironmentPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of the simulator's environment."""
    monkeypatch.setenv("LEAKED", "yes")
    pool = make_pool(variables=lambda _spec: {"AWS_ENDPOINT_URL": "http://127.0.0.1:8723", "MODE": "shared"})

    variables = invoke(pool, "dict(os.environ)", environment=(("MODE", "own"),))

    names = ("AWS_ENDPOINT_URL", "MODE", "LEAKED", "AWS_REGION", "AWS_EXECUTION_ENV", "_HANDLER")
    assert {name: variables.get(name) for name in names} == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:8723",
        "MODE": "own",
        "LEAKED": None,
        "AWS_REGION": "us-west-2",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "_HANDLER": "lambda_function.lambda_handler",
    }


def test_the_context_is_that_of_the_call(pool: EnvironmentPool) -> None:
    """Function, version, request and ARN."""
    context = invoke(
        pool,
        "[context.function_name, context.function_version, context.memory_limit_in_mb,"
        " context.invoked_function_arn, context.aws_request_id, context.log_group_name]",
    )

    assert context == ["grader", "$LATEST", "128", ARN, "00000000-0000-4000-8000-000000000001", "/aws/lambda/grader"]


def test_the_remaining_time_starts_at_the_timeout(pool: EnvironmentPool) -> None:
    """By the machine's clock."""
    remaining = invoke(pool, "context.get_remaining_time_in_millis()", timeout=60)

    assert 50_000 < remaining <= 60_000


@pytest.mark.parametrize("name", ["simulator", "fastapi", "moto", "numpy", "pytest"])
def test_packages_of_the_simulator_cannot_be_imported(pool: EnvironmentPool, name: str) -> None:
    """As on AWS, a function imports only what its zip holds."""
    spec = make_function(f"import {name}\n")

    assert json.loads(pool.invoke(spec, b"{}").payload)["errorType"] == "Runtime.ImportModuleError"


@pytest.mark.slow
def test_the_managed_runtime_has_boto3(pool: EnvironmentPool) -> None:
    """Without it being in the zip."""
    assert invoke(pool, "__import__('boto3').__name__", timeout=20) == "boto3"


def test_layers_are_importable_after_the_package(pool: EnvironmentPool) -> None:
    """The function's own files come first."""
    layer = zip_files({"python/shared.py": "NAME = 'layer'\n", "python/lambda_function.py": "raise SystemExit\n"})
    spec = make_function("from shared import NAME\ndef lambda_handler(event, context): return NAME\n", layers=(layer,))

    assert pool.invoke(spec, b"{}").payload == b'"layer"'


def test_a_layers_packages_for_one_python_count_for_its_runtime_only(pool: EnvironmentPool) -> None:
    """They come before the layer's packages for every Python (AWS: "Packaging your layer content", DOCUMENTED)."""
    layer = zip_files(
        {
            "python/lib/python3.11/site-packages/shared.py": "NAME = 'for 3.11'\n",
            "python/lib/python3.12/site-packages/shared.py": "NAME = 'for 3.12'\n",
            "python/shared.py": "NAME = 'for all'\n",
        }
    )
    source = "from shared import NAME\ndef lambda_handler(event, context): return NAME\n"

    found = {
        runtime: pool.invoke(make_function(source, layers=(layer,), runtime=runtime), b"{}").payload
        for runtime in ("python3.11", "python3.12", "python3.13")
    }

    assert found == {"python3.11": b'"for 3.11"', "python3.12": b'"for 3.12"', "python3.13": b'"for all"'}


def test_pythonpath_may_name_the_package_folder(pool: EnvironmentPool) -> None:
    """As /var/task."""
    code = zip_files(
        {
            "lambda_function.py": "import extra\ndef lambda_handler(event, context): return extra.NAME\n",
            "lib/extra.py": "NAME = 'found'\n",
        }
    )

    spec = function_from_zip(code, environment=(("PYTHONPATH", "/var/task/lib"),))

    assert pool.invoke(spec, b"{}").payload == b'"found"'


def test_paths_are_awss(pool: EnvironmentPool) -> None:
    """In results and logs: /var/task, /tmp and /var/runtime."""
    source = (
        "import os, tempfile\n"
        "def lambda_handler(event, context):\n"
        "    print(__file__)\n"
        "    return [__file__, tempfile.gettempdir(), os.environ['LAMBDA_RUNTIME_DIR']]\n"
    )

    invocation = pool.invoke(make_function(source), b"{}")

    assert (json.loads(invocation.payload), invocation.log_lines[1]) == (
        ["/var/task/lambda_function.py", "/tmp", "/var/runtime"],
        "/var/task/lambda_function.py\n",
    )


@pytest.mark.parametrize(
    "call",
    [
        "multiprocessing.Lock()",
        "multiprocessing.Queue()",
        "multiprocessing.Pool(1)",
        "multiprocessing.shared_memory.SharedMemory(create=True, size=8)",
        "concurrent.futures.ProcessPoolExecutor().submit(int)",
    ],
)
@pytest.mark.shows("shared-memory")
def test_semaphores_and_shared_memory_are_not_implemented(pool: EnvironmentPool, call: str) -> None:
    """Lambda has no /dev/shm."""
    source = (
        f"import concurrent.futures, multiprocessing.shared_memory\ndef lambda_handler(event, context): return {call}\n"
    )

    error = json.loads(pool.invoke(make_function(source, timeout=30), b"{}").payload)

    assert (error["errorType"], error["errorMessage"]) == ("OSError", "[Errno 38] Function not implemented")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_with_a_pipe_works(pool: EnvironmentPool, method: str) -> None:
    """They need no shared memory."""
    source = (
        "import multiprocessing\n"
        "def double(pipe, number): pipe.send(number * 2)\n"
        "def lambda_handler(event, context):\n"
        f"    processes = multiprocessing.get_context({method!r})\n"
        "    receiver, sender = processes.Pipe(duplex=False)\n"
        "    process = processes.Process(target=double, args=(sender, 21))\n"
        "    process.start()\n"
        "    result = receiver.recv()\n"
        "    process.join()\n"
        "    return result\n"
    )

    assert pool.invoke(make_function(source, timeout=30), b"{}").payload == b"42"


@pytest.mark.slow
def test_sets_have_the_same_order_in_every_environment(make_pool: Callable[..., EnvironmentPool]) -> None:
    """String hashing is fixed, so a grader that iterates over a set is deterministic."""
    orders = [invoke(make_pool(), "list({'alpha', 'beta', 'gamma', 'delta', 'epsilon'})") for _ in range(2)]

    assert orders[0] == orders[1]


def test_the_simulators_own_interpreter_runs_the_function(pool: EnvironmentPool) -> None:
    """With any Runtime."""
    assert invoke(pool, "list(sys.version_info[:2])", runtime="python3.13") == list(sys.version_info[:2])


def test_the_client_context_reaches_the_function(pool: EnvironmentPool) -> None:
    """In the handler's context."""
    spec = make_function("def lambda_handler(event, context): return context.client_context.custom\n")

    invocation = pool.invoke(spec, b"{}", client_context='{"custom": {"trial": "7"}}')

    assert json.loads(invocation.payload) == {"trial": "7"}


def test_the_deadline_is_in_wall_time(make_pool: Callable[..., EnvironmentPool]) -> None:
    """A handler reads its own clock, not the simulated time."""
    pool = make_pool(wall=lambda: time.time() + 1000)

    assert invoke(pool, "context.get_remaining_time_in_millis()") > 900_000
