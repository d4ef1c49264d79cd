"""The names of AWS's runtime client that a worker depends on."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest


def source(module: str) -> str:
    """Return the source of a module of awslambdaric without importing it."""
    package = importlib.util.find_spec("awslambdaric")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name(f"{module}.py").read_text()


def test_the_client_module_is_imported_by_name() -> None:
    """A module in sys.modules replaces `runtime_client`."""
    assert re.search(r"^\s+import runtime_client$", source("lambda_runtime_client"), re.MULTILINE)


@pytest.mark.parametrize(
    "call",
    [
        r"runtime_client\.initialize_client\(_user_agent\(\)\)",
        r"response_body, headers = runtime_client\.next\(\)",
        r"runtime_client\.post_invocation_result\(\s*invoke_id,[\s\S]{1,200}?content_type,\s*invocation_id,\s*\)",
        r"runtime_client\.post_error\(\s*invoke_id, error_response_data, xray_fault, invocation_id\s*\)",
    ],
    ids=["initialize_client", "next", "post_invocation_result", "post_error"],
)
def test_the_client_is_called_with_the_expected_arguments(call: str) -> None:
    """The four functions of the C client."""
    assert re.search(call, source("lambda_runtime_client"))


def test_no_other_function_of_the_client_is_called() -> None:
    """The replacement has four."""
    used = set(re.findall(r"\bruntime_client\.(\w+)\(", source("lambda_runtime_client") + source("bootstrap")))

    assert used - {"initialize_client", "next", "post_invocation_result", "post_error"} == set()


@pytest.mark.parametrize(
    "header",
    [
        "Lambda-Runtime-Aws-Request-Id",
        "Lambda-Runtime-Deadline-Ms",
        "Lambda-Runtime-Invoked-Function-Arn",
        "Lambda-Runtime-Trace-Id",
        "Lambda-Runtime-Client-Context",
    ],
)
def test_the_client_reads_these_headers(header: str) -> None:
    """In the spelling of the simulator's Runtime API."""
    assert f'headers.get("{header}")' in source("lambda_runtime_client")


def test_init_errors_are_posted_to_the_runtime_api() -> None:
    """At /2018-06-01/runtime/init/error."""
    assert '"/2018-06-01/runtime/init/error"' in source("lambda_runtime_client")


def test_bootstrap_runs_a_handler_with_a_client() -> None:
    """By `bootstrap.run(handler, client)` and `LambdaRuntimeClient(address)`."""
    bootstrap = importlib.import_module("awslambdaric.bootstrap")
    client = importlib.import_module("awslambdaric.lambda_runtime_client")

    assert (
        list(inspect.signature(bootstrap.run).parameters),
        next(iter(inspect.signature(client.LambdaRuntimeClient).parameters)),
    ) == (["handler", "lambda_runtime_client"], "lambda_runtime_address")


def test_error_lines_are_joined_by_a_carriage_return() -> None:
    """`split_log_events` reverses this."""
    assert 'ERROR_LOG_LINE_TERMINATE = "\\r"' in source("bootstrap")
