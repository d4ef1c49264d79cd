"""From a folder to a function, against moto."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from client.deployment import RUNTIME, Deployment, build_package, deploy_function
from client.errors import ServiceError, UsageError
from client.sdk_clients import AwsClients
from tests.client.conftest import FakeClock, write_reward
from tests.client.mantle_stub import register_basic_execution_policy

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient

ARN = "arn:aws:lambda:us-west-2:123456789012:function:rft-reward"
ROLE = "arn:aws:iam::123456789012:role/rft-reward-role"


@dataclass
class EmptyAccount:
    """An empty account, and what deploying into it said."""

    iam: IAMClient
    functions: LambdaClient
    clock: FakeClock
    notices: list[str]

    def deploy(self, folder: Path) -> Deployment:
        """Deploy a folder here."""
        return deploy_function(
            build_package(folder),
            iam=self.iam,
            lambda_client=self.functions,
            clock=self.clock.as_client_clock,
            notify=self.notices.append,
        )


@pytest.fixture
def account(moto_clients: AwsClients, clock: FakeClock, notices: list[str]) -> Iterator[EmptyAccount]:
    """An account in moto."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        register_basic_execution_policy()
        yield EmptyAccount(iam=moto_clients.iam, functions=moto_clients.lambda_client, clock=clock, notices=notices)


def test_zip_depends_on_the_files_alone(tmp_path: Path) -> None:
    """Order of creation, times, caches and hidden files do not show in the bytes."""
    one, other = write_reward(tmp_path / "one"), tmp_path / "other"
    (one / "answers.py").write_text("X = 1\n", encoding="utf-8")
    other.mkdir()
    (other / "__pycache__").mkdir()
    (other / "__pycache__" / "answers.cpython-311.pyc").write_bytes(b"x")
    (other / ".DS_Store").write_bytes(b"x")
    (other / "answers.py").write_text("X = 1\n", encoding="utf-8")
    write_reward(other)
    assert build_package(one).zip_bytes == build_package(other).zip_bytes


def test_zip_can_be_read_by_lambda(tmp_path: Path) -> None:
    """Lambda's user is not ours: files are readable for all."""
    with zipfile.ZipFile(io.BytesIO(build_package(write_reward(tmp_path / "reward")).zip_bytes)) as archive:
        entries = [(entry.filename, oct(entry.external_attr >> 16), entry.date_time) for entry in archive.infolist()]
    assert entries == [("lambda_function.py", "0o100644", (1980, 1, 1, 0, 0, 0))]


def test_function_is_named_after_its_folder(tmp_path: Path) -> None:
    """Two reward folders are two functions."""
    names = [build_package(write_reward(tmp_path / name)).name for name in ("reward_lambda", "My Reward!", "x" * 80)]
    assert names == ["rft-reward-lambda", "rft-my-reward", "rft-" + "x" * 55]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def handler(event, context): ...\n", "defines no lambda_handler"),
        ("def lambda_handler(event:\n", "line 1"),
        ("if True:\n    x = 1\n", "defines no lambda_handler"),
    ],
)
def test_folder_without_handler_is_misuse(tmp_path: Path, source: str, reason: str) -> None:
    """What Lambda could not load is not sent."""
    with pytest.raises(UsageError, match=reason):
        build_package(write_reward(tmp_path / "reward", source))


@pytest.mark.parametrize("source", ["from answers import lambda_handler\n", "lambda_handler = print\n"])
def test_handler_may_be_bound_in_any_way(tmp_path: Path, source: str) -> None:
    """An import or an assignment makes a handler as well."""
    assert build_package(write_reward(tmp_path / "reward", source)).files == ("lambda_function.py",)


