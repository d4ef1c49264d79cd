"""IAM operations that moto lacks, through boto3: long-term Bedrock keys and boundaries of users."""

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulator.aws.moto_state import MotoState
from simulator.aws.service_credentials import create_credential
from tests.aws.conftest import ACCOUNT, RunningAws

BEDROCK = "bedrock.amazonaws.com"
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


@pytest.fixture
def iam(aws: RunningAws) -> Any:
    """An IAM client; the user ann exists."""
    client = aws.client("iam")
    client.create_user(UserName="ann")
    return client


def create_key(iam: Any, **options: Any) -> Any:
    """Create a long-term key of ann."""
    created = iam.create_service_specific_credential(UserName="ann", ServiceName=BEDROCK, **options)
    return created["ServiceSpecificCredential"]


def list_keys(iam: Any, **options: Any) -> Any:
    """List long-term keys."""
    return iam.list_service_specific_credentials(**options)["ServiceSpecificCredentials"]


def error_code(call: Any, **options: Any) -> tuple[int, str]:
    """Return status and code of the error of a call."""
    with pytest.raises(ClientError) as exc_info:
        call(**options)
    answer = exc_info.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_a_key_has_awss_form(iam: Any) -> None:
    """ABSK + base64 of alias and secret; only this response contains it."""
    key = create_key(iam)
    alias, _, secret = base64.b64decode(key["ServiceCredentialSecret"].removeprefix("ABSK")).decode().partition(":")
    assert {name: key[name] for name in key if name not in {"CreateDate", "ServiceCredentialSecret"}} == {
        "ServiceCredentialAlias": "ann+1-at-123456789012",
        "ServiceName": BEDROCK,
        "ServiceSpecificCredentialId": key["ServiceSpecificCredentialId"],
        "Status": "Active",
        "UserName": "ann",
    }
    assert (alias, len(secret), key["ServiceSpecificCredentialId"][:4]) == ("ann+1-at-123456789012", 48, "ACCA")


def test_listed_keys_have_no_secret(iam: Any) -> None:
    """Only their metadata."""
    key = create_key(iam, CredentialAgeDays=30)
    del key["ServiceCredentialSecret"]
    assert list_keys(iam, UserName="ann") == [key]
    assert key["ExpirationDate"] - key["CreateDate"] == timedelta(days=30)


def test_keys_of_all_users_are_listed(iam: Any) -> None:
    """With `AllUsers`, of the requested service."""
    iam.create_user(UserName="bob")
    create_key(iam)
    iam.create_service_specific_credential(UserName="bob", ServiceName=BEDROCK)
    assert [key["UserName"] for key in list_keys(iam, AllUsers=True, ServiceName=BEDROCK)] == ["ann", "bob"]
    assert list_keys(iam, AllUsers=True, ServiceName="codecommit.amazonaws.com") == []


def test_a_request_without_a_user_name_is_about_its_sender(iam: Any, aws: RunningAws) -> None:
    """A user lists its own keys."""
    create_key(iam)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = aws.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert [each["UserName"] for each in list_keys(own)] == ["ann"]


def test_a_key_is_found_by_its_alias_in_its_current_state(iam: Any, aws: RunningAws) -> None:
    """Deactivated, reset and deleted."""
    key = create_key(iam)
    alias, name = key["ServiceCredentialAlias"], key["ServiceSpecificCredentialId"]
    first = aws.simulated_aws.find_bedrock_key(alias)
    assert first
    iam.update_service_specific_credential(UserName="ann", ServiceSpecificCredentialId=name, Status="Inactive")
    off = aws.simulated_aws.find_bedrock_key(alias)
    reset = iam.reset_service_specific_credential(UserName="ann", ServiceSpecificCredentialId=name)
    second = aws.simulated_aws.find_bedrock_key(alias)
    iam.delete_service_specific_credential(UserName="ann", ServiceSpecificCredentialId=name)

    assert off
    assert second
    text = base64.b64encode(f"{alias}:{second.secret}".encode()).decode()
    assert (first.arn, first.active, off.active, second.secret == first.secret) == (
        f"arn:aws:iam::{ACCOUNT}:user/ann",
        True,
        False,
        False,
    )
    assert reset["ServiceSpecificCredential"]["ServiceCredentialSecret"] == f"ABSK{text}"
    assert aws.simulated_aws.find_bedrock_key(alias) is None


