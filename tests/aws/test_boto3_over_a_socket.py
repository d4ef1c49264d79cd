"""A user's script over a socket: boto3 with roles, functions, invocations, logs and objects."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.conftest import ACCOUNT, REGION, TRUST, RunningAws
from tests.lambdas.zips import zip_files

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:grader"


def code(answer: str) -> bytes:
    """Return a package whose handler returns `answer` and its event."""
    return zip_files(
        {
            "lambda_function.py": (
                f"def lambda_handler(event, context):\n    print('graded')\n    return ['{answer}', event]\n"
            )
        }
    )


def deploy(aws: RunningAws, name: str = "grader", **settings: Any) -> Any:
    """Create a role and a function, and wait until it is active; return the Lambda client."""
    role = aws.client("iam").create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=TRUST)["Role"]
    functions = aws.client("lambda")
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
    """Invoke `grader` and return its payload."""
    return json.loads(functions.invoke(**{"FunctionName": "grader", "Payload": b"1", **call})["Payload"].read())


def invoke_error(functions: Any, **call: Any) -> tuple[int, str, str]:
    """Invoke `grader` and return status, code and message of the error."""
    with pytest.raises(ClientError) as exc_info:
        functions.invoke(**{"FunctionName": "grader", **call})
    error = exc_info.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


def test_a_deployed_function_runs(aws: RunningAws) -> None:
    """create_role, create_function, waiter, invoke: the response has the function's result, version and log."""
    functions = deploy(aws)

    response = functions.invoke(FunctionName="grader", Payload=b'{"a": 1}', LogType="Tail")

    assert (
        response["StatusCode"],
        response["ExecutedVersion"],
        response.get("FunctionError"),
        json.loads(response["Payload"].read()),
        b"\ngraded\n" in base64.b64decode(response["LogResult"]),
    ) == (200, "$LATEST", None, ["first", {"a": 1}], True)


def test_a_function_is_invoked_by_its_arn(aws: RunningAws) -> None:
    """Instead of its name."""
    assert invoke_payload(deploy(aws), FunctionName=ARN) == ["first", 1]


def test_updated_code_runs_in_the_next_invocation(aws: RunningAws) -> None:
    """No warm environment runs the old code."""
    functions = deploy(aws)
    before = invoke_payload(functions)

    functions.update_function_code(FunctionName="grader", ZipFile=code("second"))
    functions.get_waiter("function_updated_v2").wait(FunctionName="grader")

    assert (before, invoke_payload(functions)) == (["first", 1], ["second", 1])


@pytest.mark.slow
@pytest.mark.shows("lambda-runtime")
def test_versions_and_aliases_keep_their_code(aws: RunningAws) -> None:
    """By Qualifier and by ARN."""
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


def test_the_executed_version_is_that_of_the_alias(aws: RunningAws) -> None:
    """In the response's header."""
    functions = deploy(aws)
    functions.publish_version(FunctionName="grader")
    functions.create_alias(FunctionName="grader", Name="live", FunctionVersion="1")

    assert functions.invoke(FunctionName="grader", Qualifier="live")["ExecutedVersion"] == "1"


def test_code_is_loaded_from_s3(aws: RunningAws) -> None:
    """As in create_function's S3Bucket and S3Key."""
    objects = aws.client("s3")
    objects.create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": REGION})
    objects.put_object(Bucket="packages", Key="grader.zip", Body=code("from s3"))

    functions = deploy(aws, Code={"S3Bucket": "packages", "S3Key": "grader.zip"})

    assert invoke_payload(functions) == ["from s3", 1]


def test_a_layer_is_importable(aws: RunningAws) -> None:
    """A published one."""
    content = zip_files({"python/shared.py": "NAME = 'layer'\n"})
    layer = aws.client("lambda").publish_layer_version(LayerName="shared", Content={"ZipFile": content})
    source = "import shared\ndef lambda_handler(event, context): return shared.NAME\n"

    functions = deploy(
        aws, Layers=[layer["LayerVersionArn"]], Code={"ZipFile": zip_files({"lambda_function.py": source})}
    )

    assert invoke_payload(functions) == "layer"


def test_dry_run_is_204_and_event_is_202(aws: RunningAws) -> None:
    """As InvocationType."""
    functions = deploy(aws, "later")

    statuses = [
        functions.invoke(FunctionName="later", InvocationType=kind)["StatusCode"] for kind in ("DryRun", "Event")
    ]

    assert statuses == [204, 202]


def test_logs_are_readable_right_after_the_invocation(aws: RunningAws) -> None:
    """START, the function's own lines, END and REPORT."""
    functions = deploy(aws)
    invoke_payload(functions)

    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/grader")["events"]

    assert [event["message"].split(" ")[0] for event in events] == ["START", "graded\n", "END", "REPORT"]


def test_rejected_invocations_have_lambdas_errors(aws: RunningAws) -> None:
    """An unknown function, and an event that is not JSON."""
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


