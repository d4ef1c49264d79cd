"""Who may have a reward function invoked: the caller's own identity decides, before the start (DOCUMENTED: no role)."""

import json
from typing import Any, cast

import pytest
from aws_bedrock_token_generator import provide_token
from botocore.credentials import CredentialProvider, Credentials

from tests.conftest import ROOT
from tests.records import jsonl
from tests.world import NOWHERE, REGION, World

PARAM = "method.reinforcement.grader.lambda.function"


class Held:
    """An access key, as the generator asks for it."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def load(self) -> Credentials:
        """Give it."""
        return Credentials(self._key["AccessKeyId"], self._key["SecretAccessKey"])


@pytest.fixture(scope="module")
def function(served: World) -> str:
    """A sound reward function's ARN."""
    return served.deploy(ROOT / "reward_lambda")


def key_of(served: World, user: str) -> str:
    """Make an IAM user and an access key of hers; mint a Bedrock key from it."""
    served.iam.create_user(UserName=user)
    access_key = served.iam.create_access_key(UserName=user)["AccessKey"]
    return str(provide_token(region=REGION, aws_credentials_provider=cast("CredentialProvider", Held(access_key))))


def allow(served: World, user: str, resource: str, *, effect: str = "Allow") -> None:
    """Give the user an inline policy on lambda:InvokeFunction."""
    statement = {"Effect": effect, "Action": "lambda:InvokeFunction", "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    served.iam.put_user_policy(UserName=user, PolicyName=effect, PolicyDocument=document)


def run_as(served: World, key: str, function: str) -> Any:
    """Create a job with a key of somebody's; return it at its end."""
    body = {
        "model": "openai.gpt-oss-20b",
        "training_file": served.upload(jsonl(100)),
        "method": {
            "type": "reinforcement",
            "reinforcement": {"grader": {"type": "lambda", "lambda": {"function": function}}},
        },
    }
    headers = {"authorization": f"Bearer {key}"}
    created = served.http.post("/v1/fine_tuning/jobs", json=body, headers=headers).json()
    return served.finished(created["id"])


def told(job: Any) -> tuple[str, Any]:
    """Return a job's status and error."""
    return job["status"], job["error"]


def denied(user: str, function: str, why: str) -> tuple[str, Any]:
    """Return how a job ends whose caller may not have the function invoked."""
    arn = f"arn:aws:iam::123456789012:user/{user}"
    message = f"User: {arn} is not authorized to perform: lambda:InvokeFunction on resource: {function} {why}"
    return "failed", {"code": "grader_error", "message": message, "param": PARAM}


def test_a_user_without_the_permission_fails_and_is_told_in_awss_words(served: World, function: str) -> None:
    """Before the start: the job never ran."""
    job = run_as(served, key_of(served, "ann"), function)
    why = "because no identity-based policy allows the lambda:InvokeFunction action"
    assert told(job) == denied("ann", function, why)
    assert "Fine-tuning job started" not in [event["message"] for event in served.events(job["id"])]


def test_a_user_with_the_permission_succeeds(served: World, function: str) -> None:
    """As the user guide's policy grants it."""
    key = key_of(served, "bob")
    allow(served, "bob", "arn:aws:lambda:*:*:function:reward*")
    assert told(run_as(served, key, function)) == ("succeeded", None)


def test_a_permission_on_another_function_is_none(served: World, function: str) -> None:
    """The resource is looked at."""
    key = key_of(served, "cid")
    allow(served, "cid", "arn:aws:lambda:*:*:function:other")
    why = "because no identity-based policy allows the lambda:InvokeFunction action"
    assert told(run_as(served, key, function)) == denied("cid", function, why)


def test_an_explicit_deny_wins(served: World, function: str) -> None:
    """Whatever else allows it."""
    key = key_of(served, "dot")
    allow(served, "dot", "*")
    allow(served, "dot", function, effect="Deny")
    assert told(run_as(served, key, function)) == denied(
        "dot", function, "with an explicit deny in an identity-based policy"
    )


def test_a_long_term_key_is_its_user(served: World, function: str) -> None:
    """`ABSK` and a name: that user's policies decide."""
    served.iam.create_user(UserName="BedrockAPIKey-a1b2")
    allow(served, "BedrockAPIKey-a1b2", function)
    assert told(run_as(served, "ABSKQmVkcm9ja0FQSUtleS1hMWIyOmMyVmpjbVYw", function)) == ("succeeded", None)


def test_the_accounts_own_key_needs_no_policy(served: World, function: str) -> None:
    """The simulator's session is the account."""
    assert told(served.run(jsonl(100), function=function)) == ("succeeded", None)


@pytest.mark.parametrize(
    "function",
    [
        NOWHERE,
        f"{NOWHERE}:prod",
        NOWHERE.replace("us-west-2", "us-east-1"),
        NOWHERE.replace("123456789012", "210987654321"),
    ],
    ids=["no such function", "no such alias", "another region", "another account"],
)
def test_a_function_that_is_not_there_fails_the_job_and_is_named(served: World, function: str) -> None:
    """With Lambda's own words."""
    job = served.run(jsonl(100), function=function)
    assert told(job) == (
        "failed",
        {
            "code": "grader_error",
            "message": f"The reward function cannot be invoked: Function not found: {function}",
            "param": PARAM,
        },
    )


def test_an_alias_that_is_not_there_is_missed_on_a_function_that_is(served: World, function: str) -> None:
    """The qualifier is part of the name."""
    job = served.run(jsonl(100), function=f"{function}:prod")
    assert job["error"]["message"] == f"The reward function cannot be invoked: Function not found: {function}:prod"


def test_a_permission_does_not_cover_an_alias_that_it_does_not_name(served: World, function: str) -> None:
    """An ARN without a wildcard is that ARN alone, and `function:reward-lambda:live` is another."""
    version = served.functions.publish_version(FunctionName=function)["Version"]
    live = served.functions.create_alias(FunctionName=function, Name="live", FunctionVersion=version)["AliasArn"]
    key = key_of(served, "eve")
    allow(served, "eve", function)
    why = "because no identity-based policy allows the lambda:InvokeFunction action"
    assert told(run_as(served, key, live)) == denied("eve", live, why)
    allow(served, "eve", f"{function}:*")
    assert told(run_as(served, key, live)) == ("succeeded", None)
