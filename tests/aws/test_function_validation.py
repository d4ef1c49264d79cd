"""Functions that AWS refuses to create or update, through boto3 and over HTTP; nothing of them is stored."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from simulator.aws import package_validation
from simulator.aws.functions import find_function
from simulator.aws.moto_state import MotoContext
from simulator.lambdas.function_reference import FunctionReference
from tests.aws.account_client import REGION, AccountClient, open_account
from tests.aws.conftest import ACCOUNT, TRUST
from tests.aws.inventory import response_fields
from tests.aws.test_error_responses import code_of, request
from tests.lambdas.zips import zip_files

PACKAGE = zip_files({"lambda_function.py": "x = 1\n"})
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reward"
LAYER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:shared"
FUNCTIONS = "/2015-03-31/functions"
CONFIGURATION = f"{FUNCTIONS}/reward/configuration"
UNASSUMABLE = "The role defined for the function cannot be assumed by Lambda."
UNTRUSTING_ROLES = {
    "another service": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}},
    "denies": {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
    "another action": {"Effect": "Allow", "Action": "sts:TagSession", "Principal": {"Service": "lambda.amazonaws.com"}},
    "another account": {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}},
    },
}


def parameters(**changes: Any) -> dict[str, Any]:
    """Return the parameters of a valid create_function; a change to None removes a parameter."""
    valid: dict[str, Any] = {
        "FunctionName": "reward",
        "Runtime": "python3.12",
        "Handler": "lambda_function.lambda_handler",
        "Role": ROLE,
        "Code": {"ZipFile": PACKAGE},
    }
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


@pytest.fixture
def account() -> Iterator[AccountClient]:
    """An account with a role for Lambda and a layer."""
    with open_account() as client:
        client.client("iam").create_role(RoleName="reward", AssumeRolePolicyDocument=TRUST)
        client.client("lambda").publish_layer_version(LayerName="shared", Content={"ZipFile": PACKAGE})
        yield client


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[int, str, str]:
    """Return status, code and message of the error of a call."""
    with pytest.raises(ClientError) as exc_info:
        call(**arguments)
    error = exc_info.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


def trust(statement: dict[str, Any]) -> str:
    """Return a trust policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# boto3 itself refuses values below a minimum. tests/lambdas/test_configuration.py has every message.
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "timeout": ({"Timeout": 901}, "ValidationException", "Value '901' at 'timeout' failed"),
    "memory": ({"MemorySize": 10_241}, "ValidationException", "Value '10241' at 'memorySize' failed"),
    "storage": (
        {"EphemeralStorage": {"Size": 10_241}},
        "ValidationException",
        "Value '10241' at 'ephemeralStorage.size' failed",
    ),
    "handler": ({"Handler": "a b"}, "ValidationException", "Value 'a b' at 'handler' failed"),
    "description": ({"Description": "x" * 257}, "ValidationException", "at 'description' failed"),
    "name of a variable": (
        {"Environment": {"Variables": {"A": "x"}}},
        "ValidationException",
        "Value at 'environment.variables' failed",
    ),
    "reserved variable": (
        {"Environment": {"Variables": {"AWS_REGION": "x"}}},
        "InvalidParameterValueException",
        "Reserved keys used in this request: AWS_REGION",
    ),
    "large variables": (
        {"Environment": {"Variables": {"BIG": "x" * 4_096}}},
        "InvalidParameterValueException",
        'exceeded the 4KB limit. String measured: {"BIG":"xxx',
    ),
    "runtime": ({"Runtime": "python9.9"}, "InvalidParameterValueException", "Value python9.9 at 'runtime' failed"),
    "no role": ({"Role": f"{ROLE}-missing"}, "InvalidParameterValueException", UNASSUMABLE),
    "another account's role": (
        {"Role": "arn:aws:iam::999999999999:role/reward"},
        "AccessDeniedException",
        "Cross-account pass role is not allowed.",
    ),
    "role's name": ({"Role": "reward"}, "ValidationException", "Value 'reward' at 'role' failed"),
    "six layers": (
        {"Layers": [f"{LAYER}-{number}:1" for number in range(6)]},
        "InvalidParameterValueException",
        "Cannot reference more than 5 layers.",
    ),
    "no layer": (
        {"Layers": [f"{LAYER}:1", f"{LAYER}-2:1"]},
        "InvalidParameterValueException",
        f"Layer version {LAYER}-2:1 does not exist.",
    ),
    "no version": ({"Layers": [f"{LAYER}:9"]}, "InvalidParameterValueException", f"Layer version {LAYER}:9 does not"),
    "another region": (
        {"Layers": [f"{LAYER.replace(REGION, 'eu-west-1')}:1"]},
        "InvalidParameterValueException",
        f"Layers are not in the same region as the function. Layers are expected to be in region {REGION}.",
    ),
    "another account": (
        {"Layers": [f"{LAYER.replace(ACCOUNT, '017000801446')}:1"]},
        "InvalidParameterValueException",
        "The simulator has no layers of other accounts: publish the layer in account 123456789012.",
    ),
}