def test_reserved_concurrency_of_zero_throttles(aws: RunningAws) -> None:
    """Set by put_function_concurrency."""
    functions = deploy(aws)
    functions.put_function_concurrency(FunctionName="grader", ReservedConcurrentExecutions=0)

    assert invoke_error(functions) == (429, "TooManyRequestsException", "Rate Exceeded.")


@pytest.mark.slow
def test_a_deleted_function_is_not_found(aws: RunningAws) -> None:
    """Even with a warm environment."""
    functions = deploy(aws)
    invoke_payload(functions)
    functions.delete_function(FunctionName="grader")

    assert invoke_error(functions)[:2] == (404, "ResourceNotFoundException")


def create_user(aws: RunningAws, name: str, *policies: dict[str, Any]) -> dict[str, str]:
    """Create a user with inline policies; return its access key for `RunningAws.client`."""
    identities = aws.client("iam")
    identities.create_user(UserName=name)
    for number, statement in enumerate(policies):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        identities.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=document)
    key = identities.create_access_key(UserName=name)["AccessKey"]
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def test_a_user_without_permission_is_denied(aws: RunningAws) -> None:
    """With AWS's message."""
    deploy(aws)

    exc_info = invoke_error(aws.client("lambda", **create_user(aws, "alice")))

    assert exc_info == (
        403,
        "AccessDeniedException",
        (
            f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: lambda:InvokeFunction on resource: "
            f"{ARN} because no identity-based policy allows the lambda:InvokeFunction action"
        ),
    )


def test_a_user_with_permission_may_invoke(aws: RunningAws) -> None:
    """lambda:InvokeFunction on the function's ARN is enough."""
    deploy(aws)
    allowed = create_user(aws, "alice", {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ARN})

    assert invoke_payload(aws.client("lambda", **allowed)) == ["first", 1]


def test_a_resource_policy_allows_without_an_identity_policy(aws: RunningAws) -> None:
    """By add_permission for a user."""
    functions = deploy(aws)
    alice = create_user(aws, "alice")
    functions.add_permission(
        FunctionName="grader",
        StatementId="alice",
        Action="lambda:InvokeFunction",
        Principal=f"arn:aws:iam::{ACCOUNT}:user/alice",
    )

    assert invoke_payload(aws.client("lambda", **alice)) == ["first", 1]


def test_an_assumed_role_has_the_policies_of_the_role(aws: RunningAws) -> None:
    """The message of a denial names the session."""
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
    """Preloaded ones, and any other of AWS's."""
    identities = aws.client("iam")
    identities.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)
    arn = f"arn:aws:iam::aws:policy/{policy}"

    identities.attach_role_policy(RoleName="trainer", PolicyArn=arn)

    attached = identities.list_attached_role_policies(RoleName="trainer")["AttachedPolicies"]
    assert [entry["PolicyArn"] for entry in attached] == [arn]


def test_an_unknown_managed_policy_is_refused(aws: RunningAws) -> None:
    """As on AWS."""
    identities = aws.client("iam")
    identities.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)

    with pytest.raises(ClientError) as exc_info:
        identities.attach_role_policy(RoleName="trainer", PolicyArn="arn:aws:iam::aws:policy/AmazonBedrokFullAccess")

    assert exc_info.value.response["Error"]["Code"] == "NoSuchEntity"


@pytest.mark.parametrize("key", ["plain.txt", "a/b c+d.txt", "a%2Fb", "grüße/🙂.txt", "a//b"])
def test_objects_keep_their_keys_bytes_and_metadata(aws: RunningAws, key: str) -> None:
    """Also unusual keys, and metadata names with underscores and dashes."""
    objects = aws.client("s3")
    objects.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    metadata = {"job_id": "ftjob-1", "base-model": "gpt-oss"}

    objects.put_object(Bucket="data", Key=key, Body=b"rows", Metadata=metadata)

    stored = objects.get_object(Bucket="data", Key=key)
    listed = [entry["Key"] for entry in objects.list_objects_v2(Bucket="data")["Contents"]]
    assert (stored["Body"].read(), stored["Metadata"], listed) == (b"rows", metadata, [key])


def test_a_large_object_is_stored_unchanged(aws: RunningAws) -> None:
    """Its body arrives in many parts."""
    objects = aws.client("s3")
    objects.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    body = bytes(range(256)) * 12_000

    objects.put_object(Bucket="data", Key="large", Body=body)

    assert objects.get_object(Bucket="data", Key="large")["Body"].read() == body


def test_an_unknown_access_key_is_the_roots(aws: RunningAws) -> None:
    """As everywhere in the simulator."""
    identity = aws.client("sts").get_caller_identity()
    assert {name: identity[name] for name in ("UserId", "Account", "Arn")} == {
        "UserId": ACCOUNT,
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:root",
    }


@pytest.mark.slow
def test_a_function_can_call_the_simulator(aws: RunningAws) -> None:
    """A grader reads S3 without a deadlock."""
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
    """Functions and roles."""
    functions = deploy(aws)

    aws.server.instance.reset()

    assert (functions.list_functions()["Functions"], aws.client("iam").list_roles()["Roles"]) == ([], [])
