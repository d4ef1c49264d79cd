"""What mounting moto costs and touches."""

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
    """Run a script in a process of its own and read the JSON that it prints."""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def imported_modules(*, modules: str, among: tuple[str, ...]) -> Any:
    """Import rooms in a process of its own and tell which packages that brought in."""
    return run_script(
        f"import json, sys, {modules}; print(json.dumps([name for name in {among} if name in sys.modules]))"
    )


def test_importing_the_room_does_not_import_moto() -> None:
    """The command's help must not wait for moto."""
    rooms = "simulator.aws.simulated_aws, simulator.aws.iam_identities, simulator.aws.invocation_logs"

    assert imported_modules(modules=rooms, among=("moto", "boto3", "werkzeug")) == []


def test_the_lambdas_room_imports_neither_moto_nor_a_framework() -> None:
    """Running functions needs the standard library alone."""
    rooms = "simulator.lambdas.invoke_app, simulator.lambdas.pool"

    assert imported_modules(modules=rooms, among=("moto", "boto3", "fastapi", "awslambdaric")) == []


def test_mounting_starts_no_thread() -> None:
    """Nothing runs before the first request."""
    script = (
        "import json, threading\nfrom simulator.aws.moto_app import load_moto\n"
        "load_moto()\nprint(json.dumps(threading.active_count()))"
    )

    assert run_script(script) == 1


def test_only_the_listed_policies_are_there_from_the_start(moto_state: MotoState) -> None:
    """In a simulated account; outside of it moto has what its own user asked it for."""
    from moto.iam.models import IAMBackend, iam_backends  # noqa: PLC0415 - moto is slow to import

    ours = iam_backends["123456789012"]["aws"].managed_policies.values()

    assert sorted(policy.name for policy in ours) == sorted(PRELOADED_POLICIES)
    assert IAMBackend("aws", "123456789012").managed_policies == {}


@pytest.mark.parametrize(
    ("service", "target", "known"),
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
def test_what_moto_does_not_know_is_told_beforehand(
    capsys: pytest.CaptureFixture[str], *, service: str, target: str, known: bool
) -> None:
    """Moto itself would print that it found nothing, and raise."""
    assert (load_moto().supports(service, target), capsys.readouterr().out) == (known, "")
