"""The log of a reward function."""

from __future__ import annotations

import pytest
from botocore.stub import Stubber

from client.errors import ServiceError
from client.function_logs import fetch_last_log_lines, find_log_group
from client.sdk_clients import AwsClients


def test_the_last_lines_of_the_latest_stream_are_returned(moto_clients: AwsClients) -> None:
    """Fifty at most."""
    group = {"logGroupName": "/aws/lambda/rft-reward"}
    latest = {**group, "orderBy": "LastEventTime", "descending": True, "limit": 1}
    tail = {**group, "logStreamName": "s", "limit": 50, "startFromHead": False}
    with Stubber(moto_clients.logs) as stubber:
        stubber.add_response("describe_log_streams", {"logStreams": [{"logStreamName": "s"}]}, latest)
        stubber.add_response("get_log_events", {"events": [{"message": "one\n"}, {"message": "two\n"}]}, tail)
        assert fetch_last_log_lines("/aws/lambda/rft-reward", logs_client=moto_clients.logs) == ("one", "two")


def test_a_function_without_a_log_is_an_error(moto_clients: AwsClients) -> None:
    """It was never called, or its name is misspelt."""
    with Stubber(moto_clients.logs) as stubber:
        stubber.add_client_error("describe_log_streams", "ResourceNotFoundException", http_status_code=404)
        with pytest.raises(ServiceError, match="There is no log /aws/lambda/rft-reward"):
            fetch_last_log_lines("/aws/lambda/rft-reward", logs_client=moto_clients.logs)


def test_the_log_group_is_the_one_that_the_function_is_configured_with(moto_clients: AwsClients) -> None:
    """Without a readable configuration it is that of the function's name."""
    client = moto_clients.lambda_client
    with Stubber(client) as stubber:
        stubber.add_response("get_function_configuration", {"LoggingConfig": {"LogGroup": "rewards"}})
        stubber.add_response("get_function_configuration", {})
        stubber.add_client_error("get_function_configuration", "AccessDeniedException", http_status_code=403)
        assert [find_log_group("rft-reward", lambda_client=client) for _ in range(3)] == [
            "rewards",
            "/aws/lambda/rft-reward",
            "/aws/lambda/rft-reward",
        ]