@pytest.mark.shows("function-configuration")
@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_function_is_not_created(account: AccountClient, name: str) -> None:
    """With AWS's code and message."""
    changes, code, message = REFUSED[name]
    functions = account.client("lambda")

    status, *error = refusal(functions.create_function, **parameters(**changes))

    assert (status, error[0], message in error[1], functions.list_functions()["Functions"]) == (400, code, True, [])


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_update_changes_nothing(account: AccountClient, name: str) -> None:
    """Not even the parameters before the refused one."""
    changes, code, message = REFUSED[name]
    functions = account.client("lambda")
    functions.create_function(**parameters())
    before = response_fields(functions.get_function_configuration(FunctionName="reward"))
    update = {"FunctionName": "reward", "Description": "new", "Timeout": 7, **changes}

    status, *error = refusal(functions.update_function_configuration, **update)

    after = response_fields(functions.get_function_configuration(FunctionName="reward"))
    assert (status, error[0], message in error[1], after) == (400, code, True, before)


@pytest.mark.shows("execution-role")
@pytest.mark.parametrize("name", UNTRUSTING_ROLES)
def test_a_role_must_trust_lambda(account: AccountClient, name: str) -> None:
    """At the creation and at an update; an update of the trust policy helps."""
    iam, functions = account.client("iam"), account.client("lambda")
    other = iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust(UNTRUSTING_ROLES[name]))["Role"]["Arn"]
    functions.create_function(**parameters())

    refused = (
        refusal(functions.create_function, **parameters(FunctionName="second", Role=other)),
        refusal(functions.update_function_configuration, FunctionName="reward", Role=other),
    )

    iam.update_assume_role_policy(RoleName="other", PolicyDocument=TRUST)
    functions.update_function_configuration(FunctionName="reward", Role=other)
    assert (refused, functions.get_function_configuration(FunctionName="reward")["Role"]) == (
        ((400, "InvalidParameterValueException", UNASSUMABLE),) * 2,
        other,
    )


@pytest.mark.parametrize("missing", ["Runtime", "Handler"])
def test_a_package_needs_runtime_and_handler(account: AccountClient, missing: str) -> None:
    """A container image does not."""
    assert refusal(account.client("lambda").create_function, **parameters(**{missing: None})) == (
        400,
        "InvalidParameterValueException",
        "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
    )


def test_other_languages_and_handlers_without_a_dot_are_accepted(account: AccountClient) -> None:
    """AWS finds out when the function runs."""
    functions = account.client("lambda")

    functions.create_function(**parameters(FunctionName="node", Runtime="nodejs22.x", Handler="index.handler"))
    functions.create_function(**parameters(Handler="handler"))

    assert {
        each["FunctionName"]: (each["Runtime"], each["Handler"]) for each in functions.list_functions()["Functions"]
    } == {
        "node": ("nodejs22.x", "index.handler"),
        "reward": ("python3.12", "handler"),
    }


def test_storage_and_architecture_are_kept_by_updates(account: AccountClient) -> None:
    """Moto ignores both in an update."""
    functions = account.client("lambda")
    functions.create_function(**parameters(EphemeralStorage={"Size": 1_024}))

    functions.update_function_configuration(FunctionName="reward", Timeout=9)
    kept = functions.get_function_configuration(FunctionName="reward")["EphemeralStorage"]
    updated = functions.update_function_configuration(FunctionName="reward", EphemeralStorage={"Size": 2_048})
    functions.update_function_code(FunctionName="reward", ZipFile=PACKAGE, Architectures=["arm64"])

    stored = functions.get_function_configuration(FunctionName="reward")
    with account.account.read_transaction():
        reference = FunctionReference(account=ACCOUNT, region=REGION, name="reward", qualifier=None)
        spec = find_function(reference)
    assert (kept, updated["EphemeralStorage"], stored["EphemeralStorage"], spec.ephemeral_storage_mb) == (
        {"Size": 1_024},
        {"Size": 2_048},
        {"Size": 2_048},
        2_048,
    )
    assert (stored["Timeout"], stored["Architectures"]) == (9, ["arm64"])


