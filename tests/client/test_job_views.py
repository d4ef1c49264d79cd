"""The live view of a job."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from client import job_watcher
from client.job_polling import PollResult
from client.job_watcher import watch_job
from client.mantle_client import MantleClient
from client.mantle_types import Job, parse_event
from client.poll_interval import PollInterval
from tests.client.mantle_stub import MantleStub, message_event


def test_the_live_view_shows_bar_reward_and_warnings(
    openai_client: MantleClient, monkeypatch: pytest.MonkeyPatch, stub: MantleStub
) -> None:
    """The bar ends full, with the last reward; warnings get a line each."""
    stub.reads = 99
    results = [
        PollResult(job=Job(id="j", status="odd", body={})),
        PollResult(job=Job(id="j", status="succeeded", body={}), events=()),
    ]
    warning = parse_event(message_event(2, "grader was slow", at=1, level="warn"))
    results[1] = PollResult(job=results[1].job, events=(*map(parse_event, stub.log()), warning))
    monkeypatch.setattr(job_watcher, "poll_job", lambda *_, **__: iter(results))
    console = Console(file=io.StringIO(), force_terminal=True, width=110, color_system=None)
    watch_job(openai_client, "j", poll_interval=PollInterval(shortest=1, longest=1), console=console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "67/67 reward 0.894" in text
    assert "! grader was slow" in text
    assert "! the status 'odd' is unknown to this client; the job is treated as active." in text
