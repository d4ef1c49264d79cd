"""What `rft jobs` and `rft logs` show."""

from __future__ import annotations

import io

import pytest
from botocore.stub import Stubber
from rich.console import Console

from client.cli.job_table import jobs_shown, last_lines
from client.errors import Refused
from client.sdk_clients import Aws
from client.terminal import counted, failed, shortened

JOB, TUNED = "ftjob-6ea8b8fb-21bb-4f60-96fb-a8b332babf90", "ft:openai.gpt-oss-20b:123456789012::t5mhahtd"
LINE = (JOB, "succeeded", "openai.gpt-oss-20b", TUNED, "2026-02-18 19:13")


@pytest.mark.parametrize(("width", "tuned"), [(60, False), (100, False), (160, True)])
def test_id_of_a_job_is_never_broken(width: int, tuned: bool) -> None:
    """Where there is no room the tuned model goes first."""
    console = Console(file=io.StringIO(), width=width)
    console.print(jobs_shown([LINE], width=width))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert (JOB in text, TUNED in text) == (True, tuned)


def test_last_lines_of_a_function(offline: Aws) -> None:
    """Fifty at most, of the stream that was written to last: a whole log can be long."""
    group = {"logGroupName": "/aws/lambda/rft-reward"}
    latest = {**group, "orderBy": "LastEventTime", "descending": True, "limit": 1}
    tail = {**group, "logStreamName": "s", "limit": 50, "startFromHead": False}
    with Stubber(offline.logs) as stubber:
        stubber.add_response("describe_log_streams", {"logStreams": [{"logStreamName": "s"}]}, latest)
        stubber.add_response("get_log_events", {"events": [{"message": "one\n"}, {"message": "two\n"}]}, tail)
        assert last_lines("rft-reward", logs=offline.logs) == ("one", "two")


def test_function_without_a_log(offline: Aws) -> None:
    """Never called, or misspelt."""
    with Stubber(offline.logs) as stubber:
        stubber.add_client_error("describe_log_streams", "ResourceNotFoundException", http_status_code=404)
        with pytest.raises(Refused, match="There is no log /aws/lambda/rft-reward"):
            last_lines("rft-reward", logs=offline.logs)


@pytest.mark.parametrize(
    ("noun", "two"), [("epoch", "2 epochs"), ("batch", "2 batches"), ("row", "2 rows"), ("pass", "2 passes")]
)
def test_plurals(noun: str, two: str) -> None:
    """As English has them."""
    assert counted(2, noun) == two


def test_long_error_is_shortened_between_words() -> None:
    """In at most as many characters as there are."""
    assert shortened("one two three", to=10) == "one two…"


def test_grader_error_is_told_part_by_part_at_a_terminal() -> None:
    """Who, which rollout, the response and the advice each have their line."""
    console = Console(file=io.StringIO(), force_terminal=True, width=200, color_system=None)
    failed(
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
