"""Who may have a reward function invoked: the caller's identity decides before the job starts (DOCUMENTED: no role)."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conftest import ROOT
from tests.principals import create_managed_policy, create_role_key, create_user_key, policy_document
from tests.simulators import MISSING_FUNCTION_ARN, REGION, RunningSimulator
from tests.training.training_files import make_training_file

PARAM = "method.reinforcement.grader.lambda.function"
NOT_ALLOWED = "because no identity-based policy allows the lambda:InvokeFunction action"


@pytest.fixture(scope="module")
def function(served_simulator: RunningSimulator) -> str:
    """The ARN of a valid reward function."""
    return served_simulator.deploy(ROOT / "reward_lambda")


def allow(served: RunningSimulator, user: str, resource: str, *, effect: str = "Allow") -> None:
    """Give the user an inline policy on lambda:InvokeFunction."""
    statement = {"Effect": effect, "Action": "lambda:InvokeFunction", "Resource": resource}
    served.iam_client.put_user_policy(UserName=user, PolicyName=effect, PolicyDocument=policy_document(statement))


def run_as(served: RunningSimulator, key: str, function: str) -> Any:
    """Create a job with another key; return it at its end."""
    body = {
        "model": "openai.gpt-oss-20b",
        "training_file": served.upload(make_training_file(100)),
        "method": {
            "type": "reinforcement",
            "reinforcement": {"grader": {"type": "lambda", "lambda": {"function": function}}},
        },
    }
    headers = {"authorization": f"Bearer {key}"}
    created = served.http.post("/v1/fine_tuning/jobs", json=body, headers=headers).json()
    return served.wait_for_job(created["id"])


def job_failure(job: Any) -> tuple[str, Any]:
    """Return a job's status and error."""
    return job["status"], job["error"]


def expected_denial(caller: str, function: str, why: str) -> tuple[str, Any]:
    """Return the end of a job whose caller may not invoke the function. `caller` is a part of an ARN."""
    service = "sts" if caller.startswith("assumed-role/") else "iam"
    arn = f"arn:aws:{service}::123456789012:{caller}"
    message = f"User: {arn} is not authorized to perform: lambda:InvokeFunction on resource: {function} {why}"
    return "failed", {"code": "grader_error", "message": message, "param": PARAM}


@pytest.mark.shows("grader-permission", "missing-function")
def test_a_user_without_the_permission_gets_awss_message(served_simulator: RunningSimulator, function: str) -> None:
    """The job fails before it starts."""
    job = run_as(served_simulator, create_user_key(served_simulator, "ann"), function)
    why = "because no identity-based policy allows the lambda:InvokeFunction action"
    assert job_failure(job) == expected_denial("user/ann", function, why)
    assert "Fine-tuning job started" not in [event["message"] for event in served_simulator.list_events(job["id"])]


@pytest.mark.slow
@pytest.mark.shows("grader-permission")
def test_a_user_with_the_permission_succeeds(served_simulator: RunningSimulator, function: str) -> None:
    """As the user guide's policy grants it."""
    key = create_user_key(served_simulator, "bob")
    allow(served_simulator, "bob", "arn:aws:lambda:*:*:function:reward*")
    assert job_failure(run_as(served_simulator, key, function)) == ("succeeded", None)


def test_a_permission_on_another_function_does_not_count(served_simulator: RunningSimulator, function: str) -> None:
    """The policy names a resource."""
    key = create_user_key(served_simulator, "cid")
    allow(served_simulator, "cid", "arn:aws:lambda:*:*:function:other")
    why = "because no identity-based policy allows the lambda:InvokeFunction action"
    assert job_failure(run_as(served_simulator, key, function)) == expected_denial("user/cid", function, why)


def test_an_explicit_deny_outranks_an_allow(served_simulator: RunningSimulator, function: str) -> None:
    """From any policy."""
    key = create_user_key(served_simulator, "dot")
    allow(served_simulator, "dot", "*")
    allow(served_simulator, "dot", function, effect="Deny")
    assert job_failure(run_as(served_simulator, key, function)) == expected_denial(
        "user/dot", function, "with an explicit deny in an identity-based policy"
    )


@pytest.mark.slow
def test_a_long_term_key_has_the_permissions_of_its_user(served_simulator: RunningSimulator, function: str) -> None:
    """That user's policies decide."""
    create_user_key(served_simulator, "BedrockAPIKey-a1b2")
    allow(served_simulator, "BedrockAPIKey-a1b2", function)
    created = served_simulator.iam_client.create_service_specific_credential(
        UserName="BedrockAPIKey-a1b2", ServiceName="bedrock.amazonaws.com"
    )
    key = created["ServiceSpecificCredential"]["ServiceCredentialSecret"]
    assert job_failure(run_as(served_simulator, key, function)) == ("succeeded", None)


@pytest.mark.slow
def test_a_role_session_has_the_permissions_of_its_role(served_simulator: RunningSimulator, function: str) -> None:
    """The message names the session."""
    allowed = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}
    assert job_failure(run_as(served_simulator, create_role_key(served_simulator, "may", allowed), function)) == (
        "succeeded",
        None,
    )
    session = create_role_key(served_simulator, "may-not")
    assert job_failure(run_as(served_simulator, session, function)) == expected_denial(
        "assumed-role/may-not/s1", function, NOT_ALLOWED
    )


