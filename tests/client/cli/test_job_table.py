"""What `rft jobs` and `rft logs` show."""

from __future__ import annotations

import io

import pytest
from botocore.stub import Stubber
from rich.console import Console

from client.cli.job_table import build_jobs_table, fetch_last_log_lines
from client.errors import ServiceError
from client.sdk_clients import AwsClients
from client.terminal import format_count, print_error, shorten

JOB, TUNED = "ftjob-6ea8b8fb-21bb-4f60-96fb-a8b332babf90", "ft:openai.gpt-oss-20b:123456789012::t5mhahtd"
JOB_ROW = (JOB, "succeeded", "openai.gpt-oss-20b", TUNED, "2026-02-18 19:13")


@pytest.mark.parametrize(("width", "tuned"), [(60, False), (100, False), (160, True)])
def test_id_of_a_job_is_never_broken(width: int, tuned: bool) -> None:
    """Where there is no room the tuned model goes first."""
    console = Console(file=io.StringIO(), width=width)
    console.print(build_jobs_table([JOB_ROW], width=width))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert (JOB in text, TUNED in text) == (True, tuned)


def test_last_lines_of_a_function(moto_clients: AwsClients) -> None:
    """Fifty at most, of the stream that was written to last: a whole log can be long."""
    group = {"logGroupName": "/aws/lambda/rft-reward"}
    latest = {**group, "orderBy": "LastEventTime", "descending": True, "limit": 1}
    tail = {**group, "logStreamName": "s", "limit": 50, "startFromHead": False}
    with Stubber(moto_clients.logs) as stubber:
        stubber.add_response("describe_log_streams", {"logStreams": [{"logStreamName": "s"}]}, latest)
        stubber.add_response("get_log_events", {"events": [{"message": "one\n"}, {"message": "two\n"}]}, tail)
        assert fetch_last_log_lines("rft-reward", logs=moto_clients.logs) == ("one", "two")


def test_function_without_a_log(moto_clients: AwsClients) -> None:
    """Never called, or misspelt."""
    with Stubber(moto_clients.logs) as stubber:
        stubber.add_client_error("describe_log_streams", "ResourceNotFoundException", http_status_code=404)
        with pytest.raises(ServiceError, match="There is no log /aws/lambda/rft-reward"):
            fetch_last_log_lines("rft-reward", logs=moto_clients.logs)


@pytest.mark.parametrize(
    ("noun", "two"), [("epoch", "2 epochs"), ("batch", "2 batches"), ("row", "2 rows"), ("pass", "2 passes")]
)
def test_plurals(noun: str, two: str) -> None:
    """As English has them."""
    assert format_count(2, noun) == two


def test_long_error_is_shortened_between_words() -> None:
    """In at most as many characters as there are."""
    assert shorten("one two three", max_length=10) == "one two…"


def test_grader_error_is_split_into_lines_at_a_terminal() -> None:
    """Who, which rollout, the response and the advice each have their line."""
    console = Console(file=io.StringIO(), force_terminal=True, width=200, color_system=None)
    print_error(
        console,
        "The job j failed: grader_error: arn:f for rollout r-1: no number. Response: [1] Return a float. (param: g)",
    )
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "✗ The job j failed: grader_error:",
        "  arn:f",
        "  for rollout r-1: no number.",
        "  Response: [1]",
        "  Return a float.",
        "  (param: g)",
    ]
