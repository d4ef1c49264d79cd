"""Authorization at Mantle: the caller's IAM policies decide about each action of the route table."""

from typing import Any

import boto3
import pytest

from tests.principals import (
    MANTLE,
    create_managed_policy,
    create_role_key,
    create_user_key,
    policy_document,
    put_user_policy,
)
from tests.simulators import REGION, RunningSimulator

pytestmark = pytest.mark.shows("authorization")

PROJECT = "arn:aws:bedrock-mantle:us-west-2:123456789012:project/default"


def send_request(
    served: RunningSimulator, key: str, method: str = "GET", path: str = "/v1/models", **options: Any
) -> tuple[int, str | None, str | None, str | None]:
    """Send a request with a key; return status, code, message and hint of the error."""
    headers = {"authorization": f"Bearer {key}", **options.pop("headers", {})}
    answer = served.http.request(method, path, headers=headers, **options)
    error = answer.json().get("error") or {}
    return answer.status_code, error.get("code"), error.get("message"), answer.headers.get("x-simulator-hint")


def denied_message(user: str, action: str, why: str, *, resource: str = PROJECT) -> str:
    """Return AWS's text of a denial."""
    arn = f"arn:aws:iam::123456789012:user/{user}"
    return f"User: {arn} is not authorized to perform: bedrock-mantle:{action} on resource: {resource} {why}"


def implicit_denial(action: str) -> str:
    """Return the reason if no policy allows an action."""
    return f"because no identity-based policy allows the bedrock-mantle:{action} action"


CHAT = {"model": "openai.gpt-oss-20b", "messages": [{"role": "user", "content": "2+2?"}]}
ACTIONS: dict[str, tuple[str, str, Any]] = {
    "ListModels": ("GET", "/v1/models", None),
    "GetFile": ("GET", "/v1/files/x", None),
    "DeleteFile": ("DELETE", "/v1/files/x", None),
    "CreateFineTuningJob": ("POST", "/v1/fine_tuning/jobs", {}),
    "GetFineTuningJob": ("GET", "/v1/fine_tuning/jobs/x/events", None),
    "CancelFineTuningJob": ("POST", "/v1/fine_tuning/jobs/x/cancel", None),
    "CreateInference": ("POST", "/v1/chat/completions", CHAT),
}
READ_ACTIONS = {"ListModels", "GetFile", "GetFineTuningJob"}


@pytest.mark.slow
@pytest.mark.shows("managed-policies")
@pytest.mark.parametrize(
    ("managed", "allowed"),
    [
        ("AmazonBedrockMantleFullAccess", set(ACTIONS)),
        ("AmazonBedrockMantleInferenceAccess", READ_ACTIONS | {"CreateInference"}),
        ("AmazonBedrockMantleReadOnly", READ_ACTIONS),
    ],
)
def test_awss_managed_policies_allow_their_actions(
    served_simulator: RunningSimulator, managed: str, allowed: set[str]
) -> None:
    """As AWS publishes them, for holders of bearer keys."""
    key = create_user_key(served_simulator, managed, policy=f"arn:aws:iam::aws:policy/{managed}")
    answers = {
        name: send_request(served_simulator, key, verb, path, json=body) for name, (verb, path, body) in ACTIONS.items()
    }
    assert {name for name, answer in answers.items() if answer[1] != "access_denied"} == allowed


@pytest.mark.shows("bearer-permission")
def test_a_user_without_a_policy_may_do_nothing(served_simulator: RunningSimulator) -> None:
    """OBSERVED body. The first missing permission is the one to use bearer keys."""
    hint = (
        "allow bedrock-mantle:CallWithBearerToken in the caller's IAM policies;"
        " AmazonBedrockMantleFullAccess allows all of bedrock-mantle"
    )
    assert send_request(served_simulator, create_user_key(served_simulator, "hal", policy=None)) == (
        403,
        "access_denied",
        denied_message("hal", "CallWithBearerToken", implicit_denial("CallWithBearerToken"), resource="*"),
        hint,
    )


