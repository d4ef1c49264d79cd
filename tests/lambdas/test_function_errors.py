"""What a caller gets for each thing that a function can do wrong: the payloads are AWS's own, to the letter."""

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
    """A function's source and the error payload that comes of it."""

    name: str
    source: str
    payload: dict[str, Any]


def handler(*lines: str) -> str:
    """Make a module whose handler has these lines."""
    return "import os, signal, sys\ndef lambda_handler(event, context):\n" + "".join(f"    {line}\n" for line in lines)


def exit_error(how: str) -> dict[str, str]:
    """Give the payload of a runtime that went away."""
    return {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {REQUEST} Error: {how}"}


def exception_error(
    error: str, message: str, *, trace: list[str] | None = None, request_id: str = REQUEST
) -> dict[str, Any]:
    """Give the payload that AWS's runtime client makes of a Python error."""
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
def test_error_payload_is_that_of_aws(pool: EnvironmentPool, case: Case) -> None:
    """Every fault of a function gives the payload that AWS gives, and is Unhandled."""
    invocation = pool.invoke(make_function(case.source, timeout=10), b"{}")

    assert (invocation.function_error, json.loads(invocation.payload)) == ("Unhandled", case.payload)


def test_exception_at_import_has_its_own_type(pool: EnvironmentPool) -> None:
    """An exception while the module loads is reported as itself, with the frames of importlib, as on AWS."""
    payload = json.loads(pool.invoke(make_function("raise KeyError('at import')\n"), b"{}").payload)

    assert (payload["errorType"], payload["errorMessage"], payload["stackTrace"][-1]) == (
        "KeyError",
        "'at import'",
        "  File \"/var/task/lambda_function.py\", line 1, in <module>\n    raise KeyError('at import')\n",
    )


def test_event_that_is_not_json_is_an_unmarshal_error(pool: EnvironmentPool) -> None:
    """The pool hands events on as they are; the runtime client refuses what it cannot read."""
    payload = json.loads(pool.invoke(make_function(handler("return 1")), b"{").payload)

    assert payload["errorType"] == "Runtime.UnmarshalError"


def test_timeout_kills_and_the_next_call_starts_cold(pool: EnvironmentPool) -> None:
    """A function that does not answer in time is killed with all it started; the next call gets a new environment."""
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


def test_slow_init_is_begun_anew_with_the_functions_timeout(make_pool: Callable[..., EnvironmentPool]) -> None:
    """An init phase over its limit is restarted once, then bounded by Timeout."""
    pool = make_pool(init_seconds=0.2)

    invocation = pool.invoke(make_function("while True: pass\n", timeout=0.3), b"{}")

    assert json.loads(invocation.payload)["errorMessage"].endswith("Task timed out after 0.30 seconds")


def test_init_does_not_count_against_the_timeout(pool: EnvironmentPool) -> None:
    """A module that takes longer to load than Timeout allows for a call still answers."""
    invocation = pool.invoke(make_function("import time\ntime.sleep(0.4)\n" + handler("return 1"), timeout=0.2), b"{}")

    assert invocation.payload == b"1"


def test_answer_of_just_the_limit_passes(pool: EnvironmentPool) -> None:
    """6,291,556 bytes are still an answer, quotes included."""
    invocation = pool.invoke(make_function(handler("return 'x' * 6_291_554")), b"{}")

    assert (invocation.function_error, len(invocation.payload)) == (None, 6_291_556)


def test_non_finite_numbers_pass_as_aws_passes_them(pool: EnvironmentPool) -> None:
    """The real marshaller writes bare NaN and Infinity, which is no JSON; whoever reads rewards must refuse them."""
    invocation = pool.invoke(make_function(handler("return [float('nan'), float('inf')]")), b"{}")

    assert (invocation.function_error, invocation.payload) == (None, b"[NaN, Infinity]")


def test_megabytes_of_log_do_not_block_the_function(pool: EnvironmentPool) -> None:
    """The log pipe is read while the function runs: it may print more than a pipe holds."""
    invocation = pool.invoke(make_function(handler("print('x' * 3_000_000)", "return 'printed'")), b"{}")

    assert (invocation.payload, len(invocation.log) > 3_000_000) == (b'"printed"', True)


def test_memory_of_children_counts(pool: EnvironmentPool) -> None:
    """A handler cannot get round MemorySize by forking: the whole sandbox is measured."""
    source = handler(
        "child = os.fork()",
        "if child == 0:",
        "    hoard = bytearray(b'x' * 150_000_000)",
        "    signal.pause()",
        "os.waitpid(child, 0)",
    )

    invocation = pool.invoke(make_function(source, timeout=10), b"{}")

    assert json.loads(invocation.payload) == exit_error("Runtime exited with error: signal: killed")


def test_bad_handler_name_is_reported_by_the_runtime(pool: EnvironmentPool) -> None:
    """A handler without a dot is AWS's own Runtime.MalformedHandlerName."""
    payload = json.loads(pool.invoke(function_from_zip(zip_files({"a.py": ""}), handler="a"), b"{}").payload)

    assert payload["errorType"] == "Runtime.MalformedHandlerName"
