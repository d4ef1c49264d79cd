"""Ctrl-C during a watch."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from client import job_watcher
from client.errors import Interrupted, JobCancelled
from client.job_polling import PollResult
from client.job_watcher import watch_job
from client.mantle_client import MantleClient
from client.mantle_types import Job
from client.poll_interval import PollInterval


def test_ctrl_c_with_an_ephemeral_simulator_does_not_ask(
    openai_client: MantleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under `rft-sim exec` the job ends with the command."""
    monkeypatch.setattr(job_watcher, "poll_job", raise_keyboard_interrupt)
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with pytest.raises(Interrupted, match="and the job with it"):
        watch_job(
            openai_client, "ftjob-1", poll_interval=PollInterval(shortest=1, longest=1), console=console, ephemeral=True
        )


def raise_keyboard_interrupt(*_: Any, **__: Any) -> Any:
    """Yield one result, then act as if Ctrl-C were pressed."""
    yield PollResult(job=Job(id="ftjob-1", status="running", body={}))
    raise KeyboardInterrupt


def test_ctrl_c_without_a_terminal_leaves_the_job_running(
    openai_client: MantleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how to watch it again or cancel it."""
    monkeypatch.setattr(job_watcher, "poll_job", raise_keyboard_interrupt)
    with pytest.raises(Interrupted) as exc_info:
        watch_job(
            openai_client,
            "ftjob-1",
            poll_interval=PollInterval(shortest=1, longest=1),
            console=Console(file=io.StringIO()),
        )
    assert (exc_info.value.exit_code, exc_info.value.next_step) == (
        130,
        "Watch it again: rft watch ftjob-1   Cancel it: rft cancel ftjob-1",
    )


@pytest.mark.parametrize(("answer", "outcome"), [("y", JobCancelled), ("", Interrupted), ("n", Interrupted)])
def test_ctrl_c_at_a_terminal_offers_to_cancel_the_job(
    openai_client: MantleClient, monkeypatch: pytest.MonkeyPatch, answer: str, outcome: type[Exception]
) -> None:
    """Without a yes the job continues."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(job_watcher, "poll_job", raise_keyboard_interrupt)
    monkeypatch.setattr("builtins.input", lambda: answer)
    monkeypatch.setattr(openai_client, "cancel_job", lambda job_id: Job(id=job_id, status="cancelled", body={}))
    with pytest.raises(outcome):
        watch_job(openai_client, "ftjob-1", poll_interval=PollInterval(shortest=1, longest=1), console=console)