def test_inference_is_denied_with_401_and_the_rest_with_403(served_simulator: RunningSimulator) -> None:
    """OBSERVED: two statuses for the same reason."""
    key = create_user_key(served_simulator, "ida", policy=None)
    put_user_policy(
        served_simulator, "ida", {"Effect": "Allow", "Action": "bedrock-mantle:CallWithBearerToken", "Resource": "*"}
    )
    assert [
        send_request(served_simulator, key)[:3],
        send_request(served_simulator, key, "POST", "/v1/chat/completions", json=CHAT)[:3],
    ] == [
        (403, "access_denied", denied_message("ida", "ListModels", implicit_denial("ListModels"))),
        (401, "access_denied", denied_message("ida", "CreateInference", implicit_denial("CreateInference"))),
    ]


def test_an_explicit_deny_is_named_in_the_message(served_simulator: RunningSimulator) -> None:
    """It outranks every allow."""
    key = create_user_key(served_simulator, "jan")
    put_user_policy(served_simulator, "jan", {"Effect": "Deny", "Action": "bedrock-mantle:List*", "Resource": "*"})
    assert send_request(served_simulator, key) == (
        403,
        "access_denied",
        denied_message("jan", "ListModels", "with an explicit deny in an identity-based policy"),
        "an explicit deny overrides every allow: find it in the caller's policies",
    )


def test_groups_and_boundaries_count(served_simulator: RunningSimulator) -> None:
    """A boundary can deny what a group allows."""
    key = create_user_key(served_simulator, "kay", policy=None)
    served_simulator.iam_client.create_group(GroupName="trainers")
    served_simulator.iam_client.attach_group_policy(GroupName="trainers", PolicyArn=MANTLE)
    served_simulator.iam_client.add_user_to_group(GroupName="trainers", UserName="kay")
    before = send_request(served_simulator, key)[0]
    bound = create_managed_policy(
        served_simulator, "bearing", {"Effect": "Allow", "Action": "*:CallWithBearerToken", "Resource": "*"}
    )
    served_simulator.iam_client.put_user_permissions_boundary(UserName="kay", PermissionsBoundary=bound)
    why = "because no permissions boundary allows the bedrock-mantle:ListModels action"
    assert (before, send_request(served_simulator, key)[2]) == (200, denied_message("kay", "ListModels", why))


def test_a_session_policy_limits_a_role(served_simulator: RunningSimulator) -> None:
    """The `Policy` of AssumeRole."""
    limit = policy_document({"Effect": "Allow", "Action": "bedrock-mantle:CallWithBearerToken", "Resource": "*"})
    message = send_request(served_simulator, create_role_key(served_simulator, "limited", session_policy=limit))[2]
    assert message == (
        "User: arn:aws:sts::123456789012:assumed-role/limited/s1 is not authorized to perform:"
        f" bedrock-mantle:ListModels on resource: {PROJECT}"
        " because no session policy allows the bedrock-mantle:ListModels action"
    )


@pytest.mark.shows("condition-keys")
def test_a_policy_can_distinguish_kinds_of_keys(served_simulator: RunningSimulator) -> None:
    """DOCUMENTED for the sibling service: a policy may forbid long-term keys."""
    short = create_user_key(served_simulator, "lea")
    created = served_simulator.iam_client.create_service_specific_credential(
        UserName="lea", ServiceName="bedrock.amazonaws.com"
    )
    long = created["ServiceSpecificCredential"]["ServiceCredentialSecret"]
    put_user_policy(
        served_simulator,
        "lea",
        {
            "Effect": "Deny",
            "Action": "bedrock-mantle:CallWithBearerToken",
            "Resource": "*",
            "Condition": {"StringEquals": {"bedrock-mantle:bearerTokenType": "LONG_TERM"}},
        },
    )
    assert [send_request(served_simulator, key)[0] for key in (short, long)] == [200, 403]