def test_new_code_for_an_unknown_architecture_changes_nothing(account: AccountClient) -> None:
    """The code stays too."""
    functions = account.client("lambda")
    before = functions.create_function(**parameters())["CodeSha256"]
    other = zip_files({"lambda_function.py": "x = 2\n"})

    refused = refusal(functions.update_function_code, FunctionName="reward", ZipFile=other, Architectures=["mips"])

    assert refused[:2] == (400, "ValidationException")
    assert functions.get_function_configuration(FunctionName="reward")["CodeSha256"] == before


def test_a_layer_names_runtimes_and_architectures_of_lambda(account: AccountClient) -> None:
    """Both violations are in one message, and no version is published."""
    functions = account.client("lambda")
    status, code, message = refusal(
        functions.publish_layer_version,
        LayerName="shared",
        Content={"ZipFile": PACKAGE},
        CompatibleRuntimes=["python9.9", "python3.12"],
        CompatibleArchitectures=["mips"],
    )

    assert (status, code, message.startswith("2 validation errors detected: Value '[python9.9, python3.12]'")) == (
        400,
        "ValidationException",
        True,
    )
    assert len(functions.list_layer_versions(LayerName="shared")["LayerVersions"]) == 1


def test_a_large_zip_must_go_through_s3(account: AccountClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of the zip in a request does not hold for one in a bucket."""
    monkeypatch.setattr(package_validation, "MAX_ZIPPED_BYTES", len(PACKAGE) - 1)
    functions, s3 = account.client("lambda"), account.client("s3")
    location: Any = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="code", CreateBucketConfiguration=location)
    s3.put_object(Bucket="code", Key="reward.zip", Body=PACKAGE)

    refused = refusal(functions.create_function, **parameters())
    functions.create_function(**parameters(Code={"S3Bucket": "code", "S3Key": "reward.zip"}))

    assert refused == (
        413,
        "RequestEntityTooLargeException",
        f"Zipped size must be smaller than {len(PACKAGE) - 1} bytes",
    )
    assert len(functions.list_functions()["Functions"]) == 1


def test_function_and_layers_share_one_limit(account: AccountClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the creation, at new layers and at new code; each is below the limit by itself."""
    monkeypatch.setattr(package_validation, "MAX_UNZIPPED_BYTES", 150)
    functions = account.client("lambda")
    large = zip_files({"lambda_function.py": "#" * 100})
    layer = functions.publish_layer_version(LayerName="large", Content={"ZipFile": large})["LayerVersionArn"]
    functions.create_function(**parameters(FunctionName="large", Code={"ZipFile": large}))
    functions.create_function(**parameters(FunctionName="small", Layers=[layer]))
    before = functions.list_functions()["Functions"]

    refused = {
        refusal(functions.create_function, **parameters(Code={"ZipFile": large}, Layers=[layer])),
        refusal(functions.update_function_configuration, FunctionName="large", Layers=[layer]),
        refusal(functions.update_function_code, FunctionName="small", ZipFile=large),
    }

    assert refused == {
        (
            400,
            "InvalidParameterValueException",
            (
                "Function code combined with layers exceeds the maximum allowed size of 150 bytes. "
                "The actual size is 200 bytes."
            ),
        )
    }
    assert functions.list_functions()["Functions"] == before


RAW_BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "timeout too low": ({"Timeout": 0}, "ValidationException"),
    "memory too low": ({"MemorySize": 127}, "ValidationException"),
    "storage too low": ({"EphemeralStorage": {"Size": 511}}, "ValidationException"),
    "no size": ({"EphemeralStorage": {}}, "ValidationException"),
    "timeout as text": ({"Timeout": "9"}, "SerializationException"),
    "timeout as truth value": ({"Timeout": True}, "SerializationException"),
    "variables as list": ({"Environment": {"Variables": []}}, "SerializationException"),
    "variable as number": ({"Environment": {"Variables": {"AB": 1}}}, "SerializationException"),
    "layers as text": ({"Layers": f"{LAYER}:1"}, "SerializationException"),
    "layer as null": ({"Layers": [None]}, "SerializationException"),
    "architectures empty": ({"Architectures": []}, "ValidationException"),
}


