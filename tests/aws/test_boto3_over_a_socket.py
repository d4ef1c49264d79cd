"""The whole way of a user's script: roles, functions, invocations, logs and objects, by boto3 over a socket."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.conftest import ACCOUNT, REGION, TRUST, RunningAws
from tests.lambdas.zips import zip_files

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:grader"


def code(answer: str) -> bytes:
    """Make a package whose handler says `answer`, and what it was asked."""
    return zip_files(
        {
            "lambda_function.py": (
                f"def lambda_handler(event, context):\n    print('graded')\n    return ['{answer}', event]\n"
            )
        }
    )


def deploy(cloud: RunningAws, name: str = "grader", **settings: Any) -> Any:
    """Create a role and a function, and wait until it is active; give the Lambda client."""
    role = cloud.client("iam").create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=TRUST)["Role"]
    functions = cloud.client("lambda")
    configuration: dict[str, Any] = {
        "Runtime": "python3.11",
        "Handler": "lambda_function.lambda_handler",
        "Code": {"ZipFile": code("first")},
        "Timeout": 10,
    }
    functions.create_function(FunctionName=name, Role=role["Arn"], **{**configuration, **settings})
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return functions


def invoke_payload(functions: Any, **call: Any) -> Any:
    """Invoke `grader` and read its payload."""
    return json.loads(functions.invoke(**{"FunctionName": "grader", "Payload": b"1", **call})["Payload"].read())


def invoke_error(functions: Any, **call: Any) -> tuple[int, str, str]:
    """Invoke `grader` and give status, code and message of the error."""
    with pytest.raises(ClientError) as refused:
        functions.invoke(**{"FunctionName": "grader", **call})
    error = refused.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


def test_deployed_function_really_runs(aws: RunningAws) -> None:
    """create_role, create_function, waiter, invoke: the zip's own answer comes back, with its version and log."""
    functions = deploy(aws)

    response = functions.invoke(FunctionName="grader", Payload=b'{"a": 1}', LogType="Tail")

    assert (
        response["StatusCode"],
        response["ExecutedVersion"],
        response.get("FunctionError"),
        json.loads(response["Payload"].read()),
        b"\ngraded\n" in base64.b64decode(response["LogResult"]),
    ) == (200, "$LATEST", None, ["first", {"a": 1}], True)


def test_function_by_arn(aws: RunningAws) -> None:
    """A function's ARN is as good as its name."""
    assert invoke_payload(deploy(aws), FunctionName=ARN) == ["first", 1]


def test_updated_code_runs_at_once(aws: RunningAws) -> None:
    """After update_function_code no warm environment answers with the code of before."""
    functions = deploy(aws)
    before = invoke_payload(functions)

    functions.update_function_code(FunctionName="grader", ZipFile=code("second"))
    functions.get_waiter("function_updated_v2").wait(FunctionName="grader")

    assert (before, invoke_payload(functions)) == (["first", 1], ["second", 1])


@pytest.mark.shows("lambda-runtime")
def test_versions_and_aliases_keep_their_code(aws: RunningAws) -> None:
    """A published version, and an alias of it, run what was published, by Qualifier and by ARN."""
    functions = deploy(aws)
    version = functions.publish_version(FunctionName="grader")["Version"]
    functions.create_alias(FunctionName="grader", Name="live", FunctionVersion=version)
    functions.update_function_code(FunctionName="grader", ZipFile=code("second"))

    answers = [
        invoke_payload(functions, Qualifier=version)[0],
        invoke_payload(functions, Qualifier="live")[0],
        invoke_payload(functions, FunctionName=f"{ARN}:live")[0],
        invoke_payload(functions)[0],
    ]

    assert answers == ["first", "first", "first", "second"]


def test_executed_version_is_that_of_the_alias(aws: RunningAws) -> None:
    """The header tells the version behind the alias."""
    functions = deploy(aws)
    functions.publish_version(FunctionName="grader")
    functions.create_alias(FunctionName="grader", Name="live", FunctionVersion="1")

    assert functions.invoke(FunctionName="grader", Qualifier="live")["ExecutedVersion"] == "1"


def test_code_from_s3(aws: RunningAws) -> None:
    """A package may come from a bucket."""
    objects = aws.client("s3")
    objects.create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": REGION})
    objects.put_object(Bucket="packages", Key="grader.zip", Body=code("from s3"))

    functions = deploy(aws, Code={"S3Bucket": "packages", "S3Key": "grader.zip"})

    assert invoke_payload(functions) == ["from s3", 1]


