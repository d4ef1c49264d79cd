"""Packaging and deployment of reward folders, against moto."""

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

from client.deployment import Deployment, deploy_function
from client.deployment_package import build_package, pack, read_source
from client.errors import ServiceError, UsageError
from client.function_options import DEFAULT_RUNTIME, FunctionOptions
from client.layers import read_layers
from client.sdk_clients import AwsClients
from tests.client.conftest import FakeClock, write_reward
from tests.client.mantle_stub import register_basic_execution_policy

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef

ARN = "arn:aws:lambda:us-west-2:123456789012:function:rft-reward"
LAYER_ARN = "arn:aws:lambda:us-west-2:123456789012:layer:rft-reward-layer"
ROLE = "arn:aws:iam::123456789012:role/rft-reward-role"


@dataclass
class EmptyAccount:
    """An empty account, and the notices of deployments into it."""

    iam: IAMClient
    lambda_client: LambdaClient
    clock: FakeClock
    notices: list[str]

    def deploy(self, path: Path, options: FunctionOptions | None = None) -> Deployment:
        """Deploy a folder, a file or a zip into this account."""
        options = options or FunctionOptions()
        return deploy_function(
            pack(
                read_source(path, handler=options.handler),
                layers=read_layers(options.layers),
                architecture=options.architecture,
            ),
            options,
            iam=self.iam,
            lambda_client=self.lambda_client,
            clock=self.clock.as_client_clock,
            notify=self.notices.append,
        )

    def configuration(self) -> FunctionConfigurationResponseTypeDef:
        """Return the configuration of the function."""
        return self.lambda_client.get_function_configuration(FunctionName="rft-reward")


def write_layer(folder: Path) -> Path:
    """Write a layer with one module."""
    (folder / "python").mkdir(parents=True)
    (folder / "python" / "tool.py").write_text("X = 1\n", encoding="utf-8")
    return folder


