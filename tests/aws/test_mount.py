"""What mounting moto costs and touches."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.aws import mount
from simulator.aws.managed_policies import LISTED

ROOT = Path(__file__).parents[2]


def told(script: str) -> Any:
    """Run a script in a process of its own and read the JSON that it prints."""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def imported(*, rooms: str, among: tuple[str, ...]) -> Any:
    """Import rooms in a process of its own and tell which packages that brought in."""
    return told(f"import json, sys, {rooms}; print(json.dumps([name for name in {among} if name in sys.modules]))")


def test_importing_the_room_does_not_import_moto() -> None:
    """The command's help must not wait for moto."""
    rooms = "simulator.aws.mount, simulator.aws.iam, simulator.aws.functions, simulator.aws.logs"

    assert imported(rooms=rooms, among=("moto", "boto3", "a2wsgi")) == []


def test_the_lambdas_room_imports_neither_moto_nor_a_framework() -> None:
    """Running functions needs the standard library alone."""
    rooms = "simulator.lambdas.invoke_app, simulator.lambdas.pool"

    assert imported(rooms=rooms, among=("moto", "boto3", "fastapi", "awslambdaric")) == []


def test_mounting_starts_no_thread() -> None:
    """Nothing runs before the first request."""
    script = (
        "import json, threading\nfrom simulator.aws.mount import mount\n"
        "mount()\nprint(json.dumps(threading.active_count()))"
    )

    assert told(script) == 1


def test_seeded_ids_repeat() -> None:
    """With a seed, the ids that moto makes up are the same again."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    ids = []
    for _ in range(2):
        mount.reset()
        mount.mount(seed=7)
        ids.append(iam_backends["123456789012"]["aws"].create_user("us-west-2", "alice").id)
    mount.reset()

    assert ids[0] == ids[1]


def test_only_the_listed_policies_are_loaded() -> None:
    """IAM starts with a few of AWS's managed policies, after a reset too."""
    mount.mount()
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    mount.reset()

    assert sorted(policy.name for policy in iam_backends["123456789012"]["aws"].managed_policies.values()) == sorted(
        LISTED
    )


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
    assert (mount.mount().answers(service, target), capsys.readouterr().out) == (known, "")