def test_layers_are_found(aws: RunningAws) -> None:
    """A published layer is on the function's path."""
    content = zip_files({"python/shared.py": "NAME = 'layer'\n"})
    layer = aws.client("lambda").publish_layer_version(LayerName="shared", Content={"ZipFile": content})
    source = "import shared\ndef lambda_handler(event, context): return shared.NAME\n"

    functions = deploy(
        aws, Layers=[layer["LayerVersionArn"]], Code={"ZipFile": zip_files({"lambda_function.py": source})}
    )

    assert invoke_payload(functions) == "layer"


def test_dry_run_and_event(aws: RunningAws) -> None:
    """DryRun is 204, Event is 202."""
    functions = deploy(aws, "later")

    statuses = [
        functions.invoke(FunctionName="later", InvocationType=kind)["StatusCode"] for kind in ("DryRun", "Event")
    ]

    assert statuses == [204, 202]


def test_logs_are_found_right_after_the_call(aws: RunningAws) -> None:
    """START, the function's own lines and REPORT are in CloudWatch Logs as soon as the call has answered."""
    functions = deploy(aws)
    invoke_payload(functions)

    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/grader")["events"]

    assert [event["message"].split(" ")[0] for event in events] == ["START", "graded\n", "END", "REPORT"]


def test_refusals_reach_boto3(aws: RunningAws) -> None:
    """A function that does not exist, and an event that is no JSON, are the SDK's own exceptions."""
    functions = deploy(aws)

    assert [invoke_error(functions, FunctionName="missing"), invoke_error(functions, Payload=b"{")] == [
        (
            404,
            "ResourceNotFoundException",
            f"Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:missing",
        ),
        (
            400,
            "InvalidRequestContentException",
            (
                "Could not parse request body into json: Expecting property name enclosed in double quotes: "
                "line 1 column 2 (char 1)"
            ),
        ),
    ]


def test_reserved_concurrency_of_zero_is_too_many_requests(aws: RunningAws) -> None:
    """put_function_concurrency is honoured."""
    functions = deploy(aws)
    functions.put_function_concurrency(FunctionName="grader", ReservedConcurrentExecutions=0)

    assert invoke_error(functions) == (429, "TooManyRequestsException", "Rate Exceeded.")


def test_deleted_function_is_gone(aws: RunningAws) -> None:
    """A warm environment does not outlive its function's name."""
    functions = deploy(aws)
    invoke_payload(functions)
    functions.delete_function(FunctionName="grader")

    assert invoke_error(functions)[:2] == (404, "ResourceNotFoundException")


def user(cloud: RunningAws, name: str, *policies: dict[str, Any]) -> dict[str, str]:
    """Make a user with inline policies; give its access key for `Cloud.client`."""
    identities = cloud.client("iam")
    identities.create_user(UserName=name)
    for number, statement in enumerate(policies):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        identities.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=document)
    key = identities.create_access_key(UserName=name)["AccessKey"]
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def test_user_without_permission_is_denied_in_awss_words(aws: RunningAws) -> None:
    """A user whose policies do not allow it may not invoke, and is told what is missing."""
    deploy(aws)

    refused = invoke_error(aws.client("lambda", **user(aws, "alice")))

    assert refused == (
        403,
        "AccessDeniedException",
        (
            f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: lambda:InvokeFunction on resource: "
            f"{ARN} because no identity-based policy allows the lambda:InvokeFunction action"
        ),
    )


def test_user_with_permission_may_invoke(aws: RunningAws) -> None:
    """lambda:InvokeFunction on the function's ARN is what it takes, as on AWS."""
    deploy(aws)
    allowed = user(aws, "alice", {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ARN})

    assert invoke_payload(aws.client("lambda", **allowed)) == ["first", 1]


def test_permission_on_the_function_is_enough(aws: RunningAws) -> None:
    """add_permission for a user lets that user in without an identity policy."""
    functions = deploy(aws)
    alice = user(aws, "alice")
    functions.add_permission(
        FunctionName="grader",
        StatementId="alice",
        Action="lambda:InvokeFunction",
        Principal=f"arn:aws:iam::{ACCOUNT}:user/alice",
    )

    assert invoke_payload(aws.client("lambda", **alice)) == ["first", 1]


