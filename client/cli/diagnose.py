"""`rft diagnose`: apply the diagnosis rules to a job's metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.cli.arguments import JobId
from client.dataset_issues import require_valid_dataset
from client.diagnosis.rendering import print_diagnosis, render_diagnosis_json
from client.diagnosis.report import diagnose_job
from client.job_polling import list_all_events
from client.mantle_client import open_mantle_client
from client.target import target_from_environment
from client.terminal import open_console, write_stdout


def diagnose(
    job: JobId,
    *,
    validation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The job's validation file. Only its number of rows is used.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the diagnosis as JSON.")] = False,
) -> None:
    """Diagnose a job from its metrics: plateau, collapse, length drift, zero gradients.

    Exits with 1 if the job failed or a finding is a failure.
    """
    target, validation_rows, stderr = target_from_environment(), None, open_console(stderr=True)
    if validation is not None:
        # INFERRED: as for `rft train`, a validation file may be smaller than a training file.
        validation_rows = len(require_valid_dataset(str(validation), validation, console=stderr, min_rows=1).rows)
    with open_mantle_client(target, console=stderr) as mantle:
        # The job before its events: a job that ends in between counts as running, and its log is complete.
        current_job = mantle.get_job(job)
        diagnosis = diagnose_job(
            current_job,
            list_all_events(mantle, job),
            mantle.list_checkpoints(job),
            validation_rows=validation_rows,
        )
    if as_json:
        write_stdout(render_diagnosis_json(diagnosis))
    else:
        print_diagnosis(diagnosis, console=open_console(), ephemeral=target.ephemeral)
    if diagnosis.should_fail(strict=strict):
        raise typer.Exit(1)
