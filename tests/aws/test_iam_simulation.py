"""The policy simulator of IAM through boto3: the form of its results, and its errors."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.account_client import AccountClient, open_account
from tests.aws.conftest import ACCOUNT, TRUST
from tests.aws.inventory import response_fields

ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
BOB = f"arn:aws:iam::{ACCOUNT}:user/team/bob"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/trainer"
GROUP = f"arn:aws:iam::{ACCOUNT}:group/graders"
FUNCTION = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:reward"
FOREIGN = "arn:aws:lambda:us-west-2:999999999999:function:reward"
INVOKE = "lambda:InvokeFunction"
TEMPLATE = "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}"


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str = INVOKE, resource: str = "*", **other: Any) -> dict[str, Any]:
    """Return a statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **other}


def deny(action: str = INVOKE, resource: str = "*") -> dict[str, Any]:
    """Return a statement that denies."""
    return {"Effect": "Deny", "Action": action, "Resource": resource}


@pytest.fixture
def iam() -> Iterator[Any]:
    """An IAM client; two users, a role and a group exist."""
    with open_account() as account:
        client = account.client("iam")
        client.create_user(UserName="ann")
        client.create_user(UserName="bob", Path="/team/")
        client.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)
        client.create_group(GroupName="graders")
        client.add_user_to_group(GroupName="graders", UserName="ann")
        yield client


def simulate(iam: Any, **changes: Any) -> Any:
    """Return the only result of a simulation, by default of ann's invocations."""
    parameters = {"PolicySourceArn": ANN, "ActionNames": [INVOKE], **changes}
    (result,) = iam.simulate_principal_policy(**parameters)["EvaluationResults"]
    return result


def custom(iam: Any, *documents: str, **changes: Any) -> Any:
    """Return the only result of a simulation of policies."""
    parameters = {"PolicyInputList": list(documents), "ActionNames": [INVOKE], **changes}
    (result,) = iam.simulate_custom_policy(**parameters)["EvaluationResults"]
    return result


def matched(policy_id: str, start: tuple[int, int], end: tuple[int, int]) -> dict[str, Any]:
    """Return a matched statement from line and column to line and column."""
    return {
        "SourcePolicyId": policy_id,
        "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Line": start[0], "Column": start[1]},
        "EndPosition": {"Line": end[0], "Column": end[1]},
    }


def test_without_resources_the_result_is_about_all(iam: Any) -> None:
    """As in the command line's documentation."""
    answer = iam.simulate_principal_policy(PolicySourceArn=ANN, ActionNames=["s3:GetObject"])

    assert response_fields(answer) == {
        "EvaluationResults": [
            {
                "EvalActionName": "s3:GetObject",
                "EvalResourceName": "*",
                "EvalDecision": "implicitDeny",
                "MatchedStatements": [],
                "MissingContextValues": [],
            }
        ],
        "IsTruncated": False,
    }


@pytest.mark.shows("policy-simulator")
def test_an_action_has_one_result_with_the_most_restrictive_decision(iam: Any) -> None:
    """The decision on each resource is below it (DOCUMENTED)."""
    document = policy(allow(resource=FUNCTION), deny(resource=f"{FUNCTION}-2"))
    iam.put_user_policy(UserName="ann", PolicyName="inline", PolicyDocument=document)
    resources = [FUNCTION, f"{FUNCTION}-2", f"{FUNCTION}-3"]
    length = len(policy(allow(resource=FUNCTION))) - len("]}")
    allowing = matched("user_ann_inline", (1, 41), (1, length + 1))
    denying = matched("user_ann_inline", (1, length + 2), (1, len(document) - 1))

    assert simulate(iam, ResourceArns=resources) == {
        "EvalActionName": INVOKE,
        "EvalResourceName": TEMPLATE,
        "EvalDecision": "explicitDeny",
        "MatchedStatements": [denying],
        "MissingContextValues": [],
        "EvalDecisionDetails": {},
        "ResourceSpecificResults": [
            {
                "EvalResourceName": resource,
                "EvalResourceDecision": decision,
                "MatchedStatements": statements,
                "MissingContextValues": [],
            }
            for resource, decision, statements in (
                (resources[0], "allowed", [allowing]),
                (resources[1], "explicitDeny", [denying]),
                (resources[2], "implicitDeny", []),
            )
        ],
    }


