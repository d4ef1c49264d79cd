"""STS operations through boto3: the caller's identity and temporary credentials of users."""

from typing import Any

import pytest

from simulator.aws.iam_identities import invoke_denial_reason
from tests.aws.conftest import ACCOUNT, RunningAws
from tests.aws.test_iam_operations import POLICY, error_code

FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/guest"


@pytest.fixture
def iam(aws: RunningAws) -> Any:
    """An IAM client; the user ann exists."""
    client = aws.client("iam")
    client.create_user(UserName="ann")
    return client


def sts_client_of_ann(iam: Any, aws: RunningAws) -> Any:
    """Return an STS client with an access key of ann."""
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    return aws.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def caller_identity(aws: RunningAws, session: Any) -> tuple[str, str]:
    """Return user id and ARN of temporary credentials, by STS."""
    identity = aws.client(
        "sts", key=session["AccessKeyId"], secret=session["SecretAccessKey"], token=session["SessionToken"]
    ).get_caller_identity()
    return identity["UserId"], identity["Arn"]


def is_invoke_allowed(aws: RunningAws, arn: str) -> bool:
    """Whether a caller may invoke functions."""
    function = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:grader"
    with aws.activate():
        return invoke_denial_reason(caller_arn=arn, function_arn=function) is None


def test_a_session_token_belongs_to_its_user(iam: Any, aws: RunningAws) -> None:
    """Moto alone returns a constant."""
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    sts = aws.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    session = sts.get_session_token(DurationSeconds=900)["Credentials"]
    credential = aws.simulated_aws.find_access_key(session["AccessKeyId"])
    assert credential
    assert (credential.arn, credential.secret, credential.session_token) == (
        f"arn:aws:iam::{ACCOUNT}:user/ann",
        session["SecretAccessKey"],
        session["SessionToken"],
    )
    assert credential.expires_at == pytest.approx(session["Expiration"].timestamp(), abs=1)


def test_temporary_credentials_have_the_users_identity(iam: Any, aws: RunningAws) -> None:
    """By get_caller_identity."""
    ann = iam.get_user(UserName="ann")["User"]
    session = sts_client_of_ann(iam, aws).get_session_token()["Credentials"]
    assert caller_identity(aws, session) == (ann["UserId"], ann["Arn"])


def test_a_federated_user_has_its_own_credentials(iam: Any, aws: RunningAws) -> None:
    """Moto alone returns a constant."""
    response = sts_client_of_ann(iam, aws).get_federation_token(Name="guest", Policy=POLICY)
    credential = aws.simulated_aws.find_access_key(response["Credentials"]["AccessKeyId"])
    assert credential
    assert (credential.arn, credential.session_token) == (FEDERATED, response["Credentials"]["SessionToken"])
    assert response["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:guest", "Arn": FEDERATED}
    assert caller_identity(aws, response["Credentials"]) == (f"{ACCOUNT}:guest", FEDERATED)


def test_a_federated_user_may_do_what_the_user_and_the_policy_both_allow(iam: Any, aws: RunningAws) -> None:
    """DOCUMENTED: GetFederationToken. Without a policy that is nothing."""
    sts = sts_client_of_ann(iam, aws)
    sts.get_federation_token(Name="guest", Policy=POLICY)
    before = is_invoke_allowed(aws, FEDERATED)
    iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=POLICY)
    is_allowed_by_both = is_invoke_allowed(aws, FEDERATED)
    sts.get_federation_token(Name="guest")
    assert (before, is_allowed_by_both, is_invoke_allowed(aws, FEDERATED)) == (False, True, False)


def test_a_federated_user_of_the_root_may_do_what_the_policy_allows(aws: RunningAws) -> None:
    """An unknown access key is the root's."""
    aws.client("sts").get_federation_token(Name="guest", Policy=POLICY)
    assert (is_invoke_allowed(aws, FEDERATED), is_invoke_allowed(aws, FEDERATED + "s")) == (True, False)


@pytest.mark.parametrize("seconds", [129_601, 10**12])
def test_temporary_credentials_last_at_most_36_hours(aws: RunningAws, seconds: int) -> None:
    """DOCUMENTED; boto3 itself rejects less than 15 minutes."""
    sts = aws.client("sts")
    assert error_code(sts.get_session_token, DurationSeconds=seconds) == (400, "ValidationError")