def test_link_out_of_the_folder_is_misuse(tmp_path: Path) -> None:
    """A file of elsewhere is not uploaded; the link is named, and a link within the folder is packed."""
    folder = write_reward(tmp_path / "reward")
    (folder / "same.py").symlink_to(folder / "lambda_function.py")
    assert build_package(folder).files == ("lambda_function.py", "same.py")
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    (folder / "secret.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError, match=r"reward/secret\.txt is a link that leads out of the folder"):
        build_package(folder)


def test_folder_of_the_same_name_is_noticed(account: EmptyAccount, tmp_path: Path) -> None:
    """Two folders with one name share a function, and the second deployment says so."""
    account.deploy(write_reward(tmp_path / "reward"))
    (tmp_path / "other").mkdir()
    account.deploy(write_reward(tmp_path / "other" / "reward"))
    assert account.notices == ["rft-reward was deployed from another folder; it now gets the files of this one."]


def test_first_deployment_makes_role_and_function(account: EmptyAccount, tmp_path: Path) -> None:
    """An empty account gets a role that Lambda may assume and a function with AWS's sample's settings."""
    folder = write_reward(tmp_path / "reward")
    assert account.deploy(folder) == Deployment(arn=ARN, outcome="created", role_arn=ROLE)
    made = account.functions.get_function_configuration(FunctionName="rft-reward")
    assert {key: made.get(key) for key in ("Runtime", "Handler", "Timeout", "MemorySize", "Role", "CodeSha256")} == {
        "Runtime": RUNTIME,
        "Handler": "lambda_function.lambda_handler",
        "Timeout": 300,
        "MemorySize": 512,
        "Role": ROLE,
        "CodeSha256": base64.b64encode(bytes.fromhex(build_package(folder).sha256)).decode(),
    }
    attached = account.iam.list_attached_role_policies(RoleName="rft-reward-role")["AttachedPolicies"]
    assert [policy.get("PolicyArn") for policy in attached] == [
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    ]


def test_second_deployment_changes_nothing(account: EmptyAccount, tmp_path: Path) -> None:
    """The same files are recognised by their hash."""
    folder = write_reward(tmp_path / "reward")
    account.deploy(folder)
    assert account.deploy(folder).outcome == "unchanged"


def test_changed_code_is_updated(account: EmptyAccount, tmp_path: Path) -> None:
    """New code reaches the function that is there, without a version."""
    folder = write_reward(tmp_path / "reward")
    account.deploy(folder)
    write_reward(folder, "def lambda_handler(event, context):\n    return [1]\n")
    assert account.deploy(folder).outcome == "updated"
    versions = account.functions.list_versions_by_function(FunctionName="rft-reward")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST"]


def test_changed_settings_are_put_right(account: EmptyAccount, tmp_path: Path) -> None:
    """A time-out of 3 s that somebody set by hand would break a long batch."""
    folder = write_reward(tmp_path / "reward")
    account.deploy(folder)
    account.functions.update_function_configuration(FunctionName="rft-reward", Timeout=3)
    assert account.deploy(folder).outcome == "updated"
    assert account.functions.get_function_configuration(FunctionName="rft-reward")["Timeout"] == 300


def test_role_that_lambda_may_not_assume_is_not_changed(account: EmptyAccount, tmp_path: Path) -> None:
    """A role that Lambda may not assume is reported, not rewritten."""
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    account.iam.create_role(
        RoleName="rft-reward-role", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"} | trust)
    )
    with pytest.raises(UsageError, match="Lambda may not assume it"):
        account.deploy(write_reward(tmp_path / "reward"))


def stub_role_not_ready(account: EmptyAccount, *, times: int, then_works: bool) -> Stubber:
    """A Lambda that does not know the new role for a while, as the real one."""
    stubber = Stubber(account.functions)
    stubber.add_client_error("get_function_configuration", "ResourceNotFoundException", http_status_code=404)
    for _ in range(times):
        stubber.add_client_error(
            "create_function",
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        )
    if then_works:
        stubber.add_response("create_function", {"FunctionArn": ARN}, ANY_CREATE)
        ready = {"Configuration": {"State": "Active", "LastUpdateStatus": "Successful"}}
        stubber.add_response("get_function", ready)
        stubber.add_response("get_function", ready)
    return stubber


ANY_CREATE = {
    "FunctionName": "rft-reward",
    "Runtime": RUNTIME,
    "Handler": "lambda_function.lambda_handler",
    "Role": ROLE,
    "Timeout": 300,
    "MemorySize": 512,
    "Code": ANY,
    "Description": ANY,
    "Publish": False,
}


def test_new_role_is_waited_for(account: EmptyAccount, tmp_path: Path) -> None:
    """AWS needs some seconds until Lambda sees a role that IAM has made."""
    with stub_role_not_ready(account, times=2, then_works=True):
        assert account.deploy(write_reward(tmp_path / "reward")).outcome == "created"
    assert account.clock.delays == [2.0, 2.0]


def test_new_role_is_not_waited_for_without_end(account: EmptyAccount, tmp_path: Path) -> None:
    """A role that never becomes usable is an error with its name."""
    with stub_role_not_ready(account, times=40, then_works=False), pytest.raises(ServiceError, match=ROLE):
        account.deploy(write_reward(tmp_path / "reward"))