@pytest.mark.shows("configuration-of-wrong-type")
@pytest.mark.parametrize("name", RAW_BODIES)
def test_a_request_without_the_sdk_is_checked_too(account: AccountClient, name: str) -> None:
    """Values below a minimum and of a wrong type, which boto3 does not send."""
    changes, code = RAW_BODIES[name]
    functions = account.client("lambda")

    created = send(account, "POST", FUNCTIONS, parameters(**changes, Code={"ZipFile": encoded(PACKAGE)}))
    functions.create_function(**parameters(FunctionName="reward", Description="old"))
    before = functions.list_functions()["Functions"]
    updated = send(account, "PUT", CONFIGURATION, {"Description": "new", **changes})

    assert (created, updated, functions.list_functions()["Functions"]) == ((400, code), (400, code), before)


def test_a_name_of_a_function_is_checked(account: AccountClient) -> None:
    """At its creation."""
    functions = account.client("lambda")

    refused = [refusal(functions.create_function, **parameters(FunctionName=name))[:2] for name in ("a b", "a" * 65)]

    assert refused == [(400, "ValidationException"), (400, "InvalidParameterValueException")]
    assert functions.list_functions()["Functions"] == []


def test_a_lone_surrogate_is_refused_as_other_text(account: AccountClient) -> None:
    """JSON can contain one, and UTF-8 cannot."""
    variables = {"Variables": {"BIG": "\ud800" * 4_096}}
    body = parameters(Code={"ZipFile": encoded(PACKAGE)}, Environment=variables)

    assert send(account, "POST", FUNCTIONS, body) == (400, "InvalidParameterValueException")


def test_a_function_needs_a_role(account: AccountClient) -> None:
    """The API requires it."""
    body = parameters(Role=None, Code={"ZipFile": encoded(PACKAGE)})

    assert send(account, "POST", FUNCTIONS, body) == (400, "ValidationException")


def test_null_is_as_good_as_absent(account: AccountClient) -> None:
    """As in every JSON request to AWS."""
    body = parameters(Code={"ZipFile": encoded(PACKAGE)}) | {"Timeout": None, "Environment": None, "Layers": None}
    update: dict[str, Any] = {"Timeout": None, "Environment": {}, "Handler": None}

    assert [send(account, "POST", FUNCTIONS, body), send(account, "PUT", CONFIGURATION, update)] == [
        (201, ""),
        (200, ""),
    ]


def send(account: AccountClient, method: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """Send a request; return the status and the code of the error."""
    content = json.dumps(body).encode()
    answer = account.account.handle(request("lambda", method, path, content), io.BytesIO(content))
    return answer.status, code_of(answer) if answer.status >= 400 else ""


def encoded(code: bytes) -> str:
    """Return a package in the form of a request."""
    return base64.b64encode(code).decode()


def test_a_restart_keeps_functions_of_an_earlier_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An accepted request is replayed without the checks, and a refused one stays refused."""
    with open_account(tmp_path) as account, monkeypatch.context() as earlier_version:
        account.client("iam").create_role(RoleName="reward", AssumeRolePolicyDocument="{}")
        refusal(account.client("lambda").create_function, **parameters(FunctionName="refused"))
        earlier_version.setattr(
            MotoContext, "is_accepted_replay", property(lambda _: True, lambda *_: None), raising=False
        )
        account.client("lambda").create_function(**parameters(Timeout=5_000))

    with open_account(tmp_path) as account:
        functions = account.client("lambda").list_functions()["Functions"]

    assert [(each["FunctionName"], each["Timeout"]) for each in functions] == [("reward", 5_000)]


@mock_aws
def test_other_users_of_moto_keep_its_behaviour(account: AccountClient) -> None:
    """`mock_aws` in the same process accepts what moto accepts."""
    assert account.client("lambda").list_functions()["Functions"] == []
    role = boto3.client("iam", region_name=REGION).create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]
    functions = boto3.client("lambda", region_name=REGION)

    functions.create_function(**parameters(Role=role["Arn"], Timeout=5_000, Runtime="python9.9"))
    functions.update_function_configuration(FunctionName="reward", MemorySize=99_999)

    assert functions.get_function_configuration(FunctionName="reward")["MemorySize"] == 99_999
