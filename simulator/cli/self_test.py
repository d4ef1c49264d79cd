"""`rft-sim doctor --self-test`: run the doctor on reward functions whose faults are known."""

import os
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from simulator.cli.console import make_console
from simulator.cli.exit_codes import EXIT_FAILED, exit_with_error
from simulator.cli.files import STANDARD_OUTPUT, check_report_paths, report_path, write_file
from simulator.doctor.doctor_report import format_count
from simulator.doctor.self_test import json_report, table
from simulator.doctor.self_test.doctor_process import DoctorRun, run_doctor_on
from simulator.doctor.self_test.figures import count_figures
from simulator.doctor.self_test.galleries import (
    GalleriesMissingError,
    galleries_folder,
    load_galleries,
    quick_selection,
)


def run_self_test(*, runs_all: bool, json: str | None) -> int:
    """Run the doctor on the galleries, print the table, and return 0 if the wanted figures hold, else 1."""
    path = report_path(json)
    check_report_paths({} if path is None else {"--json": path}, inputs={})
    try:
        rewards = load_galleries(galleries_folder())
    except GalleriesMissingError as error:
        exit_with_error(f"--self-test: {error}. Install the package again.")
    if not runs_all:
        rewards = quick_selection(rewards)
    jobs = os.cpu_count() or 1
    errors = make_console(stderr=True)
    if not errors.is_terminal:
        errors.print(
            f"Testing the doctor on {format_count(len(rewards), 'reward function')}, {jobs} at a time.", soft_wrap=True
        )
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f}"))
    runs: list[DoctorRun] = []
    with Progress(
        *columns, TimeElapsedColumn(), console=errors, transient=True, disable=not errors.is_terminal
    ) as progress:
        bar = progress.add_task("self-test", total=len(rewards))
        for run in run_doctor_on(rewards, jobs=jobs):
            runs.append(run)
            progress.update(bar, completed=len(runs), description=f"{run.reward.name}: {run.outcome}")
    figures = count_figures(runs)
    text = json_report.render_json(runs, figures)
    if json == STANDARD_OUTPUT:
        print(text, end="")
    elif path is not None:
        write_file(Path(path), text)
    table.print_self_test(runs, figures, make_console(stderr=json == STANDARD_OUTPUT), is_quick=not runs_all)
    return 0 if figures.hold else EXIT_FAILED
