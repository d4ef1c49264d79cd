"""`simulate_principal_policy` through boto3: its answer is what the simulator then does."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.principals import MANTLE, create_bedrock_key, create_managed_policy, create_role_key, policy_document
from tests.simulators import REGION, RunningSimulator, reinforcement_method
from tests.training.training_files import make_training_file

GRADER = Path(__file__).parents[2] / "fixtures" / "graders" / "always_one"
ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:simulated"
PROJECT = f"arn:aws:bedrock-mantle:{REGION}:{ACCOUNT}:project/default"
INVOKE = "lambda:InvokeFunction"
CREATE_JOB = "bedrock-mantle:CreateFineTuningJob"
ALLOWED, IMPLICIT, EXPLICIT = "allowed", "implicitDeny", "explicitDeny"

Statement = dict[str, Any]


def statement(effect: str, resource: str = FUNCTION, action: str = INVOKE, **other: Any) -> Statement:
    """Return a statement of a policy."""
    return {"Effect": effect, "Action": action, "Resource": resource, **other}


ALLOW = statement("Allow")
ALLOW_ALL = statement("Allow", "*", "*")
ALLOW_OTHER = statement("Allow", f"{FUNCTION}-2")
DENY = statement("Deny", "*", "lambda:*")
ALLOW_IF_NAMED = statement("Allow", Condition={"StringEquals": {"aws:username": "if-named"}})


@dataclass(frozen=True, kw_only=True)
class Case:
    """A user with policies, and the expected decision. `boundary` allows all of Mantle and these statements."""

    name: str
    expected: str
    inline: tuple[Statement, ...] = ()
    group: tuple[Statement, ...] = ()
    managed: tuple[Statement, ...] = ()
    boundary: tuple[Statement, ...] | None = None


INVOKE_CASES = [
    Case(name="nothing", expected=IMPLICIT),
    Case(name="inline", expected=ALLOWED, inline=(ALLOW,)),
    Case(name="group", expected=ALLOWED, group=(ALLOW,)),
    Case(name="managed", expected=ALLOWED, managed=(ALLOW,)),
    Case(name="other-function", expected=IMPLICIT, inline=(ALLOW_OTHER,)),
    Case(name="group-denies", expected=EXPLICIT, inline=(ALLOW,), group=(DENY,)),
    Case(name="boundary-allows", expected=ALLOWED, inline=(ALLOW,), boundary=(ALLOW_ALL,)),
    Case(name="boundary-lacks", expected=IMPLICIT, inline=(ALLOW,), boundary=()),
    Case(name="boundary-denies", expected=EXPLICIT, inline=(ALLOW,), boundary=(ALLOW_ALL, DENY)),
    Case(name="if-named", expected=ALLOWED, inline=(ALLOW_IF_NAMED,)),
    Case(name="if-not-named", expected=IMPLICIT, inline=(ALLOW_IF_NAMED,)),
]


@pytest.fixture(scope="module")
def function(served_simulator: RunningSimulator) -> str:
    """The ARN of a reward function."""
    return served_simulator.deploy(GRADER, name="simulated")


def create_user(served: RunningSimulator, case: Case, *, mantle: bool = True) -> tuple[str, Any]:
    """Create a user; return its ARN and an access key."""
    iam = served.iam_client
    arn = iam.create_user(UserName=case.name)["User"]["Arn"]
    if mantle:
        iam.attach_user_policy(UserName=case.name, PolicyArn=MANTLE)
    if case.inline:
        iam.put_user_policy(UserName=case.name, PolicyName="inline", PolicyDocument=policy_document(*case.inline))
    if case.group:
        iam.create_group(GroupName=case.name)
        iam.put_group_policy(GroupName=case.name, PolicyName="inline", PolicyDocument=policy_document(*case.group))
        iam.add_user_to_group(GroupName=case.name, UserName=case.name)
    if case.managed:
        policy = create_managed_policy(served, f"{case.name}-managed", *case.managed)
        iam.attach_user_policy(UserName=case.name, PolicyArn=policy)
    if case.boundary is not None:
        mantle_statement = statement("Allow", "*", "bedrock-mantle:*")
        policy = create_managed_policy(served, f"{case.name}-boundary", mantle_statement, *case.boundary)
        iam.put_user_permissions_boundary(UserName=case.name, PermissionsBoundary=policy)
    return arn, iam.create_access_key(UserName=case.name)["AccessKey"]


def simulate(served: RunningSimulator, arn: str, action: str, resource: str) -> str:
    """Return the simulated decision."""
    answer = served.iam_client.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource]
    )
    (result,) = answer["EvaluationResults"]
    (on_resource,) = result["ResourceSpecificResults"]
    assert on_resource["EvalResourceDecision"] == result["EvalDecision"]
    return str(result["EvalDecision"])


def invoke_status(served: RunningSimulator, key: Any, function: str) -> int:
    """Return the status of a dry run of the function with an access key."""
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    client = session.client("lambda", endpoint_url=served.url)
    try:
        return int(client.invoke(FunctionName=function, InvocationType="DryRun")["StatusCode"])
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    finally:
        client.close()


def send_job(served: RunningSimulator, bedrock_key: str, function: str) -> Any:
    """Create a job; return the response."""
    body = {
        "model": "openai.gpt-oss-20b",
        "training_file": served.upload(make_training_file(100)),
        "method": reinforcement_method(function),
    }
    return served.http.post("/v1/fine_tuning/jobs", json=body, headers={"authorization": f"Bearer {bedrock_key}"})


@pytest.mark.slow
@pytest.mark.shows("policy-simulator")
@pytest.mark.parametrize("case", INVOKE_CASES, ids=lambda case: case.name)
def test_an_invocation_is_decided_as_simulated(served_simulator: RunningSimulator, function: str, case: Case) -> None:
    """By inline, group and managed policies, boundaries and conditions."""
    arn, key = create_user(served_simulator, case)

    decision = simulate(served_simulator, arn, INVOKE, function)

    status = 204 if case.expected == ALLOWED else 403
    assert (decision, invoke_status(served_simulator, key, function)) == (case.expected, status)


JOB_CASES = [
    Case(name="job-nothing", expected=IMPLICIT),
    Case(name="job-mantle", expected=ALLOWED, inline=(statement("Allow", "*", "bedrock-mantle:*"),)),
    Case(
        name="job-denied",
        expected=EXPLICIT,
        inline=(statement("Allow", "*", "bedrock-mantle:*"), statement("Deny", PROJECT, CREATE_JOB)),
    ),
    Case(
        name="job-other-project",
        expected=IMPLICIT,
        inline=(
            statement("Allow", "*", "bedrock-mantle:CallWithBearerToken"),
            statement("Allow", f"{PROJECT}-2", CREATE_JOB),
        ),
    ),
]


@pytest.mark.parametrize("case", JOB_CASES, ids=lambda case: case.name)
def test_a_job_is_created_or_refused_as_simulated(
    served_simulator: RunningSimulator, function: str, case: Case
) -> None:
    """A denial is a 403."""
    arn, key = create_user(served_simulator, case, mantle=False)

    decision = simulate(served_simulator, arn, CREATE_JOB, PROJECT)

    status = 200 if case.expected == ALLOWED else 403
    assert (decision, send_job(served_simulator, create_bedrock_key(key), function).status_code) == (
        case.expected,
        status,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        Case(name="run-allowed", expected=ALLOWED, inline=(ALLOW,)),
        Case(name="run-implicit", expected=IMPLICIT),
        Case(name="run-explicit", expected=EXPLICIT, inline=(ALLOW, DENY)),
    ],
    ids=lambda case: case.name,
)
def test_the_grader_of_a_job_runs_as_simulated(served_simulator: RunningSimulator, function: str, case: Case) -> None:
    """The caller of the job needs lambda:InvokeFunction."""
    arn, key = create_user(served_simulator, case)

    decision = simulate(served_simulator, arn, INVOKE, function)
    job = served_simulator.wait_for_job(send_job(served_simulator, create_bedrock_key(key), function).json()["id"])

    status = "succeeded" if case.expected == ALLOWED else "failed"
    assert (decision, job["status"]) == (case.expected, status)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "statements", "expected"),
    [("role-allowed", (ALLOW,), ALLOWED), ("role-implicit", (), IMPLICIT), ("role-explicit", (ALLOW, DENY), EXPLICIT)],
)
def test_a_session_of_a_role_may_do_what_is_simulated_for_the_role(
    served_simulator: RunningSimulator, function: str, role: str, statements: tuple[Statement, ...], expected: str
) -> None:
    """IAM simulates roles and no sessions."""
    key = create_role_key(served_simulator, role, *statements)

    decision = simulate(served_simulator, f"arn:aws:iam::{ACCOUNT}:role/{role}", INVOKE, function)
    job = served_simulator.wait_for_job(send_job(served_simulator, key, function).json()["id"])

    assert (decision, job["status"]) == (expected, "succeeded" if expected == ALLOWED else "failed")


@pytest.mark.slow
def test_a_functions_own_policy_counts_when_it_is_passed(served_simulator: RunningSimulator) -> None:
    """The simulator of IAM does not look it up (DOCUMENTED)."""
    function = served_simulator.deploy(GRADER, name="shared-function")
    arn, key = create_user(served_simulator, Case(name="granted", expected=ALLOWED))
    served_simulator.lambda_client.add_permission(
        FunctionName=function, StatementId="granted", Action=INVOKE, Principal=arn
    )
    policy = served_simulator.lambda_client.get_policy(FunctionName=function)["Policy"]

    answer = served_simulator.iam_client.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=[INVOKE], ResourceArns=[function], ResourcePolicy=policy
    )

    (result,) = answer["EvaluationResults"]
    without = simulate(served_simulator, arn, INVOKE, function)
    assert (result["EvalDecision"], without, invoke_status(served_simulator, key, function)) == (ALLOWED, IMPLICIT, 204)
    assert json.loads(policy)["Statement"][0]["Sid"] == "granted"