def test_a_deleted_key_stays_invalid(iam: Any) -> None:
    """The next one has another alias and another secret."""
    key = create_key(iam)
    iam.delete_service_specific_credential(
        UserName="ann", ServiceSpecificCredentialId=key["ServiceSpecificCredentialId"]
    )
    assert create_key(iam)["ServiceCredentialAlias"] == "ann+2-at-123456789012"


@pytest.mark.parametrize(
    "alias", ["", "ann", "ann+1-at-1", "ann+1-at-999999999999", "bob+1-at-123456789012", "ann+2-at-123456789012"]
)
def test_an_unknown_alias_has_no_key(iam: Any, aws: RunningAws, alias: str) -> None:
    """Of any form."""
    create_key(iam)
    assert aws.simulated_aws.find_bedrock_key(alias) is None


def test_invalid_requests_have_iams_errors(iam: Any) -> None:
    """A third key, another service, an invalid status, an unknown user, an unknown key."""
    create_key(iam)
    key = create_key(iam)["ServiceSpecificCredentialId"]
    missing = "ACCA00000000000000000"
    assert [
        error_code(iam.create_service_specific_credential, UserName="ann", ServiceName=BEDROCK),
        error_code(iam.create_service_specific_credential, UserName="bob", ServiceName=BEDROCK),
        error_code(iam.create_service_specific_credential, UserName="ann", ServiceName="codecommit.amazonaws.com"),
        error_code(iam.reset_service_specific_credential, UserName="ann", ServiceSpecificCredentialId=missing),
        error_code(iam.delete_service_specific_credential, UserName="ann", ServiceSpecificCredentialId=missing),
        error_code(
            iam.update_service_specific_credential, UserName="ann", ServiceSpecificCredentialId=key, Status="Expired"
        ),
        error_code(iam.list_service_specific_credentials),
        error_code(iam.delete_user, UserName="ann"),
    ] == [
        (409, "LimitExceeded"),
        (404, "NoSuchEntity"),
        (404, "NotSupportedService"),
        (404, "NoSuchEntity"),
        (404, "NoSuchEntity"),
        (400, "ValidationError"),
        (404, "NoSuchEntity"),
        (409, "DeleteConflict"),
    ]


def test_a_users_boundary_is_returned_by_get_user(iam: Any) -> None:
    """After it is put, and not after it is deleted."""
    arn = iam.create_policy(PolicyName="all", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=arn)
    bounded = iam.get_user(UserName="ann")["User"]["PermissionsBoundary"]
    iam.delete_user_permissions_boundary(UserName="ann")
    assert bounded == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    assert "PermissionsBoundary" not in iam.get_user(UserName="ann")["User"]


def test_a_user_is_created_with_a_boundary(iam: Any) -> None:
    """Moto alone ignores it."""
    arn = iam.create_policy(PolicyName="all", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.create_user(UserName="bob", PermissionsBoundary=arn)
    assert iam.get_user(UserName="bob")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn


def test_a_user_with_an_invalid_boundary_is_not_created(iam: Any) -> None:
    """An error changes nothing."""
    wrong = {"UserName": "bob", "PermissionsBoundary": "arn:aws:iam::123456789012:user/ann"}
    assert error_code(iam.create_user, **wrong) == (400, "InvalidInput")
    assert "bob" not in [user["UserName"] for user in iam.list_users()["Users"]]


def test_a_boundary_must_be_the_arn_of_a_policy(iam: Any) -> None:
    """Any other ARN is invalid."""
    wrong = {"UserName": "ann", "PermissionsBoundary": "arn:aws:iam::123456789012:user/ann"}
    assert error_code(iam.put_user_permissions_boundary, **wrong) == (400, "InvalidInput")


def test_long_term_keys_depend_on_the_seed(moto_state: MotoState) -> None:
    """The first key of a user is the same with the same seed only."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    user = iam_backends[ACCOUNT]["aws"].create_user("us-west-2", "ann")

    def first(seed: int) -> str:
        vars(user).pop("service_specific_credentials_made", None)
        return create_credential(user, days=None, now=datetime(2026, 1, 1), seed=seed).api_key  # noqa: DTZ001 - moto's have no zone

    assert first(7) == first(7) != first(8)