STATEMENT = {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
INDENTED = json.dumps({"Version": "2012-10-17", "Statement": [allow("*")]}, indent=2)
POSITIONS = {
    "one statement in a line": (json.dumps({"Version": "2012-10-17", "Statement": STATEMENT}), (1, 41), (1, 113)),
    "indented list": (INDENTED, (3, 17), (8, 6)),
    "before the version": (json.dumps({"Statement": [STATEMENT], "Version": "2012-10-17"}), (1, 16), (1, 89)),
}


@pytest.mark.parametrize("name", POSITIONS)
def test_a_matched_statement_has_its_place_in_the_text(iam: Any, name: str) -> None:
    """OBSERVED: of the first two, at AWS."""
    document, start, end = POSITIONS[name]

    result = custom(iam, document, ActionNames=["s3:PutObject"])

    assert result["MatchedStatements"] == [matched("PolicyInputList.1", start, end)]


def test_the_policies_of_each_kind_of_entity_are_named(iam: Any) -> None:
    """Managed ones by their name, inline ones with their holder; a user has its groups'."""
    managed = iam.create_policy(PolicyName="Grading", PolicyDocument=policy(allow()))["Policy"]["Arn"]
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(allow()))
    iam.attach_user_policy(UserName="ann", PolicyArn=managed)
    iam.put_group_policy(GroupName="graders", PolicyName="shared", PolicyDocument=policy(allow()))
    iam.put_role_policy(RoleName="trainer", PolicyName="own", PolicyDocument=policy(allow()))
    iam.attach_role_policy(RoleName="trainer", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")

    assert {
        arn.rpartition("/")[2]: [
            each["SourcePolicyId"] for each in simulate(iam, PolicySourceArn=arn)["MatchedStatements"]
        ]
        for arn in (ANN, GROUP, ROLE, BOB)
    } == {
        "ann": ["user_ann_own", "Grading", "group_graders_shared"],
        "graders": ["group_graders_shared"],
        "trainer": ["role_trainer_own", "AdministratorAccess"],
        "bob": [],
    }


def test_input_policies_are_added_to_those_of_the_entity(iam: Any) -> None:
    """So a change can be tried before it is made."""
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(allow()))

    result = simulate(iam, PolicyInputList=[policy(allow("s3:*")), policy(deny())])

    denying = [each["SourcePolicyId"] for each in result["MatchedStatements"]]
    assert (result["EvalDecision"], denying) == ("explicitDeny", ["PolicyInputList.2"])


BOUNDARIES = {
    "allows": (policy(allow("*")), "allowed", True),
    "lacks": (policy(allow("s3:*")), "implicitDeny", False),
    "denies": (policy(allow("*"), deny()), "explicitDeny", False),
}


