"""Measures crash recovery: `python -m tests.bench.bench_crash_recovery` prints a table. Takes about ten minutes.

Twenty jobs, 200 kills at random moments (from a seed), and a user who changes things meanwhile: see
`tests/end_to_end/crash_recovery.py`.
"""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.end_to_end.crash_recovery import run_crash_test


def main() -> None:
    """Run the test and print its report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--jobs", type=int, default=20)
    options.add_argument("--records", type=int, default=300)
    options.add_argument("--longest", type=float, default=3.0, help="the longest time in seconds until a kill")
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = run_crash_test(
            Path(folder),
            kills=arguments.kills,
            jobs=arguments.jobs,
            records=arguments.records,
            longest=arguments.longest,
            seed=arguments.seed,
        )
    table = Table(title="Crash recovery", title_justify="left", box=None, header_style="bold")
    for column in ("what", "measured"):
        table.add_column(column, no_wrap=True)
    table.add_row("kill -9, jobs", f"{report.kill_count}, {report.job_count}")
    table.add_row("logs that differ from an undisturbed run", str(len(report.differing)))
    table.add_row(
        "lost files, objects and functions that were acknowledged", f"{len(report.lost)} of {report.acknowledged_count}"
    )
    table.add_row("steps that were graded twice", str(len(report.regraded_steps)))
    table.add_row("in", f"{report.seconds:.0f} s")
    console = Console(width=100)
    console.print(table)
    for name in (*report.differing, *report.lost, *report.regraded_steps):
        console.print(name)


if __name__ == "__main__":
    main()