@pytest.fixture
def account(moto_clients: AwsClients, clock: FakeClock, notices: list[str]) -> Iterator[EmptyAccount]:
    """An empty account in moto."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        register_basic_execution_policy()
        yield EmptyAccount(iam=moto_clients.iam, lambda_client=moto_clients.lambda_client, clock=clock, notices=notices)


def test_the_zip_depends_only_on_the_files(tmp_path: Path) -> None:
    """Not on the order of creation, times, caches or hidden files."""
    first, second = write_reward(tmp_path / "first"), tmp_path / "second"
    (first / "answers.py").write_text("X = 1\n", encoding="utf-8")
    second.mkdir()
    (second / "__pycache__").mkdir()
    (second / "__pycache__" / "answers.cpython-311.pyc").write_bytes(b"x")
    (second / ".DS_Store").write_bytes(b"x")
    (second / "answers.py").write_text("X = 1\n", encoding="utf-8")
    write_reward(second)
    assert build_package(first).zip_bytes == build_package(second).zip_bytes


def test_files_in_the_zip_are_readable_for_all(tmp_path: Path) -> None:
    """Lambda runs as another user, so the files are readable for all."""
    with zipfile.ZipFile(io.BytesIO(build_package(write_reward(tmp_path / "reward")).zip_bytes)) as archive:
        entries = [(entry.filename, oct(entry.external_attr >> 16), entry.date_time) for entry in archive.infolist()]
    assert entries == [("lambda_function.py", "0o100644", (1980, 1, 1, 0, 0, 0))]


def test_the_function_is_named_after_its_folder(tmp_path: Path) -> None:
    """So two reward folders are two functions."""
    names = [build_package(write_reward(tmp_path / name)).name for name in ("reward_lambda", "My Reward!", "x" * 80)]
    assert names == ["rft-reward-lambda", "rft-my-reward", "rft-" + "x" * 55]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def handler(event, context): ...\n", "defines no lambda_handler"),
        ("def lambda_handler(event:\n", "line 1"),
        ("x = 1\n", "defines no lambda_handler"),
    ],
)
def test_a_folder_without_a_handler_is_a_usage_error(tmp_path: Path, source: str, reason: str) -> None:
    """Before the upload."""
    with pytest.raises(UsageError, match=reason):
        build_package(write_reward(tmp_path / "reward", source))


@pytest.mark.parametrize("source", ["from answers import lambda_handler\n", "lambda_handler = print\n"])
def test_the_handler_may_be_bound_in_any_way(tmp_path: Path, source: str) -> None:
    """Such as by an import or an assignment."""
    assert build_package(write_reward(tmp_path / "reward", source)).files == ("lambda_function.py",)


def test_a_link_out_of_the_folder_is_a_usage_error(tmp_path: Path) -> None:
    """The error names the link. A link within the folder is packed."""
    folder = write_reward(tmp_path / "reward")
    (folder / "same.py").symlink_to(folder / "lambda_function.py")
    assert build_package(folder).files == ("lambda_function.py", "same.py")
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    (folder / "secret.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError, match=r"reward/secret\.txt is a link to .*, outside the folder"):
        build_package(folder)


def test_a_deployment_from_another_folder_is_reported(account: EmptyAccount, tmp_path: Path) -> None:
    """Two folders of the same name share a function."""
    account.deploy(write_reward(tmp_path / "reward"))
    (tmp_path / "other").mkdir()
    account.deploy(write_reward(tmp_path / "other" / "reward"))
    assert account.notices == ["rft-reward was deployed from another folder; it now gets the files of this one."]


def test_the_first_deployment_creates_role_and_function(account: EmptyAccount, tmp_path: Path) -> None:
    """With the settings of AWS's sample."""
    folder = write_reward(tmp_path / "reward")
    assert account.deploy(folder) == Deployment(arn=ARN, outcome="created", role_arn=ROLE)
    configuration = account.lambda_client.get_function_configuration(FunctionName="rft-reward")
    assert {
        key: configuration.get(key) for key in ("Runtime", "Handler", "Timeout", "MemorySize", "Role", "CodeSha256")
    } == {
        "Runtime": DEFAULT_RUNTIME,
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


def test_a_second_deployment_changes_nothing(account: EmptyAccount, tmp_path: Path) -> None:
    """The hash of the code is the same."""
    folder = write_reward(tmp_path / "reward")
    account.deploy(folder)
    assert account.deploy(folder).outcome == "unchanged"


def test_changed_code_is_updated(account: EmptyAccount, tmp_path: Path) -> None:
    """Without a new version."""
    folder = write_reward(tmp_path / "reward")
    account.deploy(folder)
    write_reward(folder, "def lambda_handler(event, context):\n    return [1]\n")
    assert account.deploy(folder).outcome == "updated"
    versions = account.lambda_client.list_versions_by_function(FunctionName="rft-reward")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST"]


def test_changed_settings_are_restored(account: EmptyAccount, tmp_path: Path) -> None:
    """Such as a time-out that was changed by hand."""
    folder = write_reward(tmp_path / "reward")
    account.deploy(folder)
    account.lambda_client.update_function_configuration(FunctionName="rft-reward", Timeout=3)
    assert account.deploy(folder).outcome == "updated"
    assert account.lambda_client.get_function_configuration(FunctionName="rft-reward")["Timeout"] == 300


def test_a_role_that_lambda_may_not_assume_is_not_changed(account: EmptyAccount, tmp_path: Path) -> None:
    """It is reported."""
    trust_policy = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    account.iam.create_role(
        RoleName="rft-reward-role", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"} | trust_policy)
    )
    with pytest.raises(UsageError, match="Lambda may not assume it"):
        account.deploy(write_reward(tmp_path / "reward"))


def stub_role_not_ready(account: EmptyAccount, *, times: int, then_works: bool) -> Stubber:
    """Stub a Lambda that does not know the new role at first, as the real one."""
    stubber = Stubber(account.lambda_client)
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
    "Runtime": DEFAULT_RUNTIME,
    "Handler": "lambda_function.lambda_handler",
    "Role": ROLE,
    "Timeout": 300,
    "MemorySize": 512,
    "Code": ANY,
    "Description": ANY,
    "Publish": False,
}


def test_a_new_role_is_waited_for(account: EmptyAccount, tmp_path: Path) -> None:
    """Lambda needs some seconds until it knows a new role."""
    with stub_role_not_ready(account, times=2, then_works=True):
        assert account.deploy(write_reward(tmp_path / "reward")).outcome == "created"
    assert account.clock.delays == [2.0, 2.0]