@pytest.mark.parametrize("name", BOUNDARIES)
def test_a_boundary_limits_and_is_reported(iam: Any, name: str) -> None:
    """One in the request replaces the entity's own."""
    document, decision, allowed = BOUNDARIES[name]
    nothing = iam.create_policy(PolicyName="Nothing", PolicyDocument=policy(allow("iam:None")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=nothing)
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(allow()))

    result = simulate(iam, PermissionsBoundaryPolicyInputList=[document], ResourceArns=[FUNCTION])

    detail = {"AllowedByPermissionsBoundary": allowed}
    assert (result["EvalDecision"], result["PermissionsBoundaryDecisionDetail"]) == (decision, detail)
    assert result["ResourceSpecificResults"][0]["PermissionsBoundaryDecisionDetail"] == detail
    assert simulate(iam)["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def entry(name: str, *values: str, kind: str = "string") -> dict[str, Any]:
    """Return a context entry."""
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": kind}


CONDITIONAL = policy(
    allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
    allow("s3:*", Condition={"Bool": {"aws:SecureTransport": "true"}}),
)
CONTEXTS: dict[str, tuple[list[dict[str, Any]], str, list[str]]] = {
    "missing": ([], "implicitDeny", ["aws:SourceIp"]),
    "matches": ([entry("aws:SourceIp", "10.1.2.3", kind="ip")], "allowed", []),
    "in other letters": ([entry("AWS:sourceip", "10.1.2.3", kind="ip")], "allowed", []),
    "does not match": ([entry("aws:SourceIp", "11.1.2.3", kind="ip")], "implicitDeny", []),
    "list": ([entry("aws:SourceIp", "11.1.2.3", "10.1.2.3", kind="ipList")], "allowed", []),
}


@pytest.mark.shows("policy-simulator-details")
@pytest.mark.parametrize("name", CONTEXTS)
def test_conditions_use_the_context_entries(iam: Any, name: str) -> None:
    """Keys that a statement about the action needs, and that are not given, are reported."""
    entries, decision, missing = CONTEXTS[name]

    result = custom(iam, CONDITIONAL, ContextEntries=entries)

    assert (result["EvalDecision"], result["MissingContextValues"]) == (decision, missing)


def test_the_keys_of_the_principal_are_known(iam: Any) -> None:
    """An entry of the request replaces them."""
    document = policy(allow(Condition={"StringEquals": {"aws:username": "ann"}}))
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document)

    decisions = [
        simulate(iam, ContextEntries=entries)["EvalDecision"] for entries in ([], [entry("aws:username", "eve")])
    ]
    assert decisions == ["allowed", "implicitDeny"]


def resource_policy(principal: str) -> str:
    """Return a resource policy that allows a principal to invoke."""
    return policy(allow(Principal={"AWS": principal}))


def test_a_caller_has_the_policies_of_the_source(iam: Any) -> None:
    """A resource policy names the caller."""
    parameters = {"ResourceArns": [FUNCTION], "ResourcePolicy": resource_policy(BOB)}

    decisions = [simulate(iam, **parameters, **caller)["EvalDecision"] for caller in ({}, {"CallerArn": BOB})]

    assert decisions == ["implicitDeny", "allowed"]


def test_another_accounts_resource_needs_both_policies(iam: Any) -> None:
    """The details say what each kind of policy decides."""
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(allow()))

    without = simulate(iam, ResourceArns=[FOREIGN])["ResourceSpecificResults"][0]
    both = simulate(iam, ResourceArns=[FOREIGN], ResourcePolicy=resource_policy(ANN))["ResourceSpecificResults"][0]

    assert [(each["EvalResourceDecision"], each["EvalDecisionDetails"]) for each in (without, both)] == [
        ("implicitDeny", {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}),
        ("allowed", {"IAM Policy": "allowed", "Resource Policy": "allowed"}),
    ]


def test_the_owner_of_a_resource_without_an_account_can_be_given(iam: Any) -> None:
    """As that of a bucket."""
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(allow("s3:*")))
    parameters = {"ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::runs/key"]}

    decisions = [
        simulate(iam, **parameters, **owner)["EvalDecision"] for owner in ({}, {"ResourceOwner": "999999999999"})
    ]
    assert decisions == ["allowed", "implicitDeny"]


def test_results_come_in_pages(iam: Any) -> None:
    """By MaxItems and Marker, and through boto3's paginator."""
    actions = [f"s3:Action{number}" for number in range(5)]
    parameters: dict[str, Any] = {"PolicySourceArn": ANN, "ActionNames": actions}

    first = iam.simulate_principal_policy(**parameters, MaxItems=2)
    paginator = iam.get_paginator("simulate_principal_policy")
    pages = [
        [result["EvalActionName"] for result in page["EvaluationResults"]]
        for page in paginator.paginate(**parameters, PaginationConfig={"PageSize": 2})
    ]

    assert (first["IsTruncated"], first["Marker"], pages) == (True, "2", [actions[:2], actions[2:4], actions[4:]])