CONDITIONS: dict[str, tuple[str, str, str, dict[str, Any], Any]] = {
    "a file": ("GetFile", "GET", "/v1/files/secret", {"StringEquals": {"bedrock-mantle:Files": "secret"}}, None),
    "a job": (
        "GetFineTuningJob",
        "GET",
        "/v1/fine_tuning/jobs/ftjob-1",
        {"StringLike": {"bedrock-mantle:FineTuningJob": "ftjob-*"}},
        None,
    ),
    "a model": (
        "CreateFineTuningJob",
        "POST",
        "/v1/fine_tuning/jobs",
        {"StringEquals": {"bedrock-mantle:Model": "qwen.qwen3-32b"}},
        {"model": "qwen.qwen3-32b"},
    ),
    "an alias of a model": (
        "CreateFineTuningJob",
        "POST",
        "/v1/fine_tuning/jobs",
        {"StringEquals": {"bedrock-mantle:Model": "qwen.qwen3-32b"}},
        {"model": "qwen.qwen3-32b-v1:0"},
    ),
    "a validation file": (
        "CreateFineTuningJob",
        "POST",
        "/v1/fine_tuning/jobs",
        {"ForAnyValue:StringEquals": {"bedrock-mantle:Files": "f2"}},
        {"training_file": "f1", "validation_file": "f2"},
    ),
    "an address": ("ListModels", "GET", "/v1/models", {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, None),
    "a name": ("ListModels", "GET", "/v1/models", {"StringLike": {"aws:username": "max-*"}}, None),
    "a date": (
        "ListModels",
        "GET",
        "/v1/models",
        {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
        None,
    ),
    "a region": ("ListModels", "GET", "/v1/models", {"StringEquals": {"aws:RequestedRegion": "us-west-2"}}, None),
    "a tag": ("ListModels", "GET", "/v1/models", {"StringEquals": {"aws:PrincipalTag/team": "maths"}}, None),
}


@pytest.mark.shows("model-of-an-alias")
@pytest.mark.shows("condition-keys")
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_policy_may_deny_by_condition(served_simulator: RunningSimulator, condition: str) -> None:
    """On the resource, the caller, the time and the source address."""
    action, verb, path, block, body = CONDITIONS[condition]
    user = f"max-{condition.replace(' ', '-')}"
    key = create_user_key(served_simulator, user)
    served_simulator.iam_client.tag_user(UserName=user, Tags=[{"Key": "team", "Value": "maths"}])
    before = send_request(served_simulator, key, verb, path, json=body)[1]
    put_user_policy(
        served_simulator,
        user,
        {"Effect": "Deny", "Action": "bedrock-mantle:*", "Resource": PROJECT, "Condition": block},
    )
    assert before != "access_denied"
    assert send_request(served_simulator, key, verb, path, json=body)[2] == denied_message(
        user, action, "with an explicit deny in an identity-based policy"
    )


def test_every_request_counts_as_secure_transport(served_simulator: RunningSimulator) -> None:
    """Many accounts have a policy that requires TLS. It must not deny here."""
    key = create_user_key(served_simulator, "ned")
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    put_user_policy(served_simulator, "ned", {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": plain})
    assert send_request(served_simulator, key)[0] == 200


@pytest.mark.shows("permission-first")
def test_permission_is_checked_before_a_project_exists(served_simulator: RunningSimulator) -> None:
    """A caller without permission does not learn which projects exist."""
    key = create_user_key(served_simulator, "oda")
    put_user_policy(
        served_simulator,
        "oda",
        {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:bedrock-mantle:*:*:project/proj_a*"},
    )
    answers = [
        send_request(served_simulator, key, headers={"openai-project": name})[:2] for name in ("proj_a1", "proj_b1")
    ]
    assert answers == [(403, "access_denied"), (404, "not_found_error")]


def test_an_impossible_date_in_a_policy_causes_no_500(served_simulator: RunningSimulator) -> None:
    """AWS refuses such a policy. moto accepts it."""
    key = create_user_key(served_simulator, "pia")
    late = {"DateGreaterThan": {"aws:EpochTime": "999999999999999999"}}
    put_user_policy(served_simulator, "pia", {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": late})
    why = "because a policy cannot be evaluated: '999999999999999999' is not a date of a condition"
    assert send_request(served_simulator, key)[:3] == (
        403,
        "access_denied",
        denied_message("pia", "CallWithBearerToken", why, resource="*"),
    )


@pytest.mark.shows("permissions-elsewhere")
def test_other_services_need_no_permission(served_simulator: RunningSimulator) -> None:
    """A difference from AWS: a user without permissions can list the account's users."""
    served_simulator.iam_client.create_user(UserName="bystander")
    key = served_simulator.iam_client.create_access_key(UserName="bystander")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    iam = session.client("iam", endpoint_url=served_simulator.url)
    assert "bystander" in [user["UserName"] for user in iam.list_users()["Users"]]
    iam.close()
