"""IAM and STS operations that moto lacks, through boto3: long-term Bedrock keys, boundaries of users, sessions."""

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulator.aws.iam_identities import invoke_denial_reason
from simulator.aws.moto_state import MotoState
from simulator.aws.service_credentials import create_credential
from tests.aws.conftest import ACCOUNT, RunningAws

BEDROCK = "bedrock.amazonaws.com"
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


@pytest.fixture
def iam(aws: RunningAws) -> Any:
    """IAM with a user ann."""
    client = aws.client("iam")
    client.create_user(UserName="ann")
    return client


def create_key(iam: Any, **options: Any) -> Any:
    """Make a long-term key for ann."""
    created = iam.create_service_specific_credential(UserName="ann", ServiceName=BEDROCK, **options)
    return created["ServiceSpecificCredential"]


def list_keys(iam: Any, **options: Any) -> Any:
    """List long-term keys."""
    return iam.list_service_specific_credentials(**options)["ServiceSpecificCredentials"]


def error_code(call: Any, **options: Any) -> tuple[int, str]:
    """Return status and code of the error that a call meets."""
    with pytest.raises(ClientError) as refused:
        call(**options)
    answer = refused.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_a_key_is_made_in_awss_form(iam: Any) -> None:
    """The text that a client sends is ABSK and base64 of alias and secret, and it is told this once."""
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


def test_a_list_tells_no_secret(iam: Any) -> None:
    """What was made, without the key."""
    key = create_key(iam, CredentialAgeDays=30)
    del key["ServiceCredentialSecret"]
    assert list_keys(iam, UserName="ann") == [key]
    assert key["ExpirationDate"] - key["CreateDate"] == timedelta(days=30)


def test_all_users_keys_are_listed_at_once(iam: Any) -> None:
    """`AllUsers`, of the service that is asked for."""
    iam.create_user(UserName="bob")
    create_key(iam)
    iam.create_service_specific_credential(UserName="bob", ServiceName=BEDROCK)
    assert [key["UserName"] for key in list_keys(iam, AllUsers=True, ServiceName=BEDROCK)] == ["ann", "bob"]
    assert list_keys(iam, AllUsers=True, ServiceName="codecommit.amazonaws.com") == []


def test_a_user_lists_its_own(iam: Any, aws: RunningAws) -> None:
    """A request that names no user is about the one who sent it."""
    create_key(iam)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = aws.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert [each["UserName"] for each in list_keys(own)] == ["ann"]


def test_a_key_can_be_found_by_its_alias_as_it_is_now(iam: Any, aws: RunningAws) -> None:
    """Switched off, reset and deleted: what IAM knows of it follows."""
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


def test_a_deleted_key_never_comes_back(iam: Any) -> None:
    """The next one has another alias and another secret."""
    key = create_key(iam)
    iam.delete_service_specific_credential(
        UserName="ann", ServiceSpecificCredentialId=key["ServiceSpecificCredentialId"]
    )
    assert create_key(iam)["ServiceCredentialAlias"] == "ann+2-at-123456789012"


@pytest.mark.parametrize(
    "alias", ["", "ann", "ann+1-at-1", "ann+1-at-999999999999", "bob+1-at-123456789012", "ann+2-at-123456789012"]
)
def test_an_alias_that_nobody_has_is_unknown(iam: Any, aws: RunningAws, alias: str) -> None:
    """Whatever its form."""
    create_key(iam)
    assert aws.simulated_aws.find_bedrock_key(alias) is None


def test_what_iam_refuses_is_refused(iam: Any) -> None:
    """A third key, another service, a status or a user or a key that there is not."""
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


def test_a_users_boundary_is_kept_and_shown(iam: Any) -> None:
    """Put, replaced and deleted, as get_user tells it."""
    arn = iam.create_policy(PolicyName="all", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=arn)
    bounded = iam.get_user(UserName="ann")["User"]["PermissionsBoundary"]
    iam.delete_user_permissions_boundary(UserName="ann")
    assert bounded == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    assert "PermissionsBoundary" not in iam.get_user(UserName="ann")["User"]


