"""The credentials of deployed functions: sessions of their roles."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.aws.function_sessions import FunctionSessions
from simulator.identity.credentials import Credential
from simulator.lambdas.function import FunctionSpec
from tests.simulators import RunningSimulator

SPEC = FunctionSpec(
    name="judge",
    arn="arn:aws:lambda:us-west-2:123456789012:function:judge",
    version="$LATEST",
    account="123456789012",
    region="us-west-2",
    handler="lambda_function.lambda_handler",
    runtime="python3.11",
    code=b"",
    code_sha256="",
    role="arn:aws:iam::123456789012:role/service-role/judge-role",
)
CALLER = """
import json
import boto3

def attempt(call):
    try:
        return call()
    except Exception as error:
        return str(error)

def lambda_handler(event, context):
    identity = boto3.client("sts").get_caller_identity()
    invoked = attempt(lambda: boto3.client("lambda").invoke(FunctionName=event["other"])["StatusCode"])
    return {"arn": identity["Arn"], "user": identity["UserId"].partition(":")[2], "invoked": invoked}
"""


def test_a_functions_credentials_are_a_session_of_its_role() -> None:
    """Named like the function, without the role's path. Temporary keys begin with ASIA (DOCUMENTED)."""
    sessions = FunctionSessions(seed=7)
    variables = sessions.variables(SPEC)
    key = variables["AWS_ACCESS_KEY_ID"]
    assert (key[:4], len(key)) == ("ASIA", 20)
    assert sessions.find(key) == Credential(
        secret=variables["AWS_SECRET_ACCESS_KEY"],
        arn="arn:aws:sts::123456789012:assumed-role/judge-role/judge",
        account="123456789012",
        session_token=variables["AWS_SESSION_TOKEN"],
    )
    assert sessions.find("ASIASIMULATOR0000000") is None


def test_each_version_and_role_has_its_own_credentials() -> None:
    """The same ones in each run with the same seed."""
    specs = (SPEC, replace(SPEC, version="1"), replace(SPEC, role="arn:aws:iam::123456789012:role/other"))
    first, second = ([FunctionSessions(seed=seed).variables(spec) for seed in (7, 8) for spec in specs] for _ in "ab")
    assert first == second
    assert len({variables["AWS_ACCESS_KEY_ID"] for variables in first}) == 6


@pytest.mark.slow
@pytest.mark.shows("function-role")
def test_a_function_may_do_what_its_role_may_do(served_simulator: RunningSimulator, tmp_path: Path) -> None:
    """Invoking another function needs a permission, and STS returns the role's session."""
    folder = tmp_path / "caller"
    folder.mkdir()
    (folder / "lambda_function.py").write_text(CALLER)
    caller, other = (served_simulator.deploy(folder, name=name) for name in ("role-caller", "role-other"))
    role = served_simulator.execution_role.rpartition("/")[2]
    session = f"arn:aws:sts::123456789012:assumed-role/{role}/role-caller"

    def call() -> Any:
        response = served_simulator.lambda_client.invoke(FunctionName=caller, Payload=json.dumps({"other": other}))
        return json.loads(response["Payload"].read())

    assert call() == {
        "arn": session,
        "user": "role-caller",
        "invoked": "An error occurred (AccessDeniedException) when calling the Invoke operation: "
        f"User: {session} is not authorized to perform: lambda:InvokeFunction on resource: {other} "
        "because no identity-based policy allows the lambda:InvokeFunction action",
    }
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": other}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    served_simulator.iam_client.put_role_policy(RoleName=role, PolicyName="invoke", PolicyDocument=document)
    try:
        assert call()["invoked"] == 200
    finally:
        served_simulator.iam_client.delete_role_policy(RoleName=role, PolicyName="invoke")