def test_assumed_role_is_judged_by_the_roles_policies(aws: RunningAws) -> None:
    """Temporary credentials stand for the role's session, which AWS names in the refusal."""
    deploy(aws)
    session = aws.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/grader-role", RoleSessionName="training"
    )["Credentials"]
    keys = {"key": session["AccessKeyId"], "secret": session["SecretAccessKey"], "token": session["SessionToken"]}

    denied = invoke_error(aws.client("lambda", **keys))
    aws.client("iam").attach_role_policy(
        RoleName="grader-role", PolicyArn="arn:aws:iam::aws:policy/AWSLambda_FullAccess"
    )

    assert (denied[2].split(" is not")[0], invoke_payload(aws.client("lambda", **keys))) == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/grader-role/training",
        ["first", 1],
    )


@pytest.mark.parametrize(
    "policy",
    [
        "service-role/AWSLambdaBasicExecutionRole",
        "AmazonBedrockMantleFullAccess",
        "AmazonBedrockMantleInferenceAccess",
        "AmazonS3ReadOnlyAccess",
        "AmazonDynamoDBReadOnlyAccess",
    ],
)
def test_managed_policies_can_be_attached(aws: RunningAws, policy: str) -> None:
    """Those of the walkthrough are there, and any other of AWS's appears when it is named."""
    identities = aws.client("iam")
    identities.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)
    arn = f"arn:aws:iam::aws:policy/{policy}"

    identities.attach_role_policy(RoleName="trainer", PolicyArn=arn)

    attached = identities.list_attached_role_policies(RoleName="trainer")["AttachedPolicies"]
    assert [entry["PolicyArn"] for entry in attached] == [arn]


def test_a_managed_policy_that_aws_does_not_have_is_refused(aws: RunningAws) -> None:
    """A misspelt policy fails as on AWS."""
    identities = aws.client("iam")
    identities.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)

    with pytest.raises(ClientError) as refused:
        identities.attach_role_policy(RoleName="trainer", PolicyArn="arn:aws:iam::aws:policy/AmazonBedrokFullAccess")

    assert refused.value.response["Error"]["Code"] == "NoSuchEntity"


@pytest.mark.parametrize("key", ["plain.txt", "a/b c+d.txt", "a%2Fb", "grüße/🙂.txt", "a//b"])
def test_objects_keep_their_keys_bytes_and_metadata(aws: RunningAws, key: str) -> None:
    """S3 gives back what was put, under odd keys and with metadata names that hold an underscore or a dash."""
    objects = aws.client("s3")
    objects.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    metadata = {"job_id": "ftjob-1", "base-model": "gpt-oss"}

    objects.put_object(Bucket="data", Key=key, Body=b"rows", Metadata=metadata)

    got = objects.get_object(Bucket="data", Key=key)
    listed = [entry["Key"] for entry in objects.list_objects_v2(Bucket="data")["Contents"]]
    assert (got["Body"].read(), got["Metadata"], listed) == (b"rows", metadata, [key])


def test_large_object_survives_the_way(aws: RunningAws) -> None:
    """Bodies that come in many pieces are put together right."""
    objects = aws.client("s3")
    objects.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    body = bytes(range(256)) * 12_000

    objects.put_object(Bucket="data", Key="large", Body=body)

    assert objects.get_object(Bucket="data", Key="large")["Body"].read() == body


def test_a_key_that_nobody_made_is_the_roots(aws: RunningAws) -> None:
    """The session's own key is such a one, and the root is what it stands for at every other door."""
    told = aws.client("sts").get_caller_identity()
    assert {name: told[name] for name in ("UserId", "Account", "Arn")} == {
        "UserId": ACCOUNT,
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:root",
    }


def test_a_function_may_call_the_simulator_back(aws: RunningAws) -> None:
    """A grader that reads S3 from the server which runs it does not wait for itself."""
    objects = aws.client("s3")
    objects.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    objects.put_object(Bucket="data", Key="rubric", Body=b"be kind")
    source = (
        "import boto3\n"
        "def lambda_handler(event, context):\n"
        "    return boto3.client('s3').get_object(Bucket='data', Key='rubric')['Body'].read().decode()\n"
    )

    functions = deploy(
        aws,
        Code={"ZipFile": zip_files({"lambda_function.py": source})},
        Environment={"Variables": {"AWS_ENDPOINT_URL": aws.url}},
        Timeout=30,
    )

    assert invoke_payload(functions) == "be kind"


def test_reset_empties_every_service(aws: RunningAws) -> None:
    """After a reset there is no function and no role."""
    functions = deploy(aws)

    aws.server.instance.reset()

    assert (functions.list_functions()["Functions"], aws.client("iam").list_roles()["Roles"]) == ([], [])