def test_a_user_may_be_made_with_a_boundary(iam: Any) -> None:
    """Moto alone would ignore it, and a user would be let do what AWS does not."""
    arn = iam.create_policy(PolicyName="all", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.create_user(UserName="bob", PermissionsBoundary=arn)
    assert iam.get_user(UserName="bob")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn


def test_a_user_whose_boundary_is_refused_was_never_made(iam: Any) -> None:
    """What is refused changes nothing."""
    wrong = {"UserName": "bob", "PermissionsBoundary": "arn:aws:iam::123456789012:user/ann"}
    assert error_code(iam.create_user, **wrong) == (400, "InvalidInput")
    assert "bob" not in [user["UserName"] for user in iam.list_users()["Users"]]


def test_a_boundary_is_a_policys_arn(iam: Any) -> None:
    """Nothing else."""
    wrong = {"UserName": "ann", "PermissionsBoundary": "arn:aws:iam::123456789012:user/ann"}
    assert error_code(iam.put_user_permissions_boundary, **wrong) == (400, "InvalidInput")


def test_a_session_token_stands_for_the_user_who_asked_for_it(iam: Any, aws: RunningAws) -> None:
    """Moto alone answers everybody with one constant."""
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    sts = aws.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    session = sts.get_session_token(DurationSeconds=900)["Credentials"]
    found = aws.simulated_aws.find_access_key(session["AccessKeyId"])
    assert found
    assert (found.arn, found.secret, found.session_token) == (
        f"arn:aws:iam::{ACCOUNT}:user/ann",
        session["SecretAccessKey"],
        session["SessionToken"],
    )
    assert found.expires_at == pytest.approx(session["Expiration"].timestamp(), abs=1)


def test_long_term_keys_are_made_from_the_seed(moto_state: MotoState) -> None:
    """The same user's first key is the same in every simulator of one seed, and in no other."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    user = iam_backends[ACCOUNT]["aws"].create_user("us-west-2", "ann")

    def first(seed: int) -> str:
        vars(user).pop("service_specific_credentials_made", None)
        return create_credential(user, days=None, now=datetime(2026, 1, 1), seed=seed).api_key  # noqa: DTZ001 - moto's have no zone

    assert first(7) == first(7) != first(8)


def session_for_ann(iam: Any, cloud: RunningAws) -> Any:
    """STS for ann."""
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    return cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def caller_identity(cloud: RunningAws, session: Any) -> tuple[str, str]:
    """Return what STS says of temporary credentials: user id and ARN."""
    told = cloud.client(
        "sts", key=session["AccessKeyId"], secret=session["SecretAccessKey"], token=session["SessionToken"]
    ).get_caller_identity()
    return told["UserId"], told["Arn"]


def test_temporary_credentials_of_a_user_are_the_users(iam: Any, aws: RunningAws) -> None:
    """STS says so itself."""
    ann = iam.get_user(UserName="ann")["User"]
    session = session_for_ann(iam, aws).get_session_token()["Credentials"]
    assert caller_identity(aws, session) == (ann["UserId"], ann["Arn"])


FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/guest"


def is_invoke_allowed(cloud: RunningAws, arn: str) -> bool:
    """Whether a caller may invoke functions."""
    function = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:grader"
    with cloud.activate():
        return invoke_denial_reason(caller_arn=arn, function_arn=function) is None


def test_a_federated_user_has_credentials_of_its_own(iam: Any, aws: RunningAws) -> None:
    """Moto alone answers everybody with one constant."""
    made = session_for_ann(iam, aws).get_federation_token(Name="guest", Policy=POLICY)
    found = aws.simulated_aws.find_access_key(made["Credentials"]["AccessKeyId"])
    assert found
    assert (found.arn, found.session_token) == (FEDERATED, made["Credentials"]["SessionToken"])
    assert made["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:guest", "Arn": FEDERATED}
    assert caller_identity(aws, made["Credentials"]) == (f"{ACCOUNT}:guest", FEDERATED)


def test_a_federated_user_may_do_what_the_user_and_the_policy_both_allow(iam: Any, aws: RunningAws) -> None:
    """DOCUMENTED: GetFederationToken. Without a policy that is nothing."""
    sts = session_for_ann(iam, aws)
    sts.get_federation_token(Name="guest", Policy=POLICY)
    before = is_invoke_allowed(aws, FEDERATED)
    iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=POLICY)
    both = is_invoke_allowed(aws, FEDERATED)
    sts.get_federation_token(Name="guest")
    assert (before, both, is_invoke_allowed(aws, FEDERATED)) == (False, True, False)


def test_the_root_lends_a_federated_user_what_the_policy_says(aws: RunningAws) -> None:
    """A key that nobody made is the root's."""
    aws.client("sts").get_federation_token(Name="guest", Policy=POLICY)
    assert (is_invoke_allowed(aws, FEDERATED), is_invoke_allowed(aws, FEDERATED + "s")) == (True, False)


@pytest.mark.parametrize("seconds", [129_601, 10**12])
def test_temporary_credentials_last_as_long_as_sts_lets_them(aws: RunningAws, seconds: int) -> None:
    """DOCUMENTED: 36 hours at most; boto3 itself refuses less than the 15 minutes that are the least."""
    sts = aws.client("sts")
    assert error_code(sts.get_session_token, DurationSeconds=seconds) == (400, "ValidationError")
