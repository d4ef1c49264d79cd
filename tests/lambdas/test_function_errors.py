"""The exact payloads of AWS for everything that a function can do wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from simulator.lambdas.pool import EnvironmentPool
from tests.lambdas.zips import function_from_zip, make_function, zip_files

REQUEST = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Case:
    """A function's source and its error payload."""

    name: str
    source: str
    payload: dict[str, Any]


def handler(*lines: str) -> str:
    """Return a module whose handler has these lines."""
    return "import os, signal, sys\ndef lambda_handler(event, context):\n" + "".join(f"    {line}\n" for line in lines)


def exit_error(statement: str) -> dict[str, str]:
    """Return the payload for a runtime that exited."""
    return {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {REQUEST} Error: {statement}"}


def exception_error(
    error: str, message: str, *, trace: list[str] | None = None, request_id: str = REQUEST
) -> dict[str, Any]:
    """Return the payload of AWS's runtime client for a Python exception."""
    return {"errorMessage": message, "errorType": error, "requestId": request_id, "stackTrace": trace or []}


CASES = (
    Case(
        name="exception",
        source=handler("raise ValueError('boom')"),
        payload=exception_error(
            "ValueError",
            "boom",
            trace=[
                "  File \"/var/task/lambda_function.py\", line 3, in lambda_handler\n    raise ValueError('boom')\n"
            ],
        ),
    ),
    Case(
        name="import of a package that the zip lacks",
        source="import numpy\n",
        payload=exception_error(
            "Runtime.ImportModuleError",
            "Unable to import module 'lambda_function': No module named 'numpy'",
            request_id="",
        ),
    ),
    Case(
        name="no handler",
        source="answer = 42\n",
        payload=exception_error(
            "Runtime.HandlerNotFound",
            "Handler 'lambda_handler' missing on module 'lambda_function'",
            request_id="",
        ),
    ),
    Case(
        name="syntax error",
        source="def (\n",
        payload=exception_error(
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'lambda_function': invalid syntax (lambda_function.py, line 1)",
            trace=['  File "/var/task/lambda_function.py" Line 1\n    def (\n'],
            request_id="",
        ),
    ),
    Case(
        name="answer that is not JSON",
        source=handler("return {1}"),
        payload=exception_error(
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type set is not JSON serializable",
        ),
    ),
    Case(
        name="async handler",
        source="async def lambda_handler(event, context):\n    return 1\n",
        payload=exception_error(
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type coroutine is not JSON serializable",
        ),
    ),
    Case(
        name="sys.exit",
        source=handler("sys.exit(3)"),
        payload=exit_error("Runtime exited with error: exit status 3"),
    ),
    Case(
        name="sys.exit at import",
        source="import sys\nsys.exit(4)\n",
        payload=exit_error("Runtime exited with error: exit status 4"),
    ),
    Case(
        name="exit without a word",
        source=handler("os._exit(0)"),
        payload=exit_error("Runtime exited without providing a reason"),
    ),
    Case(
        name="segmentation fault",
        source=handler("os.kill(os.getpid(), signal.SIGSEGV)"),
        payload=exit_error("Runtime exited with error: signal: segmentation fault"),
    ),
    Case(
        name="too much memory at once",
        source=handler("return len(bytearray(b'x' * 200_000_000))"),
        payload=exit_error("Runtime exited with error: signal: killed"),
    ),
    Case(
        name="too much memory by and by",
        source=handler("hoard = []", "while True: hoard.append(bytearray(b'x' * 1_000_000))"),
        payload=exit_error("Runtime exited with error: signal: killed"),
    ),
    Case(
        name="answer over 6 MB",
        source=handler("return 'x' * 6_291_555"),
        payload={
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        },
    ),
)


@pytest.mark.shows("lambda-runtime")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_error_payload_is_awss(pool: EnvironmentPool, case: Case) -> None:
    """Every error is Unhandled."""
    invocation = pool.invoke(make_function(case.source, timeout=10), b"{}")

    assert (invocation.function_error, json.loads(invocation.payload)) == ("Unhandled", case.payload)


def test_an_exception_at_import_has_its_own_type(pool: EnvironmentPool) -> None:
    """With the frames of importlib, as on AWS."""
    payload = json.loads(pool.invoke(make_function("raise KeyError('at import')\n"), b"{}").payload)

    assert (payload["errorType"], payload["errorMessage"], payload["stackTrace"][-1]) == (
        "KeyError",
        "'at import'",
        "  File \"/var/task/lambda_function.py\", line 1, in <module>\n    raise KeyError('at import')\n",
    )


def test_an_event_that_is_not_json_is_an_unmarshal_error(pool: EnvironmentPool) -> None:
    """The runtime client rejects it, not the pool."""
    payload = json.loads(pool.invoke(make_function(handler("return 1")), b"{").payload)

    assert payload["errorType"] == "Runtime.UnmarshalError"


@pytest.mark.slow
def test_a_timeout_kills_and_the_next_call_starts_cold(pool: EnvironmentPool) -> None:
    """With all child processes."""
    spec = make_function(handler("while event.get('loop'): pass", "return 'done'"), timeout=0.3)

    slow = pool.invoke(spec, b'{"loop": true}')
    following = pool.invoke(spec, b"{}")

    assert (slow.function_error, json.loads(slow.payload), slow.duration_ms) == (
        "Unhandled",
        {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {REQUEST} Error: Task timed out after 0.30 seconds",
        },
        300.0,
    )
    assert (following.payload, following.init_ms is not None) == (b'"done"', True)


@pytest.mark.slow
def test_a_slow_init_is_restarted_with_the_functions_timeout(make_pool: Callable[..., EnvironmentPool]) -> None:
    """Once."""
    pool = make_pool(init_seconds=0.2)

    invocation = pool.invoke(make_function("while True: pass\n", timeout=0.3), b"{}")

    assert json.loads(invocation.payload)["errorMessage"].endswith("Task timed out after 0.30 seconds")


@pytest.mark.slow
def test_init_does_not_count_against_the_timeout(pool: EnvironmentPool) -> None:
    """A module may take longer to load than Timeout."""
    invocation = pool.invoke(make_function("import time\ntime.sleep(0.4)\n" + handler("return 1"), timeout=0.2), b"{}")

    assert invocation.payload == b"1"


def test_a_response_at_the_limit_passes(pool: EnvironmentPool) -> None:
    """6,291,556 bytes, quotes included."""
    invocation = pool.invoke(make_function(handler("return 'x' * 6_291_554")), b"{}")

    assert (invocation.function_error, len(invocation.payload)) == (None, 6_291_556)


def test_non_finite_numbers_pass_as_on_aws(pool: EnvironmentPool) -> None:
    """The runtime client writes NaN and Infinity, which are not JSON. The grader must refuse them."""
    invocation = pool.invoke(make_function(handler("return [float('nan'), float('inf')]")), b"{}")

    assert (invocation.function_error, invocation.payload) == (None, b"[NaN, Infinity]")


def test_megabytes_of_log_do_not_block_the_function(pool: EnvironmentPool) -> None:
    """The log pipe is drained while the function runs."""
    invocation = pool.invoke(make_function(handler("print('x' * 3_000_000)", "return 'printed'")), b"{}")

    assert (invocation.payload, len(invocation.log) > 3_000_000) == (b'"printed"', True)


def test_memory_of_children_counts(pool: EnvironmentPool) -> None:
    """MemorySize limits the whole sandbox, forked processes included."""
    source = handler(
        "child = os.fork()",
        "if child == 0:",
        "    hoard = bytearray(b'x' * 150_000_000)",
        "    signal.pause()",
        "os.waitpid(child, 0)",
    )

    invocation = pool.invoke(make_function(source, timeout=10), b"{}")

    assert json.loads(invocation.payload) == exit_error("Runtime exited with error: signal: killed")


def test_a_malformed_handler_name_is_reported_by_the_runtime(pool: EnvironmentPool) -> None:
    """CreateFunction accepts a handler without a dot, as AWS does."""
    payload = json.loads(pool.invoke(function_from_zip(zip_files({"a.py": ""}), handler="a"), b"{}").payload)

    assert payload == {
        "errorMessage": "Bad handler 'a': not enough values to unpack (expected 2, got 1)",
        "errorType": "Runtime.MalformedHandlerName",
        "requestId": "",
        "stackTrace": [],
    }
