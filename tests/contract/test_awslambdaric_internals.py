"""The names of AWS's runtime client that a worker leans on; a new release that moves one fails here first."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest


def source(module: str) -> str:
    """Read a module of awslambdaric without importing it."""
    package = importlib.util.find_spec("awslambdaric")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name(f"{module}.py").read_text()


def test_the_client_module_is_imported_by_name() -> None:
    """`import runtime_client` at import time is what a module in sys.modules takes the place of."""
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
def test_the_client_is_called_as_the_worker_answers(call: str) -> None:
    """The four calls of the C client, with the arguments that our module takes."""
    assert re.search(call, source("lambda_runtime_client"))


def test_no_other_call_of_the_client_exists() -> None:
    """Nothing else of `runtime_client` is used."""
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
def test_headers_of_an_invocation_are_read_by_these_names(header: str) -> None:
    """The headers that the Runtime API hands over are those that the client looks up, in this spelling."""
    assert f'headers.get("{header}")' in source("lambda_runtime_client")


def test_init_errors_are_posted_where_the_runtime_api_listens() -> None:
    """An init error goes to /2018-06-01/runtime/init/error."""
    assert '"/2018-06-01/runtime/init/error"' in source("lambda_runtime_client")


def test_bootstrap_runs_a_handler_with_a_client() -> None:
    """`bootstrap.run(handler, client)` and `LambdaRuntimeClient(address)` are how a worker starts."""
    bootstrap = importlib.import_module("awslambdaric.bootstrap")
    client = importlib.import_module("awslambdaric.lambda_runtime_client")

    assert (
        list(inspect.signature(bootstrap.run).parameters),
        next(iter(inspect.signature(client.LambdaRuntimeClient).parameters)),
    ) == (["handler", "lambda_runtime_client"], "lambda_runtime_address")


def test_error_lines_are_joined_by_a_carriage_return() -> None:
    """The log reader undoes this join."""
    assert 'ERROR_LOG_LINE_TERMINATE = "\\r"' in source("bootstrap")
