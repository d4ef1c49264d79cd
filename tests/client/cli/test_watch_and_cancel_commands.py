"""`rft watch` and `rft cancel`."""

from __future__ import annotations

from tests.client.cli.rft_runner import Run
from tests.client.mantle_stub import MantleStub


def test_cancel_prints_the_new_status(rft: Run, stub: MantleStub) -> None:
    """On stdout."""
    stub.jobs["ftjob-1"] = {"id": "ftjob-1", "status": "running"}
    assert rft("cancel", "ftjob-1")[1] == "✓ cancelled   ftjob-1\n"


def test_watching_an_unknown_job_prints_the_service_error(rft: Run) -> None:
    """Without advice to watch the job again."""
    assert rft("watch", "ftjob-7") == (
        1,
        "",
        "✗ The service answered 404: The fine-tuning job 'ftjob-7' does not exist\n",
    )
