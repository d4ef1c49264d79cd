"""The logging configuration of functions through boto3: kept, changed, refused, and honoured by invocations."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.aws.account_client import AccountClient, open_account
from tests.aws.conftest import ACCOUNT, TRUST, RunningAws
from tests.aws.test_boto3_over_a_socket import deploy, invoke_payload
from tests.aws.test_function_validation import parameters, refusal

JSON_LOGS = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "INFO", "LogGroup": "rewards"}


def create(client: AccountClient, **changes: Any) -> Any:
    """Create the role and the function `reward`; return the Lambda client."""
    client.client("iam").create_role(RoleName="reward", AssumeRolePolicyDocument=TRUST)
    functions = client.client("lambda")
    functions.create_function(**parameters(**changes))
    return functions


def test_every_function_has_a_logging_configuration() -> None:
    """Text in the group of its name by default."""
    with open_account() as client:
        functions = create(client)

        assert functions.get_function_configuration(FunctionName="reward")["LoggingConfig"] == {
            "LogFormat": "Text",
            "LogGroup": "/aws/lambda/reward",
        }


def test_a_logging_configuration_is_kept_changed_and_copied_to_versions(tmp_path: Path) -> None:
    """A version keeps the one that it was published with. All of them survive a restart."""
    with open_account(tmp_path) as client:
        functions = create(client, LoggingConfig=JSON_LOGS)
        functions.publish_version(FunctionName="reward")
        functions.update_function_configuration(FunctionName="reward", LoggingConfig={"SystemLogLevel": "WARN"})
    with open_account(tmp_path) as client:
        functions = client.client("lambda")
        kept = {
            version: functions.get_function(FunctionName="reward", Qualifier=version)["Configuration"]["LoggingConfig"]
            for version in ("1", "$LATEST")
        }

    assert kept == {"1": JSON_LOGS, "$LATEST": {**JSON_LOGS, "SystemLogLevel": "WARN"}}


def test_a_refused_logging_configuration_changes_nothing() -> None:
    """In Lambda's words."""
    with open_account() as client:
        functions = create(client)

        error = refusal(
            functions.update_function_configuration,
            FunctionName="reward",
            LoggingConfig={"LogFormat": "Text", "ApplicationLogLevel": "INFO"},
        )

        configuration = functions.get_function_configuration(FunctionName="reward")["LoggingConfig"]
    assert error[:2] == (400, "InvalidParameterValueException")
    assert configuration == {"LogFormat": "Text", "LogGroup": "/aws/lambda/reward"}


@pytest.mark.shows("logging-config")
def test_an_invocation_logs_as_json_to_the_group_of_the_users_choice(aws: RunningAws) -> None:
    """And to no other group. An update applies to the next invocation."""
    functions = deploy(aws, LoggingConfig=JSON_LOGS)
    invoke_payload(functions)
    functions.update_function_configuration(FunctionName="grader", LoggingConfig={"LogFormat": "Text"})
    invoke_payload(functions)

    logs = aws.client("logs")
    messages = [event["message"] for event in logs.filter_log_events(logGroupName="rewards")["events"]]
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == ["rewards"]
    assert json.loads(messages[0])["record"]["functionArn"].endswith(f":{ACCOUNT}:function:grader")
    assert [message.split(" ")[0] for message in messages[3:]] == ["START", "graded\n", "END", "REPORT"]
    assert (messages[1], json.loads(messages[2])["type"]) == ("graded\n", "platform.report")
