"""Loading moto: what it imports and starts, and which services it supports."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.aws.managed_policies import PRELOADED_POLICIES
from simulator.aws.moto_app import load_moto
from simulator.aws.moto_state import MotoState

ROOT = Path(__file__).parents[2]


def run_script(script: str) -> Any:
    """Run a script in another process and return the JSON that it prints."""
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def imported_modules(*, modules: str, among: tuple[str, ...]) -> Any:
    """Import modules in another process and return those of `among` that are loaded then."""
    return run_script(
        f"import json, sys, {modules}; print(json.dumps([name for name in {among} if name in sys.modules]))"
    )


def test_importing_the_aws_package_does_not_import_moto() -> None:
    """The command's --help must not wait for moto."""
    modules = "simulator.aws.simulated_aws, simulator.aws.iam_identities, simulator.aws.invocation_logs"

    assert imported_modules(modules=modules, among=("moto", "boto3", "werkzeug")) == []


def test_importing_the_lambdas_package_imports_neither_moto_nor_a_framework() -> None:
    """Running functions needs the standard library only."""
    modules = "simulator.lambdas.invoke_app, simulator.lambdas.pool"

    assert imported_modules(modules=modules, among=("moto", "boto3", "fastapi", "awslambdaric")) == []


@pytest.mark.slow
def test_loading_moto_starts_no_thread() -> None:
    """Threads start with the first request."""
    script = (
        "import json, threading\nfrom simulator.aws.moto_app import load_moto\n"
        "load_moto()\nprint(json.dumps(threading.active_count()))"
    )

    assert run_script(script) == 1


def test_a_new_account_has_the_preloaded_policies_only(moto_state: MotoState) -> None:
    """Without a context, moto has none."""
    from moto.iam.models import IAMBackend, iam_backends  # noqa: PLC0415 - moto is slow to import

    policies = iam_backends["123456789012"]["aws"].managed_policies.values()

    assert sorted(policy.name for policy in policies) == sorted(PRELOADED_POLICIES)
    assert IAMBackend("aws", "123456789012").managed_policies == {}


@pytest.mark.parametrize(
    ("service", "target", "is_known"),
    [
        ("s3", "", True),
        ("execute-api", "", True),
        ("mobiletargeting", "", True),
        ("dynamodb", "DynamoDB_20120810.ListTables", True),
        ("dynamodb", "", False),
        ("dynamodb", "x", False),
        ("q", "", False),
        ("moto_api", "", False),
    ],
)
def test_unsupported_services_are_detected(
    capsys: pytest.CaptureFixture[str], *, service: str, target: str, is_known: bool
) -> None:
    """Moto itself would print a message and raise."""
    assert (load_moto().supports(service, target), capsys.readouterr().out) == (is_known, "")