def test_a_role_that_stays_unusable_is_an_error(account: EmptyAccount, tmp_path: Path) -> None:
    """The error names the role."""
    with stub_role_not_ready(account, times=40, then_works=False), pytest.raises(ServiceError, match=ROLE):
        account.deploy(write_reward(tmp_path / "reward"))


def test_options_become_the_configuration(account: EmptyAccount, tmp_path: Path) -> None:
    """Of a new function."""
    options = FunctionOptions(
        timeout=60, memory_mb=1024, runtime="python3.12", architecture="arm64", environment={"KEY": "a=b"}
    )
    account.deploy(write_reward(tmp_path / "reward"), options)
    configuration = account.configuration()
    assert {
        name: configuration.get(name)
        for name in ("Runtime", "Timeout", "MemorySize", "Architectures", "Environment", "Handler")
    } == {
        "Runtime": "python3.12",
        "Timeout": 60,
        "MemorySize": 1024,
        "Architectures": ["arm64"],
        "Environment": {"Variables": {"KEY": "a=b"}},
        "Handler": "lambda_function.lambda_handler",
    }
    assert account.deploy(tmp_path / "reward", options).outcome == "unchanged"


def test_an_update_leaves_variables_and_layers_that_are_not_named(account: EmptyAccount, tmp_path: Path) -> None:
    """They may be set by hand. Named ones replace all."""
    folder = write_reward(tmp_path / "reward")
    layer = write_layer(tmp_path / "layer")
    account.deploy(folder, FunctionOptions(environment={"A1": "1", "B1": "2"}, layers=(str(layer),)))
    assert account.deploy(folder).outcome == "unchanged"
    assert account.configuration()["Environment"] == {"Variables": {"A1": "1", "B1": "2"}}
    assert account.deploy(folder, FunctionOptions(environment={"B1": "3"})).outcome == "updated"
    configuration = account.configuration()
    assert configuration["Environment"] == {"Variables": {"B1": "3"}}
    assert [item.get("Arn") for item in configuration["Layers"]] == [f"{LAYER_ARN}:1"]


def test_a_folder_becomes_a_layer_version_once(account: EmptyAccount, tmp_path: Path) -> None:
    """The same files are not published again; other files are a new version."""
    folder, layer = write_reward(tmp_path / "reward"), write_layer(tmp_path / "layer")
    options = FunctionOptions(layers=(str(layer),))
    assert [account.deploy(folder, options).outcome for _ in range(2)] == ["created", "unchanged"]
    (layer / "python" / "tool.py").write_text("X = 2\n", encoding="utf-8")
    assert account.deploy(folder, options).outcome == "updated"
    assert [item.get("Arn") for item in account.configuration()["Layers"]] == [f"{LAYER_ARN}:2"]


def test_another_architecture_is_an_update_of_the_code(account: EmptyAccount, tmp_path: Path) -> None:
    """Lambda takes it with the zip."""
    folder = write_reward(tmp_path / "reward")
    account.deploy(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        calls: list[dict[str, object]] = []
        monkeypatch.setattr(account.lambda_client, "update_function_code", lambda **call: calls.append(call))
        assert account.deploy(folder, FunctionOptions(architecture="arm64")).outcome == "updated"
    assert [call["Architectures"] for call in calls] == [["arm64"]]


def test_the_same_files_compressed_elsewhere_are_unchanged(
    account: EmptyAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another build of zlib gives other bytes. A zip that did not come from these files is replaced."""
    folder = write_reward(tmp_path / "reward")
    (folder / "data.json").write_bytes(b"[" + b"1," * 600_000 + b"1]")
    account.deploy(folder)
    monkeypatch.setattr("client.package_archive._DEFLATE_LEVEL", 1)
    assert account.deploy(folder).outcome == "unchanged"
    by_hand = build_package(write_reward(tmp_path / "by hand"))
    account.lambda_client.update_function_code(FunctionName="rft-reward", ZipFile=by_hand.zip_bytes)
    assert account.deploy(folder).outcome == "updated"