def test_a_boundary_limits_users_and_roles(served_simulator: RunningSimulator, function: str) -> None:
    """No policy allows more."""
    bound = create_managed_policy(
        served_simulator, "mantle-only", {"Effect": "Allow", "Action": "bedrock-mantle:*", "Resource": "*"}
    )
    user, role = (
        create_user_key(served_simulator, "fay"),
        create_role_key(served_simulator, "bounded", {"Effect": "Allow", "Action": "*", "Resource": "*"}),
    )
    allow(served_simulator, "fay", function)
    served_simulator.iam_client.put_user_permissions_boundary(UserName="fay", PermissionsBoundary=bound)
    served_simulator.iam_client.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=bound)
    why = "because no permissions boundary allows the lambda:InvokeFunction action"
    assert [job_failure(run_as(served_simulator, key, function)) for key in (user, role)] == [
        expected_denial("user/fay", function, why),
        expected_denial("assumed-role/bounded/s1", function, why),
    ]


@pytest.mark.slow
@pytest.mark.shows("grader-permission")
def test_the_policy_of_the_function_is_enough(served_simulator: RunningSimulator) -> None:
    """Within one account either side may allow (DOCUMENTED)."""
    function = served_simulator.deploy(ROOT / "reward_lambda", name="with-a-policy")
    key = create_user_key(served_simulator, "gus")
    gus = "arn:aws:iam::123456789012:user/gus"
    served_simulator.lambda_client.add_permission(
        FunctionName=function, StatementId="gus", Action="lambda:InvokeFunction", Principal=gus
    )
    assert job_failure(run_as(served_simulator, key, function)) == ("succeeded", None)


@pytest.mark.slow
def test_the_accounts_own_key_needs_no_policy(served_simulator: RunningSimulator, function: str) -> None:
    """The simulator's session key belongs to the account."""
    assert job_failure(served_simulator.run_job(make_training_file(100), function=function)) == ("succeeded", None)


@pytest.mark.shows("missing-function")
@pytest.mark.parametrize(
    "function",
    [
        MISSING_FUNCTION_ARN,
        f"{MISSING_FUNCTION_ARN}:prod",
        MISSING_FUNCTION_ARN.replace("us-west-2", "us-east-1"),
        MISSING_FUNCTION_ARN.replace("123456789012", "210987654321"),
    ],
    ids=["no such function", "no such alias", "another region", "another account"],
)
def test_a_missing_function_fails_the_job_and_is_named(served_simulator: RunningSimulator, function: str) -> None:
    """With Lambda's message."""
    job = served_simulator.run_job(make_training_file(100), function=function)
    assert job_failure(job) == (
        "failed",
        {
            "code": "grader_error",
            "message": f"The reward function cannot be invoked: Function not found: {function}",
            "param": PARAM,
        },
    )


def test_a_missing_alias_of_an_existing_function_fails_the_job(
    served_simulator: RunningSimulator, function: str
) -> None:
    """The qualifier is part of the name."""
    job = served_simulator.run_job(make_training_file(100), function=f"{function}:prod")
    assert job["error"]["message"] == f"The reward function cannot be invoked: Function not found: {function}:prod"


@pytest.mark.slow
def test_a_permission_without_a_wildcard_covers_no_alias(served_simulator: RunningSimulator, function: str) -> None:
    """`function:reward-lambda:live` is another ARN."""
    version = served_simulator.lambda_client.publish_version(FunctionName=function)["Version"]
    live = served_simulator.lambda_client.create_alias(FunctionName=function, Name="live", FunctionVersion=version)[
        "AliasArn"
    ]
    key = create_user_key(served_simulator, "eve")
    allow(served_simulator, "eve", function)
    why = "because no identity-based policy allows the lambda:InvokeFunction action"
    assert job_failure(run_as(served_simulator, key, live)) == expected_denial("user/eve", live, why)
    allow(served_simulator, "eve", f"{function}:*")
    assert job_failure(run_as(served_simulator, key, live)) == ("succeeded", None)


def test_an_inactive_access_key_invokes_nothing(served_simulator: RunningSimulator, function: str) -> None:
    """A key that IAM never created counts as the account's own, as for the other services here."""
    create_user_key(served_simulator, "pat")
    allow(served_simulator, "pat", function)
    created = served_simulator.iam_client.create_access_key(UserName="pat")["AccessKey"]
    session = boto3.Session(created["AccessKeyId"], created["SecretAccessKey"], region_name=REGION)
    client = session.client("lambda", endpoint_url=served_simulator.url)
    before = client.invoke(FunctionName=function, InvocationType="DryRun")["StatusCode"]
    served_simulator.iam_client.update_access_key(UserName="pat", AccessKeyId=created["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError) as exc_info:
        client.invoke(FunctionName=function, InvocationType="DryRun")
    client.close()
    error = exc_info.value.response["Error"]
    assert (before, error["Code"], error["Message"]) == (
        204,
        "AccessDeniedException",
        f"Access key {created['AccessKeyId']} is inactive.",
    )