NO_ENTITY = "does not clearly define entity type and name."
ERRORS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no user": ({"PolicySourceArn": f"{ANN}a"}, "NoSuchEntity", "The user with name anna cannot be found."),
    "no role": ({"PolicySourceArn": f"{ROLE}s"}, "NoSuchEntity", "The role with name trainers cannot be found."),
    "no group": ({"PolicySourceArn": f"{GROUP}s"}, "NoSuchEntity", "The group with name graderss cannot be found."),
    "another path": (
        {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/bob"},
        "NoSuchEntity",
        "The user with name bob cannot be found.",
    ),
    "another account": (
        {"PolicySourceArn": "arn:aws:iam::999999999999:user/ann"},
        "NoSuchEntity",
        "The user with name ann cannot be found.",
    ),
    "session": (
        {"PolicySourceArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/trainer/s1"},
        "InvalidInput",
        f"Invalid Entity Arn: arn:aws:sts::{ACCOUNT}:assumed-role/trainer/s1 {NO_ENTITY}",
    ),
    "root": (
        {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:root"},
        "InvalidInput",
        f"Invalid Entity Arn: arn:aws:iam::{ACCOUNT}:root {NO_ENTITY}",
    ),
    "caller": ({"CallerArn": "ann"}, "InvalidInput", f"Invalid Entity Arn: ann {NO_ENTITY}"),
    "resource": ({"ResourceArns": ["reward"]}, "InvalidInput", "ResourceNames are not in a valid ARN format: reward."),
    "action": ({"ActionNames": ["lambda:*"]}, "InvalidInput", "Invalid action name: lambda:*."),
    "no actions": ({"ActionNames": []}, "ValidationError", "Value null at 'actionNames' failed to satisfy"),
    "policy": ({"PolicyInputList": ["{"]}, "InvalidInput", "A policy is malformed: "),
    "resource policy": ({"ResourcePolicy": "{"}, "InvalidInput", "The resource policy is malformed: it is not JSON"),
    "statement of a resource policy": (
        {"ResourcePolicy": '{"Statement": 1}'},
        "InvalidInput",
        "a statement is malformed",
    ),
    "group as caller": (
        {"PolicySourceArn": GROUP, "ResourcePolicy": resource_policy(ANN)},
        "InvalidInput",
        "CallerArn is required with a ResourcePolicy",
    ),
    "two boundaries": (
        {"PermissionsBoundaryPolicyInputList": [policy(allow()), policy(allow())]},
        "InvalidInput",
        "Only one permissions boundary can be simulated.",
    ),
    "context type": (
        {"ContextEntries": [entry("aws:SourceIp", "10.1.2.3", kind="address")]},
        "InvalidInput",
        "Invalid context entry aws:SourceIp: ",
    ),
    "exclusions": (
        {"PolicyExclusionList": [{"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]},
        "InvalidInput",
        "The simulator does not support PolicyExclusionList.",
    ),
    "marker": ({"Marker": "x"}, "ValidationError", "Marker that of the page before"),
    "marker behind the end": ({"Marker": "1"}, "ValidationError", "Marker that of the page before"),
    "page size": ({"MaxItems": 1_001}, "ValidationError", "MaxItems must be from 1 to 1000"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_invalid_request_is_refused(iam: Any, name: str) -> None:
    """With the code of IAM."""
    changes, code, message = ERRORS[name]

    with pytest.raises(ClientError) as exc_info:
        simulate(iam, **changes)

    error = exc_info.value.response["Error"]
    assert (error["Code"], message in error["Message"]) == (code, True), error


def test_a_policy_that_cannot_be_evaluated_is_an_error_of_the_service(iam: Any) -> None:
    """A number is compared with a word, which IAM stores."""
    condition = {"NumericLessThan": {"s3:max-keys": "many"}}
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(allow(Condition=condition)))

    with pytest.raises(ClientError) as exc_info:
        simulate(iam, ContextEntries=[entry("s3:max-keys", "3", kind="numeric")])

    answer = exc_info.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]) == (
        500,
        "PolicyEvaluation",
        "A policy cannot be evaluated: a numeric condition compares '3' with 'many'",
    )


def test_a_simulation_is_not_recorded(iam: Any, tmp_path: Any) -> None:
    """It only reads."""
    with open_account(tmp_path) as account:
        account.client("iam").create_user(UserName="ann")
        simulate(account.client("iam"))
        assert recorded(account) == ["CreateUser"]


def recorded(account: AccountClient) -> list[str]:
    """Return the operations in the journal."""
    journal = account.account._journal
    assert journal is not None
    return [entry.request.operation(body) for entry, body in journal.entries() if body is not None]
