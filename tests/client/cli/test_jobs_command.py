"""`rft jobs`."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from client.cli.jobs import build_jobs_table
from tests.client.cli.rft_runner import Run


def test_an_empty_list_is_not_an_error(rft: Run) -> None:
    """One line on stderr."""
    assert rft("jobs") == (0, "", "There are no jobs yet.\n")


JOB, TUNED = "ftjob-6ea8b8fb-21bb-4f60-96fb-a8b332babf90", "ft:openai.gpt-oss-20b:123456789012::t5mhahtd"


JOB_ROW = (JOB, "succeeded", "openai.gpt-oss-20b", TUNED, "2026-02-18 19:13")


@pytest.mark.parametrize(("width", "shows_tuned_model"), [(60, False), (100, False), (160, True)])
def test_a_job_id_is_never_wrapped(width: int, shows_tuned_model: bool) -> None:
    """On a narrow terminal the tuned model is omitted."""
    console = Console(file=io.StringIO(), width=width)
    console.print(build_jobs_table([JOB_ROW], width=width))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert (JOB in text, TUNED in text) == (True, shows_tuned_model)
